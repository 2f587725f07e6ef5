"""A host that was given without a scheme, and the check of each of its well-known ports."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from seventh.model.report import Report


class PortState(StrEnum):
    """The state of a port. Programs match on the values."""

    OPEN = "open"
    OTHER = "other-protocol"
    """Open, but another protocol answers."""
    CLOSED = "closed"
    """Refused: the host answers, but no program listens."""
    FILTERED = "filtered"
    """No answer over TCP: a firewall drops the packets, or the host is down."""
    NO_ANSWER = "no-answer"
    """No answer over UDP: the port is filtered, or the server is busy."""
    UNREACHABLE = "unreachable"
    """No route to the host, or a reset while connecting."""
    UNRESOLVED = "unresolved"
    """The host name has no address."""
    UNKNOWN = "unknown"
    """The check could not be made from here."""


ANSWERED = frozenset({PortState.OPEN, PortState.OTHER})
"""States in which something answered."""
REPORTED = ANSWERED | {PortState.UNKNOWN}
"""States whose report is shown; a report of another state says no more than the state."""


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """One well-known port of a host."""

    number: int
    transport: str
    state: PortState
    report: Report


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A host and its well-known ports, ordered by number."""

    name: str
    ports: tuple[Port, ...]

    @property
    def answered(self) -> int:
        """How many of the ports are open."""
        return sum(port.state in ANSWERED for port in self.ports)
