"""Several servers as one set: who counts, from when, who smears, who follows whom."""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.report import Report
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
from seventh.protocols.ntp.together import together
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


def test_who_has_time_stands_for_the_server() -> None:
    silent = source(1, target="nts://a:4460", port=4460, verdict="unusable", detail="no-reply")
    assert verdicts(silent, source(1)) == ["repeated", "alone"]


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


@pytest.mark.parametrize("refid", ["", "00000000", "7f7f0101", "7f7f01ff", "fe123456"])
def test_identifiers_that_name_nobody(refid: str) -> None:
    assert followed([source(i, reference_id_hex=refid) for i in (1, 2)]) == {}


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


# -- several targets -------------------------------------------------------------------------------


@dataclasses.dataclass
class Checked:
    """A target's report, as far as it matters here."""

    target: str
    facts: NtpFacts | None

    def report(self) -> Report:
        return Report(
            target=self.target, protocol="ntp", vantage="here", started_seconds=1767225600.0,
            duration_seconds=0.1, failure=None, phases=(), metrics=(), findings=(), skipped=(),
            facts={"ntp": self.facts} if self.facts is not None else {},
        )  # fmt: skip


def test_targets_are_judged_together() -> None:
    reports = [
        Checked(f"ntp://192.0.2.{i}:123", GOOD.learn(address=f"192.0.2.{i}", offset_seconds=offset))
        for i, offset in enumerate((0.0, 0.001, 5.0), 1)
    ]
    facts = together([one.report() for one in reports])
    assert facts is not None
    assert facts.sources is not None
    assert facts.sources.targets == 3
    assert [s.verdict for s in facts.sources.sources] == ["truechimer", "truechimer", "falseticker"]
    assert facts == NtpFacts(sources=facts.sources), "nothing else is filled"


def test_a_pool_and_a_server_are_one_set() -> None:
    pool = compare_sources(
        [source(1, target="ntp://pool:123"), source(2, target="ntp://pool:123")], 1
    )
    reports = [
        Checked("ntp://pool:123", NtpFacts(sources=pool)),
        Checked("ntp://192.0.2.3:123", GOOD.learn(address="192.0.2.3")),
        # In the pool already.
        Checked("ntp://192.0.2.1:123", GOOD.learn(address="192.0.2.1")),
    ]
    facts = together([one.report() for one in reports])
    assert facts is not None
    assert facts.sources is not None
    assert len(facts.sources.usable) == 3
    assert facts.sources.targets == 3


def test_a_target_that_failed_is_a_source_without_time() -> None:
    reports = [
        Checked("ntp://192.0.2.1:123", GOOD.learn(address="192.0.2.1")),
        Checked("ntp://gone.example:123", None),
    ]
    facts = together([one.report() for one in reports])
    assert facts is not None
    assert facts.sources is not None
    assert [s.verdict for s in facts.sources.sources] == ["alone", "unusable"]


def test_one_server_asked_twice_is_nothing_to_compare() -> None:
    reports = [
        Checked("ntp://192.0.2.1:123", GOOD.learn(address="192.0.2.1")),
        Checked("nts://192.0.2.1:4460", GOOD.learn(address="192.0.2.1")),
    ]
    assert together([one.report() for one in reports]) is None
    assert together([]) is None


def test_a_bare_host_that_has_no_time_at_all_is_still_one_host() -> None:
    reports = [
        Checked("ntp://host.example:123", NtpFacts(address="192.0.2.1")),
        Checked("nts://host.example:4460", None),
    ]
    assert together([one.report() for one in reports]) is None
