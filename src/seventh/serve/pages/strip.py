"""How long a target was up, degraded, down or unknown, day by day, from its changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from seventh.watch.spans import Span
from seventh.watch.verdict import Condition

DAY_S = 86_400
DAYS = 90
SECOND_NS = 10**9


class Day(msgspec.Struct, frozen=True):
    """One day, in UTC: seconds of each condition."""

    at_s: int
    seconds: Mapping[Condition, float]

    @property
    def known(self) -> float:
        """Seconds in which something was known."""
        return sum(each for name, each in self.seconds.items() if name is not Condition.UNKNOWN)

    @property
    def available(self) -> float | None:
        """The share of the known time in which it was not down; None if nothing is known."""
        if not self.known:
            return None
        return 1 - self.seconds.get(Condition.DOWN, 0.0) / self.known


def days(parts: Sequence[Span], until_ns: int, count: int = DAYS) -> list[Day]:
    """Return the last days, the oldest first; the last one is not over."""
    last = until_ns // SECOND_NS // DAY_S
    first = last - count + 1
    seconds: list[dict[Condition, float]] = [{} for _ in range(count)]
    for part in parts:
        begin_ns = max(part.begin_ns, first * DAY_S * SECOND_NS)
        while begin_ns < min(part.end_ns, until_ns):
            day = begin_ns // SECOND_NS // DAY_S
            end_ns = min(part.end_ns, until_ns, (day + 1) * DAY_S * SECOND_NS)
            into = seconds[day - first]
            into[part.condition] = (
                into.get(part.condition, 0.0) + (end_ns - begin_ns) / SECOND_NS
            )  # fmt: skip
            begin_ns = end_ns
    return [Day(at_s=(first + index) * DAY_S, seconds=each) for index, each in enumerate(seconds)]


def total(several: Iterable[Day]) -> Day:
    """Return several days as one."""
    seconds: dict[Condition, float] = {}
    at_s = 0
    for day in several:
        at_s = at_s or day.at_s
        for condition, each in day.seconds.items():
            seconds[condition] = seconds.get(condition, 0.0) + each
    return Day(at_s=at_s, seconds=seconds)
