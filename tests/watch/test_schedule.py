"""Slots: the same after a restart, evenly spread, none twice, and none missed without a count."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.watch.schedule import Checkups, Schedule, Slot, phase_ns
from tests.watch.made import SECOND

TEN = 10 * SECOND
INTERVALS = st.integers(1, 10**13)


def planned(*targets: tuple[int, int, int], now: int = 0) -> Schedule:
    schedule = Schedule()
    for target, phase, interval in targets:
        schedule.put(target, phase, interval, now)
    return schedule


def test_a_phase_is_the_same_in_every_process_and_differs_by_vantage() -> None:
    # These values are part of the store's meaning: they must never change.
    assert phase_ns("ssh://a:22", "here", TEN) == 3434019263
    assert phase_ns("ssh://a:22", "there", TEN) == 3228406937


def test_phases_are_uniform() -> None:
    count, cells = 10_000, 50
    seen = Counter(phase_ns(f"ssh://host{i}:22", "", TEN) * cells // TEN for i in range(count))
    expected = count / cells
    chi_squared = sum((seen[cell] - expected) ** 2 / expected for cell in range(cells))
    assert chi_squared < 85.35  # 49 degrees of freedom: exceeded once in a thousand


@given(st.integers(0, 2**62), INTERVALS, st.integers(0, 10**13), st.integers(1, 50))
def test_the_slots_are_all_instants_of_a_remainder(
    now: int, interval: int, phase: int, count: int
) -> None:
    schedule = planned((1, phase, interval), now=now)
    at = now
    for number in range(count):
        following = schedule.next_ns()
        assert following is not None
        assert at < following <= at + interval
        assert following % interval == phase % interval
        assert number == 0 or following - at == interval
        at = following
        assert schedule.due(at - 1) == []
        assert schedule.due(at) == [Slot(1, at, 0)]
        schedule.ended(1)


@given(st.lists(st.integers(0, 5 * TEN), max_size=40), st.integers(0, TEN - 1), st.data())
def test_every_slot_is_run_or_counted_once(
    steps: list[int], phase: int, data: st.DataObject
) -> None:
    now, ran, slots = 0, 0, []
    schedule = planned((1, phase, TEN))
    for step in steps:
        now += step
        for slot in schedule.due(now):
            assert 0 <= now - slot.at_ns < TEN
            slots.append(slot.at_ns)
            ran += 1 + slot.late + slot.busy
        if data.draw(st.booleans()):
            schedule.ended(1)
    schedule.ended(1)
    for slot in schedule.due(now + TEN):
        ran += 1 + slot.late + slot.busy
    assert slots == sorted(set(slots))
    assert ran == len(range(phase or TEN, now + TEN + 1, TEN))


def test_only_the_last_of_the_late_slots_is_run() -> None:
    schedule = planned((1, 0, TEN))
    assert schedule.due(3 * TEN - 1) == [Slot(1, 2 * TEN, 1)]
    schedule.ended(1)
    assert schedule.due(3 * TEN) == [Slot(1, 3 * TEN, 0)]


def test_a_slot_while_the_pulse_is_running_is_skipped() -> None:
    schedule = planned((1, 0, TEN))
    assert schedule.due(TEN) == [Slot(1, TEN, 0)]
    assert schedule.due(2 * TEN) == []
    assert schedule.due(4 * TEN) == []
    schedule.ended(1)
    assert schedule.due(5 * TEN) == [Slot(1, 5 * TEN, busy=3)]


def test_what_is_beyond_the_limit_stays_due() -> None:
    schedule = planned((1, 3, TEN), (2, 5, TEN))
    assert schedule.due(TEN, 0) == []
    assert schedule.due(TEN, 1) == [Slot(1, 3, 0)]
    assert schedule.due(TEN, 1) == [Slot(2, 5, 0)]


def test_other_targets_do_not_move() -> None:
    schedule = planned((1, 3, TEN), (2, 5, TEN))
    schedule.put(3, 4, TEN, 2)
    schedule.put(1, 3, TEN, 4)  # the same, after its slot at 3: that one is still due
    schedule.remove(2)
    assert len(schedule) == 2
    assert schedule.due(5) == [Slot(1, 3, 0), Slot(3, 4, 0)]
    schedule.ended(2)
    schedule.ended(3)
    schedule.put(1, 3, 2 * TEN, 5)  # another interval, while its pulse is running
    assert schedule.due(2 * TEN + 3) == [Slot(3, TEN + 4, 0)]
    schedule.ended(3)
    schedule.ended(1)
    assert schedule.due(4 * TEN + 3) == [Slot(3, 3 * TEN + 4, 1), Slot(1, 4 * TEN + 3, busy=1)]


def test_without_targets_nothing_is_due() -> None:
    schedule = planned((1, 0, TEN))
    schedule.remove(1)
    assert schedule.next_ns() is None
    assert schedule.due(10 * TEN) == []


@pytest.mark.parametrize("now", [1, 5000 * TEN, 7 * TEN + 1])
def test_after_a_jump_of_the_clock_it_goes_on_at_the_next_slot(now: int) -> None:
    schedule = planned((1, 3, TEN), (2, 5, TEN), now=100 * TEN)
    schedule.jumped(now)
    following = now - now % TEN + 3
    assert schedule.next_ns() == following
    assert schedule.due(following + 2) == [Slot(1, following, 0), Slot(2, following + 2, 0)]


DAY = 86_400 * SECOND
SETTLE = 60 * SECOND


def checkups(now: int, *targets: tuple[int, int, int]) -> Checkups:
    """Targets, each with its phase and its last check."""
    made = Checkups(SETTLE)
    for target, phase, last in targets:
        made.put(target, phase, DAY, now, last)
    return made


def test_a_check_is_due_at_its_slot_and_not_before() -> None:
    made = checkups(10 * DAY, (1, 5, 10 * DAY - 1))
    assert made.due(10 * DAY + 4, 9) == []
    assert made.due(10 * DAY + 5, 9) == [1]
    assert made.due(11 * DAY + 5, 9) == []  # it is still running
    made.ended(1, 10 * DAY + 5, 10 * DAY + 9, complete=True)
    assert made.due(11 * DAY + 4, 9) == []
    assert made.due(11 * DAY + 5, 9) == [1]


def test_missed_checks_are_made_up_for_behind_the_start_few_at_once() -> None:
    now = 10 * DAY
    made = checkups(now, (1, 5, 0), (2, 6, 8 * DAY), (3, 7, now - 1))
    assert made.due(now + SETTLE - 1, 9) == [3]
    assert made.due(now + SETTLE, 1) == [1]
    assert made.due(now + SETTLE, 9) == [2]


def test_a_check_that_was_cut_short_is_repeated_before_its_next_slot() -> None:
    made = checkups(0, (1, 5, 0))
    assert made.due(DAY, 9) == [1]
    made.ended(1, DAY, DAY + 1, complete=False)
    made.ended(1, DAY, DAY + 2, complete=False)  # of a check that someone else asked for
    assert made.due(DAY + DAY // 24, 9) == []
    assert made.due(DAY + DAY // 24 + 1, 9) == [1]


def test_checks_follow_the_configuration() -> None:
    made = checkups(10 * DAY, (1, 5, 10 * DAY - 1), (2, 5, 10 * DAY - 1))
    made.put(1, 5, DAY, 10 * DAY + 9)  # the same: not touched
    made.keep({1})
    assert made.due(10 * DAY + 9, 9) == [1]
    made.ended(2, 1, 1, complete=True)
    made.put(1, 3, DAY // 2, 10 * DAY + 9)
    assert made.due(10 * DAY + DAY // 2 + 3, 9) == [1]


def test_a_clock_that_was_set_back_does_not_end_the_checks() -> None:
    made = checkups(10 * DAY, (1, 5, 10 * DAY - 1), (2, 5, 10 * DAY - 1))
    assert made.due(10 * DAY + 5, 1) == [1]
    made.jumped(5 * DAY)
    assert made.due(5 * DAY + 5, 9) == [2]
    made.ended(1, 10 * DAY + 5, 5 * DAY + 6, complete=True)
    made.jumped(5 * DAY + 7)
    assert made.due(6 * DAY + 5, 9) == [1]
    made.jumped(12 * DAY)
    assert made.due(12 * DAY + SETTLE, 9) == []  # both are running
