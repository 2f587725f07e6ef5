"""What only an intrusive check shows (tier 4)."""

from __future__ import annotations

import msgspec


class MonlistFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The response to monlist (mode 7 of ntpd before 4.2.7p26)."""

    asked: tuple[int, ...] = ()
    """The implementation numbers requested, in order; the other fields are about the last."""
    packets: int = 0
    request_bytes: int = 0
    """Of the last request."""
    bytes_received: int = 0
    items: int = 0
    """Clients whose addresses the list contains."""
    factor: float | None = None
    """Bytes received per byte sent; 0: no response, None: not sent."""
    error: int | None = None
    """The code of an error response, which contains no list."""
    truncated: bool = False
    """Whether there was more than was read."""


class SourcePortFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whether replies depend on the source port of a request."""

    ephemeral_answered: bool | None = None
    """Whether a request from a random port was answered (RFC 9109)."""
    privileged_answered: bool | None = None
    """Whether a request from port 123 was answered; None where the port was not available."""
    requests: int = 0
    """The number of requests sent from port 123."""
    untried: str = ""
    """Why port 123 could not be tested."""
