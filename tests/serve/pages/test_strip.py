"""Seconds of each condition, day by day: exact, and a gap is never up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.serve.pages.strip import DAY_S, Day, days, total
from seventh.watch.spans import Span, spans
from seventh.watch.verdict import Condition

S = 10**9
DAY = DAY_S * S
UP, DOWN, UNKNOWN = Condition.UP, Condition.DOWN, Condition.UNKNOWN


def test_what_is_before_the_first_change_is_unknown() -> None:
    changes = [(5 * S, UP), (9 * S, DOWN), (9 * S, UP), (12 * S, DOWN)]
    assert spans(changes, 2 * S, 12 * S) == [Span(2 * S, 5 * S, UNKNOWN), Span(5 * S, 9 * S, UP),
                                             Span(9 * S, 12 * S, UP)]  # fmt: skip
    assert spans(changes, 6 * S, 7 * S) == [Span(6 * S, 7 * S, UP)]
    assert spans([], 0, S) == [Span(0, S, UNKNOWN)]
    assert spans(changes, S, S) == []


def test_days_are_divided_at_midnight() -> None:
    six, seven = DAY + 6 * 3600 * S, DAY + 7 * 3600 * S
    found = days([Span(0, six, UP), Span(six, seven, DOWN)], seven, count=3)
    assert found == [
        Day(-DAY_S, {}), Day(0, {UP: float(DAY_S)}), Day(DAY_S, {UP: 21_600.0, DOWN: 3600.0}),
    ]  # fmt: skip
    assert [each.known for each in found] == [0, DAY_S, 25_200]
    assert [each.available for each in found] == [None, 1.0, pytest.approx(6 / 7)]
    assert total(found) == Day(-DAY_S, {UP: DAY_S + 21_600.0, DOWN: 3600.0})


@given(st.lists(st.tuples(st.integers(0, 4 * DAY), st.sampled_from(Condition)), max_size=30))
def test_no_second_is_lost(changes: list[tuple[int, Condition]]) -> None:
    parts = spans(sorted(changes), 0, 4 * DAY)
    assert [parts[0].begin_ns, *(each.end_ns for each in parts)] == [
        *(each.begin_ns for each in parts), 4 * DAY,
    ]  # fmt: skip
    whole = total(days(parts, 4 * DAY - 1, count=4)).seconds
    assert sum(whole.values()) == pytest.approx(4 * DAY_S)
