"""One direction of a link: every packet accounted for, its order, its rate, its losses."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.link.validate import loss_interval
from seventh.link.way import MS, NEVER, Cause, Counts, Losses, Radio, Shape, Way

SHAPES = st.builds(
    Shape,
    delay_ms=st.floats(0, 500),
    jitter_ms=st.floats(0, 50),
    reorder=st.booleans(),
    loss_percent=st.floats(0, 50),
    burst_packets=st.floats(1, 20),
    burst_loss_percent=st.floats(50, 100),
    duplicate_percent=st.floats(0, 100),
    rate_kbit=st.one_of(st.just(0.0), st.floats(32, 1_000_000)),
    queue_bytes=st.integers(1500, 100_000),
    mtu=st.sampled_from([0, 576, 1400]),
)
ARRIVALS = st.lists(st.tuples(st.integers(0, 20 * MS), st.integers(20, 1500)), max_size=80)


def drive(way: Way, arrivals: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
    """What leaves, with its times, when packets come after the pauses; each has its number."""
    now, out = 0, []
    for number, (pause, size) in enumerate(arrivals):
        now += pause
        out += way.due(now)
        way.put(number.to_bytes(4) + b"\0" * (size - 4), now)
        assert way.counts.accounted
    return out + way.due(NEVER)


@given(SHAPES, ARRIVALS, st.integers(0, 9))
def test_every_packet_is_accounted_for(
    shape: Shape, arrivals: list[tuple[int, int]], seed: int
) -> None:
    way = Way(shape, str(seed))
    out = drive(way, arrivals)
    counts = way.counts
    assert counts.packets == len(arrivals)
    assert counts.bytes == sum(size for _, size in arrivals)
    assert counts.queued == 0
    assert counts.sent == len(out)
    assert counts.sent_bytes == sum(len(packet) for _, packet in out)
    assert counts.accounted


@given(SHAPES, ARRIVALS)
def test_order_is_kept_unless_reordering_is_asked_for(
    shape: Shape, arrivals: list[tuple[int, int]]
) -> None:
    out = drive(Way(shape), arrivals)
    assert [due for due, _ in out] == sorted(due for due, _ in out)
    if not shape.reorder:
        numbers = [packet[:4] for _, packet in out]
        assert numbers == sorted(numbers)


@given(SHAPES, ARRIVALS)
def test_the_same_seed_decides_the_same(shape: Shape, arrivals: list[tuple[int, int]]) -> None:
    assert drive(Way(shape, "a"), arrivals) == drive(Way(shape, "a"), arrivals)


@given(st.floats(32, 1_000_000), st.integers(1500, 100_000), ARRIVALS)
def test_the_rate_is_never_exceeded(
    kbit: float, queue: int, arrivals: list[tuple[int, int]]
) -> None:
    out = drive(Way(Shape(rate_kbit=kbit, queue_bytes=queue)), arrivals)
    times = [due for due, _ in out]
    sizes = [len(packet) for _, packet in out]
    for first in range(len(out)):
        passed = 0
        for last in range(first + 1, len(out)):
            passed += sizes[last]
            assert passed * 8 * MS / kbit <= times[last] - times[first] + 2


@given(SHAPES, ARRIVALS)
def test_nothing_leaves_before_its_delay(shape: Shape, arrivals: list[tuple[int, int]]) -> None:
    came, now = [], 0
    for pause, _ in arrivals:
        now += pause
        came.append(now)
    least = max(shape.delay_ms - shape.jitter_ms, 0) * MS
    for due, packet in drive(Way(shape), arrivals):
        assert due >= came[int.from_bytes(packet[:4])] + least - 1


def test_a_delay_is_exact() -> None:
    way = Way(Shape(delay_ms=12.5))
    assert way.put(b"a" * 100, 1000) is None
    assert way.next_ns == 12_501_000
    assert way.due(12_500_999) == []
    assert way.due(12_501_000) == [(12_501_000, b"a" * 100)]
    assert way.next_ns == NEVER


def test_a_rate_is_exact_over_a_long_time() -> None:
    way = Way(Shape(rate_kbit=56, queue_bytes=10_000_000))
    for _ in range(3000):
        way.put(b"a" * 999, 0)
    out = way.due(NEVER)
    assert out[-1][0] == pytest.approx(3000 * 999 * 8 / 56 * MS, rel=1e-9)


def test_the_queue_drops_what_is_too_much() -> None:
    way = Way(Shape(rate_kbit=1000, queue_bytes=3000))
    fates = [way.put(b"a" * 1000, 0) for _ in range(5)]
    assert fates == [None, None, None, Cause.QUEUE, Cause.QUEUE]
    # After 8 ms one of them has left.
    assert way.put(b"a" * 1000, 8 * MS) is None
    assert way.put(b"a" * 1000, 8 * MS) is Cause.QUEUE
    assert way.counts.dropped == {Cause.QUEUE: 3}


def test_a_packet_beyond_the_mtu_is_dropped() -> None:
    way = Way(Shape(mtu=1400))
    assert way.put(b"a" * 1400, 0) is None
    assert way.put(b"a" * 1401, 0) is Cause.MTU


def test_an_outage_drops_what_comes_and_not_what_is_under_way() -> None:
    way = Way(Shape(delay_ms=10))
    way.put(b"first", 0)
    way.is_down = True
    assert way.put(b"second", 1) is Cause.OUTAGE
    assert way.due(10 * MS) == [(10 * MS, b"first")]


def test_duplicates_leave_with_their_twin() -> None:
    way = Way(Shape(delay_ms=1, duplicate_percent=100))
    way.put(b"twin", 0)
    assert way.due(MS) == [(MS, b"twin"), (MS, b"twin")]
    assert way.counts == Counts(packets=1, bytes=4, sent=2, sent_bytes=8, duplicates=1)


def test_jitter_covers_its_range_evenly() -> None:
    way = Way(Shape(delay_ms=20, jitter_ms=10, reorder=True))
    for _ in range(4000):
        way.put(b"a", 0)
    delays = [due / MS for due, _ in way.due(NEVER)]
    assert 10 <= min(delays) < 10.1
    assert 29.9 < max(delays) <= 30
    assert statistics.mean(delays) == pytest.approx(20, abs=0.3)
    assert statistics.pstdev(delays) == pytest.approx(10 / math.sqrt(3), rel=0.03)


def test_a_smaller_delay_does_not_overtake() -> None:
    way = Way(Shape(delay_ms=100))
    way.put(b"a", 0)
    way.reshape(Shape(delay_ms=1))
    way.put(b"b", MS)
    assert way.due(NEVER) == [(100 * MS, b"a"), (100 * MS, b"b")]


@pytest.mark.parametrize("percent", [0.1, 1.0, 5.0, 30.0])
@pytest.mark.parametrize("burst", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("within", [100.0, 60.0])
def test_losses_are_as_frequent_as_asked(percent: float, burst: float, within: float) -> None:
    shape = Shape(loss_percent=percent, burst_packets=burst, burst_loss_percent=within)
    losses = Losses(shape, "1")
    count = 100_000
    lost = [losses.lost() for _ in range(count)]
    low, high = loss_interval(shape, count, sigmas=2.576)
    assert low <= 100 * sum(lost) / count <= high


def test_bursts_are_as_long_as_asked() -> None:
    losses = Losses(Shape(loss_percent=2, burst_packets=8), "seed")
    lost = [losses.lost() for _ in range(400_000)]
    bursts = "".join("x" if each else " " for each in lost).split()
    assert statistics.mean(map(len, bursts)) == pytest.approx(8, rel=0.05)


def test_a_radio_is_woken_after_a_pause() -> None:
    radio = Radio(wake_ms=260, tail_seconds=11.6)
    way = Way(Shape(delay_ms=35), radio=radio)
    way.put(b"a", 0)
    way.put(b"b", 100 * MS)
    way.put(b"c", 300 * MS)
    way.put(b"d", 11_900 * MS)
    way.put(b"e", 23_501 * MS)
    assert way.due(NEVER) == [
        (295 * MS, b"a"), (295 * MS, b"b"), (335 * MS, b"c"), (11_935 * MS, b"d"),
        (23_796 * MS, b"e"),
    ]  # fmt: skip
    assert radio.wakes == 2


def test_a_radio_stays_awake_from_the_packet_that_it_sent() -> None:
    radio = Radio(wake_ms=260, tail_seconds=0.2)
    assert [radio.ready_ns(at * MS) for at in (0, 459, 660)] == [260 * MS, 459 * MS, 920 * MS]
    assert radio.wakes == 2


def test_what_waits_for_the_radio_fills_the_queue_by_its_bytes_alone() -> None:
    radio = Radio(wake_ms=260, tail_seconds=11.6)
    way = Way(Shape(rate_kbit=8000, queue_bytes=3000), radio=radio)
    fates = [way.put(b"a" * 1000, at * MS) for at in (0, 100, 200, 201)]
    assert fates == [None, None, None, Cause.QUEUE]
    # One leaves each millisecond after 260 ms.
    assert [due for due, _ in way.due(NEVER)] == [261 * MS, 262 * MS, 263 * MS]


def test_a_shape_that_does_nothing_is_straight() -> None:
    assert Way(Shape()).straight
    assert Way(Shape(queue_bytes=9000)).straight
    for shape in (Shape(delay_ms=1), Shape(loss_percent=1), Shape(rate_kbit=1), Shape(mtu=9000)):
        assert not Way(shape).straight
    assert not Way(Shape(), radio=Radio(1, 1)).straight


def test_what_passes_a_straight_way_is_counted() -> None:
    way = Way(Shape())
    way.passed(3, 4500)
    assert way.counts == Counts(packets=3, bytes=4500, sent=3, sent_bytes=4500)
