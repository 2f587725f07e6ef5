"""Hours of the journal become files: ``python -m seventh.watch.history.compact FOLDER NOW_NS``.

It runs in a process of its own, so that its memory is not the monitor's, and only reads the
database: for each hour that is written it prints a line, upon which the monitor deletes the hour
from the journal. After a crash at any step the hour is written again or not: its file says up to
which blob it has the pulses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from seventh.model.failure import system_error
from seventh.watch.history import rollup
from seventh.watch.history.database import HistoryError, connect, quoted
from seventh.watch.history.files import FOLDER, Meta, checked, failed, hour_path, move_aside, write
from seventh.watch.history.staging import Staged, blobs_of
from seventh.watch.samples import HOUR_NS
from seventh.watch.store import FILE

if TYPE_CHECKING:
    import duckdb

GRACE_NS = 5 * 60 * 10**9
"""How long after its end an hour is written: pulses that began in it may still run."""
_NICENESS = 10
_ORDER = "ORDER BY target, vantage, at_ms"


class LaterError(HistoryError):
    """A file of a later Seventh: it is good, and not to be replaced."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """An hour that is in its file, up to a blob of the journal."""

    hour: int
    seq: int
    notes: tuple[str, ...] = ()
    """What is to be told: damaged blobs, a damaged file that was moved aside."""


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal for reading, as it is at this moment. Raises HistoryError."""
    path = folder / FILE
    try:
        journal = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise HistoryError(f"{path}: {error}") from None
    try:
        journal.execute("BEGIN")
        journal.execute("SELECT count(*) FROM target")
        yield journal
    except sqlite3.Error as error:
        raise HistoryError(f"{path}: {error}") from None
    finally:
        journal.close()


def compact(folder: Path, now_ns: int) -> Iterator[Written]:
    """Write the hours that are over, and yield each. Raises HistoryError.

    The file of a later Seventh does not keep the other hours from being written.
    """
    spill = folder / FOLDER / ".spill"
    shutil.rmtree(spill, ignore_errors=True)  # of a process that was killed
    with reading(folder) as journal:
        # Up to the snapshot: what follows is needed to replay the states.
        (until,) = journal.execute("SELECT coalesce(max(seq), 0) FROM snapshot").fetchone()
        due_ns = now_ns - GRACE_NS
        hours = [hour for hour in hours_of(journal, until) if (hour + 1) * HOUR_NS <= due_ns]
        if hours:
            (store,) = journal.execute("SELECT id FROM identity").fetchone()
            with contextlib.closing(connect(spill)) as database:
                staged = _staged(database, journal, folder)
                later: list[LaterError] = []
                for hour in hours:
                    meta = Meta(store=store, seq=until)
                    try:
                        yield _write_hour(folder, journal, staged, hour, meta)
                    except LaterError as error:
                        later.append(error)
                if later:
                    raise later[0]


def _staged(
    database: duckdb.DuckDBPyConnection, journal: sqlite3.Connection, folder: Path
) -> Staged:
    import duckdb

    try:
        return Staged(database, names_of(journal))
    except duckdb.Error as error:  # such as no memory for all names
        raise failed(folder / FOLDER, error) from None


def names_of(journal: sqlite3.Connection) -> dict[int, str]:
    """Return the names of all targets that there ever were, by number."""
    return dict(journal.execute("SELECT id, name FROM target"))


def hours_of(journal: sqlite3.Connection, until: int = 2**62) -> list[int]:
    """Return the hours that the journal has pulses of up to a blob, counted since 1970."""
    rows = journal.execute(
        "SELECT DISTINCT first_ns / ? AS hour FROM journal WHERE +seq <= ? ORDER BY hour",
        (HOUR_NS, until),
    )
    return [hour for (hour,) in rows]


def _write_hour(
    folder: Path, journal: sqlite3.Connection, staged: Staged, hour: int, meta: Meta
) -> Written:
    import duckdb

    path = hour_path(folder, hour)
    before, notes = _before(staged.database, path)
    has = before.seq if before is not None and before.store == meta.store else 0
    known = len(staged.damaged)
    try:
        staged.clear()
        staged.add(blobs_of(journal, hour, has, meta.seq))
    except duckdb.Error as error:
        raise failed(path, error) from None
    notes += [f"{path}: part of the journal damaged: {why}" for why in staged.damaged[known:]]
    query = staged.select()
    if before is not None:
        query = (
            f"SELECT * REPLACE (target::VARCHAR AS target) FROM ({query})"  # noqa: S608
            f" UNION ALL BY NAME SELECT * FROM read_parquet({quoted(str(path))})"
        )
    if has < meta.seq:
        phases = {*staged.phases, *(before.phases if before is not None else ())}
        meta = replace(meta, phases=tuple(sorted(phases)))
        write(staged.database, path, f"{query} {_ORDER}", meta)
    return Written(hour=hour, seq=meta.seq, notes=tuple(notes))


def _before(database: duckdb.DuckDBPyConnection, path: Path) -> tuple[Meta | None, list[str]]:
    """Return what the hour's file says of itself if there is one; a damaged one is moved aside."""
    if not path.exists():
        return None, []
    good, skipped = checked(database, [path], "pulses")
    if skipped and skipped[0].later:
        raise LaterError(f"{path}: {skipped[0].why}")
    if skipped:
        aside = move_aside(path)
        return None, [f"{path}: {skipped[0].why}; it is now {aside}"]
    return good[path], []


def main(folder: Path, now_ns: int) -> int:
    """Write what is due, and print a line of JSON for each hour; returns 1 if that fails."""
    os.nice(_NICENESS)
    failed = []
    try:
        for written in compact(folder, now_ns):
            sys.stdout.write(msgspec.json.encode(written).decode() + "\n")
            sys.stdout.flush()
    except (HistoryError, OSError) as error:
        failed.append(_told(error))
    try:  # also on a full disk: it deletes what is too old
        for made in rollup.make(folder, now_ns):
            for each in made.skipped:
                sys.stderr.write(f"{each.path}: not in the roll-up: {each.why}\n")
    except (HistoryError, OSError) as error:
        failed.append(_told(error))
    sys.stderr.write("".join(f"{line}\n" for line in dict.fromkeys(failed)))
    return 1 if failed else 0


def _told(error: HistoryError | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {system_error(error)}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
