"""What was received and is not sent on yet: functions that run within the store's transactions.

A commit writes a batch of records and what the receiver has to know after a restart. Each receiver
has the number of the last batch that it got; what all have is deleted.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from seventh.protocols.snmp.wire.usm import EngineClock
from seventh.watch.store import Kind

_MIGRATIONS = (
    """
    CREATE TABLE own (engine_id BLOB NOT NULL, boots INTEGER NOT NULL);
    CREATE TABLE batch (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, records INTEGER NOT NULL, data BLOB NOT NULL
    );
    CREATE TABLE forwarded (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE engine (  -- the last known time of each sender's engine
        id BLOB PRIMARY KEY, boots INTEGER NOT NULL, time INTEGER NOT NULL, at_ns INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)
KIND = Kind(file="traps.sqlite3", migrations=_MIGRATIONS, durable=True)
MAX_ENGINES = 4096
_ID_OCTETS = 12


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """Our engine."""

    engine_id: bytes
    boots: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Records that were committed together."""

    seq: int
    records: int
    data: bytes
    """A line each."""


def begin(database: sqlite3.Connection, receivers: Iterable[str]) -> Own:
    """Return our engine as it is from now on, and note who receives."""
    row = database.execute("SELECT engine_id, boots FROM own").fetchone()
    if row is None:
        # The enterprise 0, which nobody has, and random octets (RFC 3411 §5, SnmpEngineID).
        row = bytes.fromhex("8000000005") + secrets.token_bytes(_ID_OCTETS), 0
        database.execute("INSERT INTO own VALUES (?, ?)", row)
    engine_id, boots = row
    database.execute("UPDATE own SET boots = ?", (boots + 1,))
    names = list(receivers)
    marks = ",".join("?" * len(names))
    database.execute(f"DELETE FROM forwarded WHERE name NOT IN ({marks})", names)  # noqa: S608
    database.executemany("INSERT OR IGNORE INTO forwarded VALUES (?, 0)", [(n,) for n in names])
    return Own(engine_id=engine_id, boots=boots + 1)


def engines(database: sqlite3.Connection, now_ns: int, wall_ns: int) -> dict[bytes, EngineClock]:
    """Return the stored clocks of engines, by the clock of ``now_ns``."""
    cursor = database.execute("SELECT id, boots, time, at_ns FROM engine ORDER BY at_ns")
    return {
        engine_id: EngineClock(boots=boots, time=time, at_ns=now_ns - max(0, wall_ns - at_ns))
        for engine_id, boots, time, at_ns in cursor
    }


def append(
    database: sqlite3.Connection,
    parts: Iterable[tuple[int, bytes]],
    moved: Mapping[bytes, EngineClock],
    now_ns: int,
    wall_ns: int,
) -> None:
    """Write batches, each as the number of its records and its lines, and clocks that moved."""
    database.executemany("INSERT INTO batch (records, data) VALUES (?, ?)", parts)
    database.executemany(
        "INSERT OR REPLACE INTO engine VALUES (?, ?, ?, ?)",
        [(id_, c.boots, c.time, wall_ns - (now_ns - c.at_ns)) for id_, c in moved.items()],
    )
    if moved:
        database.execute(
            "DELETE FROM engine WHERE id NOT IN"
            " (SELECT id FROM engine ORDER BY at_ns DESC LIMIT ?)",
            (MAX_ENGINES,),
        )


def after(database: sqlite3.Connection, name: str, most: int) -> list[Batch]:
    """Return the next batches that a receiver does not have yet, at most ``most``."""
    cursor = database.execute(
        "SELECT seq, records, data FROM batch WHERE seq > (SELECT seq FROM forwarded"
        " WHERE name = ?) ORDER BY seq LIMIT ?",
        (name, most),
    )
    return [Batch(seq=seq, records=records, data=data) for seq, records, data in cursor]


def received(database: sqlite3.Connection, name: str, seq: int) -> int:
    """Note what a receiver has; delete what all have, and return how many bytes that frees."""
    database.execute("UPDATE forwarded SET seq = ? WHERE name = ?", (seq, name))
    everyone = "(SELECT min(seq) FROM forwarded)"
    (freed,) = database.execute(
        f"SELECT coalesce(sum(length(data)), 0) FROM batch WHERE seq <= {everyone}"  # noqa: S608
    ).fetchone()
    database.execute(f"DELETE FROM batch WHERE seq <= {everyone}")  # noqa: S608
    return int(freed)


def waiting(database: sqlite3.Connection) -> int:
    """Return the bytes that wait to be sent on."""
    (count,) = database.execute("SELECT coalesce(sum(length(data)), 0) FROM batch").fetchone()
    return int(count)
