"""The rules of DKIM keys, on both sides of every boundary."""

from __future__ import annotations

import pytest

from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dkim import DkimFacts, DkimKey
from seventh.protocols.mail.facts.spf import SpfFacts, SpfRecord
from seventh.protocols.mail.rules import dkim as rules
from seventh.rules.rule import AnyRule, Hit, Skip, Verdict
from tests.reports import evidence


def key(selector: str = "s1", bits: int = 2048, state: str = "usable", **more: object) -> DkimKey:
    return DkimKey(selector=selector, state=state, kind="rsa", bits=bits, **more)  # type: ignore[arg-type]


def domain(*keys: DkimKey, **more: object) -> DomainFacts:
    facts: dict[str, object] = {"domainkey": "exists", "wildcard": "none", "keys": keys, **more}
    return DomainFacts(name="example.org", dkim=DkimFacts(**facts))  # type: ignore[arg-type]


def told(rule: AnyRule, verdict: Verdict) -> str | None:
    if verdict is None:
        return None
    return verdict.reason if isinstance(verdict, Skip) else evidence(rule, verdict)


FAILED = "the look-up of a selector of --selector failed"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (domain(key()), None),
        (domain(key(), key("s2", state="broken", faults=("key",))), None),
        (domain(domainkey="nxdomain"),
         "_domainkey.example.org does not exist, and so no selector below it"),
        (domain(), "no common selector has a key: give --selector"),
        (domain(domainkey="unknown"), "no common selector has a key: give --selector"),
        (domain(key(), given=("s1", "s9"), missing=("s9",)), "the selectors have no record: s9"),
        (domain(key("s9", state="unknown"), key(), given=("s9",)), FAILED),
        (domain(key(state="broken", faults=("version", "key"))),
         "the keys cannot be used: s1; v= is not DKIM1, or not first; p= is no key of that kind"),
        (domain(domainkey="exists", wildcard="revoked"),
         "a wildcard says that the domain signs nothing"),
        (domain(key(state="revoked"), wildcard="revoked", given=("s1",)),
         "no common selector has a key: give --selector"),
    ],
)  # fmt: skip
def test_whether_there_is_a_key(facts: DomainFacts, said: str | None) -> None:
    assert told(rules.dkim_none, rules.dkim_none(facts)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v=spf1 -all", "SPF says that the domain sends no mail"),
        ("V=SPF1  -ALL ", "SPF says that the domain sends no mail"),
        ("v=spf1 ~all", "_domainkey.example.org does not exist, and so no selector below it"),
        ("v=spf1 mx -all", "_domainkey.example.org does not exist, and so no selector below it"),
    ],
)
def test_a_parked_domain(text: str, said: str) -> None:
    spf = SpfFacts(record=SpfRecord(name="example.org", state="found", text=text))
    parked = domain(domainkey="nxdomain").learn(spf=spf)
    assert told(rules.dkim_none, rules.dkim_none(parked)) == said
    # Keys that were given have to be there all the same.
    given = domain(domainkey="nxdomain", given=("s1",), missing=("s1",)).learn(spf=spf)
    assert told(rules.dkim_none, rules.dkim_none(given)) == "the selectors have no record: s1"


def test_a_domain_that_signs_nothing() -> None:
    verdict = rules.dkim_none(domain(wildcard="revoked"))
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("keys", "severity", "said"),
    [
        ((key(bits=2048),), None, None),
        ((DkimKey(selector="e", state="usable", kind="ed25519", bits=256),), None, None),
        ((key(bits=2047),), Severity.MEDIUM, "RSA keys shorter than 2048 bits: s1 2047"),
        ((key(bits=1024), key("s2")), Severity.MEDIUM, "RSA keys shorter than 2048 bits: s1 1024"),
        ((key(bits=1023), key("s2", 1024)), Severity.CRITICAL,
         "RSA keys shorter than 2048 bits: s1 1023, s2 1024"),
        ((key("s1", 512, "revoked"), key("s2")), None, None),
    ],
)  # fmt: skip
def test_the_length_of_keys(
    keys: tuple[DkimKey, ...], severity: Severity | None, said: str | None
) -> None:
    verdict = rules.dkim_key_weak(domain(*keys))
    assert told(rules.dkim_key_weak, verdict) == said
    assert (verdict.severity if isinstance(verdict, Hit) else None) == severity


@pytest.mark.parametrize(
    ("rule", "bad", "said"),
    [
        (rules.dkim_test, {"testing": True}, "t=y in the keys of s2"),
        (rules.dkim_sha1, {"hashes": ("sha1",)}, "h=sha1 in the keys of s2"),
    ],
)
def test_flags_of_usable_keys(rule: AnyRule, bad: dict[str, object], said: str) -> None:
    assert told(rule, rule(domain(key(), key("s2", **bad)))) == said
    lost = DkimKey(selector="s3", state="unknown")
    assert told(rule, rule(domain(key(), key("s2", **bad), lost, given=("s3",)))) == said
    assert rule(domain(key(), lost, given=("s3",))) == Skip(
        "the look-up of a selector of --selector failed"
    )
    assert told(rule, rule(domain(key(hashes=("sha1", "sha256"))))) is None
    assert told(rule, rule(domain(key("s2", state="broken", **bad)))) == (
        "no usable DKIM key was found"
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (domain(key()), "which selectors are in use is not known: give --selector"),
        (domain(key(state="revoked")), "which selectors are in use is not known: give --selector"),
        (domain(key(), given=("s1",)), None),
        (domain(key(state="revoked"), key("s2"), given=("s1", "s2")),
         "p= is empty in the keys of s1"),
        (domain(key("s1"), key("s2", state="revoked"), given=("s1",)), None),
        (domain(key(state="unknown"), given=("s1",)), FAILED),
        (domain(given=("s1",), missing=("s1",)), "the selectors of --selector have no record"),
    ],
)  # fmt: skip
def test_a_revoked_key(facts: DomainFacts, said: str | None) -> None:
    assert told(rules.dkim_revoked, rules.dkim_revoked(facts)) == said
