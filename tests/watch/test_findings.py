"""Findings in the store: first and last seen, new and gone, and the alerts of new ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from seventh.model.report import Finding
from seventh.model.severity import Severity
from seventh.watch import findings, outbox, records
from seventh.watch.findings import Drift, Looked
from seventh.watch.schema import migrate

QUERY = (
    "SELECT rule, params, severity, first_ns, last_ns, gone_ns FROM finding ORDER BY rule, first_ns"
)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made, "memory")
    yield made
    made.close()


def found(rule: str, severity: Severity = Severity.LOW, **params: str | int) -> Finding:
    return Finding(
        id=rule, room="ssh", severity=severity, tier=0, params=params, references=(), seed=()
    )


def look(at_ns: int, *several: Finding, passed: str = "", **more: bool) -> Looked:
    return Looked(
        target=1, at_ns=at_ns, findings=several, passed=frozenset(passed.split()), **more
    )  # fmt: skip


def note(
    database: sqlite3.Connection, each: Looked, alerted: Severity | None = Severity.MEDIUM
) -> list[tuple[str, bool]]:
    return [(drift.rule, drift.gone) for drift in findings.note(database, each, alerted)]


def rows(database: sqlite3.Connection, query: str = QUERY) -> list[tuple[object, ...]]:
    return database.execute(query).fetchall()


def test_the_first_check_is_the_baseline_and_the_next_drifts(database: sqlite3.Connection) -> None:
    assert note(database, look(1, found("A"), passed="B C")) == []
    assert note(database, look(2, found("B", Severity.HIGH), passed="A C")) == [
        ("B", False), ("A", True),
    ]  # fmt: skip
    assert note(database, look(3, found("B"), passed="A C")) == []
    assert rows(database) == [
        ("A", "{}", "low", 1, 1, 2), ("B", "{}", "low", 2, 3, None),
    ]  # fmt: skip
    assert findings.note(database, look(4, passed="A B C"), None) == [
        Drift(target=1, at_ns=4, rule="B", severity=Severity.LOW, gone=True)
    ]


def test_a_finding_with_other_values_is_the_same(database: sqlite3.Connection) -> None:
    note(database, look(1, found("A", days=9)))
    assert note(database, look(2, found("A", Severity.HIGH, days=8))) == []
    assert rows(database) == [("A", '{"days":8}', "high", 1, 2, None)]
    assert note(database, look(3, found("A", days=7), found("A", days=8))) == []
    assert note(database, look(4, found("A", days=7))) == []
    assert rows(database) == [
        ("A", '{"days":8}', "low", 1, 3, 4), ("A", '{"days":7}', "low", 3, 4, None),
    ]  # fmt: skip


def test_what_a_check_could_not_judge_stays(database: sqlite3.Connection) -> None:
    note(database, look(1, found("A"), found("B")))
    assert note(database, look(2, passed="B", complete=False)) == [("B", True)]
    assert note(database, look(3, passed="C")) == []
    assert rows(database) == [("A", "{}", "low", 1, 1, None), ("B", "{}", "low", 1, 1, 2)]


def test_only_a_complete_check_tells_what_is_new(database: sqlite3.Connection) -> None:
    note(database, look(1, passed="A B"))
    high = found("A", Severity.HIGH)
    assert note(database, look(2, high, complete=False)) == []
    assert rows(database, "SELECT rule, announced FROM finding") == [("A", 0)]
    assert rows(database, "SELECT id FROM incident") == []
    assert note(database, look(3, high)) == [("A", False)]
    assert note(database, look(4, high)) == []
    assert note(database, look(5, found("B"), complete=False, passed="A")) == [("A", True)]
    assert note(database, look(6, complete=False, passed="B")) == []


def test_another_version_has_its_own_baseline(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(database, look(1, passed="A"))
    monkeypatch.setattr(findings, "__version__", "9")
    assert note(database, look(2, found("A"), complete=False)) == []
    assert note(database, look(3, found("A"))) == []
    assert note(database, look(4, found("A"), found("B"))) == [("B", False)]


def test_what_a_series_shows_is_always_new_and_is_no_check(database: sqlite3.Connection) -> None:
    assert note(database, look(1, found("S"), series=True)) == [("S", False)]
    assert rows(database, "SELECT * FROM checked") == []
    assert note(database, look(2, found("A"), passed="B")) == []
    assert note(database, look(3, found("B"), passed="A")) == [("B", False), ("A", True)]
    assert note(database, look(4, passed="S", series=True)) == [("S", True)]


def test_only_scheduled_and_complete_checks_are_remembered(database: sqlite3.Connection) -> None:
    note(database, look(1))
    assert findings.checked(database) == {}
    note(database, look(2, due=True))
    note(database, look(3, due=True, complete=False))
    note(database, look(4))
    assert findings.checked(database) == {1: 2}


def review(database: sqlite3.Connection, now_ns: int, wanted: bool, silenced: bool) -> None:
    findings.review(database, lambda *_: wanted, lambda *_: silenced, now_ns)


def test_a_new_finding_is_an_alert_until_it_is_gone(database: sqlite3.Connection) -> None:
    note(database, look(1, passed="A B"))
    high = found("A", Severity.HIGH, what="x")
    note(database, look(2, high, found("B")))
    review(database, 3, wanted=True, silenced=True)
    assert outbox.pending(database) == []
    review(database, 4, wanted=True, silenced=False)
    review(database, 5, wanted=True, silenced=True)
    ((_, alert),) = outbox.pending(database)
    assert (alert.target, alert.kind, alert.phase, alert.since_ns, alert.sent_ns) == (
        1, "finding", "A", 2, 4,
    )  # fmt: skip
    assert alert.finding == high
    assert records.stored(database).firing == []
    note(database, look(6, passed="A B"))
    query = "SELECT phase, resolved_ns, given_up FROM incident"
    assert rows(database, query) == [("A", 6, 0)]


def test_an_alert_that_no_table_wants_any_more_is_given_up(database: sqlite3.Connection) -> None:
    note(database, look(1))
    note(database, look(2, found("A", Severity.MEDIUM)))
    review(database, 3, wanted=False, silenced=False)
    assert rows(database, "SELECT phase, sent_ns, resolved_ns, given_up FROM incident") == [
        ("A", None, 3, 1)
    ]


def test_no_alert_below_the_severity_or_without_a_table(database: sqlite3.Connection) -> None:
    note(database, look(1))
    assert note(database, look(2, found("A"), found("B", Severity.HIGH)), None) != []
    assert note(database, look(3, found("A"), found("B"), found("C"))) == [("C", False)]
    assert rows(database, "SELECT id FROM incident") == []
