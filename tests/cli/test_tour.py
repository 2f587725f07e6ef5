"""The tour: a dozen stops on one screen, all of them on request."""

from __future__ import annotations

import pytest

from seventh.cli.tour import Stop, problem_of, stops
from seventh.lab import start
from tests.cli.test_cli import seventh
from tests.render.samples import report

pytestmark = pytest.mark.field


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


def test_a_stop_that_went_wrong_says_why() -> None:
    (fault,) = start.toured("ssh")
    stop = Stop(room="ssh", fault=fault, report=report(), problem=problem_of(fault, report()))
    assert stop.name == f"ssh/{fault.name}"
    assert stop.problem.startswith("not named: SSH-KEX-WEAK")
