"""What is recent, from the journal, and what is past, from the files, together."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from seventh.watch.history import files, log16, rollup
from seventh.watch.history.compact import hours_of, names_of, reading
from seventh.watch.history.database import connect, quoted
from seventh.watch.history.staging import Staged, blobs_of
from seventh.watch.store import FILE

if TYPE_CHECKING:
    import duckdb

_LAST = 2**62
"""Beyond every blob of the journal."""
_EMPTY = (
    "SELECT ''::VARCHAR AS target, 0::USMALLINT AS vantage, 0::BIGINT AS at_ms, 0::USMALLINT AS"
    " lag_log16, ''::VARCHAR AS reason, ''::VARCHAR AS phase, ''::VARCHAR AS blame WHERE false"
)
_FIELDS = "at_ms, phase, pulses, ok, unknown, reasons, n, [p5, p50, p95, p99]"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a target in a time."""

    pulses: int = 0
    ok: int = 0
    unknown: int = 0
    """Pulses that say nothing of the target: this machine failed."""
    reasons: dict[str, int] = {}
    """Pulses that failed or are unknown, by reason."""
    quantiles: tuple[int, ...] | None = None
    """p5, p50, p95, p99 of the phase's durations, as 16-bit logarithms."""
    buckets: dict[int, int] = {}
    """The durations by their code divided by 32; empty where they were not asked for."""
    exact: bool = True
    """Whether the quantiles are those of the pulses; else of buckets, within 4.5 %."""

    @property
    def failed(self) -> int:
        """Pulses that failed."""
        return self.pulses - self.ok - self.unknown


class History:
    """The history of one folder, as it is at one moment; :func:`opened` opens it."""

    def __init__(
        self, folder: Path, database: duckdb.DuckDBPyConnection, journal: sqlite3.Connection | None
    ) -> None:
        self.database = database
        self.skipped: list[files.Skipped] = []
        """The files that could not be read."""
        self.damaged: list[str] = []
        """What is wrong with parts of the journal."""
        self._journal = journal
        self._hours = files.hour_files(folder)
        self._rollups = files.rollup_files(folder)
        self._months = files.month_files(folder)
        self._names = names_of(journal) if journal is not None else {}
        self._recent = hours_of(journal) if journal is not None else []

    def has(self, name: str) -> bool:
        """Return whether the database knows a target; the files may know others."""
        return name in self._names.values()

    def names(self) -> list[str]:
        """Return the names of all targets in the database and in the newest files."""
        found = set(self._names.values())
        for paths, kind in (
            ([*self._hours.values()], "pulses"),
            ([*self._months, *self._rollups.values()], "rollup"),
        ):
            if good := self._good(paths[-1:], kind):
                query = f"SELECT DISTINCT target FROM {rollup.read_parquet(good)}"  # noqa: S608
                found.update(name for (name,) in self.database.execute(query).fetchall())
        return sorted(found)

    def load(self, names: Sequence[str], since_s: float, until_s: float) -> None:
        """Make the table ``pulse`` of the pulses of some targets in a time."""
        first, last = math.floor(since_s / 3600), math.ceil(until_s / 3600)
        paths = {hour: path for hour, path in self._hours.items() if first <= hour < last}
        while True:
            seen = [_inode(path) for path in paths.values()]
            self._load(names, (since_s, until_s), range(first, last), paths)
            if seen == [_inode(path) for path in paths.values()]:
                return  # else a file was replaced: by one that has more of the journal

    def _load(
        self, names: Sequence[str], between: tuple[float, float], hours: range,
        paths: dict[int, Path],
    ) -> None:  # fmt: skip
        good = self._good(paths.values(), "pulses")
        parts = [_EMPTY]
        if good:
            listed = ", ".join(map(quoted, names))
            parts.append(
                f"SELECT * FROM {rollup.read_parquet(good)} WHERE target IN ({listed})"  # noqa: S608
            )
        has = {hour: good[path] for hour, path in paths.items() if path in good}
        wanted = {number: name for number, name in self._names.items() if name in set(names)}
        recent = [hour for hour in self._recent if hour in hours]
        if self._journal is not None and wanted and recent:
            parts.append(self._stage(self._journal, wanted, recent, has))
        union = " UNION ALL BY NAME ".join(parts)
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE pulse AS SELECT * FROM ({union})"  # noqa: S608
            f" WHERE at_ms >= {math.ceil(between[0] * 1000)}"
            f" AND at_ms < {math.ceil(between[1] * 1000)}"
        )

    def spans(
        self, name: str, since_s: int, until_s: int, span_s: int,
        phase: str = rollup.TOTAL, *, buckets: bool = True,
    ) -> dict[int, Row]:  # fmt: skip
        """Return what happened to a target in each span that has pulses, by the span's start.

        Days are read from their roll-up where that is fine enough, else pulse by pulse. Without
        ``buckets`` a span of several rows has no quantiles.
        """
        unit = next((each for each in (rollup.DAY_S, rollup.HOUR_S) if span_s % each == 0), None)
        found: dict[int, list[Row]] = {}
        fields = _FIELDS + (", buckets" if buckets else ", NULL")
        # Whole days only: of others the roll-up has more than is asked for.
        first, last = -(-since_s // rollup.DAY_S), until_s // rollup.DAY_S
        good, days = self._days(range(first, last)) if unit else ({}, set())
        if good:
            query = (
                f"SELECT {fields} FROM {rollup.read_parquet(good)}"  # noqa: S608
                f" WHERE target = {quoted(name)} AND span_s = {unit}"
                f" AND phase IN ('{rollup.TOTAL}', {quoted(phase)})"
                f" AND at_ms >= {first * rollup.DAY_S * 1000}"
                f" AND at_ms < {last * rollup.DAY_S * 1000}"
            )
            self._collect(found, query, span_s, phase)
        for begin, end in _gaps(since_s, until_s, sorted(days)):
            self.load([name], begin, end)
            phases = rollup.phases_of(self.database, "pulse")
            query = f"SELECT {fields} FROM ({rollup.spans_of(phase, phases, 'pulse', span_s)})"  # noqa: S608
            self._collect(found, query, span_s, phase)
        return {at_s: merged(rows) for at_s, rows in sorted(found.items())}

    def _days(self, wanted: range) -> tuple[dict[Path, files.Meta], set[int]]:
        """Return the roll-ups of some days since 1970, and the seconds at which these begin."""
        good: dict[Path, files.Meta] = {}
        days: set[int] = set()
        for path, meta in self._good(self._months_of(wanted), "rollup").items():
            has = {(files.hour_of(day) or 0) * 3600 for day in meta.days}
            has = {at for at in has if at // rollup.DAY_S in wanted}
            if has:
                good[path] = meta
                days |= has
        paths = {
            path: hour * 3600
            for hour, path in self._rollups.items()
            if hour * 3600 // rollup.DAY_S in wanted and hour * 3600 not in days
        }
        found = self._good(paths, "rollup")
        return good | found, days | {paths[path] for path in found}

    def _months_of(self, days: range) -> list[Path]:
        """Return the files of the months that have some of the days."""
        found = []
        for path in self._months:
            first = (files.hour_of(f"{path.stem}-01") or 0) // 24
            if first < days.stop and files.month_end(path.stem) // 24 > days.start:
                found.append(path)
        return found

    def _collect(self, found: dict[int, list[Row]], query: str, span_s: int, phase: str) -> None:
        """Add the rows of a query to their spans; the counts and durations of a time are one."""
        rows: dict[int, dict[str, Any]] = {}
        for at_ms, of, pulses, ok, unknown, reasons, n, quantiles, buckets in (
            self.database.execute(query).fetchall()
        ):  # fmt: skip
            row = rows.setdefault(at_ms, {})
            if pulses is not None:
                row.update(pulses=pulses, ok=ok, unknown=unknown, reasons=reasons or {})
            if of == phase and n:
                row.update(quantiles=tuple(quantiles), buckets=buckets or {})
        for at_ms, row in rows.items():
            found.setdefault(at_ms // 1000 // span_s * span_s, []).append(Row(**row))

    def _stage(
        self, journal: sqlite3.Connection, names: dict[int, str], hours: list[int],
        has: dict[int, files.Meta],
    ) -> str:  # fmt: skip
        """Read what the journal has and no file, and return the query of it."""
        for what in (
            "TABLE IF EXISTS staged",
            "TABLE IF EXISTS numbered",
            "TYPE IF EXISTS watched",
        ):
            self.database.execute(f"DROP {what}")
        staged = Staged(self.database, names)
        (store,) = journal.execute("SELECT id FROM identity").fetchone()
        for hour in hours:
            after = has[hour].seq if hour in has and has[hour].store == store else 0
            staged.add(blobs_of(journal, hour, after, _LAST))
        self.damaged += staged.damaged
        return staged.select()

    def _good(self, paths: Iterable[Path], kind: str) -> dict[Path, files.Meta]:
        good, skipped = files.checked(self.database, paths, kind)
        self.skipped += [each for each in skipped if each not in self.skipped]
        return good


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[History]:
    """Open a history; raises UsageError without DuckDB, and HistoryError."""
    spill = folder / files.FOLDER / f".spill-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(connect(spill, threads=4))
        import duckdb

        journal = None
        # The journal first: what is moved to a file meanwhile is then in both, and read once.
        if (folder / FILE).exists():
            journal = stack.enter_context(reading(folder))
        try:
            yield History(folder, database, journal)
        except duckdb.Error as error:
            raise files.failed(folder / files.FOLDER, error) from None


def merged(rows: Sequence[Row]) -> Row:
    """Return several rows as one; its quantiles are those of the buckets."""
    if len(rows) == 1:
        return rows[0]
    reasons: Counter[str] = Counter()
    buckets: Counter[int] = Counter()
    for row in rows:
        reasons.update(row.reasons)
        buckets.update(row.buckets)
    return Row(
        pulses=sum(row.pulses for row in rows), ok=sum(row.ok for row in rows),
        unknown=sum(row.unknown for row in rows), reasons=dict(reasons), buckets=dict(buckets),
        quantiles=_quantiles(buckets) if buckets else None, exact=False,
    )  # fmt: skip


def _quantiles(buckets: Counter[int]) -> tuple[int, ...]:
    """Return the middle of the bucket that has each quantile."""
    total = buckets.total()
    found = []
    for quantile in rollup.QUANTILES:
        left = math.ceil(total * quantile)
        for bucket in sorted(buckets):
            left -= buckets[bucket]
            if left <= 0:
                found.append(bucket * log16.BUCKET + log16.BUCKET // 2)
                break
    return tuple(found)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _gaps(since_s: int, until_s: int, days: list[int]) -> Iterator[tuple[int, int]]:
    """Yield what of a time is in none of the ``days``."""
    at = since_s
    for day in sorted(days):
        if at < day:
            yield at, day
        at = day + rollup.DAY_S
    if at < until_s:
        yield at, until_s
