"""QUIC's numbers and their names in IANA's registries."""

from __future__ import annotations

from seventh.wire import tlsnames

VERSIONS = {0x00000001: "1", 0x6B3343CF: "2"}
"""RFC 9000 and RFC 9369."""

CRYPTO_ERROR = 0x0100
"""The first of the 256 codes that carry a TLS alert (RFC 9001 §4.8)."""
NO_ERROR = 0x00
PROTOCOL_VIOLATION = 0x0A

_TRANSPORT = {
    NO_ERROR: "NO_ERROR", 0x01: "INTERNAL_ERROR", 0x02: "CONNECTION_REFUSED",
    0x03: "FLOW_CONTROL_ERROR", 0x04: "STREAM_LIMIT_ERROR", 0x05: "STREAM_STATE_ERROR",
    0x06: "FINAL_SIZE_ERROR", 0x07: "FRAME_ENCODING_ERROR", 0x08: "TRANSPORT_PARAMETER_ERROR",
    0x09: "CONNECTION_ID_LIMIT_ERROR", PROTOCOL_VIOLATION: "PROTOCOL_VIOLATION",
    0x0B: "INVALID_TOKEN", 0x0C: "APPLICATION_ERROR", 0x0D: "CRYPTO_BUFFER_EXCEEDED",
    0x0E: "KEY_UPDATE_ERROR", 0x0F: "AEAD_LIMIT_REACHED", 0x10: "NO_VIABLE_PATH",
    0x11: "VERSION_NEGOTIATION_ERROR",
}  # fmt: skip

H3_NO_ERROR = 0x0100
H3_INTERNAL_ERROR = 0x0102
H3_EXCESSIVE_LOAD = 0x0107
H3_REQUEST_REJECTED = 0x010B
H3_REQUEST_CANCELLED = 0x010C
H3_MESSAGE_ERROR = 0x010E
_H3 = {
    0x33: "H3_DATAGRAM_ERROR", H3_NO_ERROR: "H3_NO_ERROR", 0x0101: "H3_GENERAL_PROTOCOL_ERROR",
    H3_INTERNAL_ERROR: "H3_INTERNAL_ERROR", 0x0103: "H3_STREAM_CREATION_ERROR",
    0x0104: "H3_CLOSED_CRITICAL_STREAM", 0x0105: "H3_FRAME_UNEXPECTED", 0x0106: "H3_FRAME_ERROR",
    H3_EXCESSIVE_LOAD: "H3_EXCESSIVE_LOAD", 0x0108: "H3_ID_ERROR", 0x0109: "H3_SETTINGS_ERROR",
    0x010A: "H3_MISSING_SETTINGS", H3_REQUEST_REJECTED: "H3_REQUEST_REJECTED",
    H3_REQUEST_CANCELLED: "H3_REQUEST_CANCELLED", 0x010D: "H3_REQUEST_INCOMPLETE",
    H3_MESSAGE_ERROR: "H3_MESSAGE_ERROR", 0x010F: "H3_CONNECT_ERROR", 0x0110: "H3_VERSION_FALLBACK",
    0x0200: "QPACK_DECOMPRESSION_FAILED", 0x0201: "QPACK_ENCODER_STREAM_ERROR",
    0x0202: "QPACK_DECODER_STREAM_ERROR",
}  # fmt: skip


def version_name(version: int | None) -> str:
    """Return ``1``, ``2``, or the number in hexadecimal."""
    return VERSIONS.get(version or 0) or f"0x{version or 0:08x}"


def is_reserved(version: int) -> bool:
    """Return whether a version number is reserved to exercise negotiation (RFC 9000 §15)."""
    return version & 0x0F0F0F0F == 0x0A0A0A0A


def alert_of(code: int) -> int | None:
    """Return the TLS alert that a transport error code carries, where it carries one."""
    return code - CRYPTO_ERROR if CRYPTO_ERROR <= code < CRYPTO_ERROR + 256 else None


def transport_error(code: int) -> str:
    """Return the name of a transport error code."""
    alert = alert_of(code)
    if alert is not None:
        return f"CRYPTO_ERROR ({tlsnames.alert_name(alert)})"
    return _TRANSPORT.get(code) or f"0x{code:x}"


def h3_error(code: int) -> str:
    """Return the name of an HTTP/3 or QPACK error code; the ones reserved for greasing too."""
    if code >= 0x21 and (code - 0x21) % 0x1F == 0:
        return f"0x{code:x} (reserved, means H3_NO_ERROR)"
    return _H3.get(code) or f"0x{code:x}"
