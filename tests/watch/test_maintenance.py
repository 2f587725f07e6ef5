"""Maintenance windows: exact to the second in every zone, also where the clock is changed."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.watch.config import read
from seventh.watch.keys import MaintenanceKeys
from seventh.watch.maintenance import Maintenance, planned

S = 10**9
WEEKLY = "FREQ=WEEKLY;BYDAY=SU"


def window(**values: Any) -> Maintenance:
    keys: dict[str, Any] = {
        "name": "w", "start": "2026-01-04T02:30", "seconds": 3600.0, "rule": WEEKLY,
        "zone": "Europe/Berlin",
    }  # fmt: skip
    return planned("f:1", MaintenanceKeys(**(keys | values)))


def ns(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp()) * S


def days(made: Maintenance, first: str, last: str) -> list[tuple[str, str]]:
    """The windows of a time, in UTC."""
    return [
        tuple(dt.datetime.fromtimestamp(at / S, dt.UTC).strftime("%m-%dT%H:%M") for at in each)  # type: ignore[misc]
        for each in made.windows(ns(first), ns(last))
    ]


@pytest.mark.parametrize(
    ("zone", "changes", "expected"),
    [
        ("Europe/Berlin", "2026-03-29", [("03-22T01:30", "03-22T02:30"),
         ("03-29T01:30", "03-29T02:30"), ("04-05T00:30", "04-05T01:30")]),
        ("Europe/Berlin", "2026-10-25", [("10-18T00:30", "10-18T01:30"),
         ("10-25T00:30", "10-25T01:30"), ("11-01T01:30", "11-01T02:30")]),
        ("America/New_York", "2026-03-08", [("03-01T07:30", "03-01T08:30"),
         ("03-08T07:30", "03-08T08:30"), ("03-15T06:30", "03-15T07:30")]),
        ("America/New_York", "2026-11-01", [("10-25T06:30", "10-25T07:30"),
         ("11-01T07:30", "11-01T08:30"), ("11-08T07:30", "11-08T08:30")]),
        ("Asia/Seoul", "2026-03-29", [("03-21T17:30", "03-21T18:30"),
         ("03-28T17:30", "03-28T18:30"), ("04-04T17:30", "04-04T18:30")]),
        ("Pacific/Auckland", "2026-04-05", [("03-28T13:30", "03-28T14:30"),
         ("04-04T13:30", "04-04T14:30"), ("04-11T14:30", "04-11T15:30")]),
        ("Pacific/Auckland", "2026-09-27", [("09-19T14:30", "09-19T15:30"),
         ("09-26T14:30", "09-26T15:30"), ("10-03T13:30", "10-03T14:30")]),
    ],
    ids=["berlin-spring", "berlin-autumn", "new-york-spring", "new-york-autumn", "seoul",
         "auckland-autumn", "auckland-spring"],
)  # fmt: skip
def test_both_changes_of_the_clock(
    zone: str, changes: str, expected: list[tuple[str, str]]
) -> None:
    made = window(zone=zone)
    middle = dt.datetime.fromisoformat(f"{changes}T12:00+00:00")
    week = dt.timedelta(days=8)
    found = days(made, (middle - week).isoformat(), (middle + week).isoformat())
    assert found == expected
    # To the second, and by asking for one instant at a time.
    begin_ns = made.windows(*(round((middle + sign * week).timestamp()) * S for sign in (-1, 1)))[1]
    assert [made.covers({}, at) for at in (begin_ns[0] - 1, begin_ns[0], begin_ns[1] - 1,
                                            begin_ns[1])] == [False, True, True, False]  # fmt: skip


def test_a_single_time_and_labels() -> None:
    made = window(rule="", start="2026-06-01T00:00", zone="UTC", match={"team": "web"})
    assert days(made, "2026-01-01T00:00+00:00", "2027-01-01T00:00+00:00") == [
        ("06-01T00:00", "06-01T01:00")
    ]
    at_ns = ns("2026-06-01T00:30+00:00")
    assert [made.covers(labels, at_ns) for labels in ({"team": "web"}, {"team": "x"}, {})] == [
        True, False, False,
    ]  # fmt: skip


def test_a_long_window_of_days_before() -> None:
    made = window(seconds=604_800.0, zone="Pacific/Kiritimati")
    assert made.covers({}, ns("2026-06-03T12:00+00:00"))
    assert not window(rule="", seconds=604_800.0).covers({}, ns("2026-06-03T12:00+00:00"))


ZONES = ("Europe/Berlin", "America/New_York", "Asia/Seoul", "Pacific/Auckland")


@given(st.integers(0, 700 * 86_400), st.integers(60, 604_800), st.sampled_from(ZONES))
def test_one_instant_is_as_the_whole(at_s: int, seconds: int, zone: str) -> None:
    made = window(zone=zone, seconds=float(seconds))
    at_ns = (1_767_000_000 + at_s) * S
    whole = made.windows(1_766_000_000 * S, 1_900_000_000 * S)
    assert made.covers({}, at_ns) == any(begin <= at_ns < end for begin, end in whole)
    local = [dt.datetime.fromtimestamp(begin / S, ZoneInfo(zone)) for begin, _ in whole]
    assert {each.weekday() for each in local} == {6}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"zone": "Mars/Base"},
         ("zone: no such time zone: 'Mars/Base'; write a name such as Europe/Berlin")),
        ({"rule": "FREQ=MINUTELY"}, "rule: FREQ is one of DAILY, WEEKLY, MONTHLY, YEARLY"),
        ({"rule": "FREQ=DAILY;BYMINUTE=1"}, "rule: FREQ is one of DAILY, WEEKLY, MONTHLY, YEARLY"),
        ({"rule": "sometimes"}, "rule: FREQ is one of DAILY, WEEKLY, MONTHLY, YEARLY"),
        ({"start": "soon"}, "start: write a time such as 2026-01-04T02:00"),
        ({"start": "2026-01-04T02:00+01:00"}, "start: write a time such as 2026-01-04T02:00"),
    ],
    ids=["zone", "fine", "finer", "no-rule", "no-time", "offset"],
)  # fmt: skip
def test_what_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        window(**values)
    assert str(raised.value) == f"f:1: {said}"
    with pytest.raises(UsageError, match=r"^f:1: rule: "):
        window(rule="FREQ=WEEKLY;BYDAY=XX")


def test_tables_of_the_file() -> None:
    text = (
        '[[target]]\nurl = "tcp://127.0.0.1:9"\n[[slo]]\nname = "web"\nobjective = 0.999\n'
        f'[[maintenance]]\nname = "w"\nstart = "2026-01-04T02:30"\nduration = 3600\n'
        f'rule = "{WEEKLY}"\nzone = "Europe/Berlin"\n'
    )
    config = read("f", text, {})
    assert config.maintenance == (window(),)
    assert [(each.name, each.objective, each.days) for each in config.slos] == [("web", 0.999, 30)]
    twice = text + '[[slo]]\nname = "web"\nobjective = 0.9\n'
    with pytest.raises(UsageError) as raised:
        read("f", twice, {})
    assert str(raised.value) == "f:12: the name 'web' is that of f:3: add name = …"
