"""What is read of the store: each function runs within a transaction of its thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition

MOST = 1000
"""Incidents of one answer."""
_MOST_FINDINGS = 20_000
_CAUSE = msgspec.json.Decoder(Cause | None)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the last full check of a target."""

    target: int
    id: str
    severity: str
    params: Mapping[str, Any]
    first_ns: int
    last_ns: int


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
    acknowledged_by: str = ""


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


def incidents(
    database: sqlite3.Connection, *, firing: bool, before: int | None, most: int
) -> list[Incident]:
    """Return incidents, the newest first: those with a lower number than ``before``, if given."""
    rows = database.execute(
        "SELECT id, target, kind, phase, since_ns, fired_ns, sent_ns, resolved_ns, given_up, cause,"
        " acknowledged_ns, acknowledged_by FROM incident"
        " WHERE (resolved_ns IS NULL OR NOT ?) AND id < ? ORDER BY id DESC LIMIT ?",
        (firing, before if before is not None else 1 << 62, most),
    )
    return [
        Incident(
            id=number, target=target, kind=Condition(kind), phase=phase, since_ns=since_ns,
            fired_ns=fired_ns, sent_ns=sent_ns, resolved_ns=resolved_ns, given_up=bool(given_up),
            cause=_CAUSE.decode(cause), acknowledged_ns=acknowledged_ns, acknowledged_by=by or "",
        )
        for number, target, kind, phase, since_ns, fired_ns, sent_ns, resolved_ns, given_up, cause,
        acknowledged_ns, by in rows
    ]  # fmt: skip


def names(database: sqlite3.Connection) -> dict[int, str]:
    """Return the name of each target, those that are no longer watched too."""
    return dict(database.execute("SELECT id, name FROM target"))
