"""Which datagram answers which request, and what the answers say about the clock."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.phase import Mark
from seventh.protocols.ntp.facts import Contradiction, Sample
from seventh.protocols.ntp.wire.packet import ExtensionField, Packet, parse, to_ntp
from seventh.protocols.ntp.wire.sampler import (
    Received,
    Sampler,
    Verdict,
    clock_filter,
    contradictions,
    header_facts,
    measure,
)

IP, PORT = "192.0.2.123", 123
DISTANCE = 1_800_000_000 * 10**9
"""The wall clock minus the monotonic clock: some day in 2027."""
MS = 10**6


def asked(nonce: int = 0xABCDEF, at_ns: int = 0) -> Sampler:
    sampler = Sampler(IP, PORT)
    sampler.request(nonce)
    sampler.sent(Mark(at_ns, "user"))
    return sampler


def reply(nonce: int = 0xABCDEF, t2: int = 4 * MS, t3: int = 5 * MS, **changes: object) -> Packet:
    packet = Packet(
        mode=4, stratum=2, precision=-20, origin=nonce,
        receive=to_ntp(DISTANCE + t2), transmit=to_ntp(DISTANCE + t3),
    )  # fmt: skip
    return msgspec.structs.replace(packet, **changes)


def hear(
    sampler: Sampler, data: bytes, at_ns: int = 9 * MS, ip: str = IP, port: int = PORT
) -> Received:
    return sampler.receive(data, Mark(at_ns, "kernel"), ip, port, DISTANCE)


def test_a_request_tells_nothing_of_this_machine() -> None:
    request = parse(Sampler(IP, PORT).request(0x1122334455667788))
    assert request == Packet(mode=3, version=4, transmit=0x1122334455667788)


def test_a_request_may_carry_extension_fields() -> None:
    field = ExtensionField(0x0104, bytes(32))
    assert parse(Sampler(IP, PORT).request(1, [field])).extensions == (field,)


@pytest.mark.parametrize("nonce", [0, -1, 2**64, 5])
def test_a_nonce_is_fresh(nonce: int) -> None:
    sampler = Sampler(IP, PORT)
    sampler.request(5)
    with pytest.raises(
        ValueError, match=r"^the nonce must be 64 new random bits, not all of them zero$"
    ):
        sampler.request(nonce)


def test_a_reply_is_matched_and_measured() -> None:
    sampler = asked()
    received = hear(sampler, reply().encode())
    assert received.verdict is Verdict.REPLY
    assert received.answers
    sample = received.sample
    assert sample is not None
    # t1 0, t2 4, t3 5, t4 9 ms: both ways take 4 ms.
    assert sample.offset_seconds == pytest.approx(0, abs=1e-9)
    assert sample.delay_seconds == pytest.approx(0.008)
    assert sample.rtt_seconds == pytest.approx(0.009)
    assert sample.error_seconds == pytest.approx(0.004, abs=1e-5)
    assert sampler.reach == 1


def test_the_second_reply_is_a_duplicate() -> None:
    sampler = asked()
    hear(sampler, reply().encode())
    assert hear(sampler, reply(t2=99 * MS).encode()).verdict is Verdict.DUPLICATE
    assert len(sampler.samples) == 1


@pytest.mark.parametrize("origin", [0, 0xABCDEE, 2**64 - 1])
def test_a_wrong_origin_is_spoofed(origin: int) -> None:
    sampler = asked()
    assert hear(sampler, reply(origin).encode()).verdict is Verdict.SPOOFED
    assert sampler.samples == []


def test_a_forged_kiss_is_ignored_and_counted() -> None:
    sampler = asked()
    kiss = reply(nonce=1, stratum=0, refid=b"DENY")
    assert hear(sampler, kiss.encode()).verdict is Verdict.SPOOFED
    assert sampler.kiss_codes == []
    assert sampler.tally.spoofed_kisses == 1
    assert hear(sampler, reply().encode()).verdict is Verdict.REPLY


def test_a_true_kiss_is_no_sample() -> None:
    sampler = asked()
    assert hear(sampler, reply(stratum=0, refid=b"RATE").encode()).verdict is Verdict.KISS
    assert sampler.kiss_codes == ["RATE"]
    assert sampler.samples == []
    assert sampler.answered_count == 1
    assert sampler.reach == 0


@pytest.mark.parametrize(("ip", "port"), [("192.0.2.124", PORT), (IP, 124), ("2001:db8::1", PORT)])
def test_our_origin_from_elsewhere_is_foreign(ip: str, port: int) -> None:
    sampler = asked()
    received = hear(sampler, reply().encode(), ip=ip, port=port)
    assert received.verdict is Verdict.FOREIGN
    assert sampler.foreign_sources == [ip if port == PORT else f"port {port} of {ip}"]
    assert sampler.samples == []
    assert hear(sampler, reply(1).encode(), ip=ip, port=port).verdict is Verdict.SPOOFED
    assert hear(sampler, b"?", ip=ip, port=port).verdict is Verdict.SPOOFED
    assert sampler.tally.malformed == 0


def test_another_spelling_of_an_address_is_the_same_address() -> None:
    sampler = Sampler("2001:DB8:0::1", PORT)
    sampler.request(0xABCDEF)
    sampler.sent(Mark(0, "user"))
    assert hear(sampler, reply().encode(), ip="2001:db8::1").verdict is Verdict.REPLY


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 400",
        reply(mode=3).encode(),
        reply(mode=5).encode(),
        reply(transmit=0).encode(),
        reply(receive=0).encode(),
    ],
)
def test_malformed_answers_are_kept_apart(data: bytes) -> None:
    sampler = asked()
    assert hear(sampler, data).verdict is Verdict.MALFORMED
    assert sampler.malformed[0][1] == data
    assert hear(sampler, reply().encode()).verdict is Verdict.REPLY


def test_a_reply_to_a_request_that_never_left_is_spoofed() -> None:
    sampler = Sampler(IP, PORT)
    sampler.request(0xABCDEF)
    assert hear(sampler, reply().encode()).verdict is Verdict.SPOOFED
    assert sampler.sent_count == 0


@given(st.lists(st.tuples(st.binary(max_size=120), st.sampled_from([IP, "192.0.2.9"]))))
def test_no_bytes_raise_or_become_a_sample(datagrams: list[tuple[bytes, str]]) -> None:
    sampler = asked(nonce=0x0123456789ABCDEF)
    for data, ip in datagrams:
        hear(sampler, data, ip=ip)
    assert sampler.samples == []
    assert sampler.tally.stray == len(datagrams)


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_reach_follows_the_requests_in_whatever_order_replies_come(
    answered: list[bool], random: object
) -> None:
    sampler = Sampler(IP, PORT)
    for index in range(len(answered)):
        sampler.request(index + 1)
        sampler.sent(Mark(index, "user"))
    replies = [reply(index + 1).encode() for index, yes in enumerate(answered) if yes]
    random.shuffle(replies)  # type: ignore[attr-defined]
    for data in replies:
        hear(sampler, data)
    assert sampler.reach == int("".join("01"[yes] for yes in answered), 2)
    assert sampler.answered_count == sum(answered)


# -- measuring -------------------------------------------------------------------------------------


@given(
    offset=st.integers(-50 * 365 * 86400 * 10**9, 50 * 365 * 86400 * 10**9),
    there=st.integers(0, 10**9),
    held=st.integers(0, 10**9),
    back=st.integers(0, 10**9),
)
def test_the_truth_is_within_the_bound(offset: int, there: int, held: int, back: int) -> None:
    """Whatever the path does, and in whatever era the server lives."""
    t4 = there + held + back
    packet = reply(t2=offset + there, t3=offset + there + held)
    sample = measure(packet, Mark(0, "user"), Mark(t4, "kernel"), DISTANCE)
    # A float of some 10^9 seconds keeps about 10^-7.
    slack = max(1e-9, abs(offset) / 1e9 * 2.0**-50)
    assert abs(sample.offset_seconds - offset / 1e9) <= sample.error_seconds + slack
    assert sample.delay_seconds == pytest.approx((there + back) / 1e9, abs=1e-8)
    assert sample.rtt_seconds == t4 / 1e9


@pytest.mark.parametrize("t3", [4 * MS - 10**9, 4 * MS + 10**9])
def test_a_server_that_contradicts_itself_gets_no_tight_bound(t3: int) -> None:
    sample = measure(reply(t3=t3), Mark(0, "user"), Mark(9 * MS, "kernel"), DISTANCE)
    assert sample.delay_seconds == 0.009
    assert sample.error_seconds > 0.49


def test_the_wrap_of_2036_is_crossed() -> None:
    # Half a second before the wrap on our clock, half a second behind it on the server's.
    wrap = (2**32 - 2_208_988_800) * 10**9
    distance = wrap - 10**9 // 2
    packet = Packet(
        mode=4, stratum=2, precision=-20, origin=1,
        receive=to_ntp(wrap + 10**9 // 2), transmit=to_ntp(wrap + 10**9 // 2),
    )  # fmt: skip
    sample = measure(packet, Mark(0, "user"), Mark(2 * MS, "kernel"), distance)
    assert sample.offset_seconds == pytest.approx(0.999, abs=1e-6)


# -- the filter ------------------------------------------------------------------------------------


def sample(offset: float, delay: float, sequence: int = 0) -> Sample:
    return Sample(
        sequence=sequence, at_seconds=2.0 * sequence, offset_seconds=offset, delay_seconds=delay,
        rtt_seconds=delay, dispersion_seconds=1e-6, error_seconds=delay / 2, clock="kernel",
    )  # fmt: skip


def test_the_filter_of_nothing_is_nothing() -> None:
    assert clock_filter([]) is None


def test_one_sample_has_no_jitter() -> None:
    filtered = clock_filter([sample(0.1, 0.01)])
    assert filtered is not None
    assert filtered.jitter_seconds is None


def test_the_sample_of_least_delay_is_chosen() -> None:
    filtered = clock_filter([sample(0.003, 0.03), sample(0.001, 0.01, 1), sample(0.004, 0.02, 2)])
    assert filtered is not None
    assert filtered.best.offset_seconds == 0.001
    assert filtered.jitter_seconds == pytest.approx(math.sqrt((0.002**2 + 0.003**2) / 2))


def test_only_the_newest_eight_count() -> None:
    old = sample(9.0, 1e-6)
    filtered = clock_filter([old, *(sample(0.0, 0.01, n) for n in range(1, 9))])
    assert filtered is not None
    assert filtered.best.offset_seconds == 0.0


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 10)), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_filter_does_not_care_about_order(
    pairs: list[tuple[float, float]], random: object
) -> None:
    samples = [sample(offset, delay + index * 1e-9) for index, (offset, delay) in enumerate(pairs)]
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = clock_filter(samples), clock_filter(shuffled)
    assert one is not None
    assert other is not None
    assert one.best.delay_seconds == min(s.delay_seconds for s in samples)
    if len({s.delay_seconds for s in samples}) == len(samples):
        assert one.jitter_seconds == pytest.approx(other.jitter_seconds)
    spread = max(s.offset_seconds for s in samples) - min(s.offset_seconds for s in samples)
    assert one.jitter_seconds is not None
    assert one.jitter_seconds <= spread + 1e-9


# -- the header ------------------------------------------------------------------------------------


def test_the_age_of_the_reference_is_told_by_the_servers_clock_in_any_era() -> None:
    for transmit in (DISTANCE, DISTANCE + 20 * 365 * 86400 * 10**9, -(10**18)):
        packet = Packet(
            stratum=2, transmit=to_ntp(transmit), reference=to_ntp(transmit - 64 * 10**9)
        )
        assert header_facts(packet)["reference_age_seconds"] == pytest.approx(64)


def test_no_reference_timestamp_gives_no_age() -> None:
    assert header_facts(Packet(transmit=1))["reference_age_seconds"] is None


def test_a_stratum_of_0_on_the_wire_is_16() -> None:
    assert header_facts(Packet(stratum=0, transmit=1))["stratum"] == 16


LATER, FAR = Contradiction.REFERENCE_LATER, Contradiction.ROOT_DISTANCE


@pytest.mark.parametrize(
    ("changes", "age", "expected"),
    [
        ({}, None, ()),
        ({}, 64.0, ()),
        ({}, -0.001, ()),  # a clock that was stepped by a millisecond
        ({}, -0.0011, (LATER,)),
        ({"root_dispersion": 16 << 16}, 64.0, (FAR,)),
        ({"root_dispersion": (16 << 16) - 1}, 64.0, ()),
        ({"root_delay": 32 << 16}, 64.0, (FAR,)),
        ({"root_delay": (32 << 16) - 2}, 64.0, ()),
        ({"root_dispersion": 16 << 16}, -1.0, (LATER, FAR)),
        ({"root_dispersion": 16 << 16, "leap": 3}, -1.0, ()),
        ({"root_dispersion": 16 << 16, "stratum": 0}, -1.0, ()),
        ({"root_dispersion": 16 << 16, "stratum": 16}, -1.0, ()),
        ({"root_dispersion": 16 << 16, "stratum": 15}, -1.0, (LATER, FAR)),
    ],
)
def test_what_clients_reject_in_a_header(
    changes: dict[str, int], age: float | None, expected: tuple[Contradiction, ...]
) -> None:
    assert contradictions(reply(**changes), age) == expected


def test_a_request_exposes_nothing_but_its_nonce() -> None:
    sampler = Sampler(IP, PORT)
    assert sampler.request(0x0123456789ABCDEF) == b"\x23" + bytes(39) + bytes.fromhex(
        "0123456789abcdef"
    )


@pytest.mark.parametrize("nonce", [0, 1 << 64, 7])
def test_a_nonce_is_new_and_has_64_bits(nonce: int) -> None:
    sampler = Sampler(IP, PORT)
    sampler.request(7)
    with pytest.raises(
        ValueError, match=r"^the nonce must be 64 new random bits, not all of them zero$"
    ):
        sampler.request(nonce)
