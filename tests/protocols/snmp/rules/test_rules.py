"""The rules of SNMP, on both sides of every boundary."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.facts import Facts
from seventh.protocols.snmp.facts import (
    Access,
    BulkTry,
    Clock,
    Interface,
    Lower,
    NotifierFacts,
    SnmpFacts,
)
from seventh.protocols.snmp.rules import access, exposure, notifications, polling, protection
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


AUTH_ONLY = replace(ACCESS, level="authNoPriv", priv=None)
NO_AUTH = replace(AUTH_ONLY, level="noAuthNoPriv", auth=None)


@pytest.mark.parametrize(
    ("known", "lower", "noauth", "nopriv"),
    [
        (ACCESS, (("authNoPriv", "accepted"), ("noAuthNoPriv", "refused")),
         None, "the agent answers the user at authNoPriv"),
        (ACCESS, (("authNoPriv", "refused"), ("noAuthNoPriv", "unknown")),
         "skip: the request at noAuthNoPriv was not answered", None),
        (ACCESS, None, "skip: noAuthNoPriv was not tried", "skip: authNoPriv was not tried"),
        (AUTH_ONLY, (("noAuthNoPriv", "accepted"),),
         "the agent answers the user at noAuthNoPriv", "the agent answers the user at authNoPriv"),
        (NO_AUTH, (), "the agent answers the user at noAuthNoPriv",
         "skip: the user has no keys: SNMP-V3-NOAUTH judges it"),
        (replace(NO_AUTH, cause=Cause.VIEW), (), "skip: the user's view is empty",
         "skip: the user has no keys: SNMP-V3-NOAUTH judges it"),
        (access.BY_COMMUNITY, None, "skip: a community has no level and no keys",
         "skip: a community has no level and no keys"),
    ],
)  # fmt: skip
def test_levels(
    known: Access, lower: tuple[tuple[str, str], ...] | None, noauth: str | None, nopriv: str | None
) -> None:
    tried = None
    if lower is not None:
        tried = tuple(Lower(level=level, outcome=outcome) for level, outcome in lower)  # type: ignore[arg-type]
    facts = GOOD.learn(access=known, lower=tried)
    assert said(protection.v3_noauth, facts) == noauth
    assert said(protection.v3_nopriv, facts) == nopriv


@pytest.mark.parametrize("rule", [protection.v3_md5, protection.v3_sha1, protection.v3_des])
def test_algorithms_of_a_refused_user_are_unknown(rule: AnyRule) -> None:
    wanted = "skip: the agent did not accept the credential"
    assert said(rule, refused(Cause.UNKNOWN_USER)) == wanted


def test_a_hash_that_needs_no_extension() -> None:
    rule_bad = protection.v3_aes256_mix.bad
    assert said(protection.v3_aes256_mix, rule_bad) == (
        "the agent extends the 256-bit key of aes256 as draft-reeder-snmpv3-usm-3desede-00 "
        "(Cisco, net-snmp's AES-256-C)"
    )
    assert rule_bad.access is not None
    facts = rule_bad.learn(access=replace(rule_bad.access, extension=None))
    assert said(protection.v3_aes256_mix, facts) is None


@pytest.mark.parametrize(
    ("gain", "wanted"), [(10.0, None), (10.1, "a reply is 10.1 times its request")]
)
def test_amplification(gain: float, wanted: str | None) -> None:
    assert said(exposure.amplify, GOOD.learn(access=access.BY_COMMUNITY, gain=gain)) == wanted


@pytest.mark.parametrize(
    ("reach", "replies", "wanted"),
    [
        ("public", 3, "192.0.2.1 answers SNMP"), ("private", 3, None), ("loopback", 3, None),
        ("public", 0, "skip: nothing was answered"),
        (None, 3, "skip: it is not known from where the address can be reached"),
    ],
)  # fmt: skip
def test_a_public_address(reach: str | None, replies: int, wanted: str | None) -> None:
    assert said(exposure.exposed, GOOD.learn(reach=reach, replies=replies)) == wanted


def test_default_communities_of_a_silent_agent_are_unknown() -> None:
    silent = SnmpFacts(discovered=False, default_communities=())
    wanted = "skip: nothing was answered: the agent may be off or filtered"
    assert said(exposure.default_community, silent) == wanted
    assert said(exposure.default_community, GOOD.learn(default_communities=())) is None


def interface(speed: int | None, wide: bool | None) -> Interface:
    return Interface(index=7, name="eth7", speed_mbps=speed, has_64_bit=wide)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (interface(999, False), None), (interface(None, False), None),
        (interface(1000, True), None),
        (interface(1000, False), "no ifHCInOctets on interfaces of 1 Gbit/s or more: eth7"),
        (interface(1000, None),
         "SNMP v1, which has no 64-bit counters, reads interfaces of 1 Gbit/s or more: eth7"),
    ],
)  # fmt: skip
def test_counters(row: Interface, wanted: str | None) -> None:
    assert said(polling.counter32, GOOD.learn(interfaces=(row,))) == wanted


TWO = (interface(10, True), interface(10, True))


@pytest.mark.parametrize(
    ("most", "interfaces", "wanted"),
    [
        (2, TWO, None), (1, TWO, "GETBULK with 10 repetitions returns one row"),
        (1, TWO[:1], "skip: there was no second row to return"),
        (None, TWO, "skip: no GETBULK was answered"),
    ],
)  # fmt: skip
def test_bulk(most: int | None, interfaces: tuple[Interface, ...], wanted: str | None) -> None:
    tried = (BulkTry(repetitions=10, outcome="answered", rows=most or 0),)
    facts = GOOD.learn(bulk=tried, most_rows=most, interfaces=interfaces)
    assert said(polling.no_bulk, facts) == wanted


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ({10: "answered", 25: "too-big"}, "tooBig for 25 repetitions; 10 repetitions are answered"),
        ({10: "lost", 5: "lost", 2: "answered"},
         "no reply to 5 repetitions, asked 3 times; 2 repetitions are answered"),
        ({10: "lost", 5: "lost", 2: "lost", 1: "lost"}, "skip: no GETBULK was answered"),
    ],
)  # fmt: skip
def test_large_replies(outcomes: dict[int, str], wanted: str) -> None:
    tried = tuple(
        BulkTry(repetitions=size, outcome=outcome, attempts=3)  # type: ignore[arg-type]
        for size, outcome in outcomes.items()
    )
    assert said(polling.bulk_trunc, GOOD.learn(bulk=tried)) == wanted


@pytest.mark.parametrize(
    ("clock", "wanted"),
    [
        (Clock(outcome="read", offset_seconds=5.5, uncertainty_seconds=0.5), None),
        (Clock(outcome="read", offset_seconds=-5.6, uncertainty_seconds=0.5),
         "hrSystemDate is -5.6 s from this machine's clock, whose own error is unknown"),
        (Clock(outcome="read", offset_seconds=6.0, uncertainty_seconds=0.5, own_error_seconds=0.6),
         None),
        (Clock(outcome="read", offset_seconds=6.2, uncertainty_seconds=0.5, own_error_seconds=0.6),
         "hrSystemDate is +6.2 s from this machine's clock, whose error is at most 0.600 s"),
        (Clock(outcome="no-zone"), "skip: hrSystemDate has no time zone"),
        (Clock(outcome="absent"), "skip: the agent does not show hrSystemDate"),
        (Clock(outcome="invalid"), "skip: hrSystemDate is not a date"),
    ],
)  # fmt: skip
def test_the_clock(clock: Clock, wanted: str | None) -> None:
    assert said(polling.clock, GOOD.learn(clock=clock)) == wanted
