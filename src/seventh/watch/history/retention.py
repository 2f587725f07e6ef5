"""How long pulses stay in the journal when the history does not take them.

They stay while there is room: what was measured is not dropped because a folder is read-only. Whole
hours go, the oldest first, and never what a start needs to replay the states.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import msgspec

from seventh.watch.samples import HOUR_NS

_DAY_NS = 24 * HOUR_NS
ALONE_NS = 2 * _DAY_NS
"""Without DuckDB, which writes the history."""
WAITING_NS = 14 * _DAY_NS
"""While the history cannot be written."""
_RESERVE = 2**30
"""Bytes of the disk below which the oldest go, or a twentieth of a small disk."""
_SHARE = 20
_LEAST = 64 * 2**20
"""Of any disk: the database's log needs a part of it."""


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """Pulses that no file of the history has, nor the journal any more."""

    pulses: int
    until_ns: int
    """All were of before this."""


def drop(database: sqlite3.Connection, folder: Path, now_ns: int, kept_ns: int) -> Dropped | None:
    """Delete the oldest hours that are older than ``kept_ns`` or for which there is no room.

    Hours that are not over by an hour stay. Returns None if nothing was deleted.
    """
    pulses = until_ns = 0
    usage = shutil.disk_usage(folder)
    reserve = min(_RESERVE, max(_LEAST, usage.total // _SHARE))
    while (end_ns := _oldest(database)) is not None:
        if end_ns > now_ns - kept_ns and (
            end_ns > now_ns - HOUR_NS or usage.free + _unused(database) >= reserve
        ):
            break
        (found,) = database.execute(
            "SELECT coalesce(sum(pulses), 0) FROM journal WHERE first_ns < ?1"
            " AND +seq <= (SELECT seq FROM snapshot)", (end_ns,),
        ).fetchone()  # fmt: skip
        database.execute(
            "DELETE FROM journal WHERE first_ns < ? AND +seq <= (SELECT seq FROM snapshot)",
            (end_ns,),
        )
        pulses, until_ns = pulses + found, end_ns
    return Dropped(pulses=pulses, until_ns=until_ns) if pulses else None


def _oldest(database: sqlite3.Connection) -> int | None:
    """Return when the oldest hour ends of which a start needs nothing."""
    (first_ns,) = database.execute(
        "SELECT min(first_ns) FROM journal WHERE +seq <= (SELECT seq FROM snapshot)"
    ).fetchone()
    return None if first_ns is None else (first_ns // HOUR_NS + 1) * HOUR_NS


def _unused(database: sqlite3.Connection) -> int:
    """Return the bytes of the database's file that new pulses may take."""
    (pages,) = database.execute("PRAGMA freelist_count").fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    return int(pages * size)
