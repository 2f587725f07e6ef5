"""Phases: their ends, their clocks, and what a failure leaves."""

from __future__ import annotations

import pytest

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net import stopwatch as module
from seventh.net.stopwatch import Stopwatch


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock, in nanoseconds, as the last of these."""
    times = [0]
    monkeypatch.setattr(module, "now_ns", lambda: times[-1])
    return times


def test_a_phase_ends_with_its_block_by_the_user_clock(at: list[int]) -> None:
    watch = Stopwatch()
    at.append(1_000_000_000)
    with watch.phase("connect", "192.0.2.1") as timer:
        at.append(3_000_000_000)
        assert timer.seconds_until(Mark(2_500_000_000, "kernel")) == 1.5
    (phase,) = watch.phases
    assert (phase.name, phase.address) == ("connect", "192.0.2.1")
    assert (phase.start_seconds, phase.seconds) == (1.0, 2.0)
    assert (phase.clock, phase.outcome) == ("user", "ok")
    assert watch.elapsed_seconds() == 3.0


def test_a_phase_begins_and_ends_at_the_given_marks(at: list[int]) -> None:
    watch = Stopwatch()
    with watch.phase("tls") as timer:
        timer.begin(Mark(500_000_000, "user"))
        timer.stop(Mark(750_000_000, "kernel"))
        at.append(9_000_000_000)
    (phase,) = watch.phases
    assert (phase.start_seconds, phase.seconds, phase.clock) == (0.5, 0.25, "kernel")


def test_a_failure_gets_the_phase_and_ends_it_now(at: list[int]) -> None:
    watch = Stopwatch()
    with pytest.raises(Failed) as caught, watch.phase("tls") as timer:
        timer.stop(Mark(1, "kernel"))
        at.append(2_000_000_000)
        raise Failed(Reason.PEER_SILENT, "no data")
    (phase,) = watch.phases
    assert caught.value.phase == "tls"
    assert (phase.outcome, phase.seconds, phase.clock) == ("failed", 2.0, "user")


def test_a_failure_keeps_the_phase_that_it_names(at: list[int]) -> None:
    with pytest.raises(Failed) as caught, Stopwatch().phase("tls"):
        raise Failed(Reason.PEER_SILENT, "no data", phase="connect")
    assert caught.value.phase == "connect"
