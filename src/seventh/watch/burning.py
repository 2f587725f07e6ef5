"""Alerts of objectives, in the store: each function runs within a transaction of its thread.

While too little is known an alert neither begins nor ends; :mod:`seventh.watch.slo` decides that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping

from seventh.watch.verdict import Condition

Key = tuple[int, str]
"""The number of an objective, and ``page`` or ``ticket``."""


def firing(database: sqlite3.Connection) -> list[Key]:
    """Return the alerts that have not ended."""
    rows = database.execute(
        "SELECT target, phase FROM incident WHERE kind = ? AND resolved_ns IS NULL",
        (Condition.BURNING,),
    )
    return [(number, phase) for number, phase in rows]


def note(
    database: sqlite3.Connection, burns: Mapping[Key, bool], known: Collection[int], now_ns: int
) -> bool:
    """Begin and end alerts; ``burns``: those that fire, and whether each is silenced.

    Objectives that are not ``known`` are no longer watched. Return whether something changed.
    """
    changed = False
    for number, phase in {*firing(database)} - burns.keys():
        changed = True
        database.execute(
            "UPDATE incident SET resolved_ns = ?, given_up = ?"
            " WHERE kind = ? AND target = ? AND phase = ? AND resolved_ns IS NULL",
            (now_ns, number not in known, Condition.BURNING, number, phase),
        )
    for (number, phase), silenced in burns.items():
        database.execute(
            "INSERT INTO incident (target, kind, phase, since_ns, fired_ns, cause)"
            " VALUES (?1, ?2, ?3, ?4, ?4, 'null') ON CONFLICT DO NOTHING",
            (number, Condition.BURNING, phase, now_ns),
        )
        if not silenced:
            changed |= bool(database.execute(
                "UPDATE incident SET sent_ns = ? WHERE kind = ? AND target = ? AND phase = ?"
                " AND resolved_ns IS NULL AND sent_ns IS NULL",
                (now_ns, Condition.BURNING, number, phase),
            ).rowcount)  # fmt: skip
    return changed
