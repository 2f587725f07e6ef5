"""What calls showed that the user asked for: ``--call``, and holding a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

Kind = Literal["unary", "client-streaming", "server-streaming", "bidirectional"]


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the method of ``--call``."""

    SHOWN: ClassVar = ("method", "kind", "code", "message", "sent", "received", "seconds")

    method: str
    kind: Kind
    code: str
    """The name of its status."""
    message: str = ""
    sent: int = 0
    """The messages sent …"""
    received: int = 0
    """… and received."""
    first_message_seconds: float | None = None
    seconds: float | None = None
    """From its beginning to its status."""
    message_seconds: float | None = None
    """Between two messages received, on average."""
    message_bytes: int | None = None
    """The size of the largest message received."""
    truncated: bool = False
    """Whether the stream was cancelled after the most messages that are received."""
    attempts: Mapping[str, int] = {}
    """The attempts by kind: ``first``, and ``pushback`` after a delay that the server asked for."""


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """A server's stream while nothing was read of it."""

    SHOWN: ClassVar = ("outcome", "received_bytes", "window_bytes", "seconds")

    outcome: Literal["waited", "overran", "reset", "ended"]
    """``waited``: it stopped at the window and went on when it was opened; ``overran``: it sent
    beyond the window; ``reset``: it ended the stream or the connection; ``ended``: it sent less
    than the window."""
    received_bytes: int
    window_bytes: int
    seconds: float
    detail: str = ""


class Big(msgspec.Struct, frozen=True, kw_only=True):
    """A request above the size that servers accept by default."""

    SHOWN: ClassVar = ("outcome", "bytes", "code")

    outcome: Literal["refused", "accepted", "cut"]
    """``refused``: with RESOURCE_EXHAUSTED; ``accepted``: the method saw it; ``cut``: with another
    end, or none."""
    bytes: int
    code: str = ""
    detail: str = ""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How calls spread over backends, each over the connection that a client keeps."""

    SHOWN: ClassVar = ("calls", "backends", "addresses")

    calls: int
    backends: Mapping[str, int]
    """The calls by the value of ``--backend-header``."""
    addresses: int
    """The addresses of the name."""
    unnamed: int = 0
    """The calls whose response has no such field."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that was held open without messages."""

    SHOWN: ClassVar = ("seconds", "cut", "code")

    seconds: float
    """How long it was open, or how long it was held if it stayed open."""
    cut: bool
    code: str = ""
    detail: str = ""
