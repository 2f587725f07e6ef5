"""What a fan-out's figures say: quantiles, and when the k-th receiver had it."""

from __future__ import annotations

import pytest

from seventh.protocols.websocket.probe.fanout import quantile, ranked


@pytest.mark.parametrize(
    ("count", "share", "value"),
    [
        (1, 0.5, 1), (1, 0.95, 1), (2, 0.5, 1), (3, 0.5, 2), (20, 0.95, 19), (21, 0.95, 20),
        (45, 0.95, 43), (100, 0.95, 95), (100, 0.5, 50), (101, 0.5, 51), (100, 0.0, 1),
    ],
)  # fmt: skip
def test_quantiles(count: int, share: float, value: float) -> None:
    assert quantile([float(n) for n in range(1, count + 1)], share) == value


def test_a_quantile_of_nothing() -> None:
    assert quantile([], 0.5) is None


def test_receivers_by_rank() -> None:
    rounds = [[0.1, 0.2, 0.3, 0.4], [0.3, 0.4, 0.5], [0.2]]
    found = ranked(rounds, 4)
    assert [each.k for each in found] == [1, 2, 3, 4]
    assert [each.rounds for each in found] == [3, 2, 2, 1]
    first, second, *_ = found
    assert (first.least_seconds, first.median_seconds, first.most_seconds) == (0.1, 0.2, 0.3)
    assert (second.least_seconds, second.most_seconds) == (0.2, 0.4)
    assert second.median_seconds == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("receivers", "ranks"),
    [(1, [1]), (3, [1, 2, 3]), (9, [1, 3, 5, 7, 9]), (49, [1, 13, 25, 37, 45, 47, 49])],
)
def test_which_ranks_are_shown(receivers: int, ranks: list[int]) -> None:
    delays = [n / 1000 for n in range(receivers)]
    assert [each.k for each in ranked([delays], receivers)] == ranks
    assert ranked([[]], receivers) == ()
