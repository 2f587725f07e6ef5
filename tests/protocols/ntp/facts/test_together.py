"""Several servers as one set: who counts, from when, who smears, who follows whom."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import ClockReading, SourceFacts
from seventh.protocols.ntp.facts.together import (
    RAW_TOLERANCE,
    circles,
    compare_sources,
    followed,
    source_of,
    upstreams,
)
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.protocols.ntp.wire.packet import refid_of


def source(last: int, **changes: object) -> SourceFacts:
    made = SourceFacts(
        target=f"ntp://192.0.2.{last}:123", address=f"192.0.2.{last}", port=123, stratum=2, leap=0,
        reference_id=f"203.0.113.{last}", reference_id_hex=f"cb0071{last:02x}",
        offset_seconds=0.0, error_seconds=0.01, verdict="undecided",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def at(unix: float, raw: float) -> ClockReading:
    return ClockReading(unix_seconds=unix, raw_seconds=raw)


# -- from a server's own facts ---------------------------------------------------------------------


def test_the_error_is_the_root_distance_with_our_path_in_it() -> None:
    facts = GOOD.learn(
        offset_seconds=0.5, offset_error_seconds=0.02, root_delay_seconds=0.1,
        root_dispersion_seconds=0.03, jitter_seconds=0.004,
    )  # fmt: skip
    assert source_of("ntp://192.0.2.1:123", facts).error_seconds == pytest.approx(0.104)


def test_nobody_is_better_than_the_least_dispersion() -> None:
    facts = GOOD.learn(
        offset_error_seconds=1e-6, root_delay_seconds=0.0, root_dispersion_seconds=0.0,
        jitter_seconds=None,
    )  # fmt: skip
    assert source_of("ntp://192.0.2.1:123", facts).error_seconds == 0.0025


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"offset_seconds": None}, "no reply with time"),
        ({"leap": 3}, "unsynchronised"),
        ({"stratum": 16}, "unsynchronised"),
        ({"root_dispersion_seconds": 2.0}, "root distance 2.0 s"),
    ],
)
def test_who_has_no_time_to_give(changes: dict[str, object], detail: str) -> None:
    made = source_of("ntp://192.0.2.1:123", GOOD.learn(**changes))
    assert (made.verdict, made.detail, made.usable) == ("unusable", detail, False)


def test_why_there_is_no_time_where_it_is_known() -> None:
    assert source_of("ntp://a:123", NtpFacts(), why="no-reply").detail == "no-reply"


@pytest.mark.parametrize(
    ("target", "changes", "who", "by"),
    [
        ("ntp://time.google.com:123", {}, "Google", "name time.google.com"),
        ("ntp://time1.facebook.com:123", {}, "Meta", "name time1.facebook.com"),
        ("ntp://a:123", {"address": "169.254.169.123"}, "AWS", "address 169.254.169.123"),
        ("ntp://a:123", {"stratum": 1, "reference_id_hex": "474f4f47", "reference_id": "GOOG"},
         "Google", "reference ID GOOG"),
        ("ntp://a:123", {"reference_id_hex": "d8ef2304"}, "Google", "upstream 216.239.35.4"),
        ("ntp://a:123", {"reference_id_hex": refid_of("2001:4860:4806:8::").hex()},
         "Google", "upstream 2001:4860:4806:8::"),
        ("ntp://a:123", {"reference_id_hex": "7f7f01ff", "reference_id": "127.127.1.255"},
         "chrony", "reference ID 127.127.1.255"),
        ("ntp://a:123", {"reference_id_hex": "fe800000", "reference_id": "254.128.0.0"},
         "ntpd", "reference ID 254.128.0.0"),
        ("ntp://pool.ntp.org:123", {}, "", ""),
        ("ntp://0.amazon.pool.ntp.org:123", {}, "", ""),
        ("ntp://a:123", {"stratum": 1, "reference_id_hex": "47505300"}, "", ""),
        # The letters GOOG as an upstream's address are an address.
        ("ntp://a:123", {"stratum": 2, "reference_id_hex": "474f4f47"}, "", ""),
    ],
)  # fmt: skip
def test_who_smears(target: str, changes: dict[str, object], who: str, by: str) -> None:
    made = source_of(target, GOOD.learn(**changes))
    assert made.smears.startswith(who)
    assert bool(made.smears) == bool(who)
    assert made.smears_by == by


def test_a_source_has_its_servers_facts() -> None:
    facts = GOOD.learn(
        offset_seconds=0.5, offset_error_seconds=0.25, root_delay_seconds=0.125, leap=1,
        root_dispersion_seconds=0.0625, jitter_seconds=0.03125, measured=at(2.0, 1.0),
        reference_timestamp_hex=SET_AT,
    )  # fmt: skip
    assert source_of("ntp://a:1123", facts) == SourceFacts(
        target="ntp://a:1123", address="192.0.2.123", port=1123, stratum=2, leap=1,
        reference_id="203.0.113.9", reference_id_hex="cb007109", reference_timestamp_hex=SET_AT,
        offset_seconds=0.5, error_seconds=0.0625 + 0.25 + 0.0625 + 0.03125, measured=at(2.0, 1.0),
        verdict="undecided",
    )  # fmt: skip


def test_what_is_not_known_adds_nothing_to_the_error() -> None:
    facts = GOOD.learn(
        offset_error_seconds=None, root_delay_seconds=None, root_dispersion_seconds=None,
        jitter_seconds=None,
    )  # fmt: skip
    assert source_of("ntp://a:123", facts).error_seconds == 0.0025


@pytest.mark.parametrize(
    ("target", "given", "port"),
    [("ntp://a:1123", 0, 1123), ("ntp://a:1123", 5, 5), ("ntp://a", 0, 0), ("ntp://a:x", 0, 0)],
)
def test_the_port_of_a_source(target: str, given: int, port: int) -> None:
    assert source_of(target, GOOD, port=given).port == port


@pytest.mark.parametrize(
    ("dispersion", "detail"),
    [(0.5, ""), (0.5078125, "root distance 1.0 s"), (1.5, "root distance 2.0 s")],
)
def test_a_root_distance_of_a_second_is_still_selected(dispersion: float, detail: str) -> None:
    facts = GOOD.learn(
        offset_error_seconds=0.25, root_delay_seconds=0.5, root_dispersion_seconds=dispersion,
        jitter_seconds=0.0,
    )  # fmt: skip
    assert source_of("ntp://a:123", facts).detail == detail


# -- one server counts once ------------------------------------------------------------------------

SET_AT = "eb1f2a3b4c5d6e7f"


def verdicts(*sources: SourceFacts) -> list[str]:
    return [one.verdict for one in compare_sources(sources, len(sources)).sources]


def test_two_addresses_of_one_server_are_one_vote() -> None:
    v4 = source(1, reference_timestamp_hex=SET_AT)
    v6 = source(1, address="2001:db8::1", reference_timestamp_hex=SET_AT)
    facts = compare_sources([v4, v6], 1)
    assert [one.verdict for one in facts.sources] == ["alone", "repeated"]
    assert facts.sources[1].detail == "same server as 192.0.2.1"
    assert facts.own_offset_seconds is None


def test_receivers_that_set_their_clocks_at_every_second_stay_apart() -> None:
    one = source(
        1, stratum=1, reference_id_hex="47505300", reference_timestamp_hex="eb1f2a3b00000000"
    )
    other = msgspec.structs.replace(one, address="192.0.2.2")
    assert verdicts(one, other) == ["truechimer", "truechimer"]


def test_the_same_address_asked_in_two_ways() -> None:
    secured = source(1, target="nts://a:4460", port=4460)
    assert verdicts(source(1), secured) == ["alone", "repeated"]
    # Two ports of one address are two servers.
    assert verdicts(source(1), source(1, port=1123)) == ["truechimer", "truechimer"]


NTS = {"target": "nts://a:4460", "port": 4460}
NAMED = {"target": "ntp://a:123", "address": ""}
SET = {"reference_id_hex": "cb007101", "reference_timestamp_hex": SET_AT}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # One address.
        ({}, {}, True), ({}, {"port": 1123}, False), ({}, NTS, True),
        ({"address": ""}, {"address": ""}, False),
        # One host under two schemes, of which one has no address.
        (NAMED, {**NTS, "address": ""}, True), (NAMED, {**NTS, "address": "192.0.2.2"}, True),
        ({"target": "ntp://a:123"}, {**NTS, "address": ""}, True),
        ({"target": "ntp://a:123"}, {**NTS, "address": "192.0.2.2"}, False),
        (NAMED, {**NTS, "target": "nts://b:4460", "address": ""}, False),
        (NAMED, {"target": "ntp://a:123", "address": "192.0.2.2"}, False),
        # A clock that was set at one instant.
        (SET, {**SET, "address": "192.0.2.2"}, True),
        (SET, {**SET, "address": "192.0.2.2", "stratum": 3}, False),
        (SET, {**SET, "address": "192.0.2.2", "reference_id_hex": "cb007102"}, False),
        (SET, {**SET, "address": "192.0.2.2", "reference_timestamp_hex": f"{SET_AT[:-1]}e"}, False),
        ({"reference_timestamp_hex": f"{SET_AT[:8]}00000000"},
         {"address": "192.0.2.2", "reference_timestamp_hex": f"{SET_AT[:8]}00000000"}, False),
        ({}, {"address": "192.0.2.2"}, False),
    ],
)  # fmt: skip
def test_when_two_entries_are_one_server(
    one: dict[str, object], other: dict[str, object], same: bool
) -> None:
    expected = ["alone", "repeated"] if same else ["truechimer", "truechimer"]
    assert verdicts(source(1, **one), source(1, **other)) == expected


def test_who_has_time_stands_for_the_server() -> None:
    silent = source(
        1, target="nts://a:4460", port=4460, verdict="unusable", detail="no-reply",
        offset_seconds=None, error_seconds=None,
    )  # fmt: skip
    assert verdicts(silent, source(1)) == ["repeated", "alone"]
    again = compare_sources((silent, source(1)), 2).sources
    assert verdicts(*again) == ["repeated", "alone"], "it has no time still"


# -- our clock between the measurements ------------------------------------------------------------


def test_a_step_of_our_clock_between_two_measurements_is_made_up_for() -> None:
    # Both servers are right. Ours was stepped 5 s forward before the second was asked.
    before = source(1, offset_seconds=5.0, measured=at(1000.0, 50.0))
    after = source(2, offset_seconds=0.0, measured=at(1007.0, 52.0))
    facts = compare_sources([before, after], 2)
    assert [one.offset_seconds for one in facts.sources] == [0.0, 0.0]
    assert [one.verdict for one in facts.sources] == ["truechimer", "truechimer"]
    assert facts.stepped_seconds == pytest.approx(5.0)
    assert facts.span_seconds == 2.0
    assert facts.drift_seconds == pytest.approx(2 * RAW_TOLERANCE)
    assert facts.sources[0].error_seconds == pytest.approx(0.01 + 2 * RAW_TOLERANCE)
    assert facts.sources[1].error_seconds == 0.01


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(-20, 20)), min_size=2, max_size=6),
    st.floats(-RAW_TOLERANCE, RAW_TOLERANCE),
)
def test_whatever_our_clock_did_servers_that_agree_are_found_to_agree(
    asked: list[tuple[int, int]], rate: float
) -> None:
    # True time runs evenly, our raw clock too fast or slow, our wall clock is anywhere.
    true = list(itertools.accumulate(float(gap) for gap, _ in asked))
    told = [
        source(index, offset_seconds=-float(wall), measured=at(now + wall, now * (1 + rate)))
        for index, (now, (_, wall)) in enumerate(zip(true, asked, strict=True))
    ]
    facts = compare_sources(told, len(told))
    assert {one.verdict for one in facts.sources} == {"truechimer"}
    assert facts.low_seconds is not None
    assert facts.high_seconds is not None
    truth = -float(asked[-1][1])
    assert facts.low_seconds - 1e-6 <= truth <= facts.high_seconds + 1e-6


def test_a_slew_back_and_a_source_without_a_reading() -> None:
    # Ours was set 3 s back before the second was asked; when the third was is not known.
    before = source(1, offset_seconds=-3.0, measured=at(1000.0, 50.0))
    between = source(2, offset_seconds=-3.0, measured=at(1001.0, 51.0))
    after = source(3, offset_seconds=0.0, measured=at(1001.0, 54.0))
    facts = compare_sources([after, before, between, source(4)], 4)
    assert [one.offset_seconds for one in facts.sources] == [0.0, 0.0, 0.0, 0.0]
    assert [one.error_seconds for one in facts.sources] == pytest.approx(
        [0.01, 0.01 + 4 * RAW_TOLERANCE, 0.01 + 3 * RAW_TOLERANCE, 0.01]
    )
    assert (facts.stepped_seconds, facts.span_seconds) == (3.0, 4.0)
    assert facts.drift_seconds == pytest.approx(4 * 500e-6)
    assert [one.measured for one in facts.sources] == [at(1001.0, 54.0)] * 3 + [None]


def test_a_source_without_time_measures_nothing() -> None:
    silent = source(1, verdict="unusable", measured=at(1.0, 1.0))
    facts = compare_sources([silent, source(2, measured=at(1001.0, 54.0))], 2)
    assert (facts.span_seconds, facts.stepped_seconds, facts.drift_seconds) == (0.0, 0.0, 0.0)
    assert facts.sources[0] == silent
    assert compare_sources([silent], 7).targets == 7


def test_our_own_clocks_error_comes_with_its_bound() -> None:
    facts = compare_sources([source(i, offset_seconds=0.2) for i in range(1, 4)], 3)
    assert facts.own_offset_seconds == pytest.approx(0.2)
    assert facts.own_offset_error_seconds == pytest.approx(0.01)


def test_judging_again_forgets_what_was_said_before() -> None:
    first = compare_sources([source(1), source(2), source(3, offset_seconds=9.0)], 3)
    assert [one.verdict for one in first.sources] == ["truechimer", "truechimer", "falseticker"]
    again = compare_sources(first.sources[1:], 2)
    assert [one.verdict for one in again.sources] == ["undecided", "undecided"]


# -- who follows whom ------------------------------------------------------------------------------


def follows(last: int, upstream: str) -> SourceFacts:
    return source(last, reference_id=upstream, reference_id_hex=refid_of(upstream).hex())


def test_equal_upstreams_are_found_from_stratum_2_on() -> None:
    sources = [follows(1, "203.0.113.9"), follows(2, "203.0.113.9"), follows(3, "203.0.113.8")]
    groups = followed(sources)
    assert groups["cb007109"] == ("192.0.2.1", "192.0.2.2")
    gps = [source(i, stratum=1, reference_id_hex="47505300") for i in (1, 2)]
    assert followed(gps) == {}, "two receivers of one system are no common upstream"


def test_who_is_no_upstream() -> None:
    behind = follows(2, "192.0.2.1")
    assert upstreams([source(1, verdict="repeated"), behind]) == {}
    assert upstreams([source(1, verdict="unusable"), behind]) == {"192.0.2.2": "192.0.2.1"}
    assert upstreams([source(1), msgspec.structs.replace(behind, verdict="unusable")]) == {}
    assert upstreams([source(1), msgspec.structs.replace(behind, stratum=1)]) == {}
    assert upstreams([source(1), msgspec.structs.replace(behind, stratum=None)]) == {}
    assert upstreams([follows(1, "192.0.2.1")]) == {"192.0.2.1": "192.0.2.1"}
    twice = [source(1), source(1), follows(2, "192.0.2.1"), follows(3, "192.0.2.1")]
    assert upstreams(twice) == {"192.0.2.2": "192.0.2.1", "192.0.2.3": "192.0.2.1"}
    assert circles({"a": "a"}) == [("a",)]


def test_a_chain_and_rings() -> None:
    chain = [source(1), follows(2, "192.0.2.1"), follows(3, "192.0.2.2")]
    assert upstreams(chain) == {"192.0.2.2": "192.0.2.1", "192.0.2.3": "192.0.2.2"}
    assert circles(upstreams(chain)) == []
    ring = [follows(1, "192.0.2.3"), follows(2, "192.0.2.1"), follows(3, "192.0.2.2")]
    (found,) = circles(upstreams(ring))
    assert set(found) == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


def test_an_identifier_tells_no_port() -> None:
    sources = [source(1), source(1, port=1123), follows(2, "192.0.2.1")]
    assert upstreams(sources) == {}


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")))
def test_rings_are_rings_and_none_is_told_twice(graph: dict[str, str]) -> None:
    found = circles(graph)
    for ring in found:
        for one, following in itertools.pairwise((*ring, ring[0])):
            assert graph[one] == following
    told = [name for ring in found for name in ring]
    assert len(told) == len(set(told))


def test_reference_ids_that_stand_for_no_server_are_left_out() -> None:
    ids = ("", "00000000", "7f7f0101", "fe800000", "c0000209", "c0000209")
    sources = [source(n, reference_id_hex=refid) for n, refid in enumerate(ids, 1)]
    assert followed(sources) == {"c0000209": ("192.0.2.5", "192.0.2.6")}
    primary = source(7, stratum=1, reference_id_hex="c0000209")
    assert followed([primary, *sources]) == followed(sources)
