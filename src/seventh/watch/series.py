"""Series of each target, and what the rules of rooms find in them.

A room's module ``series`` says what it keeps (``SERIES``), how a look is added (``add``), and what
targets show of each other, if anything (``beside``). All of it is pure.
"""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Protocol

import msgspec

from seventh import protocols
from seventh.model.facts import Facts
from seventh.model.look import Look
from seventh.model.report import Finding, Report
from seventh.rules.rule import AnyRule, Source
from seventh.rules.run import Selection, run_rules
from seventh.watch.config import WatchedTarget
from seventh.watch.findings import Looked
from seventh.watch.store import Store, StoreError

ROUND_SECONDS = 60.0
"""The time between two judgements."""
_AT_ONCE = 20
"""Targets after which pulses have their turn."""
_STORED_SECONDS = 3600.0
"""The time between two times that series of pulses are stored."""
_NOTED_NS = 3600 * 10**9
"""The time after which the same verdict is noted again: a finding was last seen then."""
_EVERYTHING = Selection(denied={})
_OFFSET = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
Stored = tuple[int, str, bytes]
"""Target, room, and its series."""


def steady_ns(at_ns: int) -> int:
    """Return the distance of the wall clock from one that is never set, and counts suspension."""
    return at_ns - time.clock_gettime_ns(_OFFSET)


@functools.cache
def _modules() -> dict[str, ModuleType]:
    """Return the modules ``series`` of rooms."""
    return {
        room: protocols.part(room, "series")
        for room in protocols.rooms()
        if protocols.has_part(room, "series")
    }


@functools.cache
def _rooms(scheme: str) -> tuple[str, ...]:
    """Return the rooms whose facts a target has."""
    spec = protocols.room_of(scheme)
    return tuple(dict.fromkeys(("net", *spec.layers, spec.name)))


@functools.cache
def _kept(scheme: str) -> tuple[tuple[str, ModuleType], ...]:
    """Return the rooms that keep a series of such a target."""
    return tuple((room, _modules()[room]) for room in _rooms(scheme) if room in _modules())


@functools.cache
def _rules(scheme: str) -> tuple[tuple[str, tuple[AnyRule, ...]], ...]:
    """Return the rules of series of such a target, by room."""
    return tuple(
        (room, several)
        for room in _rooms(scheme)
        if (several := tuple(e for e in protocols.rules(room) if e.source is Source.SERIES))
    )


class Noting(Protocol):
    """What takes verdicts."""

    def note(self, look: Looked) -> None:
        """Have stored what a look found."""


class Watching(Protocol):
    """What is watched, as far as series need it."""

    targets: dict[int, WatchedTarget]

    @property
    def checking(self) -> Noting:
        """What takes verdicts."""


class SeriesOfTargets:
    """The series of all targets, by number and by the room that keeps them."""

    def __init__(self, store: Store, watching: Watching) -> None:
        self._store, self._watching = store, watching
        self._kept: dict[int, dict[str, Facts]] = {}
        self._verdicts: dict[int, tuple[bytes, int]] = {}
        self._checked: set[int] = set()
        """Targets with a full check that is not stored yet."""
        self._stored = time.monotonic()

    async def begin(self) -> None:
        """Read what is stored. Raises StoreError."""
        for number, room, data in await asyncio.wrap_future(self._store.run(stored)):
            module = _modules().get(room)
            if module is None:
                continue
            try:
                series = msgspec.msgpack.decode(data, type=module.SERIES)
            except msgspec.MsgspecError:  # of another version: it begins again
                continue
            self._kept.setdefault(number, {})[room] = series

    def observe(
        self, number: int, target: WatchedTarget, report: Report, at_ns: int, *, whole: bool
    ) -> None:
        """Add one pulse, or with ``whole`` a full check."""
        look = Look(
            host=target.target.host, at_ns=at_ns, steady_ns=steady_ns(time.time_ns()),
            every_seconds=target.every_ns / 1e9, facts=report.facts,
        )  # fmt: skip
        kept = self._kept.setdefault(number, {})
        for room, module in _kept(target.target.scheme):
            kept[room] = module.add(kept.get(room) or module.SERIES(), look)
        if whole:
            self._checked.add(number)

    async def run(self) -> None:
        """Judge, and store, again and again."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            await self.judge(time.time_ns())
            due = time.monotonic() - self._stored >= _STORED_SECONDS
            try:
                await self.write(None if due else self._checked)
            except StoreError:
                continue  # health has it; tried again
            if due:
                self._stored = time.monotonic()

    async def judge(self, now_ns: int) -> None:
        """Judge the series of every target, and have verdicts that are new noted."""
        targets = {n: each for n, each in self._watching.targets.items() if not each.is_local}
        for number in self._kept.keys() - targets.keys():
            del self._kept[number]
            self._verdicts.pop(number, None)
        self._compare(targets)
        for index, (number, target) in enumerate([*targets.items()]):
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            self._judge(number, target, now_ns)

    def _compare(self, targets: Mapping[int, WatchedTarget]) -> None:
        """Add what targets show of each other."""
        several: dict[str, dict[str, Facts]] = defaultdict(dict)
        numbers: dict[str, int] = {}
        for number, kept in self._kept.items():
            name = targets[number].name
            numbers[name] = number
            for room, series in kept.items():
                several[room][name] = series
        for room, every in several.items():
            if hasattr(_modules()[room], "beside"):
                for name, series in _modules()[room].beside(every).items():
                    self._kept[numbers[name]][room] = series

    def _judge(self, number: int, target: WatchedTarget, now_ns: int) -> None:
        by_type = {type(series): series for series in self._kept.get(number, {}).values()}
        found: list[Finding] = []
        passed: set[str] = set()
        for room, rules in _rules(target.target.scheme):
            for rule in rules:
                if (series := by_type.get(rule.facts_type)) is not None:
                    verdicts = run_rules(room, (rule,), series, _EVERYTHING)
                    found += verdicts.findings
                    passed |= {*verdicts.passed}
        verdict = msgspec.json.encode((found, sorted(passed)))
        before, noted_ns = self._verdicts.get(number, (b"", 0))
        if verdict == before and (not found or now_ns - noted_ns < _NOTED_NS):
            return
        self._verdicts[number] = verdict, now_ns
        self._watching.checking.note(Looked(
            target=number, at_ns=now_ns, findings=tuple(found), passed=frozenset(passed),
            series=True,
        ))  # fmt: skip

    async def write(self, numbers: Iterable[int] | None = None) -> None:
        """Store the series of targets, all without ``numbers``. Raises StoreError."""
        chosen = self._kept.keys() if numbers is None else {*numbers} & self._kept.keys()
        rows = [
            (number, room, msgspec.msgpack.encode(series))
            for number in chosen
            for room, series in self._kept[number].items()
        ]
        if rows:
            await asyncio.wrap_future(self._store.run(lambda database: keep(database, rows)))
        self._checked -= set(chosen)


def stored(database: sqlite3.Connection) -> list[Stored]:
    """Return all series."""
    return database.execute("SELECT target, protocol, data FROM series").fetchall()


def keep(database: sqlite3.Connection, rows: Iterable[Stored]) -> None:
    """Store series instead of those before."""
    database.executemany(
        "INSERT OR REPLACE INTO series (target, protocol, data) VALUES (?, ?, ?)", rows
    )
