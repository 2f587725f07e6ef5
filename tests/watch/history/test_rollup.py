"""Days become months, and what is too old goes: nothing is lost or doubled on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.watch.history import compact, rollup
from seventh.watch.history.files import Skipped, hour_path, month_end, month_files, rollup_path
from seventh.watch.history.query import Row, opened
from seventh.watch.history.rollup import Made
from tests.watch.history.made import DAY, NAMES, START, filled, now_ns
from tests.watch.history.test_compact import forget
from tests.watch.made import pulse

HOUR = DAY * 24
DAY_S = 86_400
DAYS = tuple(f"2024-10-{day:02}" for day in range(4, 8))
MONTH_ENDS = (START // DAY_S - 3 + 31) * 24
"""The hour after the month of START."""


def at(days: float) -> int:
    """A time so many days after START."""
    return START * 10**9 + round(days * DAY_S) * 10**9


def hours(folder: Path, days: int = len(DAYS), target: int = 1) -> None:
    """Write a pulse of the first hour of each day into the history."""
    pulses = [pulse(START + n * DAY_S, None, target, connect=10**6 * (n + 1)) for n in range(days)]
    filled(folder, pulses)
    forget(folder, list(compact.compact(folder, at(days + 1))))


def spans(folder: Path, span_s: int = DAY_S) -> dict[int, Row]:
    with opened(folder) as history:
        found = history.spans(NAMES[0], START, START + len(DAYS) * DAY_S, span_s)
        assert history.skipped == []
    return found


@pytest.fixture
def daily(tmp_path: Path) -> tuple[Path, dict[int, Row], dict[int, Row]]:
    """Roll-ups of days, and what they say of days and of hours."""
    hours(tmp_path)
    made = rollup.make(tmp_path, at(len(DAYS) + 1))
    assert [each.path for each in made] == [rollup_path(tmp_path, day) for day in DAYS]
    found = spans(tmp_path), spans(tmp_path, 3600)
    assert [len(each) for each in found] == [len(DAYS)] * 2
    return tmp_path, *found


MERGED_DAYS = (MONTH_ENDS - HOUR) // 24 + rollup.RAW_DAYS
"""When the month is merged, in days after START."""


def test_the_end_of_a_month() -> None:
    assert month_end("2024-10") == MONTH_ENDS
    assert [month_end(f"2024-{month:02}") - month_end(f"2024-{month - 1:02}")
            for month in range(2, 13)] == [
        24 * days for days in (29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    ]  # fmt: skip


def test_days_that_cannot_change_become_a_month(
    daily: tuple[Path, dict[int, Row], dict[int, Row]],
) -> None:
    folder, days, by_hour = daily
    assert rollup.make(folder, at(MERGED_DAYS) - 1) == []
    month = rollup_path(folder, "2024-10")
    assert rollup.make(folder, at(MERGED_DAYS)) == [Made(path=month)]
    assert [*month.parent.iterdir()] == [month]
    assert (spans(folder), spans(folder, 3600)) == (days, by_hour)
    assert rollup.make(folder, at(MERGED_DAYS + 1)) == []


def test_part_of_a_month_is_asked_for(
    daily: tuple[Path, dict[int, Row], dict[int, Row]],
) -> None:
    folder, days, _ = daily
    rollup.make(folder, at(MERGED_DAYS))
    with opened(folder) as history:
        for first, last in ((0, 1), (1, 3), (3, 4)):
            found = history.spans(NAMES[0], START + first * DAY_S, START + last * DAY_S, DAY_S)
            assert found == dict([*days.items()][first:last])
        # Less than a day is read pulse by pulse, and these are no longer there.
        assert history.spans(NAMES[0], START, START + 3600, 3600) == {}
        assert history.names() == [NAMES[0], NAMES[1]]


def test_days_that_a_killed_process_left_count_once(
    daily: tuple[Path, dict[int, Row], dict[int, Row]],
) -> None:
    folder, days, _ = daily
    left = rollup_path(folder, DAYS[1])
    data = left.read_bytes()
    rollup.make(folder, at(MERGED_DAYS))
    left.write_bytes(data)
    assert spans(folder) == days
    assert rollup.make(folder, at(MERGED_DAYS)) == []
    assert not left.exists()


def test_a_day_that_cannot_be_read_stays_beside_its_month(
    daily: tuple[Path, dict[int, Row], dict[int, Row]],
) -> None:
    folder, days, _ = daily
    damaged = rollup_path(folder, DAYS[2])
    os.truncate(damaged, 100)
    why = f"No magic bytes found at end of file '{damaged}'"
    skipped = Skipped(path=str(damaged), why=why)
    month = rollup_path(folder, "2024-10")
    assert rollup.make(folder, at(MERGED_DAYS)) == [Made(path=month, skipped=(skipped,))]
    assert damaged.exists()
    with opened(folder) as history:
        found = history.spans(NAMES[0], START, START + len(DAYS) * DAY_S, DAY_S)
        assert history.skipped == [skipped]
    assert found == {day: row for day, row in days.items() if day != START + 2 * DAY_S}


def test_a_day_that_was_written_very_late_is_rolled_up(tmp_path: Path) -> None:
    """As when the history could not be written for weeks."""
    hours(tmp_path)
    made = rollup.make(tmp_path, at(30))
    assert [each.path.stem for each in made] == [*DAYS]
    assert [row.pulses for row in spans(tmp_path).values()] == [1] * len(DAYS)
    assert not hour_path(tmp_path, HOUR).exists()


def test_a_day_that_is_in_a_month_is_not_rolled_up_again(
    daily: tuple[Path, dict[int, Row], dict[int, Row]],
) -> None:
    folder, days, _ = daily
    rollup.make(folder, at(MERGED_DAYS))
    hours(folder, 1)
    assert rollup.make(folder, at(MERGED_DAYS)) == []
    assert spans(folder) == days


def test_what_is_too_old_is_deleted(tmp_path: Path) -> None:
    hours(tmp_path, 1)
    rollup.make(tmp_path, now_ns(26))
    raw, day = hour_path(tmp_path, HOUR).parent, rollup_path(tmp_path, DAYS[0])
    month = rollup_path(tmp_path, "2024-10")
    there = []
    for days in (15, MERGED_DAYS, (MONTH_ENDS - HOUR) // 24 + rollup.ROLLUP_DAYS):
        for at_ns in (at(days) - 10**9, at(days)):
            rollup.make(tmp_path, at_ns)
            there.append((raw.exists(), day.exists(), month.exists()))
    assert there == [
        (True, True, False), (False, True, False),
        (False, True, False), (False, False, True),
        (False, False, True), (False, False, False),
    ]  # fmt: skip
    assert month_files(tmp_path) == []
