"""Selection of correct sources by their correctness intervals.

A source is correct if true time is in its correctness interval, offset ± root distance. Two
results follow from the intervals:

- :func:`select` is RFC 5905's selection (§11.2.1), as in NTP clients. It assumes the smallest
  number of falsetickers, and can therefore discard a correct source.
- The bound of :class:`SourceSelection` is certain if more than half of the sources are correct:
  true time is then a point that more than half of the intervals share.

A finding must be certain, so only a source that shares no point with any majority is called a
falseticker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal["truechimer", "falseticker", "outvoted", "undecided", "alone"]


class Interval(msgspec.Struct, frozen=True, order=True):
    """A closed interval of offsets in seconds."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The midpoint."""
        return self.low + (self.high - self.low) / 2

    @property
    def radius(self) -> float:
        """Half of the width."""
        return (self.high - self.low) / 2

    def meets(self, other: Interval) -> bool:
        """Return whether the two share a point."""
        return self.low <= other.high and other.low <= self.high


class SourceSelection(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the selection; ``verdicts`` are in the order of the intervals."""

    verdicts: tuple[Verdict, ...]
    bound: Interval | None
    """Contains true time if a majority is correct; None without a majority, or with one source."""
    selected: Interval | None
    """The interval of RFC 5905's selection."""


def shared(intervals: Sequence[Interval], count: int) -> list[Interval]:
    """Return the ranges, in order, that are in ``count`` or more of the intervals."""
    # At one point, intervals begin before others end: intervals that touch share that point.
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
    """Return the smallest majority of ``count``."""
    return count // 2 + 1


def select(intervals: Sequence[Interval]) -> Interval | None:
    """Return RFC 5905's intersection (§11.2.1, appendix A.5.5.1); None without a majority clique.

    The number of falsetickers allowed grows, up to fewer than half, until the other sources share
    an interval with no more midpoints outside than falsetickers allowed.
    """
    count = len(intervals)
    for allowed in range((count + 1) // 2):
        common = _hull(shared(intervals, count - allowed))
        if common is not None:
            outside = sum(not common.low <= i.middle <= common.high for i in intervals)
            if outside <= allowed:
                return common
    return None


def _hull(stretches: Sequence[Interval]) -> Interval | None:
    return Interval(stretches[0].low, stretches[-1].high) if stretches else None


def select_sources(intervals: Sequence[Interval]) -> SourceSelection:
    """Judge every source by all of them.

    Where the selection finds no clique although a majority shares a point, those who share it are
    the truechimers, because its condition on midpoints is only heuristic.
    """
    stretches = shared(intervals, quorum(len(intervals)))
    bound = _hull(stretches)
    if len(intervals) < 2 or bound is None:
        verdict: Verdict = "alone" if len(intervals) < 2 else "undecided"
        return SourceSelection(verdicts=(verdict,) * len(intervals), bound=None, selected=None)
    selected = select(intervals)
    kept = selected or bound
    return SourceSelection(
        verdicts=tuple(_verdict(interval, stretches, kept) for interval in intervals),
        bound=bound,
        selected=selected,
    )


def _verdict(interval: Interval, stretches: Sequence[Interval], kept: Interval) -> Verdict:
    if not any(interval.meets(stretch) for stretch in stretches):
        return "falseticker"
    return "truechimer" if interval.meets(kept) else "outvoted"
