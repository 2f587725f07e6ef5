"""Status and exit codes."""

from __future__ import annotations

import pytest

from seventh.model.failure import Blame, Failed, Failure, Reason
from seventh.model.report import judge
from seventh.model.severity import Severity, Status


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


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_someone_to_blame(reason: Reason) -> None:
    failure = Failed(reason, "why", phase="connect").failure()
    assert failure == Failure(reason=reason, phase="connect", blame=failure.blame, detail="why")
    assert failure.blame in set(Blame)
