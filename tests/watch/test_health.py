"""Whether this process keeps up: both sides of every boundary."""

from __future__ import annotations

from seventh.watch.health import Health
from seventh.watch.schedule import Slot
from tests.watch.made import SECOND


def test_the_lag_is_that_of_the_latest_in_a_hundred() -> None:
    health = Health()
    assert health.lag_ns == 0
    for number in range(100):
        health.began(Slot(1, 0), number)
    assert (health.ran, health.lag_ns) == (100, 98)
    for _ in range(1000):
        health.began(Slot(1, 0), 5)
    assert health.lag_ns == 5


def test_slots_that_were_skipped_for_lateness_are_an_overload_for_a_minute() -> None:
    health = Health()
    health.began(Slot(1, 10 * SECOND, busy=5), 10 * SECOND)
    assert not health.overloaded(10 * SECOND)
    health.began(Slot(1, 20 * SECOND, late=2), 20 * SECOND)
    health.began(Slot(1, 30 * SECOND, late=1), 30 * SECOND)
    assert (health.late, health.busy) == (3, 5)
    assert health.skipped_lately(80 * SECOND - 1) == 3
    assert health.skipped_lately(80 * SECOND) == 1
    assert health.overloaded(90 * SECOND - 1)
    assert not health.overloaded(90 * SECOND)


def test_a_lag_of_more_than_a_second_is_an_overload() -> None:
    health = Health()
    health.began(Slot(1, 0), SECOND)
    assert not health.overloaded(0)
    health.began(Slot(1, 0), SECOND + 1)
    assert health.overloaded(0)
