"""Drawings are well-formed, escape what they show, and leave gaps where nothing is known."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from seventh.serve.pages import charts
from seventh.serve.pages.charts import Band
from seventh.serve.pages.recent import Point, Recent
from seventh.serve.pages.strip import DAY_S, Day
from seventh.watch.samples import Outcome
from seventh.watch.verdict import Condition
from tests.watch.made import OURS, REFUSED, pulse

POINTS = [
    Point(100, 0.010, Outcome.OK), Point(110, None, Outcome.FAILED), Point(120, 0.020, Outcome.OK),
    Point(130, None, Outcome.UNKNOWN),
]  # fmt: skip


def read(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own


def test_pulses_are_dots_and_failures_marks() -> None:
    drawn = str(charts.plot_of_pulses(POINTS, 15_000_000))
    read(drawn)
    assert drawn.count("h0") == 2
    assert re.findall(r'class="mark (\w+)"', drawn) == ["cd", "cn"]
    assert "limit 15.0 ms" in drawn
    assert "median 20.0 ms" in drawn
    assert "all without success" in charts.plot_of_pulses(POINTS[1:2] * 2)
    read(charts.spark(POINTS))
    assert re.findall(r"[ML][\d. ]+", charts.spark(POINTS).split('class="line"')[1].split("/>")[0])
    read(charts.spark([]))


def test_a_gap_divides_the_band() -> None:
    bands = [Band(at, 0.001, 0.002, 0.003, 0.0) for at in (0, 60, 300)]
    lost = Band(360, None, None, None, 0.5)
    drawn = str(charts.smoke([*bands, lost], 0, 600, 60))
    read(drawn)
    (line,) = re.findall(r'class="line" d="([^"]+)"', drawn)
    assert line.count("M") == 2
    assert re.findall(r"<title>([^<]+)", drawn) == ["50 % failed"]
    read(charts.smoke([], 0, 600, 60))


def test_phases_are_stacked_and_named() -> None:
    drawn = str(charts.stack({"<tls>": {0: 0.1, 60: 0.2}, "connect": {60: 0.1}}, 0, 120, 60))
    assert [each.text for each in read(drawn).iter("{http://www.w3.org/2000/svg}title")] == [
        "<tls>", "connect",
    ]  # fmt: skip
    waterfall = charts.waterfall((("<a>", 1_000_000), ("b", 3_000_000)))
    words = [each.text for each in read(waterfall).iter("text")]
    assert words == ["<a>", "1.00 ms", "b", "3.00 ms"]
    read(charts.waterfall(()))


def test_a_minute_of_a_day_is_seen() -> None:
    days = [
        Day(0, {Condition.UP: DAY_S - 60.0, Condition.DOWN: 60.0}), Day(DAY_S, {}),
        Day(2 * DAY_S, {Condition.UNKNOWN: 9.0}),
    ]  # fmt: skip
    svg = read(charts.strip(days))
    titles = [each.text for each in svg.iter("title")]
    assert titles == [
        "1970-01-01: down 60.0 s", "1970-01-02: nothing known", "1970-01-03: nothing known",
    ]  # fmt: skip
    (down,) = [each for each in svg.iter("rect") if each.attrib["class"] == "s-down"]
    assert float(down.attrib["height"]) > 4
    assert all(each.attrib["class"] == "cn" for each in [*svg][1].iter("rect"))


times = st.floats(0, 1e5, allow_nan=False)


@given(st.lists(st.builds(Band, st.integers(0, 10**6), times, times, times, st.floats(0, 1))))
def test_any_history_is_drawn(bands: list[Band]) -> None:
    read(charts.smoke(sorted(bands, key=lambda each: each.at_s), 0, 10**6, 60))


def test_the_last_pulses_are_kept_and_no_more() -> None:
    recent = Recent()
    for at in range(1000):
        recent.pulse(pulse(at, tls=2_000_000, connect=1_000_000))
    recent.pulse(pulse(1000, REFUSED))
    recent.pulse(pulse(1001, OURS))
    points = recent.points(1)
    assert len(points) == 360
    assert [(each.at_s, each.seconds and round(each.seconds, 6), each.outcome)
            for each in points[-3:]] == [
        (999, 0.003, Outcome.OK), (1000, None, Outcome.FAILED), (1001, None, Outcome.UNKNOWN),
    ]  # fmt: skip
    assert recent.points(1, 2) == points[-2:]
    assert (recent.phases(1), recent.phases(2)) == (("tls", "connect"), ())
    recent.forget_others({2})
    assert recent.points(1) == ()
