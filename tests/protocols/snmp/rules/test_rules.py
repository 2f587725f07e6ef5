"""The rules of SNMP, on both sides of every boundary."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.protocols.snmp.facts import Access, SnmpFacts
from seventh.protocols.snmp.rules import access, polling
from seventh.protocols.snmp.rules.examples import ACCESS, GOOD, refused
from seventh.protocols.snmp.wire.usm import Cause
from seventh.rules.rule import AnyRule, Hit, Skip, Verdict
from tests.reports import evidence

USM = {
    Cause.UNKNOWN_USER: access.unknown_user,
    Cause.WRONG_AUTH_KEY: access.wrong_digest,
    Cause.WRONG_PRIV_KEY: access.decryption_error,
    Cause.UNSUPPORTED_LEVEL: access.unsupported_level,
    Cause.TIME_WINDOW: access.not_in_window,
}


def said(rule: AnyRule, facts: SnmpFacts) -> str | None:
    """The evidence, the reason of a skip behind "skip: ", or None for a pass."""
    verdict: Verdict = rule(facts)
    if isinstance(verdict, Skip):
        return f"skip: {verdict.reason}"
    return None if verdict is None else evidence(rule, verdict)


@pytest.mark.parametrize("cause", USM)
def test_each_cause_has_its_rule(cause: Cause) -> None:
    found = {known: rule(refused(cause)) for known, rule in USM.items()}
    for known, verdict in found.items():
        assert isinstance(verdict, Hit if known is cause else Skip), known


@pytest.mark.parametrize("rule", USM.values())
def test_a_community_tells_nothing_of_users(rule: AnyRule) -> None:
    wanted = "skip: SNMPv3 was not used; give --user"
    assert said(rule, GOOD.learn(access=access.BY_COMMUNITY)) == wanted


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (access.BY_COMMUNITY, "the community is accepted with SNMP v2c"),
        (replace(access.BY_COMMUNITY, version="1"), "the community is accepted with SNMP v1"),
        (replace(access.BY_COMMUNITY, outcome="unknown"), None),
        (ACCESS, "skip: no community was tried"),
        (None, "skip: no credential was tried; give --user or --community-file"),
    ],
)  # fmt: skip
def test_v1_and_v2c(known: Access | None, wanted: str | None) -> None:
    assert said(access.v1_v2_on, GOOD.learn(access=known)) == wanted


@pytest.mark.parametrize(
    ("discovered", "known", "wanted"),
    [
        (True, None, None),
        (False, None,
         "skip: nothing was answered: the agent may be off, filtered, or without SNMPv3"),
        (False, replace(access.BY_COMMUNITY, outcome="unknown"),
         "skip: nothing was answered: the agent may be off, filtered, or without SNMPv3"),
        (False, access.BY_COMMUNITY, "SNMP v2c is answered, SNMPv3 discovery is not"),
    ],
)  # fmt: skip
def test_v3_absent(discovered: bool, known: Access | None, wanted: str | None) -> None:
    assert said(access.v3_absent, GOOD.learn(discovered=discovered, access=known)) == wanted


def test_silence_is_not_a_refused_community() -> None:
    facts = GOOD.learn(access=replace(access.BY_COMMUNITY, outcome="unknown"), discovered=False)
    wanted = "skip: nothing was answered: the agent may be off or filtered"
    assert said(access.v1_v2_on, facts) == wanted


def test_an_empty_view() -> None:
    assert said(access.view_empty, GOOD) is None
    wanted = "skip: the agent did not accept the credential"
    assert said(access.view_empty, refused(Cause.UNKNOWN_USER)) == wanted


def test_a_loop() -> None:
    assert said(polling.oid_loop, GOOD.learn(interfaces=())) is None
    assert said(polling.oid_loop, GOOD.learn(interfaces=None)) == "skip: no interface was read"
