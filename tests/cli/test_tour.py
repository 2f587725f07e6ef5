"""The tour: a dozen stops on one screen, all of them on request."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.cli.tour import Stop, _summary, problem_of, stops
from seventh.lab import start
from seventh.labkit.serve import Fault
from seventh.model.failure import Failed, Reason
from seventh.model.report import Report
from seventh.model.severity import Severity
from tests.cli.test_cli import seventh
from tests.render.samples import FAILURE, SLOW, WEAK, report

pytestmark = pytest.mark.field
INFO = replace(SLOW, severity=Severity.INFO)


def test_the_short_tour_shows_each_protocol_and_some_faults() -> None:
    chosen = list(stops(start.labs(), everything=False))
    assert 8 <= len(chosen) <= 14
    assert {room for room, fault in chosen if fault is None} == set(start.labs())
    assert sum(fault is not None for _, fault in chosen) >= 4


def test_all_is_every_server() -> None:
    chosen = list(stops(start.labs(), everything=True))
    assert len(chosen) == sum(1 + len(start.faults(room)) for room in start.labs())


async def test_a_protocol_is_a_line_a_stop_and_no_report() -> None:
    code, out, err = await seventh("tour", "net", COLUMNS="80")
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if line]
    faults = len(start.faults("net"))
    assert len(lines) == 1 + 1 + faults + 1
    assert all(len(line) <= 80 for line in lines)
    assert f"1/{faults + 1} net/clean" in out
    assert "0 wrong" in lines[-1]


async def test_quiet_is_the_last_line() -> None:
    code, out, _ = await seventh("tour", "net", "--quiet")
    assert code == 0
    assert len(out.split("\n")) == 3


REFUSED = Failed(Reason.CONNECT_REFUSED, "refused").failure()
WEAK_FAULT = Fault(name="weak", meaning="weak", triggers=("DEMO-WEAK",))
CLOSED_FAULT = Fault(name="closed", meaning="closed", triggers=(), reason="connect-refused")
BOTH_FAULT = Fault(name="both", meaning="both", triggers=("DEMO-WEAK",), reason="connect-refused")


@pytest.mark.parametrize(
    ("fault", "made", "problem"),
    [
        (None, report(), ""),
        (None, report(findings=(INFO,)), ""),
        (None, report(findings=(SLOW,)), "findings on a correct server: DEMO-SLOW"),
        (None, report(failure=REFUSED),
         "failure on a correct server: connect-refused: refused"),
        (WEAK_FAULT, report(findings=(SLOW, WEAK)), ""),
        (WEAK_FAULT, report(findings=(SLOW,)), "not found: DEMO-WEAK (failure: none)"),
        (WEAK_FAULT, report(failure=REFUSED), "not found: DEMO-WEAK (failure: connect-refused)"),
        (WEAK_FAULT, report(findings=(WEAK,), failure=REFUSED),
         "expected failure: none, not connect-refused"),
        (CLOSED_FAULT, report(failure=REFUSED), ""),
        (CLOSED_FAULT, report(), "expected failure: connect-refused, not none"),
        (CLOSED_FAULT, report(failure=FAILURE),
         "expected failure: connect-refused, not tls-certificate-expired"),
        (BOTH_FAULT, report(findings=(WEAK,), failure=REFUSED), ""),
        (BOTH_FAULT, report(findings=(WEAK,)), "expected failure: connect-refused, not none"),
    ],
)  # fmt: skip
def test_a_report_must_have_the_fault_and_no_other_failure(
    fault: Fault | None, made: Report, problem: str
) -> None:
    assert problem_of(fault, made) == problem


def test_the_last_line_counts_every_stop_once() -> None:
    made = [
        Stop(room="a", fault=None),
        Stop(room="a", fault=WEAK_FAULT),
        Stop(room="a", fault=CLOSED_FAULT),
        Stop(room="a", fault=BOTH_FAULT, skipped="needs root"),
        Stop(room="b", fault=None, problem="findings on a correct server: X"),
    ]
    assert _summary(made, 2.0).splitlines() == [
        "",
        "2 faults found, 1 correct server without findings, 1 skipped, 1 wrong, in 2.00 s",
        "  b/clean: findings on a correct server: X",
    ]


def test_a_stop_that_went_wrong_says_why() -> None:
    (fault,) = start.toured("ssh")
    stop = Stop(room="ssh", fault=fault, report=report(), problem=problem_of(fault, report()))
    assert stop.name == f"ssh/{fault.name}"
    assert stop.problem.startswith("not found: SSH-KEX-WEAK")
