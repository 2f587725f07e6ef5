"""Metadata: header fields of a call, those named ``-bin`` in base64 (gRPC over HTTP/2)."""

from __future__ import annotations

import base64
import binascii
import re

from seventh.protocols.grpc.wire.timeout import encode_timeout
from seventh.web.message import Fields

_KEY = re.compile(r"[0-9a-z_.-]+")
RESERVED = frozenset({"te", "content-type", "user-agent", "grpc-timeout", "grpc-encoding",
                      "grpc-accept-encoding", "grpc-message-type"})  # fmt: skip
"""Fields of a request that the client itself sets."""


def is_key(name: str) -> bool:
    """Return whether ``name`` may be a key of metadata, in lower case."""
    return _KEY.fullmatch(name) is not None


def encode_binary(value: bytes) -> str:
    """Return the value of a field named ``-bin``, without padding."""
    return base64.b64encode(value).decode().rstrip("=")


def decode_binary(value: str) -> bytes | None:
    """Return the bytes of a field named ``-bin``, padded or not; None if it is not base64."""
    bare = value.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None


def request_headers(
    metadata: Fields, *, timeout_seconds: float | None, encoding: str, accepted: str, agent: str
) -> Fields:
    """Return the header fields of a call (gRPC over HTTP/2, "Requests")."""
    own: list[tuple[str, str]] = []
    if timeout_seconds is not None:
        own.append(("grpc-timeout", encode_timeout(timeout_seconds)))
    own += [("content-type", "application/grpc"), ("te", "trailers")]
    if encoding != "identity":
        own.append(("grpc-encoding", encoding))
    return (*own, ("grpc-accept-encoding", accepted), ("user-agent", agent), *metadata)
