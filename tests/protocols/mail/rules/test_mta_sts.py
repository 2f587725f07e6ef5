"""The judgement of MTA-STS."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.mta_sts import (
    FetchState,
    MtaStsFacts,
    Policy,
    PolicyError,
    PolicyFault,
    RecordError,
    RecordFault,
    RefusedHost,
)
from seventh.protocols.mail.rules.mta_sts import broken, none, trial
from tests.verdicts import fixed, told

HOSTS = ("a.example.org", "b.example.org")
DIRECT = DomainFacts(name="example.org", receives=True)


def sts(**fields: Any) -> DomainFacts:
    facts = MtaStsFacts(**{"record": "found", "fetch": "ok", "hosts": HOSTS, **fields})
    return DIRECT.learn(mta_sts=facts)


def policy(mode: str | None = "enforce", *errors: PolicyError, **fields: Any) -> DomainFacts:
    made = Policy(mode=mode, mx=HOSTS, max_age_seconds=86400, errors=errors)  # type: ignore[arg-type]
    return sts(policy=made, **fields)


FIRST = [
    (DIRECT.learn(receives=False), "not applicable: the domain takes no mail"),
    (DIRECT, "skip: MTA-STS was not examined"),
    (sts(record="unknown", fetch=None), "skip: the look-up of the MTA-STS record failed"),
]
NO_RECORD = "not applicable: the domain has no MTA-STS record"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        *FIRST,
        (sts(record="none", fetch=None), "medium: no TXT record at _mta-sts.example.org"),
        (policy("none"), "medium: the policy has the mode none, which removes it"),
        (policy(), "pass"), (policy("testing"), "pass"), (sts(fetch="status"), "pass"),
        (sts(record="several", fetch=None), "pass"),
    ],
)  # fmt: skip
def test_none(facts: DomainFacts, verdict: str) -> None:
    assert told(none, facts) == verdict


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        *FIRST,
        (sts(record="none", fetch=None), NO_RECORD),
        (sts(fetch="unknown"), "skip: no policy was read"),
        (policy(None), "skip: no policy was read"),
        (policy("testing"), "medium: the policy has the mode testing"),
        (policy(), "pass"), (policy("none"), "pass"),
    ],
)  # fmt: skip
def test_testing(facts: DomainFacts, verdict: str) -> None:
    assert told(trial, facts) == verdict


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        *FIRST,
        (sts(record="none", fetch=None), NO_RECORD),
        (policy(), "pass"), (policy("none"), "pass"),
        (sts(fetch="unknown", fetch_detail="no route"),
         "skip: the policy could not be fetched from here: no route"),
        (policy(unseen=HOSTS[:1]), "skip: not every mail server has shown its certificate"),
        (policy(hosts=()), "skip: the mail servers are not known"),
        (policy("none", hosts=()), "pass"),
        (policy("none", unseen=HOSTS, unmatched=HOSTS, refused=(RefusedHost("x", "certificate"),)),
         "pass"),
        (sts(record="several", fetch=None),
         "high: more than one MTA-STS record: senders use none of them"),
        (sts(record="invalid", record_errors=(RecordError("id", "1-2"),), fetch="unknown"),
         "high: the id 1-2 is not 1 to 32 letters and digits"),
        (sts(fetch="redirect", status=302),
         "high: mta-sts.example.org redirects (status 302), and senders do not follow"),
        (sts(fetch="status", status=404),
         "high: mta-sts.example.org answers with status 404 instead of the policy"),
        (sts(fetch="certificate", fetch_detail="it expired"),
         "high: senders refuse the certificate of mta-sts.example.org: it expired"),
        (sts(fetch="no-host"), "high: mta-sts.example.org has no address"),
        (policy("enforce", PolicyError("mode", "")),
         "high: the policy has no mode enforce, testing or none"),
        (policy("enforce", PolicyError("media-type", "")),
         "high: the policy's media type is missing, not text/plain"),
        (policy("enforce", PolicyError("mx", "10 a")),
         "high: the policy's mx 10 a is not a host name or `*.` and one"),
        (policy(unmatched=HOSTS[1:]), "high: no mx of the policy matches b.example.org"),
        (policy(refused=(RefusedHost("a.example.org", "no-starttls"),)),
         "high: a.example.org does not offer STARTTLS"),
        (policy(refused=(RefusedHost("a.example.org", "certificate", "it expired"),)),
         "high: senders refuse the certificate of a.example.org: it expired"),
    ],
)  # fmt: skip
def test_broken(facts: DomainFacts, verdict: str) -> None:
    assert told(broken, facts) == verdict


def test_every_fault_has_its_words() -> None:
    words = broken.words.phrases["what"]
    codes = {
        *(f"record-{kind}" for kind in get_args(RecordFault)),
        *(f"fetch-{kind}" for kind in get_args(FetchState) if kind not in {"ok", "unknown"}),
        *(f"policy-{kind}" for kind in get_args(PolicyFault)),
    }
    assert codes | {"several", "unmatched", "no-starttls", "certificate"} == set(words)


def test_the_lines_name_the_exchangers() -> None:
    lines = ["mx: a.example.org", "mx: b.example.org", "max_age: 604800"]
    absent = sts(record="none", fetch=None)
    assert fixed(none, absent, "dns") == '_mta-sts.example.org. IN TXT "v=STSv1; id=1"'
    for rule, facts, mode in (
        (none, absent, "testing"),
        (broken, policy("enforce", PolicyError("line", "x")), "enforce"),
        (broken, policy("testing", unmatched=HOSTS), "testing"),
        (broken, policy(None, PolicyError("mode", "")), "testing"),
        (broken, sts(fetch="no-host"), "testing"),
    ):
        assert fixed(rule, facts, "mta-sts.txt").splitlines() == [
            "version: STSv1", f"mode: {mode}", *lines,
        ]  # fmt: skip


def test_where_no_exchanger_is_known_the_general_policy_is_printed() -> None:
    for rule, facts in (
        (none, sts(record="none", fetch=None, hosts=())),
        (broken, sts(fetch="no-host", hosts=())),
    ):
        assert fixed(rule, facts, "mta-sts.txt").splitlines() == [
            "version: STSv1", "mode: testing", "mx: mx.example.org", "max_age: 604800",
        ]  # fmt: skip
