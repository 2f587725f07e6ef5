"""DuckDB, opened with limits; it comes with the extra ``watch``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from seventh.model.failure import UsageError

if TYPE_CHECKING:
    import duckdb

MEMORY = "190MB"
"""What DuckDB may take; the process as a whole stays below 400 MiB. More is spilled to disk."""


class HistoryError(Exception):
    """What could not be written or read, in one line."""


def installed() -> bool:
    """Return whether DuckDB is there."""
    return importlib.util.find_spec("duckdb") is not None


def connect(spill: Path, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Return a database in memory; what does not fit is in ``spill`` until it is closed.

    Raises UsageError if DuckDB is not installed.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UsageError(
            "the history needs DuckDB: install it with `python3 -m pip install 'seventh[watch]'`"
        ) from None
    database = duckdb.connect(
        config={
            "memory_limit": MEMORY, "temp_directory": str(spill), "threads": threads,
            "autoinstall_known_extensions": False, "autoload_known_extensions": False,
        }
    )  # fmt: skip
    # It would be written to standard output, which the monitor reads.
    database.execute("SET enable_progress_bar = false")
    database.execute(
        "SET parquet_metadata_cache = true"
    )  # what a file says of itself, and its rows
    return database


def quoted(text: str) -> str:
    """Return a string or a path as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def named(name: str) -> str:
    """Return the name of a column as SQL."""
    return '"' + name.replace('"', '""') + '"'
