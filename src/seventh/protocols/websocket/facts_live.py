"""What is learnt with permission: tokens, fan-out, limits, violations and holds."""

from __future__ import annotations

from typing import Literal

import msgspec


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a socket when the token that opened it ends."""

    source: str = ""
    """Where the token stood: ``--token-file``, or the name of a parameter."""
    lifetime_seconds: float | None = None
    """What was left of it when the socket opened, by its ``exp``; negative: it had ended."""
    outcome: Literal["closed", "open", "refused", "not-reached"] | None = None
    """``open``: the server still answered pings afterwards."""
    after_seconds: float | None = None
    """How long after the end it was closed, or still open."""
    close_code: int | None = None


class Fanout(msgspec.Struct, frozen=True, kw_only=True):
    """Publishing on one socket, receiving on others."""

    sockets: int
    """How many stood open, the publisher included."""
    rounds: int
    """How often something was published."""
    expected: int
    """Deliveries to the other sockets that should have been."""
    delivered: int
    echoed: int = 0
    """How often the publisher got its own message."""
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    max_seconds: float | None = None
    wait_seconds: float = 0.0
    """How long each round was waited for."""

    @property
    def ratio(self) -> float:
        """Delivered for each expected."""
        return self.delivered / self.expected if self.expected else 0.0


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that no client may say, and what the server made of it."""

    kind: Literal["mask", "rsv", "utf8", "frag"]
    name: str
    outcome: Literal["refused", "accepted", "unclear"]
    """``accepted``: it went on and answered the ping that followed."""
    code: int | None = None
    """Of the close frame."""
    detail: str = ""


class LongMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Longer and longer messages."""

    accepted_bytes: int = 0
    """The longest after which the server still answered."""
    refused_bytes: int | None = None
    """The one that it did not take; None when it took all."""
    code: int | None = None
    """Of the close frame then; None without one."""
    ended: bool = False
    """Whether the connection just ended, without a close frame."""
    detail: str = ""


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Many small messages at once."""

    messages: int
    seconds: float
    """From the first message until the server had read the last one, by the pong after it."""
    outcome: Literal["taken", "closed", "slowed", "unclear"]
    code: int | None = None
    hints: tuple[str, ...] = ()
    """Words of its answers that speak of a limit."""


class Backpressure(msgspec.Struct, frozen=True, kw_only=True):
    """What a server does for a reader that does not read, as long as it has something to say."""

    echoes: bool | None = None
    """Whether the server answers each message with as much; otherwise nothing can be told."""
    sent_bytes: int = 0
    outcome: Literal["stopped", "closed", "unbounded", "unclear"] | None = None
    """``stopped``: it read no more from us; ``unbounded``: it took all that we had."""
    code: int | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Sockets held without a word from us (pings are answered)."""

    seconds: float
    """How long it was."""
    wanted_seconds: float = 0.0
    pings: int = 0
    """How many the server sent on the first socket."""
    ping_seconds: float | None = None
    """The median gap between them."""
    cuts: tuple[float, ...] = ()
    """At which age each socket ended that ended without a close frame."""
    closes: tuple[int | None, ...] = ()
    """The codes of those that were closed in order."""
    messages: int = 0
    """What the server said meanwhile."""
