"""Which of several clocks tell the truth, by the intervals that each of them claims. Pure.

Every source claims that true time is within its correctness interval: offset ± root distance. Two
answers are drawn from them:

- :func:`select` is RFC 5905's selection (§11.2.1): what NTP clients do. It looks for the fewest
  falsetickers that explain the intervals, and so can drop an honest source.
- :func:`majority` is what follows with certainty if more than half of the sources tell the truth:
  the truth is then a point that more than half of the intervals share, whichever those are.

A finding must be certain, so a source is called a falseticker only when it shares no point with
any majority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal["truechimer", "falseticker", "outvoted", "undecided", "alone"]


class Interval(msgspec.Struct, frozen=True, order=True):
    """A closed interval on the line of offsets, in seconds."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Halfway between the two ends."""
        return self.low + (self.high - self.low) / 2

    @property
    def radius(self) -> float:
        """Half of the width."""
        return (self.high - self.low) / 2

    def meets(self, other: Interval) -> bool:
        """Return whether the two share a point."""
        return self.low <= other.high and other.low <= self.high


class SourceSelection(msgspec.Struct, frozen=True, kw_only=True):
    """What a vote gave; ``verdicts`` are in the order of the intervals."""

    verdicts: tuple[Verdict, ...]
    bound: Interval | None
    """Holds true time if a majority is right; None where no majority agrees, or for one source."""
    selected: Interval | None
    """Where RFC 5905's selection takes true time to be."""


def shared(intervals: Sequence[Interval], count: int) -> list[Interval]:
    """Return the stretches, from left to right, that ``count`` of the intervals or more cover."""
    # At one point, intervals begin before others end: touching is sharing.
    edges = sorted(
        [(interval.low, 0) for interval in intervals]
        + [(interval.high, 1) for interval in intervals]
    )
    stretches: list[Interval] = []
    depth, start = 0, 0.0
    for at, ends in edges:
        if ends:
            if depth == count:
                stretches.append(Interval(start, at))
            depth -= 1
        else:
            depth += 1
            if depth == count:
                start = at
    return stretches


def quorum(count: int) -> int:
    """Return how many of ``count`` are more than half."""
    return count // 2 + 1


def majority(intervals: Sequence[Interval]) -> Interval | None:
    """From the first to the last point that more than half of the intervals share."""
    return _hull(shared(intervals, quorum(len(intervals))))


def select(intervals: Sequence[Interval]) -> Interval | None:
    """RFC 5905's intersection (§11.2.1, appendix A.5.5.1); None where it finds no majority clique.

    It allows one falseticker after the other, up to fewer than half, until the others share an
    interval outside which there are no more midpoints than falsetickers allowed.
    """
    count = len(intervals)
    allowed = 0
    while 2 * allowed < count:
        common = _hull(shared(intervals, count - allowed))
        if common is not None:
            outside = sum(not common.low <= i.middle <= common.high for i in intervals)
            if outside <= allowed:
                return common
        allowed += 1
    return None


def _hull(stretches: Sequence[Interval]) -> Interval | None:
    return Interval(stretches[0].low, stretches[-1].high) if stretches else None


def select_sources(intervals: Sequence[Interval]) -> SourceSelection:
    """Judge every source by all of them.

    Where the selection finds no clique although more than half share a point, those who share it
    are the truechimers: its rule about midpoints is a rule of thumb.
    """
    if len(intervals) < 2:
        return SourceSelection(verdicts=_all("alone", intervals), bound=None, selected=None)
    stretches = shared(intervals, quorum(len(intervals)))
    bound = _hull(stretches)
    if bound is None:
        return SourceSelection(verdicts=_all("undecided", intervals), bound=None, selected=None)
    selected = select(intervals)
    kept = selected or bound
    return SourceSelection(
        verdicts=tuple(_verdict(interval, stretches, kept) for interval in intervals),
        bound=bound,
        selected=selected,
    )


def _all(verdict: Verdict, intervals: Sequence[Interval]) -> tuple[Verdict, ...]:
    return tuple(verdict for _ in intervals)


def _verdict(interval: Interval, stretches: Sequence[Interval], kept: Interval) -> Verdict:
    if not any(interval.meets(stretch) for stretch in stretches):
        return "falseticker"
    return "truechimer" if interval.meets(kept) else "outvoted"
