"""What is learnt of a domain's SPF: its records, and the one to publish."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols import rules
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import SpfFacts, SpfRecord, SpfVerdict
from seventh.protocols.mail.wire.spf_domain import learn
from seventh.protocols.mail.wire.spf_proposal import propose
from seventh.protocols.mail.wire.spf_tree import tree
from seventh.rules.rule import Hit
from tests.protocols.mail.spf_zone import Zone, answer, drive, learnt, verdict
from tests.protocols.mail.wire.test_spf_tree import HOSTS, zone_with


def hits(zone: Zone, ip: str | None = None) -> set[str]:
    """The rules that fire on what is learnt of example.org."""
    domain = DomainFacts(name="example.org", spf=learnt(zone, ip))
    mine = [rule for rule in rules("mail") if rule.id.startswith("SPF-")]
    return {rule.id for rule in mine if isinstance(rule(domain), Hit)}


def published(zone: Zone, record: str) -> Zone:
    return {**zone, "example.org": {**zone.get("example.org", {}), "TXT": (record,)}}


def test_whole_facts() -> None:
    zone: Zone = {
        **HOSTS,
        "example.org": {
            "TXT": ("x", "v=spf1 a:h.example -all", "v=spf10", "google-site-verification=1"),
            "SPF": ("v=spf1 -all",),
        },
    }
    assert learnt(zone, "192.0.2.1") == SpfFacts(
        record=SpfRecord(
            name="example.org", state="found", text="v=spf1 a:h.example -all", size=23, lookups=1,
            voids=(0, 1), otherwise="fail",
        ),
        similar=("v=spf10",), type99="found", addresses=1, own_addresses=1, complete=True,
        verdict=SpfVerdict(
            ip="192.0.2.1", result="pass", path=("a:h.example",), at="example.org", lookups=1
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "outcome", ["servfail", "refused", "timeout", "truncated", "failed", "limit"]
)
def test_a_resolver_that_fails_is_never_no_record(outcome: str) -> None:
    zone: Zone = {"example.org": {"TXT": outcome, "SPF": outcome, "MX": outcome}}  # type: ignore[dict-item]
    found = learnt(zone, "192.0.2.1")
    assert found.record is not None
    state, otherwise = ("limit", None) if outcome == "limit" else ("unknown", "temperror")
    assert (found.record.state, found.record.otherwise) == (state, otherwise)
    assert (found.type99, found.complete, found.proposed) == ("unknown", False, "")
    assert found.verdict == SpfVerdict(ip="192.0.2.1", result="temperror", at="example.org")
    assert hits(zone, "192.0.2.1") == set()


def test_a_domain_of_one_label_has_no_verdict_to_ask_for() -> None:
    found = learnt({"org": {"TXT": ("v=spf1 -all",)}}, "192.0.2.1", "org")
    assert found.verdict == SpfVerdict(ip="192.0.2.1", result="none", at="org")


TEN = " ".join(f"a:h{n}.example" for n in range(10))
TEN_HOSTS: Zone = {f"h{n}.example": {"A": (f"192.0.2.{n}",), "AAAA": ("2001:db8::1",)}
                   for n in range(11)}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "more"),
    [
        ("-all", {}), ("mx -all", {"MX": ("1 h.example",)}),
        ("ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all", {}),
        (f"{TEN} -all", {}),
        (f"{TEN} ip4:192.0.2.200 a:both.example -all".replace("a:h0.example", ""), {}),
        ("redirect=in.example", {}), ("include:in.example ~all", {}),
        ("exists:%{ir}.%{v}.x.example -all", {}), ("include:%{ir}.x.example ~all", {}),
        ("include:%{d2}._spf.example ~all", {}), ("a:%{d} -all", {"A": ("192.0.2.1",)}),
        ("exp=e.example unknown=1 -all", {}), ("ip4:10.0.0.0/16 -all", {}),
        ("a:v1.example a:v2.example -all", {}),
        ("a:h.example a:h.example/32 -all", {}), ("-ip4:192.0.2.1 ip4:192.0.2.0/24 -all", {}),
    ],
)  # fmt: skip
def test_unusual_but_right_records_are_clean(record: str, more: Zone) -> None:
    zone: Zone = {
        **HOSTS, **TEN_HOSTS, "example.org": {"TXT": (f"v=spf1 {record}",), **more},
        "example.org._spf.example": {"TXT": ("v=spf1 ip4:192.0.2.1 ~all",)},
    }  # fmt: skip
    assert hits(zone) == set()


def test_ten_look_ups_are_clean_and_eleven_are_not() -> None:
    zone = {**HOSTS, **TEN_HOSTS}
    assert hits(published(zone, f"v=spf1 {TEN} -all")) == set()
    assert hits(published(zone, f"v=spf1 {TEN} a:h10.example -all")) == {"SPF-LOOKUPS"}


@pytest.mark.parametrize(
    ("records", "proposed"),
    [
        # Nothing to repair.
        (("v=spf1 a:h.example -all",), ""), (("v=spf1 redirect=in.example",), ""),
        # Errors are written as they were meant, and what is dead is left out.
        (("v=spf1 ipv4:192.0.2.1 include=in.example -all;",),
         "v=spf1 ip4:192.0.2.1 include:in.example -all"),
        (("v=spf1 a:h.example include:dead.example -all",), "v=spf1 a:h.example -all"),
        (("v=spf1 a:h.example include:example.org -all",), "v=spf1 a:h.example -all"),
        (("v=spf1 a:h.example foo -all",), ""),
        # The end.
        (("v=spf1 a:h.example",), "v=spf1 a:h.example ~all"),
        (("v=spf1 a:h.example +all",), "v=spf1 a:h.example ~all"),
        (("v=spf1 ?all a:h.example exp=e.example",), "v=spf1 ~all exp=e.example"),
        (("v=spf1 a:h.example a:h.example -all mx",), ""),
        (("v=spf1 a:h.example a:h.example ?all mx",), "v=spf1 a:h.example ~all"),
        # Several records become one, with the more lenient end.
        (("v=spf1 a:h.example -all", "v=spf1 include:in.example ~all"),
         "v=spf1 a:h.example include:in.example ~all"),
        (("v=spf1 redirect=in.example", "v=spf1 a:h.example -all"), "v=spf1 a:h.example -all"),
        (("v=spf1 redirect=in.example", "v=spf1 redirect=a.example"), ""),
        # Too many look-ups: what decides nothing goes, but nothing else.
        ((f"v=spf1 {TEN} a:h0.example/32 -all",), f"v=spf1 {TEN} -all"),
        ((f"v=spf1 {TEN} a:h10.example -all",), ""),
        ((f"v=spf1 {TEN.replace('a:h0', 'a:www')} mx -all",),
         f"v=spf1 {TEN.replace('a:h0.example ', '')} ip4:192.0.2.99 -all"),
        # Voids.
        (("v=spf1 a:v1.example a:v2.example a:v3.example -all",), "v=spf1 -all"),
        (("v=spf1 a:v1.example a:v2.example -all",), ""),
        # A record of others that is wrong cannot be repaired here.
        (("v=spf1 include:bad.example -all",), ""), (("v=spf1 include:temp.example ?all",), ""),
    ],
)  # fmt: skip
def test_the_record_to_publish(records: tuple[str, ...], proposed: str) -> None:
    zone: Zone = {
        **HOSTS, **TEN_HOSTS, "www.example": {"A": ("192.0.2.0",), "AAAA": ("2001:db8::1",)},
        "example.org": {"TXT": records, "MX": ("1 mail.example.org",)},
        "mail.example.org": {"A": ("192.0.2.99",)},
    }  # fmt: skip
    if "a:www" in records[0]:
        proposed = proposed.replace("v=spf1 ", "v=spf1 a:www.example ")
    assert learnt(zone).proposed == proposed
    if proposed:
        assert learnt(published(zone, proposed)).proposed == ""


@pytest.mark.parametrize(
    ("exchangers", "proposed"),
    [(("10 h.example",), "v=spf1 mx ~all"), (("0 .",), "v=spf1 -all"), ((), "v=spf1 -all"),
     ("servfail", "")],
)  # fmt: skip
def test_a_first_record(exchangers: tuple[str, ...], proposed: str) -> None:
    assert learnt({**HOSTS, "example.org": {"MX": exchangers}}).proposed == proposed


@pytest.mark.parametrize(("hosts", "replaced"), [(4, True), (5, False)])
def test_a_few_addresses_replace_a_look_up_and_many_do_not(hosts: int, replaced: bool) -> None:
    """Eight addresses fit a record; ten are more than one reads."""
    names = [f"m{n}.example.org" for n in range(hosts)]
    zone: Zone = {
        **TEN_HOSTS,
        "example.org": {"TXT": (f"v=spf1 {TEN} ~mx/30//64 -all",),
         "MX": tuple(f"1 {n}" for n in names)},
        **{name: {"A": (f"198.51.{n}.9",), "AAAA": (f"2001:db8:{n + 1}::9",)}
           for n, name in enumerate(names)},
    }  # fmt: skip
    networks = " ".join(f"~ip4:198.51.{n}.8/30 ~ip6:2001:db8:{n + 1}::/64" for n in range(hosts))
    assert learnt(zone).proposed == (f"v=spf1 {TEN} {networks} -all" if replaced else "")


def test_nothing_is_proposed_for_what_is_not_known() -> None:
    zone: Zone = {"example.org": {"TXT": "servfail", "MX": ("1 h.example",)}}
    answers = {("example.org", "TXT"): answer(zone, "example.org", "TXT")}
    assert (
        drive(
            propose("example.org", answers, tree("example.org", answers)),
            lambda *asked: answer(zone, *asked),
        )
        == ""
    )


def test_the_sender_is_added() -> None:
    zone = zone_with("a:h.example -all")
    assert learnt(zone, "192.0.2.1").proposed == ""
    assert learnt(zone, "192.0.2.9").proposed == "v=spf1 ip4:192.0.2.9 a:h.example -all"
    assert learnt(zone, "2001:db8::9").proposed == "v=spf1 ip6:2001:db8::9 a:h.example -all"
    assert learnt(zone, "::ffff:192.0.2.9").proposed == "v=spf1 ip4:192.0.2.9 a:h.example -all"
    anyone = zone_with("a:h.example +all")
    assert learnt(anyone, "192.0.2.9").proposed == "v=spf1 ip4:192.0.2.9 a:h.example ~all"
    assert learnt(anyone, "192.0.2.1").proposed == "v=spf1 a:h.example ~all"
    none: Zone = {**HOSTS, "example.org": {"MX": ("10 h.example",)}}
    assert learnt(none, "192.0.2.9").proposed == "v=spf1 ip4:192.0.2.9 mx ~all"


_TERMS = st.lists(
    st.sampled_from([
        "a:h.example", "mx:mx.example", "include:in.example", "include:dead.example",
        "-a:h6.example",
        "include:example.org", "a:none.example", "ipv4:192.0.2.7", "ip4:192.0.2.0/28", "ptr",
        "+all",
        "?all", "-all", "redirect=in.example", "exists:%{i}.x", "include=in.example", "foo", "a",
        "mx",
        "exp=e.example", "~ip4:192.0.2.1", "include:up.example", "include:open.example",
    ]), max_size=14,
)  # fmt: skip


@settings(max_examples=80)
@given(st.lists(_TERMS.map(lambda terms: " ".join(["v=spf1", *terms])), min_size=1, max_size=2),
       st.sampled_from([None, "192.0.2.77"]))  # fmt: skip
def test_what_is_proposed_is_right_and_passes_what_passed(
    records: list[str], ip: str | None
) -> None:
    zone: Zone = {**HOSTS, "example.org": {"TXT": tuple(records), "A": ("192.0.2.1",),
                                           "MX": ("1 mx.example.org",)},
                  "mx.example.org": {"A": ("192.0.2.3",), "AAAA": ("2001:db8::3",)}}  # fmt: skip
    before = learnt(zone, ip)
    if not before.proposed:
        return
    after = published(zone, before.proposed)
    assert hits(after, ip) <= {"SPF-PTR", "SPF-WIDE"}
    assert before.record is not None
    for sender in ("192.0.2.1", "192.0.2.3", "192.0.2.7", "198.51.100.9", "2001:db8::1"):
        passed = len(records) == 1 and verdict(zone, sender).result == "pass"
        if passed and before.record.otherwise != "pass":
            assert verdict(after, sender).result == "pass"


def test_what_can_be_asked_at_once_is() -> None:
    zone = zone_with("a:h.example include:in.example mx:mx.example -all")
    rounds: list[int] = []

    learning = learn("example.org")
    wanted = next(learning)
    try:
        while True:
            rounds.append(len(wanted))
            wanted = learning.send(tuple(answer(zone, *question) for question in wanted))
    except StopIteration:
        pass
    assert rounds == [2, 4, 2]
    assert drive(learn("example.org"), lambda *question: answer(zone, *question)).complete
