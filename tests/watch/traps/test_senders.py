"""Limits of senders, and storms, on a clock that is passed in."""

from __future__ import annotations

import pytest

from seventh.watch.traps import senders as module
from seventh.watch.traps.senders import OTHERS, Senders

SECOND = 10**9
WINDOW = module.WINDOW_NS


def test_a_sender_has_its_limit_and_others_theirs() -> None:
    senders = Senders(limit=10)
    one, two = senders.of("a", 0), senders.of("b", 0)
    assert [senders.admit(one, 0) for _ in range(22)] == [True] * 20 + [False] * 2
    assert senders.admit(two, 0)
    assert [senders.admit(one, SECOND // 5) for _ in range(3)] == [True, True, False]
    assert [senders.admit(one, 60 * SECOND) for _ in range(21)] == [True] * 20 + [False]


def test_a_storm_is_ten_times_the_usual_and_ends_when_it_is_quiet() -> None:
    senders = Senders(limit=1e6)
    sender = senders.of("a", 0)
    for number in range(600):  # two a second, for 300 s
        sender.arrived(number * SECOND // 2)
    assert sender.baseline == pytest.approx(2.0, abs=0.1)
    start = 300 * SECOND
    for number in range(190):
        sender.arrived(start + number)
    assert not sender.storm
    for number in range(20):
        sender.arrived(start + 190 + number)
    assert (sender.storm, sender.peak) == (True, 21.0)
    sender.turn(start + WINDOW)
    assert sender.storm
    sender.turn(start + 2 * WINDOW)
    assert (sender.storm, sender.rate) == (False, 0.0)


def test_few_are_no_storm_of_a_sender_that_is_silent_usually() -> None:
    sender = Senders(limit=1e6).of("a", 0)
    for number in range(100):
        sender.arrived(number)
    assert not sender.storm
    sender.arrived(100)
    assert sender.storm


def test_an_endless_storm_becomes_usual() -> None:
    sender = Senders(limit=1e6).of("a", 0)
    for second in range(2000):
        for number in range(20):
            sender.arrived(second * SECOND + number)
    assert sender.storm is False
    assert sender.baseline == pytest.approx(20.0, rel=0.1)


def test_invented_addresses_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SENDERS", 3)
    senders = Senders(limit=10)
    for number in range(10):
        senders.of(str(number), number)
    assert list(senders.by_address) == ["0", "1", "2", OTHERS]
    late = 3600 * SECOND
    assert senders.of("new", late).address == "new"
    assert list(senders.by_address) == ["new"]
