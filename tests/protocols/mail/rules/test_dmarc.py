"""The judgement of DMARC and TLS reporting."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.dmarc import Destination, DmarcFacts
from seventh.protocols.mail.facts.tlsrpt import TlsrptFacts
from seventh.protocols.mail.rules import dmarc, tlsrpt
from seventh.protocols.mail.wire.dmarc import discover, read_record
from tests.protocols.mail.spf_zone import Zone, answer
from tests.verdicts import hit, told

RULES = (dmarc.none, dmarc.multi, dmarc.misplaced, dmarc.weak, dmarc.rua, dmarc.legacy)
REPORTS = "rua=mailto:d@example.org"
NAME = "_dmarc.example.org"


def facts_of(zone: Zone, domain: str = "example.org", **more: Any) -> DomainFacts:
    walk = discover(domain)
    question = next(walk)
    while True:
        try:
            question = walk.send(answer(zone, *question))
        except StopIteration as end:
            return DomainFacts(name=domain, dmarc=end.value, **more)


def fired(facts: DomainFacts) -> dict[str, str]:
    said = {rule.id: told(rule, facts) for rule in RULES}
    return {name: text for name, text in said.items() if text != "pass"}


def one(text: str) -> Zone:
    return {NAME: {"TXT": (f"v=DMARC1; {text}",)}}


NO_RECORD = "not applicable: there is no DMARC record"
LOST = "skip: the look-up of the DMARC record failed: as the test says"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (one(f"p=reject; {REPORTS}"), {}),
        (one(f"p=quarantine; {REPORTS}"), {}),
        (one(f"p=reject; sp=quarantine; np=reject; adkim=s; fo=1; {REPORTS}"), {}),
        ({}, {
            "DMARC-NONE": "high: no record at _dmarc.example.org, _dmarc.org",
            "DMARC-WEAK": NO_RECORD, "DMARC-RUA": NO_RECORD, "DMARC-LEGACY": NO_RECORD}),
        ({NAME: {"TXT": "servfail"}}, {
            "DMARC-NONE": LOST, "DMARC-MULTI": LOST, "DMARC-MISPLACED": LOST, "DMARC-WEAK": LOST,
            "DMARC-RUA": LOST, "DMARC-LEGACY": LOST}),
        ({"_dmarc.org": {"TXT": "timeout"}}, {
            "DMARC-NONE": LOST, "DMARC-MULTI": LOST, "DMARC-WEAK": LOST, "DMARC-RUA": LOST,
            "DMARC-LEGACY": LOST}),
        ({**one(f"p=reject; {REPORTS}"), "_dmarc.org": {"TXT": "timeout"}}, {}),
        ({NAME: {"TXT": ("v=DMARC1; p=none", "v=DMARC1; p=reject")}}, {
            "DMARC-NONE": "not applicable: the domain has a record that does not count",
            "DMARC-MULTI": "high: _dmarc.example.org: several records that begin with v=DMARC1",
            "DMARC-WEAK": NO_RECORD, "DMARC-RUA": NO_RECORD, "DMARC-LEGACY": NO_RECORD}),
        ({"example.org": {"TXT": ("v=DMARC1; p=reject",)}}, {
            "DMARC-NONE": "not applicable: the domain has a record that does not count",
            "DMARC-MISPLACED":
            "high: at example.org instead of _dmarc.example.org: v=DMARC1; p=reject",
            "DMARC-WEAK": NO_RECORD, "DMARC-RUA": NO_RECORD, "DMARC-LEGACY": NO_RECORD}),
        (one(f"p=none; {REPORTS}"), {
            "DMARC-WEAK": f"medium: v=DMARC1; p=none; {REPORTS}: p=none: mail that fails is "
            "delivered"}),
        (one(f"p=reject; sp=none; np=none; t=y; {REPORTS}"), {
            "DMARC-WEAK": f"medium: v=DMARC1; p=reject; sp=none; np=none; t=y; {REPORTS}: "
            "sp=none: mail of subdomains that fails is delivered; np=none: mail of subdomains "
            "that do not exist is delivered; t=y: receivers apply one step less than the policy"}),
        (one(f"p=rejekt; {REPORTS}"), {
            "DMARC-WEAK": f"medium: v=DMARC1; p=rejekt; {REPORTS}: p is missing or not valid, "
            "which receivers take for p=none"}),
        (one("p=reject"), {"DMARC-RUA": "low: the record has no rua"}),
        (one("p=reject; rua=d@example.org"), {
            "DMARC-RUA": "low: reports cannot be sent to rua=d@example.org"}),
        (one(f"p=reject; pct=20; ri=60; x=1; fo=q; {REPORTS}!1m"), {
            "DMARC-LEGACY": f"info: pct=20, ri=60, x=1, fo=q, {REPORTS}!1m"}),
    ],
)  # fmt: skip
def test_verdicts(zone: Zone, expected: dict[str, str]) -> None:
    assert fired(facts_of(zone)) == expected


@pytest.mark.parametrize(("policy", "better"), [("none", "quarantine"), ("quarantine", "reject")])
def test_a_record_that_is_not_known_whole_is_not_printed(policy: str, better: str) -> None:
    facts = facts_of(one(f"p={policy}; t=y; {REPORTS}; x={'x' * 1000}"))
    assert hit(dmarc.weak, facts).fixes["dns"] == (
        f"; TXT record at _dmarc.example.org: set p={better}; remove sp, np and t",
    )


@pytest.mark.parametrize(
    ("text", "weak"),
    [
        ("p=none; sp=reject", "pass"),
        ("p=reject; sp=none", "medium: {}: sp=none: mail of subdomains that fails is delivered"),
        ("p=none", "medium: {}: p=none: mail that fails is delivered"),
        ("p=reject; np=none", "pass"),
        ("p=reject; t=y", "medium: {}: t=y: receivers apply one step less than the policy"),
    ],
)
def test_a_subdomain_has_what_the_domain_above_says_of_it(text: str, weak: str) -> None:
    facts = facts_of(one(text), "a.example.org")
    assert told(dmarc.weak, facts) == weak.format(f"v=DMARC1; {text}")


@pytest.mark.parametrize(
    ("receives", "policy", "expected"),
    [
        (False, "reject",
         "not applicable: the domain takes no mail, and all mail that fails is rejected"),
        (False, "quarantine", "low: the record has no rua"),
        (True, "reject", "low: the record has no rua"),
        (None, "reject", "low: the record has no rua"),
    ],
)  # fmt: skip
def test_a_parked_domain_needs_no_reports(
    receives: bool | None, policy: str, expected: str
) -> None:
    assert told(dmarc.rua, facts_of(one(f"p={policy}"), receives=receives)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("own", "pass"),
        ("authorised", "pass"),
        ("unknown", "skip: the look-up of a report address's domain failed"),
        ("not-authorised", ("low: reports.example has not published that it takes reports on "
         "example.org, so receivers send none there")),
    ],
)  # fmt: skip
def test_other_domains_have_to_take_the_reports(state: Any, expected: str) -> None:
    record = read_record(b"v=DMARC1; p=reject; rua=mailto:d@reports.example", "example.org")
    found = DmarcFacts(
        record=record, destinations=(Destination(domain="reports.example", state=state),)
    )
    facts = DomainFacts(name="example.org", dmarc=found)
    assert told(dmarc.rua, facts) == expected
    if state == "not-authorised":
        assert hit(dmarc.rua, facts).fixes["dns"] == (
            'example.org._report._dmarc.reports.example. IN TXT "v=DMARC1"',
        )


def records_in(lines: tuple[str, ...]) -> Zone:
    """The zone of the lines that a fix prints."""
    named = (line.split(". IN TXT ", 1) for line in lines)
    return {name: {"TXT": (text.strip('"'),)} for name, text in named}


@pytest.mark.parametrize(
    ("rule", "zone", "more", "line"),
    [
        (dmarc.none, {}, {},
         f'{NAME}. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org"'),
        (dmarc.none, {}, {"receives": False}, f'{NAME}. IN TXT "v=DMARC1; p=reject"'),
        (dmarc.misplaced, {"example.org": {"TXT": (f"v=DMARC1; p=reject; {REPORTS}",)}}, {},
         f'{NAME}. IN TXT "v=DMARC1; p=reject; {REPORTS}"'),
        (dmarc.weak, one(f"p=none; {REPORTS}"), {},
         f'{NAME}. IN TXT "v=DMARC1; p=quarantine; {REPORTS}"'),
        (dmarc.weak, one(f"p=quarantine; t=y; {REPORTS}"), {},
         f'{NAME}. IN TXT "v=DMARC1; p=reject; {REPORTS}"'),
        (dmarc.rua, one("p=reject;"), {},
         f'{NAME}. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.org"'),
    ],
)  # fmt: skip
def test_a_printed_record_ends_the_finding(
    rule: Any, zone: Zone, more: dict[str, Any], line: str
) -> None:
    lines = hit(rule, facts_of(zone, **more)).fixes["dns"]
    assert lines == (line,)
    assert told(rule, facts_of(records_in(lines), **more)) == "pass"


@pytest.mark.parametrize(
    ("found", "receives", "expected"),
    [
        (None, True, "skip: the TLS reporting record was not looked up"),
        (TlsrptFacts(outcome="none"), False, "not applicable: the domain takes no mail"),
        (TlsrptFacts(outcome="none"), None, "low: no record at _smtp._tls.example.org"),
        (TlsrptFacts(outcome="several"), True,
         "low: several records at _smtp._tls.example.org, so that senders ignore all"),
        (TlsrptFacts(outcome="invalid", text="v=TLSRPTv1;"), True,
         "low: no usable report address in v=TLSRPTv1;"),
        (TlsrptFacts(outcome="unknown", detail="SERVFAIL"), True,
         "skip: the look-up of the TLS reporting record failed: SERVFAIL"),
        (TlsrptFacts(outcome="record"), True, "pass"),
    ],
)  # fmt: skip
def test_tls_reporting(found: TlsrptFacts | None, receives: bool | None, expected: str) -> None:
    facts = DomainFacts(name="example.org", receives=receives, tlsrpt=found)
    assert told(tlsrpt.tlsrpt, facts) == expected


def test_an_answer_is_unknown_unless_it_is_known() -> None:
    made = Answer(name="a", rtype="A", outcome="limit")
    assert (made.known, made.empty, made.count) == (False, False, 0)
