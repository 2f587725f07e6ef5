"""The tree of SPF records: look-ups, voids, results, and the addresses that pass."""

from __future__ import annotations

import ipaddress
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.spf import SpfFacts, SpfRecord
from seventh.protocols.mail.wire import ranges
from seventh.protocols.mail.wire.spf import MAX_BYTES
from seventh.protocols.mail.wire.spf_tree import (
    MAX_ASKING,
    MAX_QUESTIONS,
    MAX_RECORDS,
    collect,
    tree,
)
from tests.protocols.mail.spf_zone import Zone, answer, drive, learnt, verdict

HOSTS: Zone = {
    "h.example": {"A": ("192.0.2.1",)}, "h6.example": {"AAAA": ("2001:db8::1",)},
    "both.example": {"A": ("192.0.2.2",), "AAAA": ("2001:db8::2",)},
    "mx.example": {"MX": ("1 h.example", "2 h6.example")}, "dead.example": {"TXT": ("x",)},
    "in.example": {"TXT": ("v=spf1 a:h.example ip4:198.51.100.0/24 -all",)},
    "open.example": {"TXT": ("v=spf1 -ip4:192.0.2.0/24 +all",)},
    "temp.example": {"TXT": "servfail", "A": "timeout"},
    "crowd.example": {"MX": tuple(f"{n} h.example" for n in range(11))},
    "two.example": {"TXT": ("v=spf1 -all", "v=spf1 -all")},
    "up.example": {"TXT": ("v=spf1 include:example.org -all",)},
    "bad.example": {"TXT": ("v=spf1 ipv4:192.0.2.1 -all",)},
}  # fmt: skip


def zone_with(record: str, **more: Zone) -> Zone:
    return {**HOSTS, "example.org": {"TXT": (f"v=spf1 {record}",)}, **more}


def record_of(record: str) -> SpfRecord:
    found = learnt(zone_with(record)).record
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("record", "lookups", "voids", "otherwise"),
    [
        ("-all", 0, (0, 0), "fail"), ("", 0, (0, 0), "neutral"), ("ip4:192.0.2.1 ~all", 0, (0, 0),
                                                                  "softfail"),
        ("a:h.example -all", 1, (0, 1), "fail"), ("a:h6.example -all", 1, (1, 0), "fail"),
        ("a:both.example -all", 1, (0, 0), "fail"), ("a:none.example ?all", 1, (1, 1), "neutral"),
        ("mx:mx.example -all", 1, (1, 1), "fail"), ("mx:none.example -all", 1, (1, 1), "fail"),
        ("include:in.example -all", 2, (0, 1), "fail"), ("ptr -all", 1, (0, 0), "fail"),
        ("exists:%{i}.x.example -all", 1, (0, 0), "fail"),
        ("exists:none.example -all", 1, (1, 1), "fail"), ("exists:h.example -all", 1, (0, 0),
         "pass"),
        ("redirect=in.example", 2, (0, 1), "fail"), ("redirect=open.example", 1, (0, 0), "pass"),
        ("redirect=%{i}.example", 1, (0, 0), None), ("include:%{l}.example -all", 1, (0, 0),
         "fail"),
        # What comes after ``all`` is not looked up; nor is a redirect beside it.
        ("-all a:h.example include:in.example redirect=in.example", 0, (0, 0), "fail"),
        # An include that passes everybody, or nearly: what is left goes on.
        ("include:open.example -all", 1, (0, 0), "pass"),
        ("?include:open.example a:h.example -all", 2, (0, 1), "neutral"),
        ("redirect=dead.example", 1, (0, 0), "permerror"),
        ("include:dead.example -all", 1, (0, 0), "permerror"),
        ("include:two.example -all", 1, (0, 0), "permerror"),
        ("include:bad.example -all", 1, (0, 0), "permerror"),
        ("mx:crowd.example -all", 1, (0, 0), "permerror"),
        ("include:temp.example -all", 1, (0, 0), "temperror"),
        ("a:temp.example -all", 1, (0, 0), "temperror"), ("foo -all", 0, (0, 0), "permerror"),
        ("include:up.example -all", 2, (0, 0), "permerror"),
        ("a:x..example -all", 1, (0, 0), "fail"), ("include:x..example -all", 1, (0, 0),
         "permerror"),
        ("ip4:0.0.0.0/0 ip6:::/0 a:h.example", 0, (0, 0), "pass"),
    ],
)  # fmt: skip
def test_counts_and_results(
    record: str, lookups: int, voids: tuple[int, int], otherwise: str | None
) -> None:
    found = record_of(record)
    assert (found.lookups, found.voids, found.otherwise) == (lookups, voids, otherwise)


@pytest.mark.parametrize(
    ("record", "voids", "late"),
    [
        # No host here has AAAA: a sender with IPv6 passes before the third void, or after it.
        ("a:h.example ip6:2001:db8::/64 a:h.example a:h.example -all", (0, 3), ()),
        ("a:h.example a:h.example ip6:2001:db8::/64 a:h.example -all", (0, 3), ()),
        ("a:h.example a:h.example a:h.example ip6:2001:db8::/64 -all", (0, 3), ("ipv6",)),
        ("a:h.example a:h.example a:h.example ip4:203.0.113.1 -all", (0, 3), ()),
        ("a:h.example a:h.example a:h.example -ip6:2001:db8::/64 -all", (0, 3), ()),
        ("a:h6.example a:h6.example a:h6.example a:h.example -all", (3, 1), ("ipv4",)),
        ("a:h6.example a:h6.example a:h6.example include:in.example -all", (3, 1), ("ipv4",)),
        ("include:in.example a:h6.example a:h6.example a:h6.example -all", (3, 1), ()),
        ("exists:a.gone a:b.gone mx:c.gone a:both.example -all", (3, 3), ("ipv4", "ipv6")),
        ("a:h6.example a:h6.example a:h6.example redirect=in.example", (3, 1), ("ipv4",)),
    ],
)
def test_who_passes_only_after_too_many_voids(
    record: str, voids: tuple[int, int], late: tuple[str, ...]
) -> None:
    found = learnt(zone_with(record))
    assert found.record is not None
    assert (found.record.voids, found.late) == (voids, late)


@pytest.mark.parametrize(
    ("record", "state", "detail"),
    [("include:dead.example", "none", ""), ("include:gone.example", "none", ""),
     ("include:two.example", "several", ""), ("redirect=up.example", "found", ""),
     ("include:example.org", "loop", ""), ("include:%{i}.example", "sender", ""),
     ("include:temp.example", "unknown", "as the test says"), ("include:x..example", "none", "")],
)  # fmt: skip
def test_states_of_what_is_referred_to(record: str, state: str, detail: str) -> None:
    (below,) = record_of(record).records
    assert (below.term, below.state, below.detail) == (record, state, detail)


A_BIT_OF_ALL = "a:h.example include:in.example -a:h.example ptr exists:%{i}.x.example -all mx"


def test_a_whole_tree() -> None:
    assert record_of(A_BIT_OF_ALL) == (
        SpfRecord(
            name="example.org", state="found", size=84, lookups=6, voids=(0, 3), otherwise="fail",
            text=f"v=spf1 {A_BIT_OF_ALL}",
            uses_ptr=True, depends=("exists:%{i}.x.example",), useless=("-a:h.example", "mx"),
            records=(
                SpfRecord(
                    name="in.example", term="include:in.example", state="found", size=43,
                    text="v=spf1 a:h.example ip4:198.51.100.0/24 -all", lookups=1, voids=(0, 1),
                    otherwise="fail",
                ),
            ),
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "addresses", "own", "ipv6", "complete"),
    [
        ("ip4:192.0.2.0/24 ip4:192.0.2.128/25 -all", 256, 256, False, True),
        ("ip4:192.0.2.0/24 ip4:192.0.3.0/24 ip4:198.51.100.1 -all", 513, 513, False, True),
        ("-ip4:192.0.2.0/25 ip4:192.0.2.0/24 -all", 128, 128, False, True),
        ("ip4:192.0.2.0/24 -ip4:192.0.2.0/24 -all", 256, 256, False, True),
        ("include:in.example -all", 257, 0, False, True),
        ("ip4:198.51.100.0/25 include:in.example -all", 257, 128, False, True),
        ("-include:in.example ip4:198.51.100.0/23 -all", 256, 256, False, True),
        ("redirect=in.example", 257, 0, False, True), ("+all", 2**32, 2**32, True, True),
        ("include:open.example -all", 2**32 - 256, 0, True, True),
        ("ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", 2**32, 2**32, False, True),
        ("a:both.example/24//64 -all", 256, 256, True, True), ("mx:mx.example -all", 1, 1, True,
         True),
        ("ptr -all", 0, 0, False, False), ("a:temp.example ip4:192.0.2.1 -all", 1, 1, False, False),
        ("include:temp.example -all", 0, 0, False, False),
        ("exists:%{i}.x.example -all", 0, 0, False, False),
        ("include:dead.example -all", 0, 0, False, True), ("-all", 0, 0, False, True),
    ],
)  # fmt: skip
def test_the_addresses_that_pass(
    record: str, addresses: int, own: int, ipv6: bool, complete: bool
) -> None:
    found = learnt(zone_with(record))
    assert (found.addresses, found.own_addresses, found.ipv6, found.complete) == (
        addresses, own, ipv6, complete,
    )  # fmt: skip


def test_the_domain_s_own_records_are_those_below_it() -> None:
    zone = zone_with(
        "include:_spf.example.org include:notexample.org -all",
        **{"_spf.example.org": {"TXT": ("v=spf1 ip4:192.0.2.0/24",)},
           "notexample.org": {"TXT": ("v=spf1 ip4:198.51.100.0/24",)}},
    )  # fmt: skip
    found = learnt(zone)
    assert (found.addresses, found.own_addresses) == (512, 256)


# Records that are right, however unusual: the evaluation for one sender and that for all agree.
_NETWORK = st.builds(
    lambda last, length: f"ip4:192.0.2.{last}/{length}", st.integers(0, 255), st.integers(24, 32)
)
_TERM = st.tuples(
    st.sampled_from(["", "-", "~", "?"]),
    _NETWORK | st.sampled_from(["a:h.example", "a:both.example/28", "mx:mx.example/29",
     "include:i1.example",
                                "include:i2.example", "a:none.example", "exists:h.example", "all"]),
).map("".join)  # fmt: skip
_TERMS = st.lists(_TERM, max_size=4).map(" ".join)


@settings(max_examples=100)
@given(_TERMS, _TERMS, _TERMS, st.integers(0, 255), st.booleans())
def test_who_passes_is_whom_check_host_passes(
    record: str, one: str, two: str, last: int, redirects: bool
) -> None:
    zone = zone_with(
        record + (" redirect=i2.example" if redirects else ""),
        **{"i1.example": {"TXT": (f"v=spf1 {one}",)}, "i2.example": {"TXT": (f"v=spf1 {two}",)}},
    )
    answers = drive(collect("example.org", {}), lambda name, rtype: answer(zone, name, rtype))
    grown = tree("example.org", answers)
    ip = f"192.0.2.{last}"
    judged = verdict(zone, ip)
    if grown.record.otherwise in {"permerror", "temperror"} or judged.result == "permerror":
        # Limits and errors end one sender's evaluation; the tree says so by its counts.
        assert grown.record.otherwise != judged.result or judged.result == "permerror"
        return
    one_address = ranges.of([ipaddress.ip_network(ip)])
    assert bool(ranges.both(grown.passes, one_address)) is (judged.result == "pass")
    assert judged.lookups <= grown.record.lookups
    assert judged.voids <= grown.record.voids[0]


def test_the_order_of_answers_does_not_matter() -> None:
    zone = zone_with("a:h.example include:in.example mx:mx.example include:up.example -all")
    found: list[SpfFacts] = []
    for seed in range(5):
        shuffled = random.Random(seed)
        answers: dict[Question, Answer] = {}
        learning = collect("example.org", {})
        wanted = next(learning)
        try:
            while True:
                order = shuffled.sample(wanted, len(wanted))
                answers.update((question, answer(zone, *question)) for question in order)
                wanted = learning.send(tuple(answers[question] for question in wanted))
        except StopIteration:
            found.append(
                tree("example.org", dict(shuffled.sample(list(answers.items()), len(answers))))
            )
    assert all(each == found[0] for each in found)


def test_an_include_bomb_is_bounded() -> None:
    """Each record includes two below it, thirty deep: 2³⁰ records for receivers without limits."""
    bomb = {
        f"b{n}.example": {
            "TXT": (f"v=spf1 include:b{n + 1}.example include:b{n + 1}.example -all",)
        }
        for n in range(30)
    }
    found = learnt(zone_with("include:b0.example -all", **bomb))
    assert found.record is not None
    states = [each.state for _, each in found.record.walk()]
    assert len(states) - states.count("limit") == MAX_RECORDS
    assert found.record.lookups >= MAX_RECORDS - 1
    assert not found.complete


def test_questions_are_bounded() -> None:
    asked: list[Question] = []

    def reply(name: str, rtype: str) -> Answer:
        asked.append((name, rtype))
        return answer(zone, name, rtype)

    many = " ".join(f"a:n{n}.ex" for n in range(600))
    zone = zone_with(f"{many} -all")
    drive(collect("example.org", {}), reply)
    assert len(asked) == MAX_QUESTIONS


@pytest.mark.parametrize(("size", "state"), [(MAX_BYTES, "found"), (MAX_BYTES + 1, "limit")])
def test_a_record_larger_than_any_packet_is_not_evaluated(size: int, state: str) -> None:
    start = "v=spf1 ip4:192.0.2.1 x="
    zone: Zone = {"example.org": {"TXT": (start + "x" * (size - len(start)),)}}
    found = learnt(zone, "192.0.2.1")
    assert found.record is not None
    assert found.verdict is not None
    assert (found.record.state, found.verdict.result) == (
        (state, "pass") if state == "found" else (state, "temperror")
    )
    assert found.record.detail == ("" if state == "found" else "more than 8192 bytes")


@pytest.mark.parametrize(("terms", "complete"), [(397, True), (398, False)])
def test_a_thousand_terms_are_evaluated_in_all_records(terms: int, complete: bool) -> None:
    zone = zone_with(
        "include:i1.example include:i2.example -all",
        **{"i1.example": {"TXT": ("v=spf1" + " ip6:::1" * 600,)},
           "i2.example": {"TXT": ("v=spf1" + " ip6:::2" * terms,)}},
    )  # fmt: skip
    assert learnt(zone).complete is complete


@pytest.mark.parametrize(("terms", "complete"), [(MAX_ASKING, True), (MAX_ASKING + 1, False)])
def test_a_hundred_names_are_evaluated_and_all_are_counted(terms: int, complete: bool) -> None:
    found = learnt(zone_with("a:h.example " * terms + "-all"))
    assert found.record is not None
    assert (found.record.lookups, found.complete) == (terms, complete)


_PIECE = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: (min(p), max(p) + 1))
_RANGES = st.lists(_PIECE, max_size=5).map(ranges.union)


@given(_RANGES, _RANGES)
def test_sets_of_addresses(one: ranges.Ranges, other: ranges.Ranges) -> None:
    def members(of: ranges.Ranges) -> set[int]:
        return {n for low, high in of for n in range(low, high)}

    assert members(ranges.union(one, other)) == members(one) | members(other)
    assert members(ranges.minus(one, other)) == members(one) - members(other)
    assert members(ranges.both(one, other)) == members(one) & members(other)
    made = ranges.union(one, other)
    assert all(high < low for (_, high), (low, _) in pairwise(made))
    growing = ranges.Growing()
    growing.add(one)
    assert members(growing.add(other)) == members(other) - members(one)
    assert growing.ranges == made
    assert not growing.is_everything
