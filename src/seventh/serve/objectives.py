"""Objectives of the targets that are watched, computed from their stored conditions."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from seventh.watch.keys import Labels, SloKeys
from seventh.watch.maintenance import Maintenance
from seventh.watch.policies import matches
from seventh.watch.run import Watcher
from seventh.watch.samples import HERE
from seventh.watch.slo import DAY_NS, PAIRS, Burn, Seconds, budget, burn, seconds
from seventh.watch.spans import Change, Span, Window, spans, without
from seventh.watch.store import Store
from seventh.watch.verdict import Condition

_KEPT_SECONDS = 30.0


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One objective, now."""

    slo: SloKeys
    targets: int
    spent: Seconds
    left: float | None
    """The share of the error budget that is left."""
    burns: tuple[Burn, ...]


class Objectives:
    """The objectives of a watcher; which alerts fire is remembered while it runs."""

    def __init__(self, watcher: Watcher, store: Store) -> None:
        self._watcher, self._store = watcher, store
        self._firing: dict[tuple[str, int], bool] = {}
        self._known: list[Judged] = []
        self._slos: tuple[SloKeys, ...] = ()
        self._until = 0.0
        self._alone = asyncio.Lock()

    async def judged(self) -> list[Judged]:
        """Return all objectives, at most half a minute old. Raises StoreError."""
        config = self._watcher.config
        async with self._alone:
            if self._slos is config.slos and time.monotonic() < self._until:
                return self._known
            now_ns = time.time_ns()
            begin_ns = now_ns - max((slo.days for slo in config.slos), default=0) * DAY_NS
            found = await asyncio.wrap_future(
                self._store.run(lambda database: changes(database, begin_ns))
            )
            labels = {number: each.labels | {"target": each.name}
                      for number, each in self._watcher.watched()}  # fmt: skip
            self._known = await asyncio.to_thread(
                judged, config.slos, config.maintenance, labels, found, now_ns, self._firing
            )
            self._firing = {
                (each.slo.name, index): one.firing
                for each in self._known
                for index, one in enumerate(each.burns)
            }
            self._slos, self._until = config.slos, time.monotonic() + _KEPT_SECONDS
            return self._known


def changes(database: sqlite3.Connection, begin_ns: int) -> dict[int, list[Change]]:
    """Return the changes of all targets from the last one before an instant on."""
    found: dict[int, list[Change]] = defaultdict(list)
    for target, at_ns, condition in database.execute(
        "SELECT target, max(at_ns), condition FROM condition WHERE vantage = ?1 AND at_ns <= ?2"
        " GROUP BY target UNION ALL SELECT * FROM (SELECT target, at_ns, condition FROM condition"
        " WHERE vantage = ?1 AND at_ns > ?2 ORDER BY target, at_ns)",
        (HERE, begin_ns),
    ):
        found[target].append((at_ns, Condition(condition)))
    return found


def judged(
    slos: Iterable[SloKeys],
    maintenance: Iterable[Maintenance],
    labels: Mapping[int, Labels],
    found: Mapping[int, list[Change]],
    now_ns: int,
    firing: Mapping[tuple[str, int], bool],
) -> list[Judged]:
    """Judge objectives; ``firing``: which pairs of windows were, by objective and place."""
    return [_judged(slo, [*maintenance], labels, found, now_ns, firing) for slo in slos]


def _judged(
    slo: SloKeys,
    maintenance: list[Maintenance],
    labels: Mapping[int, Labels],
    found: Mapping[int, list[Change]],
    now_ns: int,
    firing: Mapping[tuple[str, int], bool],
) -> Judged:
    period_ns = slo.days * DAY_NS
    lengths = {period_ns, *(ns for pair in PAIRS for ns in (pair.long_ns, pair.short_ns))}
    sums = dict.fromkeys(lengths, Seconds())
    numbers = [number for number, of in labels.items() if matches(slo.match, of)]
    for number in numbers:
        parts = spans(found.get(number, ()), now_ns - period_ns, now_ns)
        kept = _without_maintenance(parts, maintenance, labels[number], now_ns - period_ns, now_ns)
        for length in lengths:
            sums[length] += seconds(kept, now_ns - length, now_ns)
    return Judged(
        slo=slo, targets=len(numbers), spent=sums[period_ns],
        left=budget(slo.objective, sums[period_ns]),
        burns=tuple(
            burn(pair, slo.objective, period_ns, sums[pair.long_ns], sums[pair.short_ns],
                 before=firing.get((slo.name, index), False))
            for index, pair in enumerate(PAIRS)
        ),
    )  # fmt: skip


def _without_maintenance(
    parts: list[Span], maintenance: list[Maintenance], labels: Labels, begin_ns: int, end_ns: int
) -> list[Span]:
    windows: list[Window] = []
    for each in maintenance:
        if matches(each.match, labels):
            windows += each.windows(begin_ns, end_ns)
    return [*without(parts, sorted(windows))] if windows else parts
