"""QUIC's numbers, and what a close code means for whoever waits."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.alert import Alert
from seventh.model.failure import Blame, Failed, ProtocolViolation, Reason
from seventh.model.quicfacts import CloseCode
from seventh.net.quic import failures, names


@pytest.mark.parametrize(
    ("version", "name"),
    [(1, "1"), (0x6B3343CF, "2"), (0xFF00001D, "0xff00001d"), (None, "0x00000000")],
)
def test_versions(version: int | None, name: str) -> None:
    assert names.version_name(version) == name


@pytest.mark.parametrize(
    ("version", "reserved"),
    [(0x1A2A3A4A, True), (0x0A0A0A0A, True), (0xFAFAFAFA, True), (0x1A2A3A4B, False), (1, False),
     (0x1B2A3A4A, False), (0xFFFFFFFF, False)],
)  # fmt: skip
def test_reserved_versions(version: int, reserved: bool) -> None:
    assert names.is_reserved(version) is reserved


_TRANSPORT = [
    "NO_ERROR",
    "INTERNAL_ERROR",
    "CONNECTION_REFUSED",
    "FLOW_CONTROL_ERROR",
    "STREAM_LIMIT_ERROR",
    "STREAM_STATE_ERROR",
    "FINAL_SIZE_ERROR",
    "FRAME_ENCODING_ERROR",
    "TRANSPORT_PARAMETER_ERROR",
    "CONNECTION_ID_LIMIT_ERROR",
    "PROTOCOL_VIOLATION",
    "INVALID_TOKEN",
    "APPLICATION_ERROR",
    "CRYPTO_BUFFER_EXCEEDED",
    "KEY_UPDATE_ERROR",
    "AEAD_LIMIT_REACHED",
    "NO_VIABLE_PATH",
    "VERSION_NEGOTIATION_ERROR",
    "0x12",
]
"""RFC 9000 §20.1 and RFC 9368 §9.1, from 0x00 on."""
_H3 = [
    "H3_NO_ERROR",
    "H3_GENERAL_PROTOCOL_ERROR",
    "H3_INTERNAL_ERROR",
    "H3_STREAM_CREATION_ERROR",
    "H3_CLOSED_CRITICAL_STREAM",
    "H3_FRAME_UNEXPECTED",
    "H3_FRAME_ERROR",
    "H3_EXCESSIVE_LOAD",
    "H3_ID_ERROR",
    "H3_SETTINGS_ERROR",
    "H3_MISSING_SETTINGS",
    "H3_REQUEST_REJECTED",
    "H3_REQUEST_CANCELLED",
    "H3_REQUEST_INCOMPLETE",
    "H3_MESSAGE_ERROR",
    "H3_CONNECT_ERROR",
    "H3_VERSION_FALLBACK",
    "0x111",
]
"""RFC 9114 §8.1, from 0x100 on."""


def test_error_names_in_the_registries() -> None:
    assert [names.transport_error(code) for code in range(0x13)] == _TRANSPORT
    assert [names.h3_error(code) for code in range(0x100, 0x112)] == _H3
    qpack = ["DECOMPRESSION_FAILED", "ENCODER_STREAM_ERROR", "DECODER_STREAM_ERROR"]
    assert [names.h3_error(code) for code in range(0x200, 0x203)] == [f"QPACK_{n}" for n in qpack]
    assert names.h3_error(0x33) == "H3_DATAGRAM_ERROR"  # RFC 9297


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x178, "CRYPTO_ERROR (no_application_protocol)"),
        (0x100, "CRYPTO_ERROR (close_notify)"),
        (0x1FF, "CRYPTO_ERROR (alert 255)"),
        (0x0FF, "0xff"),
        (0x200, "0x200"),
        (0x4711, "0x4711"),
    ],
)
def test_transport_errors_that_carry_an_alert(code: int, name: str) -> None:
    assert names.transport_error(code) == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x02, "0x2"),  # 31 below the first
        (0x20, "0x20"),
        (0x21, "0x21 (reserved, means H3_NO_ERROR)"),
        (0x40, "0x40 (reserved, means H3_NO_ERROR)"),
        (0x41, "0x41"),
    ],
)
def test_error_codes_reserved_for_greasing(code: int, name: str) -> None:
    assert names.h3_error(code) == name


def by_peer(
    code: int, frame_type: int | None, reason: str = "", *, confirmed: bool = True,
    asked: bool = False,
) -> Failed:  # fmt: skip
    close = failures.close_code(True, (code, frame_type, reason))
    return failures.closed_by_peer(
        close, confirmed=confirmed, asked_for_certificate=asked, alpn=("h3", "h3-29")
    )


@pytest.mark.parametrize(
    ("failed", "reason", "detail"),
    [
        (by_peer(0x178, 6, "why"), Reason.NEGOTIATION_FAILED,
         ("the server supports QUIC but none of h3, h3-29 on this port "
         "(alert no_application_protocol)")),
        (by_peer(0x174, 6, asked=True), Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,
         ("the server requires a client certificate that it trusts (alert certificate_required): "
         "add --cert and --key")),
        (by_peer(0x12A, 6, asked=True), Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,
         ("the server requires a client certificate that it trusts (alert bad_certificate): "
         "add --cert and --key")),
        (by_peer(0x12A, 6), Reason.TLS_HANDSHAKE,
         "the server refused the handshake (alert bad_certificate)"),
        (by_peer(0x146, 6), Reason.TLS_VERSION, "no common TLS version (alert protocol_version)"),
        (by_peer(0x178, None), Reason.PEER_RESET, "the peer ended the connection with 0x178"),
        (by_peer(0x100, None), Reason.PEER_CLOSED, "the peer closed the connection (H3_NO_ERROR)"),
        (by_peer(0x0, 0, "bye"), Reason.PEER_CLOSED,
         "the peer closed the connection (NO_ERROR): bye"),
        (by_peer(0x0, 0, confirmed=False), Reason.PEER_CLOSED,
         "the peer closed the connection (NO_ERROR)"),
        (by_peer(0x2, 0, "busy", confirmed=False), Reason.PEER_CLOSED,
         "the peer refused the connection with CONNECTION_REFUSED: busy"),
        (by_peer(0x102, None), Reason.PEER_RESET,
         "the peer ended the connection with H3_INTERNAL_ERROR"),
        (by_peer(0xA, 0, "no"), Reason.PEER_RESET,
         "the peer ended the connection with PROTOCOL_VIOLATION: no"),
    ],
)  # fmt: skip
def test_what_a_peer_s_close_means(failed: Failed, reason: Reason, detail: str) -> None:
    assert (failed.reason, failed.detail) == (reason, detail)


def test_an_alert_in_a_close_is_kept_as_such() -> None:
    assert by_peer(0x178, 6).alert is Alert.NO_APPLICATION_PROTOCOL
    assert by_peer(0x128, 6).alert is Alert.HANDSHAKE_FAILURE
    assert by_peer(0x0, 0).alert is None


@pytest.mark.parametrize(
    ("code", "frame_type", "reason", "detail"),
    [
        (0x178, 6, Reason.NEGOTIATION_FAILED,
         "the server supports QUIC but selected none of h3, h3-29"),
        (0x12A, 6, Reason.TLS_CERTIFICATE_INVALID,
         "the server's certificate cannot be read (alert bad_certificate)"),
        (0x12B, 6, Reason.TLS_CERTIFICATE_INVALID,
         "the server's certificate type is not supported here (alert unsupported_certificate)"),
        (0x132, 6, Reason.TLS_HANDSHAKE,
         "the handshake failed: a message cannot be decoded (alert decode_error)"),
        (0xA, 6, Reason.PROTOCOL_VIOLATION, "the peer violated QUIC: PROTOCOL_VIOLATION"),
        (0x106, None, Reason.PROTOCOL_VIOLATION, "the peer violated HTTP/3: H3_FRAME_ERROR"),
    ],
)  # fmt: skip
def test_what_our_own_close_means(
    code: int, frame_type: int | None, reason: Reason, detail: str
) -> None:
    close = failures.close_code(False, (code, frame_type, "why"))
    failed = failures.closed_by_us(close, alpn=("h3", "h3-29"))
    assert (failed.reason, failed.detail) == (reason, detail)


@pytest.mark.parametrize(
    ("by_peer", "ended", "close"),
    [
        (True, (0xA, 6, "a\x00" + "b" * 300),
         CloseCode(by="peer", layer="transport", code=0xA, name="PROTOCOL_VIOLATION",
                   reason="a\\x00" + "b" * 198 + "…")),
        (False, (0x100, None, ""),
         CloseCode(by="us", layer="application", code=0x100, name="H3_NO_ERROR", reason="")),
        (True, (0x0, 0, ""),
         CloseCode(by="peer", layer="transport", code=0, name="NO_ERROR", reason="")),
    ],
)  # fmt: skip
def test_a_close_as_facts(
    by_peer: bool, ended: tuple[int, int | None, str], close: CloseCode
) -> None:
    assert failures.close_code(by_peer, ended) == close


@pytest.mark.parametrize(
    ("failed", "reason", "detail"),
    [
        (failures.no_common_version(("2", "0xff00001d")), Reason.NEGOTIATION_FAILED,
         "no common QUIC version: the server offers 2, 0xff00001d (Version Negotiation)"),
        (failures.no_common_version(()), Reason.NEGOTIATION_FAILED,
         ("no common QUIC version: the server offers only reserved version numbers "
         "(Version Negotiation)")),
        (failures.never_taken_up({"version_negotiation": 1}, "1", offers_it=True),
         Reason.PROTOCOL_VIOLATION,
         ("the peer answers QUIC version 1 with a Version Negotiation packet that offers it, once: "
         "clients must ignore it (RFC 9000 §6.2)")),
        (failures.never_taken_up({"retry": 1, "initial": 2}, "1", offers_it=False),
         Reason.PROTOCOL_VIOLATION,
         ("the peer answered 3 times, but the handshake did not begin: an invalid or second Retry "
         "packet (RFC 9000 §17.2.5), an Initial packet that cannot be decrypted")),
        (failures.never_taken_up({"version_negotiation": 2}, "2", offers_it=False),
         Reason.PROTOCOL_VIOLATION,
         ("the peer answered 2 times, but the handshake did not begin: Version Negotiation against "
         "version 2, which it offered")),
        (failures.never_taken_up({"handshake": 1}, "1", offers_it=False),
         Reason.PROTOCOL_VIOLATION,
         ("the peer answered once, but the handshake did not begin: a Handshake packet before its "
         "Initial packet")),
        (failures.never_taken_up({"short": 1}, "1", offers_it=False), Reason.PROTOCOL_VIOLATION,
         "the peer answered once, but the handshake did not begin: unreadable"),
    ],
)  # fmt: skip
def test_a_handshake_that_does_not_begin(failed: Failed, reason: Reason, detail: str) -> None:
    assert (failed.reason, failed.detail) == (reason, detail)


@given(st.integers(0, (1 << 62) - 1), st.none() | st.integers(0, 1 << 62), st.text(max_size=400))
def test_any_close_is_typed_and_safe_to_show(
    code: int, frame_type: int | None, reason: str
) -> None:
    failed = by_peer(code, frame_type, reason)
    assert failed.reason is not Reason.INTERNAL
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in failed.detail)
    assert len(failed.detail) < 400


def test_a_failure_is_told_again_afresh() -> None:
    stored = Failed(
        Reason.PEER_RESET, "gone", phase="quic", blame=Blame.LOCAL, alert=Alert.DECODE_ERROR
    )
    for failed in (stored, ProtocolViolation("bad")):
        failed.http_field = "te"
        again = failures.again(failed)
        assert again is not failed
        assert type(again) is type(failed)
        assert again.failure() == failed.failure()
        assert (again.alert, again.http_field) == (failed.alert, "te")
