"""A host that was given without a scheme: one look at each of its well-known ports."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from seventh.model.report import Report


class PortState(StrEnum):
    """What a look at a port met. Programs match on these words."""

    OPEN = "open"
    OTHER = "other-protocol"
    """Open, but what answers is another protocol."""
    CLOSED = "closed"
    """Refused: the host answers, and nothing listens."""
    FILTERED = "filtered"
    """No answer over TCP: a firewall drops the packets, or the host is down."""
    NO_ANSWER = "no-answer"
    """No answer over UDP, which a filtered port and a busy server give alike."""
    UNREACHABLE = "unreachable"
    """No way to the host, or a reset while connecting."""
    UNRESOLVED = "unresolved"
    """The host's name gave no address."""
    UNKNOWN = "unknown"
    """It could not be found out from here."""


ANSWERED = frozenset({PortState.OPEN, PortState.OTHER})
"""States in which something answered."""
REPORTED = ANSWERED | {PortState.UNKNOWN}
"""States whose report is worth reading; that of any other says no more than the state."""


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """One well-known port of a host."""

    number: int
    transport: str
    state: PortState
    report: Report


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A host and each of its well-known ports, in the order of their numbers."""

    name: str
    ports: tuple[Port, ...]

    @property
    def answered(self) -> int:
        """How many of the ports are open."""
        return sum(port.state in ANSWERED for port in self.ports)
