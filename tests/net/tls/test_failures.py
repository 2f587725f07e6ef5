"""What an error of the engine means, where no server can easily be made to cause it."""

from __future__ import annotations

import msgspec
import pytest
from OpenSSL import SSL

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason
from seventh.net.tls import failures
from seventh.wire.tlshello import ServerHello

HELLO = ServerHello(version=0x0302, random=b"r" * 32, suite=0x002F)
H2 = (16, b"\x00\x03\x02h2")  # ALPN, RFC 7301
WEAK = "the server's key or a signature hash is too weak for this client"
INVALID = "the handshake failed: the server sent an invalid message"


def failed_with(reason: str) -> SSL.Error:
    return SSL.Error([("SSL routines", "", reason)])


@pytest.mark.parametrize(
    ("reason", "expected", "detail"),
    [
        ("ee key too small", Reason.TLS_CERTIFICATE_WEAK, WEAK),
        ("ca md too weak", Reason.TLS_CERTIFICATE_WEAK, WEAK),
        ("unsupported protocol", Reason.TLS_VERSION, "no common TLS version"),
        ("wrong ssl version", Reason.TLS_VERSION, "no common TLS version"),
        ("bad signature", Reason.TLS_HANDSHAKE, INVALID),
    ],
)
def test_reasons_of_the_engine(reason: str, expected: Reason, detail: str) -> None:
    failed = failures.refused(failed_with(reason), None)
    assert (failed.reason, failed.detail) == (expected, detail)


@pytest.mark.parametrize("entries", [[], ["text"], [("SSL routines", "unsupported protocol")]])
def test_an_error_without_reasons_is_a_failed_handshake(entries: list[object]) -> None:
    failed = failures.refused(SSL.Error(entries), None, sent=Alert.DECODE_ERROR)
    assert (failed.reason, failed.detail) == (
        Reason.TLS_HANDSHAKE,
        "the handshake failed: a message cannot be decoded (alert decode_error)",
    )  # fmt: skip
    for error in (SSL.Error(), SSL.Error("text")):
        assert failures.refused(error, None).detail == INVALID


def test_a_version_that_was_not_offered_is_named() -> None:
    failed = failures.refused(failed_with("unsupported protocol"), HELLO)
    assert failed.detail == "no common TLS version; the server selected TLSv1.1"


@pytest.mark.parametrize(
    ("extensions", "encrypted", "offered", "detail"),
    [
        ((H2,), None, ("http/1.1",), "the server selected h2 (ALPN), which was not offered"),
        ((H2,), None, ("h2",), INVALID),
        ((), None, ("h2",), INVALID),
        ((), b"\0\x09\0\x10\0\5\0\3\2h2", (),
         "the server selected h2 (ALPN), which was not offered"),
        ((H2,), b"\0\0", (), INVALID),
        ((H2,), b"\0", (), INVALID),  # unreadable
    ],
)  # fmt: skip
def test_a_protocol_that_was_not_offered_is_named(
    extensions: tuple[tuple[int, bytes], ...],
    encrypted: bytes | None,
    offered: tuple[str, ...],
    detail: str,
) -> None:
    hello = msgspec.structs.replace(HELLO, extensions=extensions)
    failed = failures.refused(failed_with("bad extension"), hello, encrypted, offered)
    reason = Reason.TLS_HANDSHAKE if detail == INVALID else Reason.NEGOTIATION_FAILED
    assert (failed.reason, failed.detail) == (reason, detail)


def test_a_close_is_told_by_when_it_came() -> None:
    gone = SSL.SysCallError(-1, "Unexpected EOF")
    said = [failures.refused(gone, HELLO), failures.broke(gone), failures.closed_on_hello()]
    assert {failed.reason for failed in said} == {Reason.PEER_CLOSED}
    assert [failed.detail for failed in said] == [
        "the peer closed the connection during the handshake",
        "the peer closed the connection inside TLS",
        (
            "the peer closed the connection after the ClientHello: it may not support TLS on this "
            "port, or not serve this name"
        ),
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (None, "the server sent an invalid message"),
        (10, "unexpected message (alert unexpected_message)"),
        (20, "record fails authentication (alert bad_record_mac)"),
        (22, "record longer than TLS allows (alert record_overflow)"),
        (40, "the server selected parameters that were not offered (alert handshake_failure)"),
        (42, "the server's certificate cannot be read (alert bad_certificate)"),
        (43, "the server's certificate type is not supported here (alert unsupported_certificate)"),
        (47, "a message field is out of range or inconsistent (alert illegal_parameter)"),
        (50, "a message cannot be decoded (alert decode_error)"),
        (51, "the server's signature or Finished message does not verify (alert decrypt_error)"),
        (70, "the server selected a version that was not offered (alert protocol_version)"),
        (71, "the server's parameters are too weak (alert insufficient_security)"),
        (80, "the server sent an invalid message (alert internal_error)"),
        (109, "a required extension is missing (alert missing_extension)"),
        (110, "the server sent an extension that was not offered (alert unsupported_extension)"),
        (255, "the server sent an invalid message"),
    ],
)
def test_our_engines_alert_says_what_was_wrong(sent: int | None, said: str) -> None:
    failed = failures.broke(SSL.Error(), sent)
    assert (failed.reason, failed.detail) == (Reason.PROTOCOL_VIOLATION, f"TLS ended: {said}")


def required(alert: str) -> str:
    return (
        f"the server requires a client certificate that it trusts (alert {alert}): "
        "add --cert and --key"
    )


CLIENT = Reason.TLS_CLIENT_CERTIFICATE_REQUIRED


@pytest.mark.parametrize(
    ("code", "asked", "expected", "detail"),
    [
        (40, True, CLIENT, required("handshake_failure")),
        (41, True, CLIENT, required("no_certificate")),
        (42, True, CLIENT, required("bad_certificate")),
        (43, True, CLIENT, required("unsupported_certificate")),
        (46, True, CLIENT, required("certificate_unknown")),
        (48, True, CLIENT, required("unknown_ca")),
        (49, True, CLIENT, required("access_denied")),
        (116, True, CLIENT, required("certificate_required")),
        (116, False, CLIENT, required("certificate_required")),
        (40, False, Reason.TLS_HANDSHAKE,
         "the server refused the handshake (alert handshake_failure)"),
        (80, True, Reason.TLS_HANDSHAKE, "the server refused the handshake (alert internal_error)"),
        (70, True, Reason.TLS_VERSION, "no common TLS version (alert protocol_version)"),
    ],
)  # fmt: skip
def test_alerts(code: int, asked: bool, expected: Reason, detail: str) -> None:
    failed = failures.alerted(code, asked)
    assert (failed.reason, failed.detail, failed.alert) == (expected, detail, Alert(code))


@pytest.mark.parametrize("data", [b"\x15", b"\x16", b"\x15\3", b"\x16\3\1\0\5", b"\x16\3junk"])
def test_first_bytes_of_tls(data: bytes) -> None:
    failures.check_first_bytes(data)


@pytest.mark.parametrize(
    ("data", "reason", "detail", "served"),
    [
        (b"SSH-2.0-x\r\n", Reason.PROTOCOL_MISMATCH, "the port serves SSH, not TLS", "SSH"),
        (b"\x16\2", Reason.TLS_NOT_TLS, "the reply is not TLS; it begins with 16 02", ""),
        (b"\x16\2\0\0\1\1\1\1\1", Reason.TLS_NOT_TLS,
         "the reply is not TLS; it begins with 16 02 00 00 01 01 01 01", ""),
        (b"\x17\3\3\0\1", Reason.TLS_NOT_TLS,
         "the reply is not TLS; it begins with 17 03 03 00 01", ""),
    ],
)  # fmt: skip
def test_first_bytes_of_something_else(
    data: bytes, reason: Reason, detail: str, served: str
) -> None:
    with pytest.raises(Failed) as raised:
        failures.check_first_bytes(data)
    failed = raised.value
    assert (failed.reason, failed.detail, failed.served) == (reason, detail, served)


def test_a_warning_ends_nothing() -> None:
    assert failures.fatal([(1, 0), (1, 90)]) is None  # close_notify, user_canceled
    assert failures.fatal([(1, 0), (2, 40), (2, 50)]) == 40
