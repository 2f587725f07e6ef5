"""QUIC's numbers, and what a close code means for whoever waits."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.quic import failures, names


@pytest.mark.parametrize(
    ("version", "name"),
    [(1, "1"), (0x6B3343CF, "2"), (0xFF00001D, "0xff00001d"), (None, "0x00000000")],
)
def test_versions(version: int | None, name: str) -> None:
    assert names.version_name(version) == name


def test_reserved_versions() -> None:
    assert names.is_reserved(0x1A2A3A4A)
    assert not names.is_reserved(1)


def test_error_names() -> None:
    assert names.transport_error(0x0A) == "PROTOCOL_VIOLATION"
    assert names.transport_error(0x178) == "CRYPTO_ERROR (no_application_protocol)"
    assert names.transport_error(0x4711) == "0x4711"
    assert names.h3_error(0x10C) == "H3_REQUEST_CANCELLED"
    assert names.h3_error(0x200) == "QPACK_DECOMPRESSION_FAILED"
    assert "reserved" in names.h3_error(0x21 + 0x1F * 5)


def by_peer(
    code: int, frame_type: int | None, reason: str = "", *, confirmed: bool = True,
    asked: bool = False,
) -> Failed:  # fmt: skip
    close = failures.close_code(True, (code, frame_type, reason))
    return failures.closed_by_peer(
        close, confirmed=confirmed, asked_for_certificate=asked, alpn=("h3",)
    )


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (by_peer(0x178, 6), Reason.NEGOTIATION_FAILED),
        (by_peer(0x174, 6, asked=True), Reason.TLS_CLIENT_CERTIFICATE_REQUIRED),
        (by_peer(0x12A, 6, asked=True), Reason.TLS_CLIENT_CERTIFICATE_REQUIRED),
        (by_peer(0x128, 6), Reason.TLS_HANDSHAKE),
        (by_peer(0x146, 6), Reason.TLS_VERSION),
        (by_peer(0x100, None), Reason.PEER_CLOSED),  # H3_NO_ERROR
        (by_peer(0x0, 0), Reason.PEER_CLOSED),
        (by_peer(0x2, 0, confirmed=False), Reason.PEER_CLOSED),
        (by_peer(0x102, None), Reason.PEER_RESET),
        (by_peer(0xA, 0), Reason.PEER_RESET),
    ],
)
def test_what_a_peer_s_close_means(failed: Failed, reason: Reason) -> None:
    assert failed.reason is reason


def test_what_our_own_close_means() -> None:
    def ours(code: int, frame_type: int | None = 6) -> Failed:
        close = failures.close_code(False, (code, frame_type, "why"))
        return failures.closed_by_us(close, alpn=("h3",))

    assert ours(0x178).reason is Reason.NEGOTIATION_FAILED
    assert ours(0x12A).reason is Reason.TLS_CERTIFICATE_INVALID
    assert ours(0x132).reason is Reason.TLS_HANDSHAKE
    assert isinstance(ours(0xA), ProtocolViolation)
    assert isinstance(ours(0x106, None), ProtocolViolation)


@given(st.integers(0, (1 << 62) - 1), st.none() | st.integers(0, 1 << 62), st.text(max_size=400))
def test_any_close_is_typed_and_safe_to_show(
    code: int, frame_type: int | None, reason: str
) -> None:
    failed = by_peer(code, frame_type, reason)
    assert failed.reason is not Reason.INTERNAL
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in failed.detail)
    assert len(failed.detail) < 400


def test_a_failure_is_told_again_afresh() -> None:
    for failed in (Failed(Reason.PEER_RESET, "gone", phase="quic"), ProtocolViolation("bad")):
        again = failures.again(failed)
        assert again is not failed
        assert type(again) is type(failed)
        assert again.failure() == failed.failure()
