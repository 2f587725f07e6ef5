"""The histogram of lateness."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seventh.link.lateness import Late, Lateness


def test_nothing_is_late_before_anything_left() -> None:
    assert Lateness().summary() == Late()


def test_quantiles_are_those_of_what_was_added() -> None:
    lateness = Lateness()
    lateness.add_prompt(900)
    for _ in range(95):
        lateness.add(500_000)
    for _ in range(5):
        lateness.add(90_000_000)
    assert lateness.summary() == Late(p50_ms=0.0082, p99_ms=0.5079, p999_ms=90.0, max_ms=90.0)


@given(st.lists(st.integers(0, 60_000_000), min_size=1, max_size=300))
def test_a_quantile_is_at_most_a_step_too_high(late: list[int]) -> None:
    lateness = Lateness()
    for each in late:
        lateness.add(each)
    exact = sorted(late)[-(-len(late) // 2) - 1] / 1e6
    assert exact - 0.0001 <= lateness.summary().p50_ms <= exact + 0.0083
    assert lateness.summary().max_ms == round(max(late) / 1e6, 4)
