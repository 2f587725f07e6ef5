"""SMTP, FTP and NNTP before TLS: each code, and each answer in full."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.model.tlsfacts import StarttlsName
from seventh.protocols.tls.wire.dialogue import Go, Greeting
from tests.protocols.tls.wire.test_starttls import Heard, failure

LOG = "; its log has the cause"
ENABLE = {
    "smtp": "SMTP without TLS: {}. To enable it in Postfix: smtpd_tls_security_level = may, with "
            "smtpd_tls_chain_files",
    "ftp": "FTP without TLS: {}. To enable it in ProFTPD: TLSEngine on; vsftpd: ssl_enable=YES",
    "nntp": "NNTP without TLS: {}. To enable it in INN's inn.conf: tlscertfile and tlskeyfile",
}  # fmt: skip
EHLO = b"220 x\r\n250-x\r\n"


def refused(what: str) -> str:
    return f"the server refused {what}{LOG}"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("smtp", b"220 x\r\n500 what\r\n",
         "EHLO is answered by '500 what', so it has no extensions"),
        ("smtp", b"220 x\r\n504 what\r\n",
         "EHLO is answered by '504 what', so it has no extensions"),
        ("smtp", b"220 x\r\n250 x\r\n", "the reply to EHLO lists nothing, and not STARTTLS"),
        ("smtp", b"220 x\r\n250-starttls\r\n250 SIZE 1\r\n",
         "the reply to EHLO lists SIZE, and not STARTTLS"),
        ("smtp", EHLO + b"250- \r\n250-STARTTLSX\r\n250 a b\r\n",
         "the reply to EHLO lists STARTTLSX, A, and not STARTTLS"),
        ("smtp", EHLO + b"".join(b"250-K%d\r\n" % n for n in range(13)) + b"250 y\r\n",
         f"the reply to EHLO lists {', '.join(f'K{n}' for n in range(12))}, and not STARTTLS"),
        ("smtp", EHLO + b"250 " + b"Y" * 41 + b"\r\n",
         f"the reply to EHLO lists {'Y' * 40}…, and not STARTTLS"),
        *(("smtp", EHLO + b"250 %s\r\n" % mask,
           "a firewall masks STARTTLS (XXXX) in the reply to EHLO; switch off its inspection")
          for mask in (b"XXXX", b"XXXXXXXA", b"xxxx")),
        ("smtp", EHLO + b"250 XXX\r\n", "the reply to EHLO lists XXX, and not STARTTLS"),
        ("smtp", EHLO + b"250 XXXXAB\r\n", "the reply to EHLO lists XXXXAB, and not STARTTLS"),
        *(("ftp", b"220 x\r\n%d no\r\n" % code, f"AUTH TLS is answered by '{code} no'")
          for code in (500, 501, 502, 503, 530)),
        ("ftp", b"220 x\r\n504 no\r\n504 neither\r\n", "AUTH TLS is answered by '504 neither'"),
        *(("nntp", b"200 x\r\n%d no\r\n" % code, f"STARTTLS is answered by '{code} no'")
          for code in (500, 501, 503, 504)),
    ],
)  # fmt: skip
def test_what_says_that_there_is_none(name: StarttlsName, data: bytes, said: str) -> None:
    failed = failure(name, data)
    assert failed.reason is Reason.STARTTLS_NOT_OFFERED
    assert failed.detail == ENABLE[name].format(said)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("smtp", b"400 no\r\n", "the connection: '400 no'"),
        ("smtp", b"554-no\r\n554 never\r\n", "the connection: '554 no'"),
        ("smtp", b"120 soon\r\n199 sooner\r\n421 no\r\n", "the connection: '421 no'"),
        ("smtp", b"220 x\r\n499 x\r\n", "EHLO: '499 x'"),
        ("smtp", b"220 x\r\n505 x\r\n", "EHLO: '505 x'"),
        ("smtp", EHLO + b"250 STARTTLS\r\n221 no\r\n", "STARTTLS: '221 no'"),
        ("ftp", b"220 x\r\n235 x\r\n", "AUTH TLS: '235 x'"),
        ("ftp", b"220 x\r\n334 x\r\n", "AUTH TLS: '334 x'"),
        ("ftp", b"220 x\r\n504 x\r\n431 x\r\n", "AUTH TLS: '431 x'"),
        ("nntp", b"200 x\r\n502 x\r\n", "STARTTLS: '502 x'"),
        ("nntp", b"200 x\r\n580 x\r\n", "STARTTLS: '580 x'"),
        ("nntp", b"400 x\r\n", "the connection: '400 x'"),
    ],
)
def test_what_is_a_refusal(name: StarttlsName, data: bytes, said: str) -> None:
    failed = failure(name, data)
    assert (failed.reason, failed.detail) == (Reason.STARTTLS_REFUSED, refused(said))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *(("smtp", data) for data in (b"221 x\r\n", b"250 x\r\n", b"22 x\r\n", b"620 x\r\n",
                                      b"020 x\r\n", b"220x\r\n", b"399 x\r\n")),
        ("ftp", b"230 x\r\n"), ("nntp", b"202 x\r\n"), ("nntp", b"220 x\r\n"),
    ],
)  # fmt: skip
def test_what_is_no_greeting_of_it(name: StarttlsName, data: bytes) -> None:
    assert failure(name, data).reason is Reason.PROTOCOL_MISMATCH


@pytest.mark.parametrize(
    ("name", "data", "greeting"),
    [
        ("smtp", b"220\r\n250-x\r\n250 STARTTLS\r\n220\r\n", ""),
        ("smtp", b"220-a\r\n220-\r\n220 b\r\n250-x\r\n250 StartTLS x\r\n220 y\r\n", "a"),
        ("ftp", b"220-a\r\n221 b\r\n220-c\r\n220 d\r\n234-a\r\n b\r\n234 c\r\n", "a"),
        ("nntp", b"200 a\r\n382 b\r\n", "a"), ("nntp", b"201 a\r\n382 b\r\n", "a"),
    ],
)  # fmt: skip
def test_what_is_a_go_ahead(name: StarttlsName, data: bytes, greeting: str) -> None:
    heard = Heard(name, data)
    assert heard.events[-1] == Go()
    assert Greeting(greeting) in heard.events


def test_a_line_of_another_code_breaks_a_reply_but_ftp_s() -> None:
    for name in ("smtp", "nntp"):
        failed = failure(name, b"220-a\r\n221 b\r\n")  # type: ignore[arg-type]
        assert (failed.reason, failed.detail) == (
            Reason.PROTOCOL_VIOLATION, "a reply of code 220 has a line without the code",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "detail"),
    [
        ("smtp", b"220 ProFTPD\r\n500 x\r\n", "the port serves FTP, not SMTP"),
        ("ftp", b"220 x ESMTP\r\n500 x\r\n", "the port serves SMTP, not FTP"),
        ("ftp", b"220 x ESMTP\r\n504 x\r\n530 x\r\n", "the port serves SMTP, not FTP"),
        ("smtp", b"nothing\r\n", "the first bytes are not SMTP: 'nothing\\x0d\\x0a'"),
    ],
)
def test_another_protocol_by_its_answer(name: StarttlsName, data: bytes, detail: str) -> None:
    failed = failure(name, data)
    assert (failed.reason, failed.detail) == (Reason.PROTOCOL_MISMATCH, detail)
