"""Service level objectives: exact seconds, the error budget, and burn rates. Pure.

Burn rates are judged over a long and a short window together, as in table 5-8 of The Site
Reliability Workbook: the long one says that it matters, the short one that it still happens.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from seventh.watch.spans import Span
from seventh.watch.verdict import Condition

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
LEAST_COVERAGE = 0.5
"""The share of a window of which something has to be known before it changes an alert."""
_BAD = frozenset({Condition.DOWN, Condition.FLAPPING})


class Seconds(msgspec.Struct, frozen=True):
    """How long all targets of an objective were good, bad, and unknown."""

    good: float = 0.0
    bad: float = 0.0
    unknown: float = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        """Return both together."""
        return Seconds(
            self.good + other.good, self.bad + other.bad, self.unknown + other.unknown
        )  # fmt: skip

    @property
    def known(self) -> float:
        """Seconds of which something is known."""
        return self.good + self.bad

    @property
    def coverage(self) -> float:
        """The share of the time of which something is known."""
        whole = self.known + self.unknown
        return self.known / whole if whole else 0.0

    @property
    def errors(self) -> float | None:
        """The share of the known time that was bad; None if nothing is known."""
        return self.bad / self.known if self.known else None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A long and a short window, and the share of the budget that is spent in the long one."""

    long_ns: int
    short_ns: int
    spent: float
    pages: bool
    """Whether a person is woken; else it is a ticket."""

    def rate(self, period_ns: int) -> float:
        """Return the burn rate at which so much is spent: 14.4 for 2 % of 30 days in an hour."""
        return self.spent * period_ns / self.long_ns


PAIRS = (
    Pair(long_ns=HOUR_NS, short_ns=HOUR_NS // 12, spent=0.02, pages=True),
    Pair(long_ns=6 * HOUR_NS, short_ns=HOUR_NS // 2, spent=0.05, pages=True),
    Pair(long_ns=3 * DAY_NS, short_ns=6 * HOUR_NS, spent=0.10, pages=False),
)
"""Of The Site Reliability Workbook, table 5-8."""


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the budget is spent in both windows of a pair, and whether that is an alert."""

    pair: Pair
    limit: float
    long: float | None
    """1 spends the budget in exactly its period; None if nothing is known."""
    short: float | None
    firing: bool
    frozen: bool
    """Whether too little is known to change it: an alert neither begins nor ends then."""


def seconds(parts: Iterable[Span], begin_ns: int, end_ns: int) -> Seconds:
    """Return the seconds of one target between two instants; degraded is good, flapping bad."""
    good = bad = unknown = 0
    for part in parts:
        length = min(part.end_ns, end_ns) - max(part.begin_ns, begin_ns)
        if length <= 0:
            continue
        if part.condition is Condition.UNKNOWN:
            unknown += length
        elif part.condition in _BAD:
            bad += length
        else:
            good += length
    return Seconds(good / 1e9, bad / 1e9, unknown / 1e9)


def budget(objective: float, spent: Seconds) -> float | None:
    """Return the share of the error budget that is left; below 0 the objective is missed.

    The budget is that of the known time. None if nothing is known.
    """
    errors = spent.errors
    return None if errors is None else 1 - errors / (1 - objective)


def burn(
    pair: Pair, objective: float, period_ns: int, long: Seconds, short: Seconds, *, before: bool
) -> Burn:
    """Judge one pair of windows; ``before``: whether its alert was firing."""
    limit = pair.rate(period_ns)
    rates = [None if each.errors is None else each.errors / (1 - objective)
             for each in (long, short)]  # fmt: skip
    frozen = min(long.coverage, short.coverage) < LEAST_COVERAGE
    reached = all(rate is not None and rate >= limit for rate in rates)
    return Burn(
        pair=pair, limit=limit, long=rates[0], short=rates[1],
        firing=before if frozen else reached, frozen=frozen,
    )  # fmt: skip
