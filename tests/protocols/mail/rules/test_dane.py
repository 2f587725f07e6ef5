"""The judgement of DNSSEC and TLSA records."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.report import SkipCause
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dane import (
    DaneFacts,
    DaneHost,
    DnssecFacts,
    Fit,
    ServedKey,
    TlsaRecord,
)
from seventh.protocols.mail.rules.dane import bogus, mismatch, unusable
from seventh.rules.rule import Skip
from tests.verdicts import fixed, told

NAME = "_25._tcp.mx.example.org"
KEY, OLD = "11" * 32, "33" * 32
VALIDATE = "a resolver that validates is needed: give --resolver, or --trust-ad for a remote one"
UNSIGNED = f"skip: it is not known whether the TLSA records are signed: {VALIDATE}"
SHOWN = f"EC key, 3 1 1 {KEY}"


def record(data: str = KEY, **fields: Any) -> TlsaRecord:
    return TlsaRecord(**{"usage": 3, "selector": 1, "matching": 1, "data": data, **fields})


def host(*fits: Fit, name: str = "mx.example.org", **fields: Any) -> DaneHost:
    types = ("EC", "RSA")
    made = DaneHost(
        host=name, name=f"_25._tcp.{name}", outcome="found", security="secure",
        records=(record(), record(OLD)),
        keys=tuple(
            ServedKey(key_type=kind, key_sha256=KEY if kind == "EC" else OLD, fit=fit)
            for kind, fit in zip(types, fits, strict=False)
        ),
    )  # fmt: skip
    return replace(made, **fields)


def domain(*hosts: DaneHost, **dnssec: Any) -> DomainFacts:
    return DomainFacts(
        name="example.org", dane=DaneFacts(hosts=hosts), dnssec=DnssecFacts(**dnssec)
    )


NONE = host(outcome="none", records=())


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (DomainFacts(), "skip: the TLSA records were not looked up"),
        (domain(), "not applicable: no exchanger has TLSA records"),
        (domain(NONE), "not applicable: no exchanger has TLSA records"),
        (domain(host("match")), "pass"),
        (domain(host("match", "match"), NONE), "pass"),
        (domain(host("unusable")), "pass"),
        (domain(host("mismatch")),
         f"critical: no TLSA record at {NAME} matches the certificate of mx.example.org ({SHOWN})"),
        (domain(host("match"), host("mismatch", name="b.example.org")),
         ("critical: no TLSA record at _25._tcp.b.example.org matches the certificate of "
         f"b.example.org ({SHOWN})")),
        (domain(host("match", "mismatch")),
         (f"critical: no TLSA record at {NAME} matches one certificate of mx.example.org: "
         f"RSA key, 3 1 1 {OLD}")),
        (domain(host("mismatch", security="insecure")),
         "not applicable: the TLSA records are not signed"),
        (domain(host("mismatch", security="unknown")), UNSIGNED),
        (domain(host("match", security="unknown"), host("match")), UNSIGNED),
        (domain(host("match"), host("match", security="insecure")), UNSIGNED),
        (domain(host()), "skip: not every exchanger has shown its certificate"),
        (domain(host("match"), host()), "skip: not every exchanger has shown its certificate"),
        (domain(host("match", differs=True)),
         "skip: the addresses of an exchanger show different certificates"),
        (domain(host("match", "unknown")), "skip: not every TLSA record could be compared"),
        (domain(host("match"), host(outcome="unknown", records=())),
         "skip: the look-up of TLSA records failed"),
    ],
)  # fmt: skip
def test_mismatch(facts: DomainFacts, verdict: str) -> None:
    assert told(mismatch, facts) == verdict


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (DomainFacts(), "skip: the TLSA records were not looked up"),
        (domain(NONE), "not applicable: no exchanger has TLSA records"),
        (domain(host("match")), "pass"),
        (domain(host(outcome="unknown", records=())), "skip: the look-up of TLSA records failed"),
        (domain(host(security="unknown")), UNSIGNED),
        (domain(host(security="insecure")),
         (f"medium: the TLSA records at {NAME}, or the addresses of mx.example.org, are not signed "
          "by DNSSEC: mail servers ignore the records")),
        (domain(host(records=(record(), record(usage=1, problem="pkix")), security="unknown")),
         f"medium: the TLSA record 1 1 1 at {NAME} has usage 0 or 1, which mail servers ignore"),
        (domain(host(records=(record(usage=7, problem="usage"),))),
         f"medium: the TLSA record 7 1 1 at {NAME} has an unknown usage"),
        (domain(host(records=(record(selector=2, problem="selector"),))),
         f"medium: the TLSA record 3 2 1 at {NAME} has an unknown selector"),
        (domain(host(records=(record(matching=3, problem="matching"),))),
         f"medium: the TLSA record 3 1 3 at {NAME} has an unknown matching type"),
        (domain(host(records=(record(problem="length"),))),
         f"medium: the TLSA record 3 1 1 at {NAME} has data of the wrong length"),
        (domain(host(records=(record(),))),
         (f"low: {NAME} has one TLSA record: the certificate cannot be renewed with another key "
         "without an interruption")),
        (domain(host(records=(record(),)), host(name="b.org", security="insecure")),
         ("medium: the TLSA records at _25._tcp.b.org, or the addresses of b.org, are not signed "
          "by DNSSEC: mail servers ignore the records")),
        (domain(host(records=(record(usage=2),))), "pass"),
    ],
)  # fmt: skip
def test_unusable(facts: DomainFacts, verdict: str) -> None:
    assert told(unusable, facts) == verdict


@pytest.mark.parametrize("rule", [mismatch, unusable])
def test_exchangers_that_were_not_looked_at_are_no_pass(rule: Any) -> None:
    for one in (host("match"), NONE):
        facts = DomainFacts(dane=DaneFacts(hosts=(one,), omitted=1))
        assert told(rule, facts) == "skip: only 1 exchangers were looked at"


@pytest.mark.parametrize("rule", [mismatch, unusable])
def test_the_lines_are_of_the_served_key(rule: Any) -> None:
    facts = domain(host("mismatch", records=(record(OLD),)))
    assert fixed(rule, facts, "dns").splitlines() == [
        f"_25._tcp.mx.example.org. IN TLSA 3 1 1 {KEY}",
        "_25._tcp.mx.example.org. IN TLSA 3 1 1 SHA256-OF-THE-NEXT-PUBLIC-KEY",
    ]


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (DomainFacts(), "skip: DNSSEC was not examined"),
        (domain(security="secure"), "pass"),
        (domain(security="insecure"), "not applicable: the domain is not signed"),
        (domain(security="unknown"),
         f"skip: it is not known whether the domain is signed: {VALIDATE}"),
        (domain(bogus=("MX example.org",)),
         ("critical: SERVFAIL from a resolver that validates, an answer without validation: "
         "MX example.org")),
        (domain(security="secure").learn(dane=DaneFacts(bogus=(f"TLSA {NAME}",))),
         ("critical: SERVFAIL from a resolver that validates, an answer without validation: "
         f"TLSA {NAME}")),
        (DomainFacts(dnssec=DnssecFacts(security="secure")), "pass"),
    ],
)  # fmt: skip
def test_bogus(facts: DomainFacts, verdict: str) -> None:
    assert told(bogus, facts) == verdict


def test_a_domain_without_records_is_no_open_question() -> None:
    verdict = mismatch(domain(NONE))
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NOT_APPLICABLE
