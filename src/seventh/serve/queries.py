"""What is read of the store: each function runs within a transaction of its thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from seventh.model.severity import Severity
from seventh.watch.grouping import Notification
from seventh.watch.samples import HERE, Cause
from seventh.watch.verdict import Condition

MOST = 1000
"""Incidents of one answer."""
_MOST_FINDINGS = 20_000
_CAUSE = msgspec.json.Decoder(Cause | None)
_NOTIFICATION = msgspec.json.Decoder(Notification)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the last full check of a target."""

    target: int
    id: str
    severity: str
    params: Mapping[str, Any]
    first_ns: int
    last_ns: int
    gone_ns: int | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fired."""

    id: int
    target: int
    kind: Condition
    phase: str
    since_ns: int
    fired_ns: int
    sent_ns: int | None
    resolved_ns: int | None
    given_up: bool
    cause: Cause | None
    acknowledged_ns: int | None = None
    acknowledged_by: str | None = None
    notification: int | None = None


def findings(database: sqlite3.Connection) -> list[Found]:
    """Return the findings that are present."""
    rows = database.execute(
        "SELECT target, rule, severity, params, first_ns, last_ns FROM finding"
        " WHERE gone_ns IS NULL ORDER BY target, rule, params LIMIT ?",
        (_MOST_FINDINGS,),
    )
    return [
        Found(
            target=target, id=rule, severity=severity, params=msgspec.json.decode(params),
            first_ns=first_ns, last_ns=last_ns,
        )
        for target, rule, severity, params, first_ns, last_ns in rows
    ]  # fmt: skip


_INCIDENT = (
    "SELECT id, target, kind, phase, since_ns, fired_ns, sent_ns, resolved_ns, given_up, cause,"
    " acknowledged_ns, acknowledged_by, notification FROM incident"
)


def incidents(
    database: sqlite3.Connection, *, firing: bool, before: int | None, most: int,
    target: int | None = None,
) -> list[Incident]:  # fmt: skip
    """Return incidents, the newest first: those with a lower number than ``before``, if given."""
    rows = database.execute(
        f"{_INCIDENT} WHERE (resolved_ns IS NULL OR NOT ?1) AND id < ?2"
        f" {'AND target = ?4' if target is not None else ''} ORDER BY id DESC LIMIT ?3",
        (firing, before if before is not None else 1 << 62, most, target)[
            : 3 + (target is not None)
        ],
    )
    return [_incident(*row) for row in rows]


def incident(database: sqlite3.Connection, number: int) -> Incident | None:
    """Return one incident."""
    row = database.execute(f"{_INCIDENT} WHERE id = ?", (number,)).fetchone()
    return _incident(*row) if row is not None else None


def notification(database: sqlite3.Connection, number: int) -> Notification | None:
    """Return what was sent of an incident, with its evidence."""
    row = database.execute("SELECT data FROM notification WHERE id = ?", (number,)).fetchone()
    return _NOTIFICATION.decode(row[0]) if row is not None else None


class Delivery(msgspec.Struct, frozen=True):
    """What a receiver was sent, or is to be sent."""

    receiver: str
    resolved: bool
    queued_ns: int
    done_ns: int | None
    tries: int
    error: str | None


def deliveries(database: sqlite3.Connection, notification: int) -> list[Delivery]:
    """Return to whom a notification was sent."""
    rows = database.execute(
        "SELECT receiver, resolved, queued_ns, done_ns, tries, error FROM outbox"
        " WHERE notification = ? ORDER BY id", (notification,),
    )  # fmt: skip
    return [Delivery(receiver, bool(resolved), *rest) for receiver, resolved, *rest in rows]


def _incident(
    number: int, target: int, kind: str, phase: str, since_ns: int, fired_ns: int,
    sent_ns: int | None, resolved_ns: int | None, given_up: int, cause: str,
    acknowledged_ns: int | None, acknowledged_by: str | None, notification: int | None,
) -> Incident:  # fmt: skip
    return Incident(
        id=number, target=target, kind=Condition(kind), phase=phase, since_ns=since_ns,
        fired_ns=fired_ns, sent_ns=sent_ns, resolved_ns=resolved_ns, given_up=bool(given_up),
        cause=_CAUSE.decode(cause), acknowledged_ns=acknowledged_ns,
        acknowledged_by=acknowledged_by, notification=notification,
    )  # fmt: skip


def counts(database: sqlite3.Connection) -> dict[int, dict[str, int]]:
    """Return how many findings of each severity each target has, the most severe first."""
    found: dict[int, dict[str, int]] = {}
    for target, severity, number in database.execute(
        "SELECT target, severity, count(*) FROM finding WHERE gone_ns IS NULL"
        " GROUP BY target, severity"
    ):
        found.setdefault(target, {})[severity] = number
    return {
        target: {each: tally[each] for each in Severity if each in tally}
        for target, tally in found.items()
    }


def findings_of(database: sqlite3.Connection, target: int) -> list[Found]:
    """Return the findings of one target that are present, and then those that are gone."""
    return [
        Found(
            target=target, id=rule, severity=severity, params=msgspec.json.decode(params),
            first_ns=first_ns, last_ns=last_ns, gone_ns=gone_ns,
        )
        for rule, severity, params, first_ns, last_ns, gone_ns in database.execute(
            "SELECT rule, severity, params, first_ns, last_ns, gone_ns FROM finding"
            " WHERE target = ? ORDER BY gone_ns IS NOT NULL, gone_ns DESC, rule, params LIMIT 300",
            (target,),
        )
    ]  # fmt: skip


def changes(
    database: sqlite3.Connection, target: int, since_ns: int
) -> list[tuple[int, Condition]]:
    """Return the changes of a target's condition from the last one before an instant on."""
    rows = database.execute(
        "SELECT at_ns, condition FROM condition WHERE target = ?1 AND vantage = ?3 AND at_ns >="
        " coalesce((SELECT max(at_ns) FROM condition WHERE target = ?1 AND vantage = ?3"
        " AND at_ns <= ?2), 0) ORDER BY at_ns",
        (target, since_ns, HERE),
    )
    return [(at_ns, Condition(condition)) for at_ns, condition in rows]


class Step(msgspec.Struct, frozen=True):
    """A change of a target's condition, with its cause."""

    at_ns: int
    condition: Condition
    reason: str | None
    phase: str | None
    blame: str | None


def steps(database: sqlite3.Connection, target: int, since_ns: int, until_ns: int) -> list[Step]:
    """Return the changes of a target between two instants, at most 200."""
    rows = database.execute(
        "SELECT at_ns, condition, reason, phase, blame FROM condition WHERE target = ?"
        " AND vantage = ? AND at_ns BETWEEN ? AND ? ORDER BY at_ns LIMIT 200",
        (target, HERE, since_ns, until_ns),
    )
    return [Step(at_ns, Condition(condition), *rest) for at_ns, condition, *rest in rows]


def names(database: sqlite3.Connection) -> dict[int, str]:
    """Return the name of each target, those that are no longer watched too."""
    return dict(database.execute("SELECT id, name FROM target"))
