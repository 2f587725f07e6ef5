"""Who may ask, and with which protection."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.rules import file
from seventh.protocols.snmp.rules.examples import (
    ACCESS,
    GOOD,
    NET_SNMP_USER,
    NOT_TRIED,
    judge,
    refused,
)
from seventh.protocols.snmp.rules.file import DIRECTIVES, PRODUCT
from seventh.protocols.snmp.wire.usm import Cause
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

BY_COMMUNITY = replace(ACCESS, version="2c", level=None, auth=None, priv=None)


@rule(
    "SNMP-V1V2-ON",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SNMP v1 or v2c answers",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "the community is accepted with SNMP v{version}",
            "file": "{count} lines accept a community of SNMP v1 and v2c",
        }
    },
    why="The community and all values pass in clear. An attacker on the path reads it, and then "
    "asks the agent; replies to forged source addresses flood others.",
    fix={
        "net-snmp": f"# in place of rocommunity, rwcommunity and com2sec\n{NET_SNMP_USER}",
        "any": "Have the manager use an SNMPv3 user with authentication and privacy, then remove "
        "all communities (net-snmp: `rocommunity`, `rwcommunity` and `com2sec`).",
    },
    references=("RFC 3584", "CISA TA17-156A"),
    seed=("12.5.2",),
    good=GOOD.learn(access=replace(BY_COMMUNITY, outcome="unknown")),
    bad=GOOD.learn(access=BY_COMMUNITY),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def v1_v2_on(snmp: SnmpFacts) -> Verdict:
    """Judge the version that the credential worked with."""
    if snmp.config is not None:
        return file.v1_v2(snmp.config)
    access = snmp.access
    if access is None:
        return NOT_TRIED
    if access.version == "3":
        return Skip("no community was tried")
    if access.outcome == "accepted":
        return Hit(what="wire", version=access.version)
    if not snmp.discovered:
        return Skip("nothing was answered: the agent may be off or filtered")
    return None  # the agent is up, and drops this community


@rule(
    "SNMP-V3-ABSENT",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="No SNMPv3",
    evidence="SNMP v{version} is answered, SNMPv3 discovery is not",
    why="Only SNMPv3 authenticates and encrypts: without it, the community and all values pass in "
    "clear.",
    fix={
        "net-snmp": NET_SNMP_USER,
        "any": "Update the agent or enable SNMPv3, and add a user with authentication and privacy.",
    },
    references=("RFC 3414 §4",),
    seed=("12.5.2",),
    good=GOOD,
    bad=GOOD.learn(discovered=False, engine=None, access=BY_COMMUNITY),
)
def v3_absent(snmp: SnmpFacts) -> Verdict:
    """Judge discovery; without any answer the agent may be filtered or off."""
    if snmp.discovered is None:
        return Skip("discovery was not tried")
    if snmp.discovered:
        return None
    access = snmp.access
    if access is None or access.outcome != "accepted":
        return Skip("nothing was answered: the agent may be off, filtered, or without SNMPv3")
    return Hit(version=access.version)


@rule(
    "SNMP-USM-UNKNOWN-USER",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="Unknown SNMPv3 user",
    evidence="the agent reports usmStatsUnknownUserNames for the user",
    why="The agent has no user of this name, so every poll with it fails.",
    fix={
        "net-snmp": NET_SNMP_USER,
        "any": "Check the user's spelling and case, or create it on the agent.",
    },
    references=("RFC 3414 §3.2",),
    seed=("12.11.4",),
    good=GOOD,
    bad=refused(Cause.UNKNOWN_USER),
)
def unknown_user(snmp: SnmpFacts) -> Verdict:
    """Judge the cause of a refusal."""
    return judge(snmp, Cause.UNKNOWN_USER)


@rule(
    "SNMP-USM-WRONG-DIGEST",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="Wrong SNMPv3 authentication key",
    evidence="the agent knows the user and reports usmStatsWrongDigests with {auth}",
    why="The authentication password or its protocol differs from the agent's, so every poll "
    "fails.",
    fix={
        "any": "Compare --auth and the first line of --auth-password-file with the user on the "
        "agent. If both are right, the agent's engine ID has changed after the user was created: "
        "create the user again.",
    },
    references=("RFC 3414 §3.2",),
    seed=("12.11.4",),
    good=GOOD,
    bad=refused(Cause.WRONG_AUTH_KEY),
)
def wrong_digest(snmp: SnmpFacts) -> Verdict:
    """Judge the cause of a refusal."""
    return judge(snmp, Cause.WRONG_AUTH_KEY)


@rule(
    "SNMP-USM-DECRYPTION-ERROR",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="Wrong SNMPv3 privacy key",
    evidence="the agent accepts the authentication and does not decrypt {priv}",
    why="The privacy password, its protocol or the extension of its key differs from the agent's. "
    "Many agents drop such requests, so that polls only time out.",
    fix={
        "any": "Compare --priv and the first line of --priv-password-file with the user on the "
        "agent.",
    },
    references=("RFC 3414 §3.2",),
    seed=("12.11.4",),
    good=GOOD,
    bad=refused(Cause.WRONG_PRIV_KEY),
)
def decryption_error(snmp: SnmpFacts) -> Verdict:
    """Judge the cause of a refusal."""
    return judge(snmp, Cause.WRONG_PRIV_KEY)


@rule(
    "SNMP-USM-UNSUPPORTED-LEVEL",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 security level not supported",
    evidence="the agent reports usmStatsUnsupportedSecLevels for {level}",
    why="The user exists on the agent without a key for this level, so every poll fails.",
    fix={
        "any": "Give the user on the agent an authentication and a privacy protocol; it must often "
        "be deleted and created again.",
    },
    references=("RFC 3414 §3.2",),
    seed=("12.11.4",),
    good=GOOD,
    bad=refused(Cause.UNSUPPORTED_LEVEL),
)
def unsupported_level(snmp: SnmpFacts) -> Verdict:
    """Judge the cause of a refusal."""
    return judge(snmp, Cause.UNSUPPORTED_LEVEL)


@rule(
    "SNMP-USM-NOT-IN-WINDOW",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 engine time out of window",
    evidence="the agent reports usmStatsNotInTimeWindows, also for the time that it reports itself",
    why="The agent refuses requests whose time is more than 150 s from its own. It refuses its own "
    "time if its boots are at their maximum, or if another engine with the same ID answers, such "
    "as the second member of a cluster.",
    fix={
        "any": "Give every agent an engine ID of its own, and poll members of a cluster by their "
        "own addresses. If its boots are 2147483647, set a new engine ID.",
    },
    references=("RFC 3414 §2.2.3",),
    seed=("12.11.4",),
    good=GOOD,
    bad=refused(Cause.TIME_WINDOW),
)
def not_in_window(snmp: SnmpFacts) -> Verdict:
    """Judge the cause of a refusal."""
    return judge(snmp, Cause.TIME_WINDOW)


@rule(
    "SNMP-VIEW-EMPTY",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="The user's view is empty",
    evidence="the credential is accepted, and the system group is not shown",
    why="The agent grants the credential no view of the objects that every manager reads, or "
    "requires a higher security level for it. Polls get no values.",
    fix={
        "any": "Grant the user a view with the system group (1.3.6.1.2.1.1) at the level that the "
        "manager uses.",
    },
    references=("RFC 3415",),
    seed=("12.11.4",),
    good=GOOD,
    bad=GOOD.learn(access=replace(ACCESS, cause=Cause.VIEW)),
)
def view_empty(snmp: SnmpFacts) -> Verdict:
    """Judge whether anything was shown to a credential that was accepted."""
    access = snmp.access
    if access is None:
        return NOT_TRIED
    if access.outcome != "accepted":
        return Skip("the agent did not accept the credential")
    return Hit() if access.cause is Cause.VIEW else None
