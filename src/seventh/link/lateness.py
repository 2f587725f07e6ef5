"""How late packets left, against when they were due: what makes a run invalid. Pure."""

from __future__ import annotations

import msgspec

_SHIFT = 13
_BINS = 8192
MOST_LATE_MS = 1.0
"""The p99 of a valid run."""
_NS_PER_MS = 1e6


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """How late packets left, in milliseconds."""

    p50_ms: float = 0.0
    p99_ms: float = 0.0
    p999_ms: float = 0.0
    max_ms: float = 0.0


class Lateness:
    """A histogram in steps of 8.2 µs, up to 67 ms."""

    def __init__(self) -> None:
        self._bins = [0] * _BINS
        self._max_ns = 0
        self._count = 0

    def add(self, late_ns: int) -> None:
        """Count a packet that left so late."""
        self._bins[min(late_ns >> _SHIFT, _BINS - 1)] += 1
        self._count += 1
        self._max_ns = max(self._max_ns, late_ns)

    def add_prompt(self, count: int) -> None:
        """Count packets that left at once."""
        self._bins[0] += count
        self._count += count

    def summary(self) -> Late:
        """Return the quantiles, each rounded up to the end of its step."""
        found = [self._quantile(share) for share in (0.5, 0.99, 0.999)]
        p50, p99, p999 = (round(ns / _NS_PER_MS, 4) for ns in found)
        return Late(
            p50_ms=p50, p99_ms=p99, p999_ms=p999, max_ms=round(self._max_ns / _NS_PER_MS, 4)
        )

    def _quantile(self, share: float) -> int:
        rest = self._count * share
        for number, count in enumerate(self._bins):
            rest -= count
            if count and rest <= 0:
                last = number == _BINS - 1
                return self._max_ns if last else min((number + 1) << _SHIFT, self._max_ns)
        return 0
