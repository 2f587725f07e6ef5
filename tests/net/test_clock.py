"""The wall clock beside the monotonic one."""

from __future__ import annotations

import time

import pytest

from seventh.model.phase import Mark
from seventh.net import clock
from seventh.net.kernel import LINUX
from seventh.net.stopwatch import user_mark


def test_a_mark_reads_as_the_wall_clock_does() -> None:
    before = time.time_ns()
    reading = clock.wall_ns(user_mark())
    after = time.time_ns()
    # Each of the two clocks is read in whole nanoseconds, some tens of them apart.
    assert before - 10_000 <= reading <= after + 10_000


def test_marks_that_share_a_reading_keep_their_distance() -> None:
    distance = clock.wall_minus_monotonic_ns()
    one, other = Mark(1_000, "user"), Mark(4_000, "kernel")
    assert clock.wall_ns(other, distance) - clock.wall_ns(one, distance) == 3_000


def test_an_interrupted_reading_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first reading of the wall clock is followed by 50 ms in which others run.
    monotonic = iter([0, 50_000_000, 50_000_100, 50_000_200])
    wall = iter([10_000_000_000, 10_050_000_150])
    monkeypatch.setattr(clock, "now_ns", lambda: next(monotonic))
    monkeypatch.setattr(time, "time_ns", lambda: next(wall))
    assert clock.wall_minus_monotonic_ns() == 10_000_000_000


def test_the_best_of_bad_readings_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a machine where every reading is interrupted, the one that was interrupted least counts.
    spreads = [9_000, 8_000, 7_000, 2_000, 6_000, 9_000, 9_000, 9_000]
    begun = [100_000 * n for n in range(len(spreads))]
    monotonic = iter(
        [t for start, gap in zip(begun, spreads, strict=True) for t in (start, start + gap)]
    )
    wall = iter([start + 5_000_000 + gap // 2 for start, gap in zip(begun, spreads, strict=True)])
    late = iter([0 if gap == min(spreads) else gap // 2 for gap in spreads])
    monkeypatch.setattr(clock, "now_ns", lambda: next(monotonic))
    monkeypatch.setattr(time, "time_ns", lambda: next(wall) + next(late))
    assert clock.wall_minus_monotonic_ns() == 5_000_000


def test_our_own_clocks_error_is_known_or_not() -> None:
    error = clock.clock_error_seconds()
    assert error is None or 0 <= error < 16


@pytest.mark.parametrize(
    ("state", "status", "max_error_us", "known"),
    [
        (0, 0x2001, 2_500, 0.0025),
        (1, 0x2011, 0, 0.0),  # a leap second is pending
        (5, 0x0040, 16_000_000, None),  # TIME_ERROR, STA_UNSYNC
        (0, 0x0040, 16_000_000, None),
        (-1, 0, 0, None),  # the call is forbidden here
    ],
)
def test_what_the_kernel_says_of_our_clock(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, max_error_us: int, known: float | None
) -> None:
    # A test may not discipline this machine's clock, so the kernel's answers are played.
    monkeypatch.setattr(clock, "_adjtimex", lambda: lambda: (state, status, max_error_us))
    assert clock.clock_error_seconds() == known


@pytest.mark.skipif(not LINUX, reason="adjtimex is Linux's")
def test_linux_tells_of_our_clock() -> None:
    read = clock._adjtimex()
    assert read is not None
    state, _, max_error_us = read()
    assert state in range(-1, 6)
    assert max_error_us >= 0


def test_a_system_without_adjtimex_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_adjtimex", lambda: None)
    assert clock.clock_error_seconds() is None


def test_the_wall_clock_and_the_raw_one_go_on_alike_while_nobody_steps_one() -> None:
    unix, raw = clock.wall_and_raw_seconds()
    later_unix, later_raw = clock.wall_and_raw_seconds()
    assert later_raw >= raw
    assert abs(unix - time.time()) < 60
    assert abs((later_unix - unix) - (later_raw - raw)) < 1e-3


def test_a_system_without_a_raw_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_RAW", None)
    before = time.monotonic()
    _, raw = clock.wall_and_raw_seconds()
    assert before <= raw <= time.monotonic()


def test_an_interrupted_pair_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # The wall clock before and after each reading of the raw one: far apart, then close.
    readings = iter([1_000_000_000, 9_000_000_000, 10_000_000_000, 10_000_000_100])
    monkeypatch.setattr("seventh.net.clock.time.time_ns", lambda: next(readings))
    monkeypatch.setattr(clock, "_RAW", None)
    unix, _ = clock.wall_and_raw_seconds()
    assert unix == pytest.approx(10.00000005, abs=1e-9)


def test_readings_a_microsecond_apart_are_not_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monotonic = iter([0, 1_000, 10_000, 10_999, 0])
    wall = iter([7_000_000, 5_010_499, 0])
    monkeypatch.setattr(clock, "now_ns", lambda: next(monotonic))
    monkeypatch.setattr(time, "time_ns", lambda: next(wall))
    assert clock.wall_minus_monotonic_ns() == 5_000_000
    readings = iter([1_000, 2_000, 5_000, 5_999, 0])
    monkeypatch.setattr(time, "time_ns", lambda: next(readings))
    monkeypatch.setattr(clock, "_RAW", None)
    monkeypatch.setattr(clock, "now_ns", lambda: 3_000)
    assert clock.wall_and_raw_seconds() == (5.499e-6, 3e-6)
