"""``seventh export``: the pulses of a time, as CSV, JSON lines or Parquet."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from seventh.cli.history import between, found, report, state_folder
from seventh.cli.output import need_writable
from seventh.model.failure import UsageError
from seventh.watch.history.database import HistoryError
from seventh.watch.history.export import write
from seventh.watch.history.query import History, opened


def run(parsed: argparse.Namespace) -> int:
    """Write the pulses; returns 0."""
    if parsed.output is None and parsed.format == "parquet":
        raise UsageError("--format parquet: needs --output FILE")
    need_writable(parsed.output)
    since_s, until_s = between(parsed)
    try:
        with opened(state_folder(parsed)) as history:
            names = [found(history, name) for name in parsed.targets] or history.names()
            history.load(names, since_s, until_s)
            report(history)
            _write(history, parsed)
    except HistoryError as error:
        raise UsageError(str(error)) from None
    return 0


def _write(history: History, parsed: argparse.Namespace) -> None:
    if parsed.output is not None:
        write(history.database, parsed.format, parsed.output)
        return
    # DuckDB writes files by name; one that standard output already is would be emptied.
    with tempfile.TemporaryDirectory(prefix="seventh-") as folder:
        path = Path(folder) / "export"
        write(history.database, parsed.format, str(path))
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
