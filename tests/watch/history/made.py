"""A store with pulses of some hours, and what its journal and its history have together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import duckdb

from seventh.watch import journal, records
from seventh.watch.config import typed_targets
from seventh.watch.fleet import Snapshot
from seventh.watch.history.files import hour_files
from seventh.watch.records import Batch
from seventh.watch.samples import HOUR_NS, Cause, Pulse
from seventh.watch.store import Store
from tests.watch.made import REFUSED, pulse

DAY = 20_000
"""The day of the pulses, counted since 1970: 2024-10-04."""
START = DAY * 86_400
NAMES = ("ssh://a:22", "tcp://b:1")


def filled(folder: Path, pulses: Iterable[Pulse], names: tuple[str, ...] = NAMES) -> None:
    """Write pulses into the store of a folder, and a snapshot."""
    store = Store(folder)
    try:
        config = typed_targets(names, {}, 10.0)
        store.run(lambda db: records.register(db, config.targets, 0)).result(10)
        batch = Batch(pulses=list(pulses), snapshot=Snapshot())
        store.run(lambda db: records.write(db, batch)).result(10)
    finally:
        store.close()


def some(hours: int = 2, every: int = 600, cause: Cause | None = REFUSED) -> list[Pulse]:
    """Pulses of both targets; every fifth fails."""
    return [
        pulse(
            START + at,
            cause if number % 5 == 4 else None,
            target,
            connect=10**6 + number * 7919 % 10**6,
        )
        for number, at in enumerate(range(0, hours * 3600, every))
        for target in (1, 2)
    ]


def present(folder: Path) -> Counter[tuple[str, int]]:
    """How often the journal and the history have each pulse, by target and milliseconds."""
    found: Counter[tuple[str, int]] = Counter()
    for path in hour_files(folder).values():
        with duckdb.connect() as database:
            query = f"SELECT target, at_ms FROM read_parquet('{path}')"  # noqa: S608
            found.update(database.execute(query).fetchall())
    store = Store(folder)
    try:
        rows = store.run(
            lambda db: db.execute("SELECT data FROM journal ORDER BY seq").fetchall()
        ).result(10)
        names = dict(store.run(lambda db: db.execute("SELECT id, name FROM target").fetchall())
                     .result(10))  # fmt: skip
    finally:
        store.close()
    for (data,) in rows:
        found.update((names[each.target], each.at_ns // 10**6) for each in journal.decode(data))
    return found


def expected(pulses: Iterable[Pulse]) -> Counter[tuple[str, int]]:
    """How often each pulse is to be there."""
    return Counter((NAMES[each.target - 1], each.at_ns // 10**6) for each in pulses)


def now_ns(hours: int) -> int:
    """A time at which so many hours since the start are over and due."""
    return START * 10**9 + hours * HOUR_NS + 600 * 10**9
