"""The journal's pulses as a table of DuckDB, in the columns of a file of the history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from seventh.watch.history import log16
from seventh.watch.history.arrow import Table
from seventh.watch.history.columns import Columns, batches
from seventh.watch.history.database import named, quoted
from seventh.watch.journal import NONE
from seventh.watch.samples import HOUR_NS, Cause

if TYPE_CHECKING:
    import duckdb

PHASE = "log16."
"""What the column of a phase begins with: ``log16.tls``."""


class Staged:
    """The table ``staged``: the pulses of some targets."""

    def __init__(self, database: duckdb.DuckDBPyConnection, names: Mapping[int, str]) -> None:
        """Take the names of targets by number; pulses of others are left out."""
        self.database = database
        self.damaged: list[str] = []
        """What is wrong with each damaged blob."""
        self.phases: dict[str, None] = {}
        self._causes: dict[Cause | None, int] = {}
        database.execute(
            "CREATE TEMP TABLE numbered AS"
            " SELECT unnest($1)::UINTEGER AS number, unnest($2) AS name",
            [list(names), list(names.values())],
        )
        # An ENUM is sorted and written much faster than a string.
        database.execute("CREATE TYPE watched AS ENUM (SELECT name FROM numbered ORDER BY name)")
        database.execute("ALTER TABLE numbered ALTER name TYPE watched")
        database.execute(
            "CREATE TEMP TABLE staged (target watched, vantage USMALLINT, at_ms BIGINT,"
            " lag_log16 USMALLINT, cause USMALLINT)"
        )

    def add(self, blobs: Iterable[bytes]) -> None:
        """Append the pulses of ``blobs``."""
        for batch in batches(blobs, self.damaged):
            self._insert(batch)

    def clear(self) -> None:
        """Delete all pulses."""
        self.database.execute("DELETE FROM staged")

    def select(self) -> str:
        """Return a query of the pulses, in the columns of a file, in no order."""
        causes = [cause for cause in self._causes if cause is not None]
        parts = ["target", "vantage", "at_ms", "lag_log16"]
        for column, texts in (
            ("reason", [each.reason for each in causes]),
            ("phase", [each.phase for each in causes]),
            ("blame", [each.blame for each in causes]),
        ):
            listed = ", ".join(map(quoted, texts))
            parts.append(f"([{listed}]::VARCHAR[])[cause] AS {column}")
        parts += [named(PHASE + phase) for phase in self.phases]
        return f"SELECT {', '.join(parts)} FROM staged"  # noqa: S608

    def _insert(self, batch: Columns) -> None:
        for phase in batch.durations_ns:
            if phase not in self.phases:
                self.phases[phase] = None
                self.database.execute(
                    f"ALTER TABLE staged ADD COLUMN {named(PHASE + phase)} USMALLINT"
                )
        for cause in batch.causes:
            if cause is not None:
                self._causes.setdefault(cause, len(self._causes) + 1)
        numbers = [str(self._causes.get(cause, 0)) if cause else "0" for cause in batch.causes]
        cause_of = f"[{', '.join(numbers)}][cause + 1]" if numbers != ["0"] else "0"
        durations = {
            f"ns{index}": column for index, column in enumerate(batch.durations_ns.values())
        }
        rows = Table(
            {"number": batch.targets, "vantage": batch.vantages, "at_ns": batch.at_ns,
             "lag_ns": batch.lags_ns, "cause": batch.cause_of, **durations},
        )  # fmt: skip
        values = {
            "target": "name", "vantage": "vantage", "at_ms": "at_ns // 1_000_000",
            "lag_log16": log16.encode_sql("lag_ns"), "cause": cause_of,
        }  # fmt: skip
        for phase, column in zip(batch.durations_ns, durations, strict=True):
            values[PHASE + phase] = (
                f"CASE WHEN {column} > {NONE} THEN {log16.encode_sql(column)} END"
            )
        self.database.register("batch", rows)
        self.database.execute(
            f"INSERT INTO staged ({', '.join(map(named, values))})"  # noqa: S608 - names are quoted
            f" SELECT {', '.join(values.values())} FROM batch JOIN numbered USING (number)"
        )
        self.database.unregister("batch")


def blobs_of(journal: sqlite3.Connection, hour: int, after: int, until: int) -> Iterable[bytes]:
    """Yield the blobs of one hour with ``after`` < seq <= ``until``."""
    # "+seq": by the index of the times, and not through all of the journal.
    for (data,) in journal.execute(
        "SELECT data FROM journal WHERE first_ns >= ? AND first_ns < ? AND +seq > ? AND +seq <= ?"
        " ORDER BY seq",
        (hour * HOUR_NS, (hour + 1) * HOUR_NS, after, until),
    ):
        yield data
