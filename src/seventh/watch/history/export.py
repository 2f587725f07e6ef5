"""The table of pulses as a file of another format, with times in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seventh.watch.history import log16
from seventh.watch.history.database import named, quoted
from seventh.watch.history.files import failed
from seventh.watch.history.rollup import phases_of
from seventh.watch.history.staging import PHASE

if TYPE_CHECKING:
    import duckdb

_OPTIONS = {
    "csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet",
}  # fmt: skip
FORMATS = tuple(_OPTIONS)


def write(database: duckdb.DuckDBPyConnection, form: str, path: str) -> None:
    """Write the table ``pulse``: a column for each phase, empty where it did not succeed.

    Raises HistoryError.
    """
    import duckdb

    columns = [
        "strftime(make_timestamp(at_ms * 1000), '%Y-%m-%dT%H:%M:%S.%gZ') AS time",
        "target", "vantage", "reason", "phase", "blame",
        f"{_seconds('lag_log16')} AS lag_seconds",
    ]  # fmt: skip
    columns += [
        f"{_seconds(named(PHASE + phase))} AS {named(phase + '_seconds')}"
        for phase in phases_of(database, "pulse")
    ]
    if form == "parquet":
        columns[0] = "make_timestamp(at_ms * 1000) AS time"
    query = (
        f"COPY (SELECT {', '.join(columns)} FROM pulse ORDER BY target, vantage, at_ms)"  # noqa: S608
        f" TO {quoted(path)} ({_OPTIONS[form]})"
    )
    try:
        database.execute(query)
    except duckdb.Error as error:
        raise failed(Path(path), error) from None


def _seconds(code: str) -> str:
    """Return the SQL of the seconds of a code, with the four digits that it is exact to."""
    value = f"({log16.decode_sql(code)})"
    return (
        f"CASE WHEN {code} IS NULL THEN NULL WHEN {code} = 0 THEN 0.0"
        f" ELSE round({value} / 1e9, (13 - ceil(log10({value})))::INTEGER) END"
    )
