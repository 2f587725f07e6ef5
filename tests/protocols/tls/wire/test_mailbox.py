"""IMAP, POP3 and ManageSieve before TLS: each answer in full."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.model.tlsfacts import StarttlsName
from seventh.protocols.tls.wire.dialogue import Go, Greeting, Send
from tests.protocols.tls.wire.test_starttls import Heard, failure

LOG = "; its log has the cause"
ENABLE = "{} without TLS: {}. To enable it in Dovecot: ssl = yes, with ssl_cert and ssl_key"
TITLES = {"imap": "IMAP", "pop3": "POP3", "sieve": "ManageSieve"}
LISTED = b"* OK [CAPABILITY STARTTLS] hi\r\n"
SIEVE = b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK\r\n'


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("imap", b"* PREAUTH hi\r\n",
         "the greeting is PREAUTH, after which STARTTLS is not permitted"),
        ("imap", b"* preauth [CAPABILITY STARTTLS] hi\r\n",
         "the greeting is PREAUTH, after which STARTTLS is not permitted"),
        ("imap", b"* OK\r\na1 OK\r\n", "CAPABILITY does not list STARTTLS"),
        ("imap", b"* OK [CAPABILITY LOGINDISABLED]\r\n* CAPABILITY IMAP4\r\na1 OK\r\n",
         "CAPABILITY does not list STARTTLS; it refuses logins in clear"),
        ("imap", b"* OK\r\n* capability logindisabled\r\na1 ok\r\n",
         "CAPABILITY does not list STARTTLS; it refuses logins in clear"),
        ("imap", b"* OK\r\n* X CAPABILITY STARTTLS\r\na1 OK\r\n",
         "CAPABILITY does not list STARTTLS"),
        ("pop3", b"+OK\r\n+OK\r\nSTLSX\r\nX STLS\r\n\r\n.\r\n", "CAPA does not list STLS"),
        ("pop3", b"+OK\r\n-ERR\r\n-ERR no\r\n",
         "STLS is answered by '-ERR no', and CAPA is unknown"),
        ("sieve", b'"SIEVE" "STARTTLS"\r\nOK\r\n', "the greeting does not list STARTTLS"),
    ],
)  # fmt: skip
def test_what_says_that_there_is_none(name: StarttlsName, data: bytes, said: str) -> None:
    failed = failure(name, data)
    assert failed.reason is Reason.STARTTLS_NOT_OFFERED
    assert failed.detail == ENABLE.format(TITLES[name], said)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("imap", b"* BYE full\r\n", "the connection: 'full'"),
        ("imap", b"* bye\r\n", "the connection: ''"),
        ("imap", b"* OK\r\na1 NO x\r\n", "CAPABILITY: 'NO x'"),
        ("imap", b"* OK\r\na1 BAD x\r\n", "CAPABILITY: 'BAD x'"),
        ("imap", LISTED + b"* OK x\r\na2 NO y\r\n", "STARTTLS: 'NO y'"),
        ("imap", LISTED + b"* bye x\r\n", "STARTTLS: 'bye x'"),
        ("pop3", b"-ERR busy\r\n", "the connection: '-ERR busy'"),
        ("pop3", b"+OK\r\n+OK\r\nstls x\r\n.\r\n-ERR no\r\n", "STLS: '-ERR no'"),
        ("sieve", b"BYE\r\n", "the connection: 'BYE'"),
        ("sieve", b'"A" "b"\r\nNO "x"\r\n', """the connection: 'NO "x"'"""),
        ("sieve", SIEVE + b'no "x"\r\n', """STARTTLS: 'no "x"'"""),
    ],
)
def test_what_is_a_refusal(name: StarttlsName, data: bytes, said: str) -> None:
    failed = failure(name, data)
    assert failed.reason is Reason.STARTTLS_REFUSED
    assert failed.detail == f"the server refused {said}{LOG}"


@pytest.mark.parametrize(
    ("name", "data", "detail"),
    [
        ("imap", b"* OK\r\n* x\r\nb1 OK\r\n", "an IMAP response begins with 'b1'"),
        ("imap", b"* OK\r\n" + b"b" * 41 + b" OK\r\n",
         f"an IMAP response begins with '{'b' * 40}…'"),
        ("pop3", b"+OK\r\nwhat\r\n", "a POP3 response begins with 'what'"),
        ("pop3", b"+OK\r\n-ERR\r\nwhat\r\n", "a POP3 response begins with 'what'"),
        ("sieve", b'"x" {8187}\r\n' + b"y" * 8187 + b"\r\n",
         "a ManageSieve response is longer than 8192 bytes"),
    ],
)  # fmt: skip
def test_what_breaks_the_grammar(name: StarttlsName, data: bytes, detail: str) -> None:
    failed = failure(name, data)
    assert (failed.reason, failed.detail) == (Reason.PROTOCOL_VIOLATION, detail)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("imap", b"OK hi\r\n"), ("imap", b"* NO hi\r\n"), ("imap", b"* OKhi\r\n"),
        ("imap", b"x* OK hi\r\n"), ("pop3", b"OK\r\n"), ("pop3", b"+ok\r\n"),
        ("sieve", b"OK\r\n"), ("sieve", b"SIEVE\r\n"), ("sieve", b'"SIEVE" "x"\r\nOKAY\r\n'),
    ],
)  # fmt: skip
def test_what_is_no_greeting_of_it(name: StarttlsName, data: bytes) -> None:
    assert failure(name, data).reason is Reason.PROTOCOL_MISMATCH


@pytest.mark.parametrize(
    ("name", "data", "greeting", "sent"),
    [
        ("imap", LISTED + b"a2 OK\r\n", "hi", "a2 STARTTLS\r\n"),
        ("imap", b"* ok hi\r\n* CAPABILITY X STARTTLS\r\n* x\r\na1 OK\r\na2 OK\r\n", "hi",
         "a1 CAPABILITY\r\na2 STARTTLS\r\n"),
        ("imap", b"* OK hi\r\na1 OK [CAPABILITY starttls] x\r\na2 OK\r\n", "hi",
         "a1 CAPABILITY\r\na2 STARTTLS\r\n"),
        ("imap", b"* OK [ALERT]  hi [x]\r\n* CAPABILITY STARTTLS\r\na1 OK\r\na2 OKAY\r\n", "hi [x]",
         "a1 CAPABILITY\r\na2 STARTTLS\r\n"),
        ("pop3", b"+OK  hi \r\n+OK\r\nUSER\r\nstls x\r\n.\r\n+OK\r\n", "hi", "CAPA\r\nSTLS\r\n"),
        ("pop3", b"+OK\r\n-ERR\r\n+OK\r\n", "", "CAPA\r\nSTLS\r\n"),
        ("sieve", b'"implementation" "a b"\r\n"starttls"\r\nok\r\nOk (x) "y"\r\n', "a b",
         "STARTTLS\r\n"),
        ("sieve", b'{8}\r\nSTARTTLS\r\n"X" {3+}\r\na\r\n\r\nOK\r\nOK\r\n', "", "STARTTLS\r\n"),
        ("sieve", b'"STARTTLS"\r\n"x" {8186}\r\n' + b"y" * 8186 + b"\r\nOK\r\nOK\r\n", "",
         "STARTTLS\r\n"),
    ],
)  # fmt: skip
def test_what_is_a_go_ahead(name: StarttlsName, data: bytes, greeting: str, sent: str) -> None:
    heard = Heard(name, data)
    assert heard.events[-1] == Go()
    assert heard.sent == sent.encode()
    assert [e for e in heard.events if not isinstance(e, Send)] == [Greeting(greeting), Go()]
