"""Marks on the monotonic clock."""

from __future__ import annotations

from seventh.model.phase import Mark


def test_seconds_since_a_mark_or_its_ns() -> None:
    end = Mark(3_500_000_000, "kernel")
    assert end.since(Mark(1_000_000_000, "user")) == 2.5
    assert end.since(1_000_000_000) == 2.5


def test_an_end_stamped_before_its_start_counts_as_none() -> None:
    assert Mark(1, "kernel").since(Mark(2, "user")) == 0.0


def test_the_same_instant_is_no_time() -> None:
    assert Mark(7, "kernel").since(7) == 0.0
    assert Mark(8, "kernel").since(7) == 1e-9
