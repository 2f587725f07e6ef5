"""Status and exit codes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.failure import Blame, Failed, Reason
from seventh.model.report import judge
from seventh.model.severity import Severity, Status
from tests.render.samples import FAILURE, SLOW, WEAK, report


@pytest.mark.parametrize(
    ("severities", "status"),
    [
        ([], Status.OK),
        ([Severity.INFO, Severity.LOW], Status.OK),
        ([Severity.LOW, Severity.MEDIUM], Status.WARNING),
        ([Severity.MEDIUM, Severity.HIGH], Status.CRITICAL),
        ([Severity.CRITICAL], Status.CRITICAL),
    ],
)
def test_findings_make_the_status(severities: list[Severity], status: Status) -> None:
    assert judge(None, severities) is status


def test_the_bar_moves_what_counts() -> None:
    assert judge(None, [Severity.LOW], Severity.LOW) is Status.WARNING
    assert judge(None, [Severity.HIGH], Severity.CRITICAL) is Status.OK
    assert judge(None, [Severity.MEDIUM], Severity.HIGH) is Status.OK


def test_a_failure_is_critical_whatever_was_found() -> None:
    failure = Failed(Reason.PEER_CLOSED, "gone").failure()
    assert judge(failure, []) is Status.CRITICAL


@pytest.mark.parametrize("reason", [Reason.INTERNAL, Reason.INTERRUPTED])
def test_what_seventh_could_not_tell_is_unknown(reason: Reason) -> None:
    assert judge(Failed(reason, "x").failure(), [Severity.CRITICAL]) is Status.UNKNOWN


def test_exit_codes_are_those_of_monitoring_plugins() -> None:
    assert [s.exit_code for s in Status] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("severities", "bar", "status"),
    [
        ([], Severity.MEDIUM, Status.UNKNOWN),
        ([Severity.MEDIUM], Severity.MEDIUM, Status.UNKNOWN),
        ([Severity.LOW, Severity.HIGH], Severity.MEDIUM, Status.CRITICAL),
        ([Severity.HIGH], Severity.CRITICAL, Status.UNKNOWN),
        ([Severity.CRITICAL], Severity.CRITICAL, Status.CRITICAL),
    ],
)
def test_what_was_read_of_a_file_may_be_bad_enough(
    severities: list[Severity], bar: Severity, status: Status
) -> None:
    failure = Failed(Reason.FILE_UNREADABLE, "no such file").failure()
    assert judge(failure, severities, bar) is status


@pytest.mark.parametrize("reason", Reason)
def test_a_failure_is_critical_unless_it_is_ours(reason: Reason) -> None:
    """What says nothing of the peer or the file is unknown."""
    ours = {
        "connect-forbidden", "options-unusable", "local-resource", "interrupted", "internal-error",
        "file-unreadable",
    }  # fmt: skip
    unknown = reason in ours or reason.startswith("proxy-")
    expected = Status.UNKNOWN if unknown else Status.CRITICAL
    assert judge(Failed(reason, "why").failure(), []) is expected
    blamed = Failed(reason, "why", blame=Blame.SEVENTH).failure()
    assert judge(blamed, []) is Status.UNKNOWN


def test_severities_and_statuses_are_ordered() -> None:
    named = ["info", "low", "medium", "high", "critical"]
    assert [Severity(name).rank for name in named] == [0, 1, 2, 3, 4]
    assert Severity.HIGH.reaches(Severity.HIGH)
    assert not Severity.MEDIUM.reaches(Severity.HIGH)
    assert [str(status) for status in Status] == ["ok", "warning", "critical", "unknown"]


def test_findings_are_ordered_by_severity_then_id() -> None:
    found = [replace(WEAK, id=name, severity=severity) for name, severity in (
        ("B", Severity.LOW), ("A", Severity.LOW), ("Z", Severity.CRITICAL), ("C", Severity.INFO),
    )]  # fmt: skip
    assert [each.id for each in sorted(found, key=lambda f: f.order)] == ["Z", "A", "B", "C"]


def test_a_report_says_when_it_began_and_how_it_ended() -> None:
    made = report(started_seconds=1795327200.1234, findings=(SLOW, WEAK))
    assert made.started_at == "2026-11-22T06:00:00.123Z"
    assert made.status is Status.CRITICAL
    assert report(findings=(SLOW,)).status is Status.OK
    assert report(failure=FAILURE).status is Status.CRITICAL
