"""The message encodings gzip and deflate ("Compression" of gRPC), with limits on what they undo."""

from __future__ import annotations

import zlib
from typing import Literal

from seventh.model.failure import ProtocolViolation
from seventh.protocols.grpc.wire.framing import MessageTooLong
from seventh.wire.text import quoted

Encoding = Literal["identity", "gzip", "deflate"]
ENCODINGS: tuple[Encoding, ...] = ("identity", "gzip", "deflate")
"""What this client decodes, as it announces in grpc-accept-encoding."""
MAX_RATIO = 100
"""The largest growth, as a factor …"""
FREE_BYTES = 1024 * 1024
"""… which does not apply to this much."""
_WINDOWS = {"gzip": 31, "deflate": 15}


def compress(data: bytes, encoding: Encoding) -> bytes:
    """Return ``data`` in ``encoding``; deflate is zlib's format (RFC 1950)."""
    if encoding == "identity":
        return data
    made = zlib.compressobj(wbits=_WINDOWS[encoding])
    return made.compress(data) + made.flush()


def decompress(data: bytes, encoding: str, limit: int) -> bytes:
    """Return the decompressed message.

    Raises MessageTooLong beyond ``limit`` bytes or the ratio, and ProtocolViolation for damaged
    data, for data after its end, and for an encoding that was not announced.
    """
    if encoding not in _WINDOWS:
        what = quoted(encoding, 40) if encoding else "no grpc-encoding"
        raise ProtocolViolation(f"a compressed message, and {what} as its encoding")
    cap = min(limit, max(FREE_BYTES, MAX_RATIO * len(data)))
    undo = zlib.decompressobj(wbits=_WINDOWS[encoding])
    try:
        plain = undo.decompress(data, cap + 1)
    except zlib.error:
        raise ProtocolViolation(f"a message that is not {encoding}, as it claims to be") from None
    if len(plain) > cap:
        raise MessageTooLong(
            f"a {encoding} message of {len(data)} bytes decompresses to more than {cap}"
        )
    if not undo.eof or undo.unused_data:
        where = "ends early" if not undo.eof else "has data after its end"
        raise ProtocolViolation(f"a {encoding} message {where}")
    return plain
