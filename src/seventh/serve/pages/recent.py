"""The last pulses of each target in memory, eight bytes each: what is drawn without the history."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import msgspec

from seventh.watch.samples import Outcome, Pulse

MOST = 360
"""Pulses of a target: an hour at one every ten seconds."""


class Point(msgspec.Struct, frozen=True, gc=False):
    """One pulse."""

    at_s: int
    seconds: float | None
    """The sum of all phases; None if it did not succeed."""
    outcome: Outcome


class _Ring:
    __slots__ = ("at_s", "phases", "seconds")

    def __init__(self) -> None:
        self.at_s, self.seconds = array("I"), array("f")
        self.phases: tuple[str, ...] = ()


class Recent:
    """The last pulses, by the target's number."""

    def __init__(self) -> None:
        self._rings: dict[int, _Ring] = {}

    def pulse(self, pulse: Pulse) -> None:
        """Take a pulse."""
        ring = self._rings.get(pulse.target)
        if ring is None:
            ring = self._rings[pulse.target] = _Ring()
        elif len(ring.at_s) >= MOST + MOST // 4:  # not each time: it moves them all
            del ring.at_s[:-MOST], ring.seconds[:-MOST]
        ring.at_s.append(pulse.at_ns // 10**9)
        if pulse.outcome is Outcome.OK:
            ring.seconds.append(sum(ns for _, ns in pulse.phases) / 1e9)
            names = tuple(name for name, _ in pulse.phases)
            if names != ring.phases:
                ring.phases = names
        else:
            ring.seconds.append(math.nan if pulse.outcome is Outcome.FAILED else math.inf)

    def forget_others(self, numbers: set[int]) -> None:
        """Keep only these targets."""
        for number in self._rings.keys() - numbers:
            del self._rings[number]

    def phases(self, number: int) -> tuple[str, ...]:
        """Return the phases of the last pulse that succeeded, in their order."""
        ring = self._rings.get(number)
        return ring.phases if ring is not None else ()

    def points(self, number: int, most: int = MOST) -> Sequence[Point]:
        """Return the last pulses of a target, the oldest first."""
        ring = self._rings.get(number)
        if ring is None:
            return ()
        return [
            Point(at_s, None if not math.isfinite(seconds) else seconds, _outcome(seconds))
            for at_s, seconds in zip(ring.at_s[-most:], ring.seconds[-most:], strict=True)
        ]


def _outcome(seconds: float) -> Outcome:
    if math.isnan(seconds):
        return Outcome.FAILED
    return Outcome.UNKNOWN if math.isinf(seconds) else Outcome.OK
