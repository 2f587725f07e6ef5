"""The network path to a target over time: what net's series keeps, and other rooms judge, too."""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec

from seventh.model.facts import Facts

LEAST_SEGMENTS = 500
"""With fewer, a share of lost ones means little."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel counted within one part of the time."""

    from_ns: int
    segments: int = 0
    """TCP segments that were sent, those that were retransmitted included."""
    retransmits: int = 0
    connections: int = 0
    least_rtt_seconds: float | None = None


class PathSeries(Facts, frozen=True, kw_only=True):
    """The last hours of the path."""

    ROOM: ClassVar[str] = "net-series"
    OWNER: ClassVar[str] = "net"

    spans: tuple[Span, ...] = ()

    @property
    def segments(self) -> int:
        """All segments that were sent."""
        return sum(span.segments for span in self.spans)

    @property
    def retransmits(self) -> int:
        """Those that were retransmitted."""
        return sum(span.retransmits for span in self.spans)

    @property
    def connections(self) -> int:
        """The connections of which the kernel measured the round trip."""
        return sum(span.connections for span in self.spans)

    @property
    def least_rtt_seconds(self) -> float | None:
        """The shortest round trip: the rest may be queues."""
        every = [e.least_rtt_seconds for e in self.spans if e.least_rtt_seconds is not None]
        return min(every, default=None)

    @property
    def certain_loss_ratio(self) -> float | None:
        """The share of segments lost that chance alone does not explain (two sigma below).

        None with too few segments.
        """
        if self.segments < LEAST_SEGMENTS:
            return None
        return max(0.0, self.retransmits - 2 * math.sqrt(self.retransmits)) / self.segments
