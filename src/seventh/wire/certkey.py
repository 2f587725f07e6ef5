"""The public key of a certificate, as bytes: what TLSA records and pins are the digest of.

Read from the bytes, not with a library: one that decodes a key may encode it in another way.
"""

from __future__ import annotations

_SEQUENCE, _VERSION = 0x30, 0xA0
_BEFORE_KEY = 5
"""Serial number, signature algorithm, issuer, validity and subject (RFC 5280 §4.1)."""


def public_key(der: bytes) -> bytes | None:
    """Return the SubjectPublicKeyInfo of a certificate in DER; None where it cannot be read."""
    try:
        start, _ = _content(der, 0, _SEQUENCE)
        at, _ = _content(der, start, _SEQUENCE)
        if der[at] == _VERSION:
            _, at = _content(der, at)
        for _ in range(_BEFORE_KEY):
            _, at = _content(der, at)
        _, end = _content(der, at, _SEQUENCE)
    except (ValueError, IndexError):
        return None
    return der[at:end]


def _content(der: bytes, at: int, tag: int | None = None) -> tuple[int, int]:
    """Return where the value at ``at`` has its content, and where it ends."""
    if tag is not None and der[at] != tag:
        raise ValueError("another type")
    length, at = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("a length that DER does not have")
        length, at = int.from_bytes(der[at : at + count]), at + count
    if at + length > len(der):
        raise ValueError("cut short")
    return at, at + length
