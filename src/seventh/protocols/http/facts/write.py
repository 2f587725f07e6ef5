"""The results of unsafe and of invalid requests (tiers 3 and 4)."""

from __future__ import annotations

import msgspec

from seventh.model.failure import Reason


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A request with ``Expect: 100-continue`` over HTTP/1.1 (RFC 9110 §10.1.1)."""

    method: str
    status: int | None = None
    continued: bool = False
    """Whether a 100 came before the body."""
    continue_seconds: float | None = None
    """From the head to the 100, or to the final answer that came instead."""
    waited_seconds: float = 0.0
    """How long a 100 was awaited before the body was sent."""
    failed: str = ""


class EarlyPost(msgspec.Struct, frozen=True, kw_only=True):
    """An unsafe request sent as early data (RFC 8470)."""

    method: str
    version: str
    accepted: bool
    """Whether the server accepted the early data."""
    before_handshake: bool | None = None
    """Whether the response came before our end of the handshake was sent."""
    silent_seconds: float | None = None
    """How long we delayed that end, to see it."""
    status: int | None = None
    failed: str = ""


class Ambiguous(msgspec.Struct, frozen=True, kw_only=True):
    """A request with both Content-Length and Transfer-Encoding (RFC 9112 §6.1)."""

    status: int | None = None
    closed: bool | None = None
    """Whether the server ended the connection after its answer."""
    second_status: int | None = None
    """What a request after it on the same connection got."""
    failed: str = ""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of request content that the server accepts."""

    method: str
    bytes: int = 0
    """The length of the user's own content; 0 for none."""
    status: int | None = None
    """The final status of the user's own request."""
    failure: Reason | None = None
    """How that request failed without a response."""
    declared_status: int | None = None
    """Where it was cut: the first status for its Content-Length alone, with ``Expect:
    100-continue`` and no content."""
    short_status: int | None = None
    """The status of the same request with a few bytes of content, where the own one failed."""
    accepted_bytes: int | None = None
    """The largest Content-Length that got a 100 …"""
    refused_bytes: int | None = None
    """… and the smallest that got a 413."""


class WriteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; None where it was not sent."""

    expect: Expected | None = None
    early_post: EarlyPost | None = None
    ambiguous: Ambiguous | None = None
    upload: Upload | None = None
