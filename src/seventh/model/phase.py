"""Phases: the timed steps of a check."""

from __future__ import annotations

from typing import Literal

import msgspec

Clock = Literal["kernel", "user"]
Outcome = Literal["ok", "failed"]


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One timed step.

    ``clock`` is ``kernel`` when its end is the kernel's receive timestamp or round-trip estimate,
    and ``user`` when this process read the clock; a busy event loop delays only the latter.
    """

    name: str
    start_seconds: float
    """When it began, from the start of the report."""
    seconds: float
    clock: Clock
    outcome: Outcome
    address: str | None = None


class Mark(msgspec.Struct, frozen=True):
    """An instant on the monotonic clock, in nanoseconds, and the clock that measured it."""

    ns: int
    clock: Clock

    def since(self, start: Mark | int) -> float:
        """Return the seconds from ``start`` (a mark, or the ``ns`` of one) to this mark.

        The two may come from different clocks, so an end before its start counts as 0.
        """
        return max(0, self.ns - (start.ns if isinstance(start, Mark) else start)) / 1e9
