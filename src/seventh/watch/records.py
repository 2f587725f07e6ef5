"""What the store keeps: each function runs within a transaction of the store's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec
import zstandard

from seventh.model.report import Finding
from seventh.watch import journal
from seventh.watch.alerts import Alert, Notice
from seventh.watch.config import WatchedTarget
from seventh.watch.fleet import Seen, Snapshot
from seventh.watch.samples import HERE, HOUR_NS, Cause, Pulse
from seventh.watch.verdict import Changed, Condition, Fired, Resolved

_SNAPSHOT = msgspec.msgpack.Decoder(Snapshot)
_CAUSE = msgspec.json.Decoder(Cause | None)
_FINDING = msgspec.json.Decoder(Finding)
_BLOBS = 100
"""Blobs of the journal that are read at once."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit writes."""

    pulses: Sequence[Pulse] = ()
    seen: Seen = msgspec.field(default_factory=Seen)
    """What they led to."""
    snapshot: Snapshot | None = None
    """What the pulses up to and with these led to: later starts replay only what follows."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a start finds."""

    snapshot: Snapshot
    seq: int
    """The last blob of the journal that the snapshot has."""
    firing: list[Alert]
    damaged: int = 0
    """1 if the snapshot is damaged: then all pulses are replayed."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the journal."""

    seq: int
    """The last blob in it."""
    pulses: list[Pulse]
    damaged: int = 0
    """Blobs that are damaged: their pulses are missing."""


def register(
    database: sqlite3.Connection, targets: Iterable[WatchedTarget], now_ns: int
) -> dict[str, int]:
    """Return the number of each target by its name; one that comes back keeps its number."""
    names = []
    for each in targets:
        names.append(each.name)
        database.execute(
            "INSERT INTO target (name, url, labels, every_ns, since_ns) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET url = excluded.url, labels = excluded.labels,"
            " every_ns = excluded.every_ns, until_ns = NULL",
            (each.name, str(each.target), msgspec.json.encode(each.labels).decode(), each.every_ns,
             now_ns),
        )  # fmt: skip
    numbers = dict(database.execute("SELECT name, id FROM target"))
    gone = [(now_ns, numbers[name]) for name in numbers.keys() - set(names)]
    database.executemany("UPDATE target SET until_ns = ? WHERE id = ? AND until_ns IS NULL", gone)
    return {name: numbers[name] for name in names}


def write(database: sqlite3.Connection, batch: Batch) -> None:
    """Write a batch."""
    hours: dict[int, list[Pulse]] = {}  # a blob is of one hour, as a file of the history is
    for pulse in batch.pulses:
        hours.setdefault(pulse.at_ns // HOUR_NS, []).append(pulse)
    for pulses in hours.values():
        times = [pulse.at_ns for pulse in pulses]
        database.execute(
            "INSERT INTO journal (vantage, first_ns, last_ns, pulses, data) VALUES (?, ?, ?, ?, ?)",
            (HERE, min(times), max(times), len(times), journal.encode(pulses)),
        )
    for each in batch.seen.log:
        if isinstance(each, Notice):
            _write_notice(database, each)
        else:
            _write_event(database, *each)
    if batch.snapshot is not None:
        data = zstandard.compress(msgspec.msgpack.encode(batch.snapshot), 3)
        database.execute(
            "INSERT OR REPLACE INTO snapshot (id, seq, data)"
            " SELECT 1, coalesce(max(seq), 0), ? FROM sqlite_sequence WHERE name = 'journal'",
            (data,),
        )


def _write_event(
    database: sqlite3.Connection, target: int, event: Changed | Fired | Resolved
) -> None:
    if isinstance(event, Changed):
        cause = event.cause
        reason = (cause.reason, cause.phase, cause.blame) if cause is not None else (None,) * 3
        # Of several changes at one instant the last one holds.
        database.execute(
            "INSERT OR REPLACE INTO condition VALUES (?, ?, ?, ?, ?, ?, ?)",
            (target, HERE, event.at_ns, event.new, *reason),
        )
    elif isinstance(event, Fired):
        database.execute(
            "INSERT INTO incident (target, kind, phase, since_ns, fired_ns, cause)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (target, event.kind, event.phase, event.since_ns, event.at_ns,
             msgspec.json.encode(event.cause).decode()),
        )  # fmt: skip
    else:
        database.execute(
            "UPDATE incident SET resolved_ns = ?, given_up = ?"
            " WHERE target = ? AND kind = ? AND phase = ? AND resolved_ns IS NULL",
            (event.at_ns, event.given_up, target, event.kind, event.phase),
        )


def _write_notice(database: sqlite3.Connection, notice: Notice) -> None:
    """Note that an alert is to be sent; its end is sent when it has ended."""
    if not notice.resolved:
        database.execute(
            "UPDATE incident SET sent_ns = ? WHERE id = (SELECT max(id) FROM incident"
            " WHERE target = ? AND kind = ? AND phase = ?)",
            (notice.at_ns, *notice.alert.key),
        )


def stored(database: sqlite3.Connection) -> Stored:
    """Return what a start needs besides the pulses: the snapshot, and the alerts that fire.

    Alerts of findings and of objectives are not made by pulses.
    """
    firing = _firing(database)
    row = database.execute("SELECT seq, data FROM snapshot").fetchone()
    if row is None:
        return Stored(snapshot=Snapshot(), seq=0, firing=firing)
    try:
        snapshot = _SNAPSHOT.decode(zstandard.decompress(row[1]))
    except (zstandard.ZstdError, msgspec.MsgspecError):
        return Stored(snapshot=Snapshot(), seq=0, firing=firing, damaged=1)
    return Stored(snapshot=snapshot, seq=row[0], firing=firing)


def forget_hour(database: sqlite3.Connection, hour: int, seq: int) -> None:
    """Delete an hour's pulses up to ``seq``: the history has them."""
    database.execute(
        "DELETE FROM journal WHERE first_ns >= ? AND first_ns < ? AND +seq <= ?",
        (hour * HOUR_NS, (hour + 1) * HOUR_NS, seq),
    )


def journal_after(database: sqlite3.Connection, seq: int) -> Part | None:
    """Return the next part of the journal; None at its end."""
    blobs = database.execute(
        "SELECT seq, data FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (seq, _BLOBS)
    ).fetchall()
    pulses: list[Pulse] = []
    damaged = 0
    for _, data in blobs:
        try:
            pulses += journal.decode(data)
        except journal.CorruptError:
            damaged += 1
    return Part(seq=blobs[-1][0], pulses=pulses, damaged=damaged) if blobs else None


ALERT = (
    "target, kind, incident.phase, incident.since_ns, fired_ns, sent_ns, cause, incident.finding"
)
"""The columns of which :func:`alert_of` makes an alert."""


def _firing(database: sqlite3.Connection) -> list[Alert]:
    cursor = database.execute(
        f"SELECT {ALERT} FROM incident WHERE resolved_ns IS NULL AND kind NOT IN (?, ?)",  # noqa: S608
        (Condition.FINDING, Condition.BURNING),
    )
    return [alert_of(*row) for row in cursor]


def alert_of(
    target: int,
    kind: str,
    phase: str,
    since_ns: int,
    fired_ns: int,
    sent_ns: int | None,
    cause: str,
    finding: str | None,
) -> Alert:
    """Return an alert as it is stored."""
    return Alert(
        target=target, kind=Condition(kind), phase=phase, since_ns=since_ns, fired_ns=fired_ns,
        sent_ns=sent_ns, cause=_CAUSE.decode(cause),
        finding=_FINDING.decode(finding) if finding is not None else None,
    )  # fmt: skip


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which no alert of the targets that match is sent."""

    match: dict[str, str]
    from_ns: int
    until_ns: int
    by: str
    why: str


def add_silence(database: sqlite3.Connection, silence: Silence) -> int:
    """Add a silence, and return its number."""
    cursor = database.execute(
        "INSERT INTO silence (match, from_ns, until_ns, by, why) VALUES (?, ?, ?, ?, ?)",
        (msgspec.json.encode(silence.match).decode(), silence.from_ns, silence.until_ns, silence.by,
         silence.why),
    )  # fmt: skip
    assert cursor.lastrowid is not None  # noqa: S101 - one row was inserted
    return cursor.lastrowid


def silences(database: sqlite3.Connection, now_ns: int) -> dict[int, Silence]:
    """Return the silences that are not over, by their number."""
    return {
        number: Silence(
            match=msgspec.json.decode(match, type=dict[str, str]), from_ns=from_ns,
            until_ns=until_ns, by=by, why=why,
        )
        for number, match, from_ns, until_ns, by, why in database.execute(
            "SELECT id, match, from_ns, until_ns, by, why FROM silence WHERE until_ns > ?",
            (now_ns,),
        )
    }  # fmt: skip


def end_silence(database: sqlite3.Connection, number: int, now_ns: int) -> None:
    """End a silence now."""
    database.execute(
        "UPDATE silence SET until_ns = min(until_ns, ?) WHERE id = ?", (now_ns, number)
    )
