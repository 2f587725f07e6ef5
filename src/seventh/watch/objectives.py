"""Objectives of the targets that are watched, computed from their stored conditions."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from seventh.model.options import Options
from seventh.model.target import Target
from seventh.watch import burning
from seventh.watch.config import Config, WatchedTarget
from seventh.watch.evidence import Evidence, Spending
from seventh.watch.heartbeats import Heartbeat
from seventh.watch.keys import Labels, SloKeys
from seventh.watch.maintenance import Maintenance
from seventh.watch.policies import matches
from seventh.watch.samples import HERE
from seventh.watch.slo import DAY_NS, PAIRS, Burn, Pair, Seconds, budget, burn, seconds
from seventh.watch.spans import Change, Span, Window, spans, without
from seventh.watch.store import Store, StoreError
from seventh.watch.verdict import Condition

LOOK_SECONDS = 30.0
"""The time between two looks: an alert begins so much later at most than in theory."""

_SPARED = 20
"""How much longer than it took a result is kept for pages: looks take a twentieth of the time."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One objective, now."""

    slo: SloKeys
    targets: int
    spent: Seconds
    left: float | None
    """The share of the error budget that is left."""
    burns: tuple[Burn, ...]


class Watching(Protocol):
    """What is watched, as far as objectives need it."""

    config: Config

    def watched(self) -> Iterator[tuple[int, WatchedTarget | Heartbeat]]:
        """Yield the targets and the jobs, by number."""

    def silenced(self, number: int, at_ns: int) -> bool:
        """Return whether a target is silenced at a time."""


class Objective(msgspec.Struct, frozen=True):
    """An objective as alerts know it."""

    keys: SloKeys

    @property
    def name(self) -> str:
        """What distinguishes it from all targets."""
        return f"slo:{self.keys.name}"

    @property
    def labels(self) -> Labels:
        """Those of its targets, and its own."""
        return {**self.keys.match, "slo": self.keys.name}


class Objectives:
    """The objectives of what is watched, their alerts, and which of these fire."""

    def __init__(self, store: Store, watching: Watching, changed: Callable[[], None]) -> None:
        """Know nothing yet; ``changed`` is called when alerts have begun or ended."""
        self._watching, self._store, self._changed = watching, store, changed
        self.by_number: dict[int, Objective] = {}
        self._firing: dict[tuple[str, int], bool] = {}
        self._known: list[Judged] = []
        self._slos: tuple[SloKeys, ...] = ()
        self._until = 0.0
        self._alone = asyncio.Lock()

    def adopt(self, numbers: Mapping[str, int]) -> None:
        """Take the numbers of the objectives that are configured."""
        named = map(Objective, self._watching.config.slos)
        self.by_number = {numbers[each.name]: each for each in named}

    async def run(self) -> None:
        """Begin and end alerts every half minute, until this is cancelled."""
        await self.restore()
        while True:
            with contextlib.suppress(StoreError):  # health has it; tried again
                await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def restore(self) -> None:
        """After a restart, remember which alerts fire: they may be frozen."""
        firing: list[burning.Key] = []
        with contextlib.suppress(StoreError):
            firing = await asyncio.wrap_future(self._store.run(burning.firing))
        for number, phase in firing:
            if (each := self.by_number.get(number)) is not None:
                for index, pair in enumerate(PAIRS):
                    if phase_of(pair) == phase:
                        self._firing[each.keys.name, index] = True

    async def _look(self) -> None:
        self._until = 0.0  # what a page has just seen is too old
        known = await self.judged()
        now_ns = time.time_ns()
        wanted = {
            (number, phase): self._watching.silenced(number, now_ns)
            for number, objective in self.by_number.items()
            for each in known
            if each.slo.name == objective.keys.name
            for phase in {phase_of(one.pair) for one in each.burns if one.firing}
        }
        if await asyncio.wrap_future(
            self._store.run(lambda db: burning.note(db, wanted, {*self.by_number}, now_ns))
        ):
            self._changed()

    def evidence(self, number: int, phase: str) -> Evidence | None:
        """Return how the budget is spent of an objective whose alert fires."""
        objective = self.by_number.get(number)
        for each in self._known:
            if objective is not None and each.slo.name == objective.keys.name:
                burns = tuple(
                    one for one in each.burns if one.firing and phase_of(one.pair) == phase
                )
                spent = Spending(
                    objective=each.slo.objective, days=each.slo.days, targets=each.targets,
                    left=each.left, burns=burns,
                )  # fmt: skip
                return Evidence(at_ns=time.time_ns(), budget=spent)
        return None

    async def judged(self) -> list[Judged]:
        """Return all objectives, at most a quarter of a minute old. Raises StoreError."""
        config = self._watching.config
        async with self._alone:
            if self._slos is config.slos and time.monotonic() < self._until:
                return self._known
            now_ns, began = time.time_ns(), time.monotonic()
            if config.slos:
                begin_ns = now_ns - max(slo.days for slo in config.slos) * DAY_NS
                found = await asyncio.wrap_future(
                    self._store.run(lambda database: changes(database, begin_ns))
                )
                labels = {number: each.labels | {"target": each.name}
                          for number, each in self._watching.watched()}  # fmt: skip
                self._known = await asyncio.to_thread(
                    judged, config.slos, config.maintenance, labels, found, now_ns, self._firing
                )
            else:
                self._known = []
            self._firing = {
                (each.slo.name, index): one.firing
                for each in self._known
                for index, one in enumerate(each.burns)
            }
            now = time.monotonic()
            lasts = min(LOOK_SECONDS / 2, _SPARED * (now - began))
            self._slos, self._until = config.slos, now + lasts
            return self._known


def stored(slos: Iterable[SloKeys]) -> list[WatchedTarget]:
    """Return objectives as the store registers targets: their alerts have a number."""
    return [
        WatchedTarget(
            name=each.name, target=Target(scheme="slo", host=each.keys.name, port=0),
            options=Options(), labels=each.labels, every_ns=round(LOOK_SECONDS * 1e9),
        )
        for each in map(Objective, slos)
    ]  # fmt: skip


def phase_of(pair: Pair) -> str:
    """Return what the alert of a pair of windows is: whether a person is woken."""
    return "page" if pair.pages else "ticket"


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
        parts = kept(found.get(number, ()), maintenance, labels[number], now_ns - period_ns, now_ns)
        for length in lengths:
            sums[length] += seconds(parts, now_ns - length, now_ns)
    return Judged(
        slo=slo, targets=len(numbers), spent=sums[period_ns],
        left=budget(slo.objective, sums[period_ns]),
        burns=tuple(
            burn(pair, slo.objective, period_ns, sums[pair.long_ns], sums[pair.short_ns],
                 before=firing.get((slo.name, index), False))
            for index, pair in enumerate(PAIRS)
        ),
    )  # fmt: skip


def kept(
    found: Iterable[Change], maintenance: Iterable[Maintenance], labels: Labels, begin_ns: int,
    end_ns: int,
) -> list[Span]:  # fmt: skip
    """Return what a target was between two instants, without the time of maintenance."""
    parts = spans(found, begin_ns, end_ns)
    windows: list[Window] = []
    for each in maintenance:
        if matches(each.match, labels):
            windows += each.windows(begin_ns, end_ns)
    return [*without(parts, sorted(windows))] if windows else parts
