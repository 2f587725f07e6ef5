"""Days that are over become roll-ups, these become months, and what is too old is deleted.

A roll-up is made of the day's files alone, so that it can be made again: its metadata has their
sizes, and where these are others, pulses came late.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from seventh.model.failure import OURS, Blame
from seventh.watch.history import files, log16
from seventh.watch.history.database import connect, named, quoted
from seventh.watch.history.staging import PHASE

if TYPE_CHECKING:
    import duckdb

HOUR_S, DAY_S = 3600, 86_400
RAW_DAYS = 14
ROLLUP_DAYS = 396
"""Thirteen months."""
QUANTILES = (0.05, 0.5, 0.95, 0.99)
TOTAL = ""
"""The phase of the rows about whole pulses: how many, and the sum of all phases of those that
succeeded."""
_ROWS = 200_000
"""Pulses that are rolled up at once: an exact quantile needs them all in memory."""
_HOURS = 24
UNKNOWN = f"(reason IN ({', '.join(map(quoted, sorted(OURS)))}) OR blame = {quoted(Blame.SEVENTH)})"
"""The SQL of whether a failure says nothing of the target."""
COUNTS = (
    "count(*)::UINTEGER AS pulses, (count(*) FILTER (reason IS NULL))::UINTEGER AS ok,"
    f" (count(*) FILTER ({UNKNOWN}))::UINTEGER AS unknown, histogram(reason) AS reasons"
)

DURATIONS = (
    f"count(code)::UINTEGER AS n, quantile_disc(code, {list(QUANTILES)}) AS q,"
    f" histogram((code // {log16.BUCKET})::USMALLINT) AS buckets"
)
QUANTILE_COLUMNS = "q[1] AS p5, q[2] AS p50, q[3] AS p95, q[4] AS p99"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A roll-up that was made."""

    path: Path
    skipped: tuple[files.Skipped, ...] = ()


def make(folder: Path, now_ns: int) -> list[Made]:
    """Make the roll-ups that are missing, and delete what is too old. Raises HistoryError."""
    import duckdb

    made = []
    now_s = now_ns // 10**9
    with contextlib.closing(connect(folder / files.FOLDER / ".spill")) as database:
        in_months = _in_months(database, folder)
        _forget(folder, now_s, in_months)  # first: the disk may be full
        for day, hours in _days(folder):
            name, age_s = hours[0].parent.name, now_s - day * HOUR_S
            # One that is older and has none: the history could not be written for a long time.
            if DAY_S + HOUR_S <= age_s < ROLLUP_DAYS * DAY_S and name not in in_months:
                path = files.rollup_path(folder, name)
                if (
                    path.exists()
                    if age_s >= RAW_DAYS * DAY_S
                    else _is_made(database, path, _sizes(hours))
                ):
                    continue
                try:
                    made.append(Made(path=path, skipped=_roll_up(database, path, hours)))
                except duckdb.Error as error:
                    raise files.failed(path, error) from None
        try:
            made += _months(database, folder, now_s)
        except duckdb.Error as error:
            raise files.failed(folder / files.FOLDER / "rollup", error) from None
        _forget(folder, now_s, _in_months(database, folder))
    return made


def _months(database: duckdb.DuckDBPyConnection, folder: Path, now_s: int) -> Iterator[Made]:
    """Merge the days of each month that is over and cannot change; yield what was made.

    A year of one target is then in a dozen files, and in a few row groups of each.
    """
    for month, days in groupby(files.rollup_files(folder).items(), lambda day: day[1].stem[:7]):
        paths = dict(days)
        path = files.rollup_path(folder, month)
        if now_s - files.month_end(month) * HOUR_S < RAW_DAYS * DAY_S or path.exists():
            continue
        good, skipped = files.checked(database, paths.values(), "rollup")
        if good:
            query = f"FROM {read_parquet(good)} ORDER BY target, span_s, phase, vantage, at_ms"
            days_ = tuple(each.stem for each in good)
            files.write(database, path, query, files.Meta(kind="rollup", days=days_))
            yield Made(path=path, skipped=tuple(skipped))


def _days(folder: Path) -> Iterator[tuple[int, list[Path]]]:
    """Yield the first hour of each day with the day's files."""
    found = files.hour_files(folder)
    for day, hours in groupby(found, lambda hour: hour // _HOURS):
        yield day * _HOURS, [found[hour] for hour in hours]


def _sizes(paths: list[Path]) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in paths}


def _is_made(database: duckdb.DuckDBPyConnection, path: Path, sizes: dict[str, int]) -> bool:
    if not path.exists():
        return False
    good, _ = files.checked(database, [path], "rollup")
    return path in good and good[path].hours == sizes


def _roll_up(
    database: duckdb.DuckDBPyConnection, path: Path, hours: list[Path]
) -> tuple[files.Skipped, ...]:
    sizes = _sizes(hours)
    good, skipped = files.checked(database, hours, "pulses")
    if good:
        source = read_parquet(good)
        phases = phases_of(database, source)
        queries = [
            f"{spans(phases, 'part', span_s)} ORDER BY target, phase, vantage, at_ms"
            for span_s in (HOUR_S, DAY_S)
        ]
        database.execute(f"CREATE OR REPLACE TEMP TABLE part AS FROM {source} LIMIT 0")
        database.execute(f"CREATE OR REPLACE TEMP TABLE rolled AS {queries[0]}")
        for first, last in _groups(database, source):
            database.execute(
                f"CREATE OR REPLACE TEMP TABLE part AS SELECT * FROM {source}"  # noqa: S608
                f" WHERE target BETWEEN {quoted(first)} AND {quoted(last)}"
            )
            for query in queries:
                database.execute(f"INSERT INTO rolled {query}")
        meta = files.Meta(kind="rollup", hours=sizes)
        files.write(database, path, "SELECT * FROM rolled", meta)
    return tuple(skipped)


def _groups(database: duckdb.DuckDBPyConnection, source: str) -> Iterator[tuple[str, str]]:
    """Yield the first and the last of some targets after the other, in order."""
    rows = database.execute(
        f"SELECT target, count(*) FROM {source} GROUP BY target ORDER BY target"  # noqa: S608
    ).fetchall()
    first, total = None, 0
    for (target, count), after in zip(rows, [*rows[1:], None], strict=True):
        first, total = first if first is not None else target, total + count
        if after is None or total + after[1] > _ROWS:
            yield first, target
            first, total = None, 0


def spans(phases: list[str], table: str, span_s: int) -> str:
    """Return the query of what happened to each target in each span of a table of pulses."""
    timed = " UNION ALL ".join(
        f"""
            SELECT target, vantage, at_ms, {quoted(phase)} AS phase, {DURATIONS}
            FROM (SELECT target, vantage, at_ms, {code} AS code FROM pulse) WHERE code IS NOT NULL
            GROUP BY target, vantage, at_ms
        """  # noqa: S608 - names are quoted
        for phase, code in _codes(phases).items()
    )
    return f"""
        WITH pulse AS (
            SELECT * REPLACE ({_span(span_s)} AS at_ms) FROM {table}
        ), timed AS ({timed}
        ), counted AS (
            SELECT target, vantage, at_ms, '{TOTAL}' AS phase, {COUNTS}
            FROM pulse GROUP BY target, vantage, at_ms
        )
        SELECT target, {span_s}::UINTEGER AS span_s, phase, vantage, at_ms,
            pulses, ok, unknown, reasons, coalesce(n, 0)::UINTEGER AS n, {QUANTILE_COLUMNS}, buckets
        FROM timed FULL JOIN counted USING (target, vantage, at_ms, phase)
    """  # noqa: S608 - names are quoted


def spans_of(phase: str, phases: list[str], table: str, span_s: int) -> str:
    """Return the query of one phase in each span of the pulses of one target, with all counts.

    Planning takes longer than running it: so no joins.
    """
    code = _codes(phases).get(phase, "NULL::USMALLINT")
    return f"""
        SELECT *, {QUANTILE_COLUMNS} FROM (
            SELECT vantage, at_ms, {quoted(phase)} AS phase, {COUNTS}, {DURATIONS}
            FROM (
                SELECT vantage, {_span(span_s)} AS at_ms, reason, blame, {code} AS code FROM {table}
            ) GROUP BY vantage, at_ms
        )
    """  # noqa: S608 - names are quoted


def _codes(phases: list[str]) -> dict[str, str]:
    """Return the SQL of the code of each phase; NULL where a pulse has none."""
    codes = {TOTAL: f"CASE WHEN reason IS NULL THEN {total(phases)} END"}
    return codes | {phase: named(PHASE + phase) for phase in phases}


def _span(span_s: int) -> str:
    """Return the SQL of when the span of a pulse begins."""
    return f"at_ms // {span_s * 1000} * {span_s * 1000}"


def phases_of(database: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the phases that a table of pulses has columns for."""
    described = database.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()  # noqa: S608
    return [name.removeprefix(PHASE) for name, *_ in described if name.startswith(PHASE)]


def total(phases: list[str]) -> str:
    """Return the SQL of the code of the sum of all phases."""
    if not phases:
        return "0::USMALLINT"
    parts = [f"coalesce({log16.decode_sql(named(PHASE + phase))}, 0.0)" for phase in phases]
    return log16.encode_sql(f"({' + '.join(parts)})")


def read_parquet(good: Mapping[Path, files.Meta]) -> str:
    """Return the SQL of the rows of several files; phases that one has not are NULL."""
    listed = ", ".join(quoted(str(path)) for path in good)
    union = len({meta.phases for meta in good.values()}) > 1  # a fifth slower
    return f"read_parquet([{listed}], union_by_name = {union})"


def _in_months(database: duckdb.DuckDBPyConnection, folder: Path) -> set[str]:
    """Return the days that are in a file of their month."""
    good, _ = files.checked(database, files.month_files(folder), "rollup")
    return {day for meta in good.values() for day in meta.days}


def _forget(folder: Path, now_s: int, in_months: set[str]) -> None:
    """Delete what is too old, pulses only if their day has its roll-up; and days of a month."""
    rolled_up = files.rollup_files(folder)
    names = {path.stem for path in rolled_up.values()} | in_months
    for day, hours in _days(folder):
        if now_s - day * HOUR_S >= (RAW_DAYS + 1) * DAY_S and hours[0].parent.name in names:
            for path in hours:
                path.unlink()
            with contextlib.suppress(OSError):  # what others put there stays
                hours[0].parent.rmdir()
    for day, path in rolled_up.items():
        if path.stem in in_months or now_s - day * HOUR_S >= (ROLLUP_DAYS + 1) * DAY_S:
            path.unlink()
    for path in files.month_files(folder):
        if now_s - files.month_end(path.stem) * HOUR_S >= ROLLUP_DAYS * DAY_S:
            path.unlink()
