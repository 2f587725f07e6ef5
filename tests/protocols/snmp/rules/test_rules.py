"""The rules of SNMP, on both sides of every boundary."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.facts import Facts
from seventh.protocols.snmp.facts import Access, NotifierFacts
from seventh.protocols.snmp.rules import access, notifications, polling
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


def said(rule: AnyRule, facts: Facts) -> str | None:
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


NOTIFIER = NotifierFacts(address="192.0.2.1", verdicts={"authentic": 5})


@pytest.mark.parametrize(
    ("judged", "learnt", "says"),
    [
        (notifications.trap_unauth, {}, None),
        (notifications.trap_unauth, {"verdicts": {"wrong-auth-key": 1}}, None),
        (notifications.trap_unauth, {"verdicts": {"authentic": 1, "unknown-user": 2}},
         "192.0.2.1: 2 notifications that anyone could have sent (unknown-user)"),
        (notifications.inform_noack, {"retransmitted": 2}, None),
        (notifications.inform_noack, {"retransmitted": 3},
         "192.0.2.1: 3 informs came again although they were acknowledged"),
        (notifications.trap_storm, {"rate_per_second": 9.0}, None),
        (notifications.trap_storm, {"storm_per_second": 50.04, "baseline_per_second": 0.123},
         "192.0.2.1: 50.0 notifications a second, usually 0.12"),
        (notifications.trap_storm, {"storm_per_second": 50.0},
         "192.0.2.1: 50.0 notifications a second, usually unknown"),
    ],
    ids=range(8),
)  # fmt: skip
def test_what_a_sender_does(judged: AnyRule, learnt: dict[str, object], says: str | None) -> None:
    assert said(judged, NOTIFIER.learn(**learnt)) == says
    assert said(judged, NotifierFacts()) == "skip: nothing was received"
