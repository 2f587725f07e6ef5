"""Counters as rates: wraps, restarts, resets, and the agent's own time."""

from __future__ import annotations

import pytest

from seventh.protocols.snmp.wire.message import Binding, Kind
from seventh.watch.polling.rates import Rates

SECOND = 10**9


def rates_of(*polls: tuple[int | None, float, Kind, int]) -> list[float | None]:
    """The rate in each poll of an uptime in ticks, our seconds, and the counter."""
    rates, found = Rates(), []
    for ticks, seconds, kind, value in polls:
        rates.begin(ticks)
        found.append(rates.rate(Binding((1, 3, 1), kind, value), round(seconds * SECOND)))
    return found


C32, C64 = Kind.COUNTER32, Kind.COUNTER64


@pytest.mark.parametrize(
    ("first", "second", "rate"),
    [
        ((1000, 0, C32, 100), (1500, 9, C32, 600), 100.0),
        ((None, 0, C32, 100), (None, 5, C32, 600), 100.0),
        ((1000, 0, C32, 2**32 - 100), (1500, 5, C32, 400), 100.0),
        ((1000, 0, C64, 100), (1500, 5, C64, 600), 100.0),
        ((1000, 0, C64, 600), (1500, 5, C64, 100), None),
        ((100_000, 0, C32, 10**6), (500, 5, C32, 100), None),
        ((2**32 - 250, 0, C32, 0), (250, 5, C32, 500), 100.0),
        ((1000, 0, C32, 0), (1000, 5, C32, 500), None),
        ((1000, 0, Kind.GAUGE32, 1), (1500, 5, Kind.GAUGE32, 9), None),
    ],
    ids=["agents-time", "our-time", "wrap", "64", "reset", "restart", "497-days", "no-time",
         "gauge"],
)  # fmt: skip
def test_a_rate(
    first: tuple[int | None, float, Kind, int], second: tuple[int | None, float, Kind, int],
    rate: float | None,
) -> None:  # fmt: skip
    assert rates_of(first, second) == [None, rate]
