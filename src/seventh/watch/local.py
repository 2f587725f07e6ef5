"""``[local]``: looks at this machine, with the schedule, the findings and the store of a target."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable

import msgspec

from seventh.engine.local import Wanted, look
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.localfacts import LocalFacts
from seventh.model.report import Report
from seventh.model.sample import Labels, Sample
from seventh.net.probe_context import vantage
from seventh.watch.config import WatchedTarget

KEPT_NS = 14 * 86_400 * 10**9
MOST = 10_000
"""Samples of one answer."""


class StoredSample(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one metric."""

    at_ns: int
    name: str
    labels: Labels
    value: float


async def look_here(target: WatchedTarget) -> Report:
    """Look at the areas of ``[local]``; one that takes too long is a failure of this machine."""
    started_seconds = time.time()
    try:
        async with asyncio.timeout(target.options.timeout_seconds):
            return await look(Wanted(areas=target.areas))
    except TimeoutError:
        seconds = target.options.timeout_seconds
        failure = Failure(
            reason=Reason.LOCAL_RESOURCE, phase="local", blame=Blame.LOCAL,
            detail=f"the look at this machine took longer than {seconds:g} s",
        )  # fmt: skip
        return Report(
            target=str(target.target), protocol=LocalFacts.ROOM, vantage=vantage(),
            started_seconds=started_seconds, duration_seconds=seconds, failure=failure, facts={},
        )  # fmt: skip


def note_samples(
    database: sqlite3.Connection, target: int, at_ns: int, samples: Iterable[Sample]
) -> None:
    """Store the samples of one look, and forget those of long ago."""
    database.executemany(
        "INSERT OR REPLACE INTO sample (target, at_ns, name, labels, value) VALUES (?, ?, ?, ?, ?)",
        [
            (target, at_ns, each.name, msgspec.json.encode(each.labels).decode(), each.value)
            for each in samples
        ],
    )
    database.execute("DELETE FROM sample WHERE target = ? AND at_ns < ?", (target, at_ns - KEPT_NS))


def samples(
    database: sqlite3.Connection, target: int, name: str | None, since_ns: int
) -> list[StoredSample]:
    """Return the samples of a target since a time, the newest first; ``name`` is one metric."""
    rows = database.execute(
        "SELECT at_ns, name, labels, value FROM sample WHERE target = ?1 AND at_ns >= ?3"
        " AND (?2 IS NULL OR name = ?2) ORDER BY at_ns DESC, name, labels LIMIT ?4",
        (target, name, since_ns, MOST),
    )
    return [
        StoredSample(
            at_ns=at_ns, name=name, labels=msgspec.json.decode(labels, type=Labels), value=value
        )
        for at_ns, name, labels, value in rows
    ]
