"""The tour: a dozen stops on one screen, all of them on request."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from seventh.cli import signals, tour
from seventh.cli.arguments import parse
from seventh.cli.tour import Stop, Verbosity, _summary, problem_of, stops
from seventh.lab import start
from seventh.labkit.serve import Fault, NotInstalledError, Served
from seventh.model.failure import Failed, Reason
from seventh.model.report import Report
from seventh.model.severity import Severity
from tests.cli.test_cli import seventh
from tests.render.samples import FAILURE, SLOW, WEAK, report

pytestmark = pytest.mark.field
INFO = replace(SLOW, severity=Severity.INFO)


def test_the_short_tour_shows_each_protocol_and_some_faults() -> None:
    chosen = list(stops(start.labs(), everything=False))
    assert {room for room, fault in chosen if fault is None} == set(start.labs())
    assert 4 <= sum(fault is not None for _, fault in chosen) <= 12


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


class Screen(io.StringIO):
    """Standard output with an encoding of its own."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self.called = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.called


LONG = replace(WEAK_FAULT, meaning="m" * 60)


@pytest.mark.parametrize(
    ("stop", "lines"),
    [
        (Stop(room="a", fault=None), "✓ no findings"),
        (Stop(room="a", fault=WEAK_FAULT), "✓ DEMO-WEAK: weak"),
        (Stop(room="a", fault=CLOSED_FAULT), "✓ connect-refused: closed"),
        (Stop(room="a", fault=BOTH_FAULT, skipped="needs root"), "- skipped: needs root"),
        (Stop(room="a", fault=None, problem="failed"), "✗ WRONG: failed"),
        # 80 columns, of which 10 are the place and 2 stand between
        (Stop(room="a", fault=LONG), f"✓ DEMO-WEAK: {'m' * 54}…"),
        (Stop(room="a", fault=replace(LONG, meaning="m" * 55)), f"✓ DEMO-WEAK: {'m' * 55}"),
    ],
)
def test_a_line_says_the_outcome_and_fits(
    stop: Stop, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide, plain = Screen("utf-8"), Screen("ascii")
    monkeypatch.delenv("COLUMNS", raising=False)
    for screen in (wide, plain):
        monkeypatch.setattr(sys, "stdout", screen)
        tour._show(stop, 10, Verbosity(lines=True, reports=False))
    assert wide.getvalue() == f"{lines}\n"
    ascii_ = lines.replace("✓", "+").replace("✗", "x").replace("…", "~")
    assert plain.getvalue() == f"{ascii_}\n"


def test_a_line_has_20_columns_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen("utf-8")
    monkeypatch.setattr(sys, "stdout", screen)
    tour._show(Stop(room="a", fault=LONG), 79, Verbosity(lines=True, reports=False))
    assert screen.getvalue() == f"✓ DEMO-WEAK: {'m' * 6}…\n"


def test_reports_are_shown_on_request_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Stop(room="a", fault=None, report=report(facts={}, phases=()))
    for lines, reports, shown in (
        (True, False, "✓ no findings\n"), (False, False, ""),
        (False, True, "✔ ok  demo://127.0.0.1:2222"),
    ):  # fmt: skip
        screen = Screen("utf-8")
        monkeypatch.setattr(sys, "stdout", screen)
        tour._show(stop, 10, Verbosity(lines=lines, reports=reports))
        assert screen.getvalue().startswith(shown)
        assert bool(screen.getvalue()) is bool(shown)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> dict[str, Stop]:
    """Two rooms, "a" with one fault and "b" with two of which one is toured; no server runs."""
    faults = {"a": (WEAK_FAULT,), "b": (WEAK_FAULT, CLOSED_FAULT)}
    monkeypatch.setattr(start, "labs", lambda: ("a", "b"))
    monkeypatch.setattr(start, "find_lab", lambda name: name)
    monkeypatch.setattr(start, "faults", faults.__getitem__)
    monkeypatch.setattr(start, "toured", lambda room: faults[room][:1])
    results: dict[str, Stop] = {}

    async def visit(room: str, fault: Fault | None, kit: object) -> Stop:
        made = Stop(room=room, fault=fault)
        return results.get(made.name, made)

    monkeypatch.setattr(tour, "visit", visit)
    monkeypatch.setattr(
        tour, "time", SimpleNamespace(monotonic=itertools.count(10.0, 2.5).__next__)
    )
    monkeypatch.setattr(tour, "run_loop", asyncio.run)
    return results


def toured(words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = tour.run(parse(["tour", *words.split()]))
    out, err = capsys.readouterr()
    assert err == ""
    return code, out.split("\n")


def test_the_short_tour_says_how_to_go_on(
    fake: dict[str, Stop], capsys: pytest.CaptureFixture[str]
) -> None:
    assert toured("", capsys) == (0, [
        "Checking 4 reference servers on loopback.",
        "",
        "1/4 a/clean  ✓ no findings",
        "2/4 a/weak   ✓ DEMO-WEAK: weak",
        "3/4 b/clean  ✓ no findings",
        "4/4 b/weak   ✓ DEMO-WEAK: weak",
        "",
        "2 faults found, 2 correct servers without findings, 0 skipped, 0 wrong, in 2.50 s",
        "",
        "seventh tour -v                       the same with the reports",
        "seventh tour --all                    all 5 servers (four minutes)",
        "seventh lab tls --fault expired       start one of them",
        "",
    ])  # fmt: skip


def test_a_tour_of_all_or_of_one_protocol_ends_with_the_count(
    fake: dict[str, Stop], capsys: pytest.CaptureFixture[str]
) -> None:
    fake["b/weak"] = Stop(room="b", fault=WEAK_FAULT, problem="not found: X")
    code, lines = toured("--all --quiet", capsys)
    assert (code, lines) == (2, [
        "",
        "2 faults found, 2 correct servers without findings, 0 skipped, 1 wrong, in 2.50 s",
        "  b/weak: not found: X",
        "",
    ])  # fmt: skip
    code, lines = toured("b", capsys)
    assert code == 2
    assert lines[0] == "Checking 3 reference servers on loopback."
    assert lines[4] == "3/3 b/closed  ✓ connect-refused: closed"
    assert lines[-2] == "  b/weak: not found: X"


def test_numbers_stand_below_each_other(
    fake: dict[str, Stop], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "faults", lambda room: (WEAK_FAULT,) * 9)
    code, lines = toured("a", capsys)
    assert (code, lines[2], lines[11]) == (
        0, " 1/10 a/clean  ✓ no findings", "10/10 a/weak   ✓ DEMO-WEAK: weak",
    )  # fmt: skip


@pytest.fixture
def handlers() -> Iterator[None]:
    """The signals' handlers are put back; a command leaves the system's after a signal."""
    before = {each: signal.getsignal(each) for each in signals.ENDING}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("handlers", "fake")
def test_a_tour_that_a_signal_ends_counts_what_it_has_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def visit(room: str, fault: Fault | None, kit: object) -> Stop:
        if fault is not None:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()
        return Stop(room=room, fault=fault)

    monkeypatch.setattr(tour, "visit", visit)
    assert tour.run(parse(["tour"])) == 3
    out, err = capsys.readouterr()
    assert err == "seventh: interrupted by SIGTERM; 3 reference servers were not checked\n"
    assert out.split("\n")[2:] == [
        "1/4 a/clean  ✓ no findings",
        "2/4 a/weak   ",
        "0 faults found, 1 correct server without findings, 0 skipped, 0 wrong, in 2.50 s",
        "",
    ]


async def test_a_server_that_cannot_run_here_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Fault(name="x", meaning="x", triggers=(), needs=())
    monkeypatch.setattr(Fault, "lacks", lambda self: "needs root")
    kit: Any = None
    assert await tour.visit("ssh", lacking, kit) == Stop(
        room="ssh", fault=lacking, skipped="needs root"
    )

    @contextlib.asynccontextmanager
    async def serving(room: str, fault: Fault | None, kit: object) -> AsyncIterator[Served]:
        if fault is None:
            raise NotInstalledError("package-x")
        yield Served(target="tcp://127.0.0.1:1")

    async def check_one(target: object, options: object) -> Report:
        return report(findings=(WEAK,))

    monkeypatch.setattr(start, "serving", serving)
    monkeypatch.setattr(tour, "check_one", check_one)
    monkeypatch.setattr(Fault, "lacks", lambda self: None)
    assert await tour.visit("ssh", None, kit) == Stop(
        room="ssh", fault=None, skipped=str(NotInstalledError("package-x"))
    )
    made = await tour.visit("ssh", WEAK_FAULT, kit)
    assert (made.report, made.problem, made.skipped) == (report(findings=(WEAK,)), "", "")
    made = await tour.visit("ssh", CLOSED_FAULT, kit)
    assert made.problem == "expected failure: connect-refused, not none"
