"""The selection of sources: what must hold for any intervals."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.ntp.wire.selection import (
    Interval,
    quorum,
    select,
    select_sources,
    shared,
)

# Whole numbers keep the arithmetic exact, so that invariance can be asked for to the last bit.
POINTS = st.integers(-40, 40).map(float)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low = draw(POINTS)
    return Interval(low, low + draw(st.integers(0, 30)))


LISTS = st.lists(intervals(), max_size=9)


@st.composite
def with_honest_majority(draw: st.DrawFn) -> tuple[float, list[Interval], set[int]]:
    """A truth, sources more than half of which tell it, and which ones do."""
    truth = draw(POINTS)
    count = draw(st.integers(2, 9))
    honest = draw(st.integers(quorum(count), count))
    told = [
        Interval(truth - draw(st.integers(0, 20)), truth + draw(st.integers(0, 20)))
        for _ in range(honest)
    ]
    told += [draw(intervals()) for _ in range(count - honest)]
    order = draw(st.permutations(range(count)))
    return truth, [told[i] for i in order], {at for at, i in enumerate(order) if i < honest}


@given(with_honest_majority())
def test_an_honest_majority_always_holds_the_truth(
    case: tuple[float, list[Interval], set[int]],
) -> None:
    truth, told, honest = case
    outcome = select_sources(told)
    assert outcome.bound is not None
    assert outcome.bound.low <= truth <= outcome.bound.high
    # No correct source is called a falseticker: it shares true time with the majority.
    assert not [i for i in honest if outcome.verdicts[i] == "falseticker"]


@given(LISTS, st.randoms(use_true_random=False))
def test_the_order_of_the_sources_does_not_matter(told: list[Interval], chance: object) -> None:
    order = list(range(len(told)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    straight, mixed = select_sources(told), select_sources([told[i] for i in order])
    assert mixed.bound == straight.bound
    assert mixed.selected == straight.selected
    assert mixed.verdicts == tuple(straight.verdicts[i] for i in order)


@given(LISTS, st.integers(-1000, 1000))
def test_our_own_clock_does_not_matter(told: list[Interval], shift: int) -> None:
    moved = select_sources([Interval(i.low + shift, i.high + shift) for i in told])
    straight = select_sources(told)
    assert moved.verdicts == straight.verdicts
    if straight.bound is None:
        assert moved.bound is None
    else:
        assert moved.bound == Interval(straight.bound.low + shift, straight.bound.high + shift)


@given(LISTS, st.integers(1, 9))
def test_what_is_shared_is_what_counting_says(told: list[Interval], count: int) -> None:
    stretches = shared(told, count)
    assert all(a.high < b.low for a, b in itertools.pairwise(stretches))
    # Depth changes at ends only, so ends and the points between them are all there is to ask.
    ends = sorted({end for i in told for end in (i.low, i.high)})
    points = ends + [(a + b) / 2 for a, b in itertools.pairwise(ends)]
    for point in points:
        depth = sum(i.low <= point <= i.high for i in told)
        assert (depth >= count) == any(s.low <= point <= s.high for s in stretches)


@given(LISTS)
def test_falsetickers_are_always_the_smaller_part(told: list[Interval]) -> None:
    outcome = select_sources(told)
    wrong = outcome.verdicts.count("falseticker")
    assert 2 * wrong < max(1, len(told))
    if outcome.bound is not None:
        assert outcome.verdicts.count("truechimer") >= 1
    if "undecided" in outcome.verdicts:
        assert set(outcome.verdicts) == {"undecided"}
        assert outcome.bound is None


@given(LISTS)
def test_the_selection_keeps_within_the_majority(told: list[Interval]) -> None:
    selected, bound = select(told), select_sources(told).bound
    if len(told) == 1:
        assert selected == told[0]
    elif selected is not None:
        assert bound is not None
        assert bound.low <= selected.low <= selected.high <= bound.high


@given(LISTS)
def test_one_who_agrees_with_everybody_proves_nobody_wrong(told: list[Interval]) -> None:
    before, after = select_sources(told), select_sources([*told, Interval(-1000.0, 1000.0)])
    if before.bound is not None:
        pairs = zip(before.verdicts, after.verdicts, strict=False)
        assert not [1 for old, new in pairs if new == "falseticker" != old]


def test_nobody_and_one() -> None:
    assert select_sources([]).verdicts == ()
    alone = select_sources([Interval(0, 1)])
    assert alone.verdicts == ("alone",)
    assert alone.bound is None, "one source is no majority of anything"


def test_two_that_contradict_each_other() -> None:
    outcome = select_sources([Interval(0, 1), Interval(2, 3)])
    assert outcome.verdicts == ("undecided", "undecided")


def test_touching_is_sharing() -> None:
    outcome = select_sources([Interval(0, 1), Interval(1, 2)])
    assert outcome.bound == Interval(1, 1)
    assert outcome.verdicts == ("truechimer", "truechimer")


def test_one_of_four_is_wrong() -> None:
    good = Interval(-0.01, 0.01)
    outcome = select_sources([good, Interval(-0.02, 0.005), Interval(36.9, 37.1), good])
    assert outcome.verdicts == ("truechimer", "truechimer", "falseticker", "truechimer")
    assert outcome.selected == Interval(-0.01, 0.005)
    assert outcome.bound == outcome.selected, "three of four are needed, and three agree"


def test_a_half_is_no_majority() -> None:
    here, there = Interval(0, 1), Interval(5, 6)
    assert select_sources([here, here, there, there]).verdicts == ("undecided",) * 4


def test_the_selection_of_ntp_can_drop_an_honest_source() -> None:
    # Three of five share 0.5; the other two pull the selection, which then leaves the third out.
    wide, narrow, off = Interval(0, 10), Interval(0, 1), Interval(4, 6)
    outcome = select_sources([wide, wide, narrow, off, off])
    assert outcome.selected == off
    assert outcome.verdicts[2] == "outvoted", "dropped by clients, and not proven wrong"
    assert outcome.bound == Interval(0, 6), "where three of the five still may have the truth"


def test_no_clique_by_midpoints_but_a_majority() -> None:
    outcome = select_sources([Interval(0, 10), Interval(9, 19), Interval(40, 50)])
    assert outcome.selected is None
    assert outcome.bound == Interval(9, 10)
    assert outcome.verdicts == ("truechimer", "truechimer", "falseticker")


@pytest.mark.parametrize(("count", "more_than_half"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_a_quorum(count: int, more_than_half: int) -> None:
    assert quorum(count) == more_than_half
