"""The key of a WebSocket handshake, and the response that proves its server (RFC 6455 §4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

VERSION = 13
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def new_key() -> str:
    """Return 16 random bytes in base64 (§4.1 item 7)."""
    return base64.b64encode(os.urandom(16)).decode("ascii")


def accept_of(key: str) -> str:
    """Return the Sec-WebSocket-Accept that belongs to ``key`` (§4.2.2 item 5.4)."""
    digest = hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def is_valid_key(key: str) -> bool:
    """Return whether a Sec-WebSocket-Key is 16 bytes in base64 (§4.2.1 item 5)."""
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
