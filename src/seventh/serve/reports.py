"""The last full checks of each target, as ``seventh.report/1``: what changed is a comparison."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from concurrent.futures import Future

import msgspec
import zstandard

from seventh import __version__
from seventh.model.report import Report
from seventh.render.document import json_document
from seventh.render.entries import ReportEntry
from seventh.render.view import Document, View
from seventh.serve.latest import Latest
from seventh.watch.store import Store

KEPT = 20
"""Reports of one target."""
_VIEW = View(checklist=True)
_MOST_BYTES = 4 * 1024 * 1024
"""Of one report; a longer one is not kept."""


class _Reports(msgspec.Struct):
    reports: tuple[ReportEntry, ...]


class Keeper:
    """Keeps the report of each full check, whoever has asked for it, and what it measured."""

    def __init__(self, store: Store, latest: Latest) -> None:
        self._store, self._latest = store, latest

    def note(self, number: int, report: Report) -> None:
        """Keep the report of a target, without waiting."""
        self.keep(number, report)

    def keep(self, number: int, report: Report) -> Future[None]:
        """Keep the report of a target; the future raises StoreError."""
        self._latest.check(number, report)
        digest, data = digest_of(report), encoded(report)
        at_ns = round(report.started_seconds * 1e9)
        return self._store.run(lambda database: note(database, number, at_ns, digest, data))


class Past(msgspec.Struct, frozen=True):
    """A report that is stored."""

    id: int
    at_ns: int


def encoded(report: Report) -> bytes:
    """Return a report's JSON document, with its checklist."""
    document = Document(
        generated_at=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=__version__, reports=(report,),
    )  # fmt: skip
    return msgspec.json.encode(json_document(document, _VIEW))


def digest_of(report: Report) -> str:
    """Return what is the same for two reports that say the same of the target."""
    failure = report.failure
    told = (
        failure and (failure.reason, failure.phase),
        sorted((each.id, msgspec.json.encode(each.params, order="sorted").decode())
               for each in report.findings),
        sorted(report.passed), sorted(each.id for each in report.skipped),
    )  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


def note(database: sqlite3.Connection, target: int, at_ns: int, digest: str, data: bytes) -> None:
    """Keep a report; one that says the same as the last replaces it."""
    if len(data) > _MOST_BYTES:
        return
    last = database.execute(
        "SELECT id, digest FROM report WHERE target = ? ORDER BY at_ns DESC LIMIT 1", (target,)
    ).fetchone()
    if last is not None and last[1] == digest:
        database.execute("DELETE FROM report WHERE id = ?", (last[0],))
    database.execute(
        "INSERT INTO report (target, at_ns, digest, data) VALUES (?, ?, ?, ?)",
        (target, at_ns, digest, zstandard.compress(data, 3)),
    )
    database.execute(
        "DELETE FROM report WHERE target = ?1 AND id NOT IN"
        " (SELECT id FROM report WHERE target = ?1 ORDER BY at_ns DESC LIMIT ?2)",
        (target, KEPT),
    )


def past(database: sqlite3.Connection, target: int) -> list[Past]:
    """Return the reports of a target, the newest first."""
    rows = database.execute(
        "SELECT id, at_ns FROM report WHERE target = ? ORDER BY at_ns DESC", (target,)
    )
    return [Past(*row) for row in rows]


def stored(database: sqlite3.Connection, target: int, number: int) -> bytes | None:
    """Return the JSON document of a report; None if there is none of this number."""
    row = database.execute(
        "SELECT data FROM report WHERE target = ? AND id = ?", (target, number)
    ).fetchone()
    return zstandard.decompress(row[0], max_output_size=_MOST_BYTES) if row is not None else None


def entry_of(data: bytes) -> ReportEntry | None:
    """Return the report of a document; None for one of a later version that cannot be read."""
    try:
        return msgspec.json.decode(data, type=_Reports).reports[0]
    except (msgspec.MsgspecError, IndexError):
        return None
