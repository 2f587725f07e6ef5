"""What only an intrusive look shows (tier 4)."""

from __future__ import annotations

import msgspec


class MonlistFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the server's answer to monlist was (mode 7 of ntpd before 4.2.7p26)."""

    asked: tuple[int, ...] = ()
    """Which implementation numbers were asked for, in that order; the last one answered."""
    packets: int = 0
    request_bytes: int = 0
    """Of the request that was answered."""
    bytes_received: int = 0
    items: int = 0
    """Clients that the list names; each of them is somebody's address."""
    factor: float | None = None
    """Bytes received per byte sent; 0 for silence, None when nothing was asked."""
    error: int | None = None
    """The code of an error answer, which gives no list."""
    truncated: bool = False
    """Whether more came than was read."""


class SourcePortFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server answers by which port a request comes from."""

    ephemeral_answered: bool | None = None
    """A request from a random port, as clients send it (RFC 9109)."""
    privileged_answered: bool | None = None
    """A request from port 123; None when that port could not be had."""
    requests: int = 0
    """How many were sent from port 123."""
    untried: str = ""
    """Why port 123 could not be tried."""
