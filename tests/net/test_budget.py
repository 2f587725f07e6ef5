"""Where a byte cap and a minimum rate begin to bite."""

from __future__ import annotations

import pytest

from seventh.model.failure import Failed, Reason
from seventh.net import budget as module
from seventh.net.budget import MIN_RATE_BYTES_PER_SECOND, Budget, Flooded, Meter

GRACE_NS = int(module.RATE_GRACE_SECONDS * 1e9)


def test_the_cap_itself_is_allowed() -> None:
    meter = Meter(10)
    meter.charge(4)
    meter.charge(6)
    with pytest.raises(Flooded):
        meter.charge(1)
    assert meter.received == 11


def test_no_rate_within_the_grace() -> None:
    meter = Meter(1000)
    meter.waited_ns = GRACE_NS
    meter.charge(1)
    meter.waited_ns += 1
    with pytest.raises(Failed) as caught:
        meter.charge(1)
    assert caught.value.reason is Reason.BUDGET_EXCEEDED


def test_the_minimum_rate_is_enough() -> None:
    meter = Meter(1000)
    meter.waited_ns = 10 * 10**9
    meter.charge(10 * MIN_RATE_BYTES_PER_SECOND)
    meter = Meter(1000)
    meter.waited_ns = 10 * 10**9
    with pytest.raises(Failed):
        meter.charge(10 * MIN_RATE_BYTES_PER_SECOND - 1)


def test_expected_silence_has_no_rate_until_it_is_asked_for_again() -> None:
    meter = Meter(1000)
    meter.patient = True
    meter.waited_ns = 10 * GRACE_NS
    meter.charge(500)
    meter.ask_rate()
    meter.charge(1)
    meter.waited_ns = GRACE_NS + 1
    with pytest.raises(
        Failed, match=r"^budget-exceeded: the peer sends too slowly: 2 bytes in 5\.0 s$"
    ):
        meter.charge(1)  # what came while it was patient does not count


def test_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(module, "now_ns", lambda: now[0])
    budget = Budget(3.0)
    assert (budget.within(1.0), budget.within(9.0)) == (10**9, 3 * 10**9)
    now[0] = 2 * 10**9
    assert budget.seconds_left == 1.0
    now[0] = 4 * 10**9
    assert budget.seconds_left == 0.0


def test_a_cap_only_grows() -> None:
    budget = Budget(1.0, max_bytes=100)
    budget.allow_bytes(50)
    assert budget.max_bytes == 100
    budget.allow_bytes(150)
    assert budget.max_bytes == 150
