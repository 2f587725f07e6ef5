"""The rules of SPF, on both sides of every boundary, with what a person reads."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import SpfError, SpfFacts, SpfRecord, SpfVerdict, _span
from seventh.protocols.mail.rules import spf as rules
from seventh.protocols.mail.rules import spf_limits as limits
from seventh.rules.rule import AnyRule, Hit, Skip
from tests.protocols.mail.spf_zone import Zone, learnt
from tests.protocols.mail.wire.test_spf_tree import zone_with
from tests.reports import evidence

BELOW = SpfRecord(name="_spf.example.net", term="include:_spf.example.net", state="found",
 lookups=3,
                  otherwise="softfail")  # fmt: skip
FAILED = SpfRecord(name="x.example", term="include:x.example", state="unknown", detail="SERVFAIL")
SENDER = SpfRecord(name="%{i}.example", term="include:%{i}.example", state="sender")


def domain(spf: dict[str, Any] | None = None, /, **record: Any) -> DomainFacts:
    """A domain with a record that is right, but for what is given."""
    usual = {"name": "example.org", "state": "found", "size": 14, "otherwise": "fail", **record}
    counted = {
        "addresses": 1,
        "own_addresses": 1,
        "complete": True,
        "type99": "none",
        **(spf or {}),
    }
    return DomainFacts(name="example.org", spf=SpfFacts(record=SpfRecord(**usual), **counted))


def said(rule: AnyRule, facts: DomainFacts) -> tuple[Severity | None, str]:
    """The severity of a hit, and what a person reads; of a Skip, its reason."""
    verdict = rule(facts)
    if isinstance(verdict, Skip):
        return None, f"skipped: {verdict.reason}"
    if verdict is None:
        return None, "passed"
    assert isinstance(verdict, Hit)
    return verdict.severity or rule.severity, evidence(rule, verdict)


PASSED = (None, "passed")
UNKNOWN = (None, "skipped: the look-up of x.example failed: SERVFAIL")
NOT_LOOKED_UP = (None, "skipped: SPF records were not looked up")
NONE = (None, "skipped: the domain has no SPF record: SPF-NONE judges that")
SEVERAL = (None, "skipped: the domain has several SPF records: SPF-MULTI judges that")
FAILED_ITSELF = (None, "skipped: the look-up of the SPF record failed: SERVFAIL")
NO_SENDER = (None, "skipped: no sending address is known: give --sender-ip ADDRESS")
CASES: list[tuple[AnyRule, DomainFacts, tuple[Severity | None, str]]] = [
    (rules.none, domain(), PASSED), (rules.none, domain(state="several"), PASSED),
    (rules.none, domain(state="none"),
     (Severity.HIGH, "example.org has no TXT record that begins with v=spf1")),
    (rules.none, domain({"similar": ("v=spf10 mx", "spf1")}, state="none"),
     (Severity.HIGH, ("example.org has no SPF record; this TXT record is ignored, as it does not "
      "begin with v=spf1 and a space: v=spf10 mx, spf1"))),
    (rules.multi, domain(), PASSED),
    (rules.multi, domain({"several": ("v=spf1 a", "v=spf1 mx")}, state="several"),
     (Severity.HIGH, "example.org has 2 SPF records: v=spf1 a, v=spf1 mx")),
    (rules.syntax, domain(), PASSED), (rules.syntax, domain(records=(BELOW,)), PASSED),
    (rules.syntax, domain(records=(FAILED,)), UNKNOWN),
    (rules.syntax,
     domain(errors=(SpfError(code="bad-prefix", position=8, term="ip4:192.0.2.1/33"),
                    SpfError(code="argument", position=25, term="-all;", instead="-all")),
            crowded=("mx.example",),
            records=(SpfRecord(name="x.example", term="include:x.example", state="none"), FAILED)),
     (Severity.HIGH, ("not a valid prefix length: ip4:192.0.2.1/33 (character 8 of example.org); "
      "takes no argument: -all; (character 25 of example.org) → -all; "
      "more than ten MX records: mx.example; "
      "refers to a name without an SPF record: include:x.example"))),
    (rules.syntax,
     domain(errors=(SpfError(code="modifier", position=8, term="include=a.example",
                             instead="include:a.example"),)),
     (Severity.MEDIUM, ("ignored, as a mechanism is written with a colon: "
      "include=a.example (character 8 of example.org) → include:a.example"))),
    (rules.syntax, domain(records=(SpfRecord(name="x.example", term="redirect=x.example",
                                             state="several"),)),
     (Severity.HIGH, "refers to a name with several SPF records: redirect=x.example")),
    (rules.syntax, domain(errors=tuple(SpfError(code="no-domain", position=n, term="include:")
                                       for n in range(1, 11))),
     (Severity.HIGH, "without a domain: " + ", ".join(
         f"include: (character {n} of example.org)" for n in range(1, 9)) + ", …")),
    (rules.syntax, domain(errors=tuple(SpfError(code="no-domain", position=n, term="include:")
                                       for n in range(1, 9))),
     (Severity.HIGH, "without a domain: " + ", ".join(
         f"include: (character {n} of example.org)" for n in range(1, 9)))),
    (rules.loop, domain(), PASSED), (rules.loop, domain(records=(SENDER,)),
                                     (None, "skipped: include:%{i}.example depends on the sender")),
    (rules.loop, domain(records=(SpfRecord(
        name="a.example", term="include:a.example", state="found",
        records=(SpfRecord(name="example.org", term="include:example.org", state="loop"),)),)),
     (Severity.HIGH, "include:example.org leads back to the record of example.org")),
    (rules.ptr, domain(), PASSED), (rules.ptr, domain(records=(FAILED,)), UNKNOWN),
    (rules.ptr, domain(uses_ptr=True, records=(FAILED,)),
     (Severity.LOW, "ptr in the record of example.org")),
    (rules.type99, domain(), PASSED),
    (rules.type99, domain({"type99": "found"}, state="none"),
     (Severity.LOW, "example.org has a record of the type SPF (99)")),
    (rules.type99, domain({"type99": "unknown"}),
     (None, "skipped: the look-up of the record type SPF failed")),
    (rules.long, domain(size=450), PASSED),
    (rules.long, domain(size=451), (Severity.LOW, "451 bytes, with 450 as the recommended limit")),
    (limits.lookups, domain(lookups=10), PASSED),
    (limits.lookups, domain(lookups=10, records=(FAILED,)), UNKNOWN),
    (limits.lookups, domain(lookups=11, records=(FAILED, BELOW)),
     (Severity.HIGH, ("11 terms ask DNS; the limit is 10. Most of them: "
      "include:_spf.example.net 4, include:x.example 1"))),
    (limits.lookups, domain(lookups=11),
     (Severity.HIGH, "11 terms ask DNS; the limit is 10. Most of them: example.org")),
    (limits.void, domain(voids=(2, 2)), PASSED),
    (limits.void, domain(voids=(3, 3)),
     (Severity.HIGH, "3 look-ups give no record; the limit is 2")),
    (limits.void, domain(voids=(0, 3)), PASSED),
    (limits.void, domain({"late": ("ipv6",)}, voids=(0, 3)),
     (Severity.LOW, "3 look-ups give no record for senders with IPv6; the limit is 2")),
    (limits.void, domain({"late": ("ipv4",)}, voids=(3, 2)),
     (Severity.LOW, "3 look-ups give no record for senders with IPv4; the limit is 2")),
    (limits.void, domain({"ipv6": True}, voids=(3, 2)), PASSED),
    (limits.void, domain(voids=(2, 1), depends=("a:%{p}",)),
     (None, "skipped: how many look-ups give no record depends on the sender")),
    (limits.void, domain(voids=(1, 1), depends=("a:%{p}",)), PASSED),
    (limits.all_senders, domain(), PASSED), (limits.all_senders, domain(otherwise="softfail"),
     PASSED),
    (limits.all_senders, domain(otherwise="pass"), (Severity.CRITICAL, "every address passes")),
    (limits.all_senders, domain({"addresses": 2**32}),
     (Severity.CRITICAL, "every IPv4 address passes")),
    (limits.all_senders, domain({"addresses": 2**32 - 1}), PASSED),
    (limits.all_senders, domain(otherwise="neutral"),
     (Severity.MEDIUM, "an unknown sender is neutral: `all` is missing, or is `?all`")),
    (limits.all_senders, domain(otherwise="temperror", records=(FAILED,)), UNKNOWN),
    (limits.all_senders, domain(otherwise="permerror"),
     (None, "skipped: the record is not valid: SPF-SYNTAX and SPF-LOOP judge it")),
    (limits.wide, domain({"addresses": 65_536, "own_addresses": 65_536}), PASSED),
    (limits.wide, domain({"addresses": 65_537, "own_addresses": 65_537}),
     (Severity.MEDIUM, "65537 IPv4 addresses pass by the domain's own records")),
    (limits.wide, domain({"addresses": 65_537, "own_addresses": 65_536, "complete": False}),
     (Severity.INFO, "65537 IPv4 addresses pass, most of them by records of others")),
    (limits.wide, domain({"complete": False}),
     (None, "skipped: which addresses pass depends on the sender, or on look-ups that failed")),
    (limits.wide, domain({"addresses": 2**32, "own_addresses": 2**32}),
     (None, "skipped: every address passes: SPF-ALL judges that")),
    (limits.wide, domain({"addresses": None}), (None, "skipped: the addresses were not counted")),
    (limits.sender_miss, domain(), NO_SENDER),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "facts", "expected"), CASES)
def test_judgements(
    rule: AnyRule, facts: DomainFacts, expected: tuple[Severity | None, str]
) -> None:
    assert said(rule, facts) == expected


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (SpfVerdict(ip="192.0.2.9", result="pass", path=("mx",), at="example.org"), PASSED),
        (SpfVerdict(ip="192.0.2.9", result="fail", path=("include:a.example", "-all"),
                    at="a.example"),
         (Severity.HIGH,
          "192.0.2.9: fail, by include:a.example → -all in the record of a.example")),
        (SpfVerdict(ip="192.0.2.9", result="neutral", at="example.org"),
         (Severity.HIGH, "192.0.2.9: neutral, as no term matches")),
        (SpfVerdict(ip="192.0.2.9", result="temperror"),
         (None, "skipped: a look-up for 192.0.2.9 failed")),
        (SpfVerdict(ip="192.0.2.9", result="none"), NONE),
    ],
)  # fmt: skip
def test_the_sending_address(verdict: SpfVerdict, expected: tuple[Severity | None, str]) -> None:
    assert said(limits.sender_miss, domain({"verdict": verdict})) == expected


OF_A_RECORD = (rules.syntax, rules.loop, rules.ptr, rules.long, limits.lookups, limits.void,
               limits.all_senders, limits.wide)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"),
    [(DomainFacts(), NOT_LOOKED_UP), (DomainFacts(spf=SpfFacts()), NOT_LOOKED_UP),
     (domain(state="none"), NONE), (domain({"several": ("a", "b")}, state="several"), SEVERAL),
     (domain(state="unknown", detail="SERVFAIL"), FAILED_ITSELF)],
)  # fmt: skip
def test_without_a_record(facts: DomainFacts, expected: tuple[Severity | None, str]) -> None:
    assert {said(rule, facts) for rule in OF_A_RECORD} == {expected}
    verdict = rules.syntax(facts)
    assert isinstance(verdict, Skip)
    known = facts.spf is not None and facts.spf.record is not None
    missing = known and facts.spf.record.state in {"none", "several"}  # type: ignore[union-attr]
    cause = SkipCause.NOT_APPLICABLE if missing else SkipCause.NO_EVIDENCE
    assert verdict.cause is cause


@pytest.mark.parametrize("facts", [DomainFacts(), domain(state="unknown", detail="SERVFAIL")])
def test_what_is_not_known_is_not_judged(facts: DomainFacts) -> None:
    for rule in (rules.none, rules.multi):
        assert isinstance(rule(facts), Skip)
    assert said(limits.sender_miss, facts) == NO_SENDER


def test_the_fix_is_a_record_to_paste() -> None:
    hit = limits.all_senders(domain({"proposed": "v=spf1 exists:%{i}.x.example ~all"},
                                    otherwise="pass"))  # fmt: skip
    assert isinstance(hit, Hit)
    assert hit.fixes == {"dns": ('example.org. IN TXT "v=spf1 exists:%{i}.x.example ~all"',)}
    without = limits.all_senders(domain(otherwise="pass"))
    assert isinstance(without, Hit)
    assert without.fixes == {}


def test_the_tree_is_drawn() -> None:
    zone: Zone = zone_with("a:h.example include:in.example include:temp.example -all")
    (drawing,) = DomainFacts(name="example.org", spf=learnt(zone)).drawings()
    assert drawing.title == (
        "SPF look-ups of each record with those below it (limit 10), its size, and the result if "
        "no term but `all` matches"
    )
    assert [(span.label, span.high, span.value) for span in drawing.spans] == [
        ("example.org", 4, "4, 63 B, temperror, 2 void (IPv6)"),
        ("  include:in.example", 1, "1, 43 B, fail, 1 void (IPv6)"),
        ("  include:temp.example", 0, "unknown: as the test says"),
    ]  # fmt: skip
    assert [_span(0, SpfRecord(name="a", state="found", size=9, voids=voids)).value
            for voids in ((0, 0), (1, 1), (2, 1), (3, 0))] == [
        "0, 9 B", "0, 9 B, 1 void",
        "0, 9 B, 2 void (IPv4), 1 void (IPv6)",
        "0, 9 B, 3 void (IPv4)",
    ]  # fmt: skip
    assert DomainFacts(spf=learnt({})).drawings() == ()
    assert DomainFacts().drawings() == ()
