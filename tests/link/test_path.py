"""A link as a whole: filters, the time line, other addresses."""

from __future__ import annotations

import pytest

from seventh.link.path import Path
from seventh.link.profile import Allow, Event, NatKeys, Profile, RadioKeys, find, names
from seventh.link.way import MS, NEVER, Cause, Counts, Shape
from tests.link.packets import CLIENT, SERVER, TCP, UDP, packet

SECOND = 1000 * MS


def profile(**settings: object) -> Profile:
    return Profile(name="test", **settings)  # type: ignore[arg-type]


def test_each_direction_has_its_own_shape() -> None:
    path = Path(profile(up=Shape(delay_ms=1), down=Shape(delay_ms=2)))
    path.put(packet(), 0, up=True)
    path.put(packet(), 0, up=False)
    assert (path.up.next_ns, path.down.next_ns, path.next_ns) == (MS, 2 * MS, MS)


def test_a_filter_lets_named_ports_pass_both_ways() -> None:
    path = Path(profile(allow=Allow(tcp_ports=(443,), udp_ports=(53,))))
    asked = {
        (protocol, port): path.put(packet(target=(SERVER, port), protocol=protocol), 0, up=True)
        for protocol in (TCP, UDP)
        for port in (53, 443)
    }
    assert asked == {
        (TCP, 53): Cause.FILTER, (TCP, 443): None, (UDP, 53): None, (UDP, 443): Cause.FILTER,
    }  # fmt: skip
    back = packet((SERVER, 443), (CLIENT, 40_000), protocol=TCP)
    assert path.put(back, 0, up=False) is None
    assert path.put(packet((SERVER, 80), (CLIENT, 443), protocol=TCP), 0, up=False) is Cause.FILTER
    assert path.up.counts.dropped == {Cause.FILTER: 2}
    assert path.up.counts.accounted
    assert path.down.counts.accounted


def test_a_filter_of_one_protocol_leaves_the_other() -> None:
    path = Path(profile(allow=Allow(udp_ports=())))
    assert path.put(packet(protocol=TCP), 0, up=True) is None
    assert path.put(packet(), 0, up=True) is Cause.FILTER


def test_an_outage_begins_and_ends() -> None:
    path = Path(profile(events=(Event(at_seconds=1, for_seconds=0.5, outage=True),)), start_ns=7)
    fates = [
        path.put(packet(), 7 + at * MS, up=at % 2 == 0)
        for at in (0, 999, 1000, 1001, 1499, 1500, 9000)
    ]
    assert fates == [None, None, Cause.OUTAGE, Cause.OUTAGE, Cause.OUTAGE, None, None]
    assert path.next_change_ns == NEVER


def test_a_change_repeats() -> None:
    event = Event(at_seconds=15, every_seconds=15, for_seconds=10, up={"delay-ms": 30})
    path = Path(profile(up=Shape(delay_ms=20), events=(event,)))
    seen = {}
    for second in (0, 14, 15, 24, 25, 29, 30, 39, 40, 150, 160):
        path.advance(second * SECOND)
        seen[second] = (path.up.shape.delay_ms, path.next_change_ns // SECOND)
    assert seen == {
        0: (20, 15), 14: (20, 15), 15: (30, 25), 24: (30, 25), 25: (20, 30), 29: (20, 30),
        30: (30, 40), 39: (30, 40), 40: (20, 45), 150: (30, 160), 160: (20, 165),
    }  # fmt: skip


def test_a_later_event_overrides_an_earlier_one_key_by_key() -> None:
    events = (
        Event(at_seconds=1, down={"delay-ms": 30, "loss-percent": 1}),
        Event(at_seconds=2, down={"delay-ms": 50}),
    )
    path = Path(profile(down=Shape(rate_kbit=100), events=events))
    path.advance(3 * SECOND)
    assert path.down.shape == Shape(rate_kbit=100, delay_ms=50, loss_percent=1)


def test_the_address_changes_once_for_each_event() -> None:
    events = (
        Event(at_seconds=1, every_seconds=10, new_address=True),
        Event(at_seconds=3, down={"delay-ms": 1}),
    )
    path = Path(profile(events=events))
    sources = []
    for second in (0, 1, 4, 11, 35):
        path.put(packet(), second * SECOND, up=True)
        sources.append(path.up.due(NEVER)[0][1][12:16][3])
    assert sources == [2, 3, 3, 4, 5]


def test_a_nat_drops_what_it_has_forgotten() -> None:
    path = Path(profile(nat=NatKeys(udp_idle_seconds=30)))
    assert path.put(packet(), 0, up=True) is None
    back = packet((SERVER, 443), (CLIENT, 40_000))
    assert path.put(back, 30 * SECOND, up=False) is None
    assert path.put(back, 61 * SECOND, up=False) is Cause.NAT
    assert path.down.counts == Counts(packets=2, bytes=64, queued=1, dropped={Cause.NAT: 1})


def test_a_radio_is_shared_by_both_directions() -> None:
    path = Path(profile(radio=RadioKeys(wake_ms=100, tail_seconds=1)))
    path.put(packet(), 0, up=True)
    path.put(packet(), 150 * MS, up=False)
    assert path.radio is not None
    assert path.radio.wakes == 1
    assert (path.up.next_ns, path.down.next_ns) == (100 * MS, 150 * MS)


@pytest.mark.parametrize("name", names())
def test_a_shipped_profile_runs(name: str) -> None:
    path = Path(find(name), seed=1)
    for number in range(2000):
        path.put(packet(protocol=TCP, flags=2), number * 50 * MS, up=number % 2 == 0)
    path.up.due(NEVER)
    path.down.due(NEVER)
    assert path.up.counts.accounted
    assert path.down.counts.accounted
    assert path.up.counts.sent > 0


def test_only_a_link_that_never_does_anything_is_straight() -> None:
    assert Path(find("none")).straight
    assert not Path(profile(nat=NatKeys(udp_idle_seconds=1))).straight
    assert not Path(profile(allow=Allow(udp_ports=()))).straight
    assert not Path(profile(events=(Event(at_seconds=1, outage=True),))).straight
