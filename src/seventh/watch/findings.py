"""What full checks found, in the store: each function runs within a transaction of its thread.

What a check could not judge stays as it was: only a rule that was judged, and passed, ends its
finding. A finding whose evidence has other values is the same finding.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping

import msgspec

from seventh import __version__
from seventh.model.report import Finding, Report
from seventh.model.severity import Severity
from seventh.watch.verdict import Condition

_FINDING = msgspec.json.Decoder(Finding)


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What one full check, or a look at a series, found and could judge."""

    target: int
    at_ns: int
    findings: tuple[Finding, ...] = ()
    passed: frozenset[str] = frozenset()
    """The rules that were judged, and did not fire."""
    complete: bool = True
    """Whether nothing failed: only then is a finding that was not there before called new."""
    series: bool = False
    """Whether a series was judged: all that it finds is new."""
    due: bool = False
    """Whether it was the target's scheduled check."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that is new, or gone."""

    target: int
    at_ns: int
    rule: str
    severity: Severity
    gone: bool = False


def looked(target: int, report: Report, at_ns: int, *, due: bool = False) -> Looked:
    """Return what a full check found and could judge."""
    return Looked(
        target=target, at_ns=at_ns, findings=report.findings, passed=frozenset(report.passed),
        complete=report.failure is None, due=due,
    )  # fmt: skip


class _Row(msgspec.Struct, frozen=True):
    params: str
    first_ns: int
    announced: int
    severity: Severity


def note(database: sqlite3.Connection, look: Looked, alerted: Severity | None) -> list[Drift]:
    """Note what a look found; ``alerted`` is the severity from which a new finding is an alert.

    The first complete check of a target by this version of Seventh announces nothing: what it finds
    was there before.
    """
    known: dict[str, list[_Row]] = {}
    for rule, params, first_ns, announced, severity in database.execute(
        "SELECT rule, params, first_ns, announced, severity FROM finding"
        " WHERE target = ? AND gone_ns IS NULL ORDER BY params",
        (look.target,),
    ):
        row = _Row(params, first_ns, announced, Severity(severity))
        known.setdefault(rule, []).append(row)
    present: dict[str, dict[str, Finding]] = {}
    for each in look.findings:
        params = msgspec.json.encode(each.params, order="sorted").decode()
        present.setdefault(each.id, {})[params] = each
    drift: list[Drift] = []
    for rule, several in present.items():
        drift += _present(database, look, rule, several, known.get(rule, []))
    for rule in look.passed & known.keys() - present.keys():
        drift += _gone(database, look, rule, known[rule])
    if not look.series and not _has_baseline(database, look):
        drift = [each for each in drift if each.gone]
    if look.due or (look.complete and not look.series):
        _note_check(database, look)
    for event in drift:
        finding = next(iter(present.get(event.rule, {}).values()), None)
        _note_alert(database, event, finding, alerted)
    return drift


def _present(
    database: sqlite3.Connection,
    look: Looked,
    rule: str,
    present: Mapping[str, Finding],
    known: list[_Row],
) -> Iterator[Drift]:
    """Note the findings of one rule, and yield it once if it is new."""
    before = {row.params: row for row in known}
    others = [row for row in known if row.params not in present]
    new = False
    for params, finding in present.items():
        # With other values it is the same finding.
        row = before.get(params) or (others.pop(0) if others else None)
        tells = look.complete and not (row is not None and row.announced)
        new |= tells
        if row is None:
            database.execute(
                "INSERT OR REPLACE INTO finding"
                " (target, rule, params, severity, first_ns, last_ns, announced)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (look.target, rule, params, finding.severity, look.at_ns, look.at_ns, tells),
            )
        else:
            database.execute(
                "UPDATE OR REPLACE finding SET params = ?, severity = ?, last_ns = ?, announced = ?"
                " WHERE target = ? AND rule = ? AND params = ? AND first_ns = ?",
                (params, finding.severity, look.at_ns, tells or row.announced, look.target, rule,
                 row.params, row.first_ns),
            )  # fmt: skip
    for row in others:
        _end(database, look, rule, row)
    if new and not any(row.announced for row in known):
        severity = max((each.severity for each in present.values()), key=lambda each: each.rank)
        yield Drift(target=look.target, at_ns=look.at_ns, rule=rule, severity=severity)


def _gone(
    database: sqlite3.Connection, look: Looked, rule: str, known: list[_Row]
) -> Iterator[Drift]:
    """End the findings of a rule that passed."""
    for row in known:
        _end(database, look, rule, row)
    if any(row.announced for row in known):
        severity = max((row.severity for row in known), key=lambda each: each.rank)
        yield Drift(target=look.target, at_ns=look.at_ns, rule=rule, severity=severity, gone=True)


def _end(database: sqlite3.Connection, look: Looked, rule: str, row: _Row) -> None:
    database.execute(
        "UPDATE finding SET gone_ns = ?"
        " WHERE target = ? AND rule = ? AND params = ? AND first_ns = ?",
        (look.at_ns, look.target, rule, row.params, row.first_ns),
    )


def _has_baseline(database: sqlite3.Connection, look: Looked) -> bool:
    row = database.execute("SELECT version FROM checked WHERE target = ?", (look.target,))
    return bool(row.fetchone() == (__version__,))


def _note_check(database: sqlite3.Connection, look: Looked) -> None:
    """Note when the target was checked; a version only for a check that is complete."""
    database.execute(
        "INSERT INTO checked (target, due_ns, version) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE"
        " SET due_ns = coalesce(?2, due_ns), version = coalesce(?3, version)",
        (look.target, look.at_ns if look.due and look.complete else None,
         __version__ if look.complete else None),
    )  # fmt: skip


def _note_alert(
    database: sqlite3.Connection, event: Drift, finding: Finding | None, alerted: Severity | None
) -> None:
    """Begin the alert of a finding that is new, or end it; :func:`review` has it sent."""
    if event.gone:
        _resolve(database, event.at_ns, "target = ? AND phase = ?", event.target, event.rule)
    elif alerted is not None and finding is not None and event.severity.reaches(alerted):
        database.execute(
            "INSERT INTO incident (target, kind, phase, since_ns, fired_ns, cause, finding)"
            " VALUES (?1, ?2, ?3, ?4, ?4, 'null', ?5) ON CONFLICT DO NOTHING",
            (event.target, Condition.FINDING, event.rule, event.at_ns,
             msgspec.json.encode(finding).decode()),
        )  # fmt: skip


def _resolve(
    database: sqlite3.Connection, at_ns: int, where: str, *values: object, given_up: bool = False
) -> None:
    database.execute(
        "UPDATE incident SET resolved_ns = ?, given_up = ?"  # noqa: S608
        f" WHERE kind = ? AND resolved_ns IS NULL AND {where}",
        (at_ns, given_up, Condition.FINDING, *values),
    )


def review(
    database: sqlite3.Connection,
    wanted: Callable[[int, Severity], bool],
    silenced: Callable[[int, int], bool],
    now_ns: int,
) -> None:
    """Have the alerts of findings sent that nothing silences, and give up those not ``wanted``."""
    rows = database.execute(
        "SELECT id, target, sent_ns, finding FROM incident WHERE kind = ? AND resolved_ns IS NULL",
        (Condition.FINDING,),
    )
    for number, target, sent_ns, finding in rows.fetchall():
        if not wanted(target, _FINDING.decode(finding).severity):
            _resolve(database, now_ns, "id = ?", number, given_up=True)
        elif sent_ns is None and not silenced(target, now_ns):
            database.execute("UPDATE incident SET sent_ns = ? WHERE id = ?", (now_ns, number))


def checked(database: sqlite3.Connection) -> dict[int, int]:
    """Return when the scheduled check of each target last was complete."""
    rows = database.execute("SELECT target, due_ns FROM checked WHERE due_ns IS NOT NULL")
    return dict(rows)
