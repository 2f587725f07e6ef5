"""What is to be sent, and to whom: each function runs within a transaction of the store's thread.

A notification and what it sends are written together with the alerts that it is about, so that
after a crash nothing is missing and nothing is there twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

import msgspec

from seventh.watch.alerts import Alert
from seventh.watch.grouping import Grouped, New, Notification, Open
from seventh.watch.records import ALERT, alert_of
from seventh.watch.verdict import Condition

LEASE_NS = 60 * 10**9
"""How long what is being sent is not sent again."""
KEPT_NS = 7 * 86_400 * 10**9
"""How long it is tried to send it."""
FORGOTTEN_NS = 30 * 86_400 * 10**9
_DATA = msgspec.json.Decoder(Notification)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A notification to send to one receiver, or its end."""

    id: int
    key: str
    """The same each time it is sent: receivers recognise by it what they have already."""
    number: int
    """The notification's."""
    receiver: str
    resolved: bool
    tries: int
    """How often it was tried, this time included."""
    queued_ns: int
    at_ns: int
    """When its first alert was sent."""
    resolved_ns: int | None
    given_up: bool
    """Whether it ended because its targets are no longer watched."""
    notification: Notification


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What one receiver has not received yet."""

    receiver: str
    count: int
    tries: int
    """The most tries of one."""
    since_ns: int
    error: str
    """The last error; empty before the first try has ended."""


def pending(database: sqlite3.Connection) -> list[tuple[int, Alert]]:
    """Return the alerts that are to be sent and belong to no notification yet."""
    cursor = database.execute(
        f"SELECT incident.id, {ALERT} FROM incident"  # noqa: S608
        " WHERE sent_ns IS NOT NULL AND notification IS NULL ORDER BY incident.id"
    )
    return [(number, alert_of(*rest)) for number, *rest in cursor]


def still_open(database: sqlite3.Connection) -> list[Open]:
    """Return the notifications that have not ended."""
    cursor = database.execute("SELECT id, data FROM notification WHERE resolved_ns IS NULL")
    return [_open(number, _DATA.decode(data)) for number, data in cursor]


def _open(number: int, notification: Notification) -> Open:
    common = notification.common
    return Open(
        id=number, kind=common.kind, reason=common.reason, phase=common.phase,
        targets=frozenset(notification.targets),
    )  # fmt: skip


def notify(database: sqlite3.Connection, grouped: Grouped, now_ns: int) -> None:
    """Begin notifications, and note which alerts have joined one."""
    for new in grouped.new:
        _begin(database, new, now_ns)
    database.executemany("UPDATE incident SET notification = ?2 WHERE id = ?1", grouped.joined)
    settle(database, now_ns)


def _begin(database: sqlite3.Connection, new: New, now_ns: int) -> None:
    number = database.execute(
        "INSERT INTO notification (at_ns, data) VALUES (?, ?)",
        (now_ns, msgspec.json.encode(new.notification)),
    ).lastrowid
    database.executemany(
        "UPDATE incident SET notification = ? WHERE id = ?",
        [(number, incident) for incident in new.incidents],
    )
    _queue(database, [(number, False, receiver, now_ns) for receiver in new.receivers])


def _queue(database: sqlite3.Connection, rows: Iterable[tuple[int | None, bool, str, int]]) -> None:
    database.executemany(
        "INSERT INTO outbox (notification, resolved, receiver, queued_ns, due_ns)"
        " VALUES (?1, ?2, ?3, ?4, ?4)",
        rows,
    )


def settle(database: sqlite3.Connection, now_ns: int) -> None:
    """End the notifications whose alerts have all ended: their receivers get the end, once."""
    ended = database.execute(
        "SELECT id FROM notification WHERE resolved_ns IS NULL AND NOT EXISTS (SELECT 1"
        " FROM incident WHERE notification = notification.id AND resolved_ns IS NULL)"
    ).fetchall()
    for (number,) in ended:
        resolved_ns, given_up = database.execute(
            "SELECT max(resolved_ns), min(given_up) FROM incident WHERE notification = ?", (number,)
        ).fetchone()
        database.execute(
            "UPDATE notification SET resolved_ns = ?, given_up = ? WHERE id = ?",
            (resolved_ns, given_up, number),
        )
        told = database.execute(
            "SELECT receiver FROM outbox WHERE notification = ? ORDER BY id", (number,)
        )
        _queue(database, [(number, True, receiver, now_ns) for (receiver,) in told.fetchall()])


_DUE = (
    "SELECT outbox.id, identity.id, notification, receiver, resolved, tries, queued_ns, at_ns,"
    " resolved_ns, given_up, data FROM outbox JOIN notification"
    " ON notification.id = outbox.notification JOIN identity"
)


def claim(database: sqlite3.Connection, now_ns: int, busy: Collection[str] = ()) -> list[Due]:
    """Return what is due, at most one for each receiver that is not ``busy``.

    What was tried less often comes first, so that what a receiver always refuses does not keep it
    from the rest. An end is not due before what began it is done.
    """
    cursor = database.execute(
        "SELECT id, receiver FROM outbox WHERE done_ns IS NULL AND due_ns <= ?1"
        " AND claimed_until_ns <= ?1 AND NOT (resolved AND"
        " EXISTS (SELECT 1 FROM outbox AS begun WHERE begun.notification = outbox.notification"
        " AND begun.receiver = outbox.receiver AND NOT begun.resolved AND begun.done_ns IS NULL))"
        " ORDER BY tries, due_ns, id",
        (now_ns,),
    )
    first: dict[str, int] = {}
    for number, receiver in cursor:
        if receiver not in busy:
            first.setdefault(receiver, number)
    due = [
        _due(*database.execute(f"{_DUE} WHERE outbox.id = ?", (number,)).fetchone())
        for number in first.values()
    ]
    database.executemany(
        "UPDATE outbox SET claimed_until_ns = ?, tries = tries + 1 WHERE id = ?",
        [(now_ns + LEASE_NS, each.id) for each in due],
    )
    return due


def received(database: sqlite3.Connection, receiver: str) -> list[Due]:
    """Return the notifications that a receiver has and that have not ended."""
    cursor = database.execute(
        f"{_DUE} WHERE receiver = ? AND NOT resolved AND done_ns IS NOT NULL AND error IS NULL"
        " AND resolved_ns IS NULL ORDER BY notification",
        (receiver,),
    )
    return [_due(*row) for row in cursor]


def _due(
    number: int, store: str, notification: int, receiver: str, resolved: int, tries: int,
    queued_ns: int, at_ns: int, resolved_ns: int | None, given_up: int, data: bytes,
) -> Due:  # fmt: skip
    end = "resolved" if resolved else "firing"
    return Due(
        id=number, key=f"seventh-{store}-{notification}-{end}", number=notification,
        receiver=receiver, resolved=bool(resolved), tries=tries + 1, queued_ns=queued_ns,
        at_ns=at_ns, resolved_ns=resolved_ns, given_up=bool(given_up),
        notification=_DATA.decode(data),
    )  # fmt: skip


def release(database: sqlite3.Connection) -> None:
    """Make what an earlier process was sending due again; one process alone uses a store."""
    database.execute("UPDATE outbox SET claimed_until_ns = 0 WHERE done_ns IS NULL")


def forget(database: sqlite3.Connection, now_ns: int) -> None:
    """Delete what was sent, and has ended, long ago; the alerts themselves stay."""
    before_ns = now_ns - FORGOTTEN_NS
    old = "SELECT id FROM notification WHERE resolved_ns < ?1"
    database.execute(
        f"DELETE FROM outbox WHERE done_ns < ?1 AND notification IN ({old})",  # noqa: S608
        (before_ns,),
    )
    database.execute(
        "DELETE FROM notification WHERE resolved_ns < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE notification = notification.id)",
        (before_ns,),
    )


def done(database: sqlite3.Connection, number: int, now_ns: int) -> None:
    """Note that it was received."""
    database.execute("UPDATE outbox SET done_ns = ?, error = NULL WHERE id = ?", (now_ns, number))


def failed(database: sqlite3.Connection, due: Due, error: str, again_ns: int, now_ns: int) -> None:
    """Note why it was not received, and when it is tried again; not for ever."""
    given_up = now_ns - due.queued_ns >= KEPT_NS
    database.execute(
        "UPDATE outbox SET error = ?, due_ns = ?, claimed_until_ns = 0, done_ns = ? WHERE id = ?",
        (error, again_ns, now_ns if given_up else None, due.id),
    )


def give_up(database: sqlite3.Connection, number: int, error: str, now_ns: int) -> None:
    """Note that it is not sent at all, and why."""
    database.execute(
        "UPDATE outbox SET error = ?, done_ns = ? WHERE id = ?", (error, now_ns, number)
    )


def waiting(database: sqlite3.Connection) -> list[Waiting]:
    """Return what is waiting to be received, by receiver."""
    cursor = database.execute(
        "SELECT receiver, count(*), max(tries), min(queued_ns), (SELECT error FROM outbox AS last"
        " WHERE last.receiver = outbox.receiver AND done_ns IS NULL AND error IS NOT NULL"
        " ORDER BY tries DESC LIMIT 1) FROM outbox WHERE done_ns IS NULL GROUP BY receiver"
    )
    return [
        Waiting(receiver=receiver, count=count, tries=tries, since_ns=since_ns, error=error or "")
        for receiver, count, tries, since_ns, error in cursor
    ]


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that has not ended, as a person sees it."""

    id: int
    target: str
    kind: Condition
    alert: Alert
    acknowledged_by: str = ""


def firing(database: sqlite3.Connection) -> list[Firing]:
    """Return the alerts that have not ended, the oldest first."""
    cursor = database.execute(
        f"SELECT incident.id, coalesce(name, ''), acknowledged_by, {ALERT} FROM incident"  # noqa: S608
        " LEFT JOIN target ON target.id = incident.target WHERE resolved_ns IS NULL"
        " ORDER BY incident.since_ns, incident.id"
    )
    return [
        Firing(id=number, target=name, kind=alert.kind, alert=alert, acknowledged_by=by or "")
        for number, name, by, *rest in cursor
        for alert in (alert_of(*rest),)
    ]


def acknowledge(database: sqlite3.Connection, number: int, by: str, now_ns: int) -> bool:
    """Note who takes care of an alert; return whether it is firing."""
    cursor = database.execute(
        "UPDATE incident SET acknowledged_ns = ?, acknowledged_by = ?"
        " WHERE id = ? AND resolved_ns IS NULL",
        (now_ns, by, number),
    )
    return cursor.rowcount > 0
