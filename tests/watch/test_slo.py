"""Objectives: exact seconds, the budget, and burn rates that fire when theory says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.watch.slo import DAY_NS, HOUR_NS, PAIRS, Seconds, budget, burn, seconds
from seventh.watch.spans import Span, spans, without
from seventh.watch.verdict import Condition

S = 10**9
UP, DOWN, UNKNOWN = Condition.UP, Condition.DOWN, Condition.UNKNOWN
PERIOD = 30 * DAY_NS


def test_seconds_are_exact() -> None:
    parts = [
        Span(0, 5 * S, UP), Span(5 * S, 7 * S, DOWN), Span(7 * S, 8 * S, Condition.DEGRADED),
        Span(8 * S, 9 * S, Condition.FLAPPING), Span(9 * S, 20 * S, UNKNOWN),
    ]  # fmt: skip
    assert seconds(parts, 2 * S, 12 * S) == Seconds(4, 3, 3)
    assert seconds(parts, 30 * S, 40 * S) == Seconds()
    whole = Seconds(4, 3, 3) + Seconds(1, 0, 0)
    assert (whole, whole.known, whole.coverage, whole.errors) == (
        Seconds(5, 3, 3), 8, pytest.approx(8 / 11), 3 / 8,
    )  # fmt: skip
    assert (Seconds().errors, Seconds().coverage) == (None, 0.0)


def test_what_is_maintenance_is_left_out() -> None:
    parts = [Span(0, 10 * S, UP), Span(10 * S, 20 * S, DOWN)]
    windows = [(2 * S, 4 * S), (3 * S, 5 * S), (8 * S, 12 * S), (19 * S, 99 * S)]
    assert [*without(parts, windows)] == [
        Span(0, 2 * S, UP), Span(5 * S, 8 * S, UP), Span(12 * S, 19 * S, DOWN),
    ]  # fmt: skip
    assert [*without(parts, [])] == parts


def test_the_budget() -> None:
    assert budget(0.99, Seconds(good=1000)) == 1
    assert budget(0.99, Seconds(good=995, bad=5)) == pytest.approx(0.5)
    assert budget(0.99, Seconds(good=980, bad=20, unknown=10**9)) == pytest.approx(-1)
    assert budget(0.99, Seconds(unknown=9)) is None


def test_the_rates_are_those_of_the_workbook() -> None:
    assert [pair.rate(PERIOD) for pair in PAIRS] == [
        pytest.approx(14.4), pytest.approx(6), pytest.approx(1),
    ]  # fmt: skip
    assert [(pair.short_ns * 12 == pair.long_ns, pair.pages) for pair in PAIRS] == [
        (True, True), (True, True), (True, False),
    ]  # fmt: skip


def fires_after(share: float, pair_number: int, objective: float) -> float | None:
    """Minutes from the start of an outage of ``share`` of all targets until a pair fires."""
    pair = PAIRS[pair_number]
    end = 0

    def rates(minutes: int, window_ns: int) -> Seconds:
        bad = min(minutes * 60, window_ns // S) * share
        return Seconds(good=window_ns / S - bad, bad=bad)

    for end in range(1, 3 * 24 * 60 + 2):
        if burn(pair, objective, PERIOD, rates(end, pair.long_ns), rates(end, pair.short_ns),
                before=False).firing:  # fmt: skip
            return end
    return None


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_an_outage_is_detected_when_theory_says(number: int, share: float) -> None:
    pair, objective = PAIRS[number], 0.999
    limit = pair.rate(PERIOD)
    rate = share / (1 - objective)
    theory = limit / rate * pair.long_ns / S / 60
    found = fires_after(share, number, objective)
    if rate < limit:
        assert found is None
    else:
        assert found is not None
        assert theory - 1e-6 <= found <= theory + 1 + 1e-6


def test_an_alert_ends_with_the_short_window_and_freezes_without_coverage() -> None:
    pair = PAIRS[0]
    bad, good = Seconds(good=0, bad=3600), Seconds(good=300)
    over = burn(pair, 0.999, PERIOD, bad, good, before=True)
    assert (over.firing, over.frozen, over.long, over.short) == (
        False, False, pytest.approx(1000), 0,
    )  # fmt: skip
    little = Seconds(good=100, unknown=200)
    for before in (True, False):
        for long, short in ((bad, little), (Seconds(bad=1, unknown=3599), Seconds(bad=300))):
            held = burn(pair, 0.999, PERIOD, long, short, before=before)
            assert (held.firing, held.frozen) == (before, True)
    nothing = burn(pair, 0.999, PERIOD, Seconds(unknown=1), Seconds(), before=False)
    assert (nothing.long, nothing.short, nothing.firing) == (None, None, False)


changes = st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(Condition)), max_size=20)
windows = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=6)


@given(changes, windows)
def test_no_nanosecond_is_counted_twice(
    found: list[tuple[int, Condition]], cut: list[tuple[int, int]]
) -> None:
    ordered = sorted((min(each), max(each)) for each in cut)
    kept = [*without(spans(sorted(found), 0, 1000), ordered)]
    at = {ns for part in kept for ns in range(part.begin_ns, part.end_ns)}
    assert sum(part.end_ns - part.begin_ns for part in kept) == len(at)
    assert at == {ns for ns in range(1000) if not any(a <= ns < b for a, b in ordered)}
    assert HOUR_NS * 24 == DAY_NS
