"""To whom the agent answers, and what it shows."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.rules import file
from seventh.protocols.snmp.rules.examples import (
    ACCESS,
    GOOD,
    NET_SNMP_USER,
    NET_SNMP_VIEW,
    NOT_TRIED,
)
from seventh.protocols.snmp.rules.file import DIRECTIVES, PRODUCT
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

MAX_GAIN = 10
"""The ratio of a reply to its request above which an agent is useful to attackers."""
_CISA = ("CISA TA17-156A",)


@rule(
    "SNMP-DEFAULT-COMMUNITY",
    Severity.CRITICAL,
    tier=4,
    source=Source.WIRE,
    title="Default community accepted",
    evidence="the agent accepts the community {communities}",
    why="The communities public and private are the first that every scanner tries: anyone who "
    "reaches the port reads the device, and often writes to it.",
    fix={
        "net-snmp": f"# in place of the communities public and private\n{NET_SNMP_USER}",
        "any": "Delete all communities and use SNMPv3; until then, choose a long random community "
        "and permit it only from the manager's addresses.",
    },
    references=_CISA,
    seed=("12.5.2",),
    good=GOOD.learn(default_communities=()),
    bad=GOOD.learn(default_communities=("public",)),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def default_community(snmp: SnmpFacts) -> Verdict:
    """Judge the two communities that were tried."""
    if snmp.config is not None:
        return file.default_community(snmp.config)
    if snmp.default_communities is None:
        return Skip("no default community was tried; give --intrusive")
    if snmp.default_communities:
        return Hit(communities=snmp.default_communities)
    if not snmp.discovered and (snmp.access is None or snmp.access.outcome != "accepted"):
        return Skip("nothing was answered: the agent may be off or filtered")
    return None


@rule(
    "SNMP-EXPOSED",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="SNMP answers on a public address",
    evidence="{address} answers SNMP",
    why="Scanners find the agent within hours, guess communities and passwords, and use it to "
    "flood others. Management belongs in a network of its own.",
    fix={
        "net-snmp": "agentAddress udp:127.0.0.1:161\n"
        "# with the machine's management address in place of 127.0.0.1",
        "any": "Have the agent listen on a management address alone, and permit UDP port 161 only "
        "from the managers in the firewall.",
    },
    references=_CISA,
    seed=("12.5.4",),
    good=GOOD,
    bad=GOOD.learn(reach="public"),
)
def exposed(snmp: SnmpFacts) -> Verdict:
    """Judge the address at which the agent answered, as this machine reaches it."""
    if not snmp.replies:
        return Skip("nothing was answered")
    if snmp.reach is None:
        return Skip("it is not known from where the address can be reached")
    return Hit(address=snmp.address) if snmp.reach == "public" else None


@rule(
    "SNMP-AMPLIFY",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Replies much larger than requests",
    evidence="a reply is {gain:.1f} times its request",
    why="A request with a forged source address needs nothing but the community, and its reply "
    "floods the address: attackers multiply their bandwidth by this ratio.",
    fix={
        "any": "Use SNMPv3 with authentication, which cannot be forged, and remove communities; "
        "permit UDP port 161 only from the managers in the firewall.",
    },
    references=("RFC 3416 §4.2.3", *_CISA),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(access=replace(ACCESS, version="2c", level=None), gain=27.5),
)
def amplify(snmp: SnmpFacts) -> Verdict:
    """Judge the replies to requests that anyone can forge: those without authentication."""
    if snmp.access is None:
        return NOT_TRIED
    if snmp.access.outcome != "accepted":
        return Skip("the agent did not accept the credential")
    if snmp.gain is None:
        return Skip("nothing was answered")
    return Hit(gain=snmp.gain) if snmp.gain > MAX_GAIN else None


@rule(
    "SNMP-VIEW-WIDE",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Sensitive objects readable",
    evidence="the credentials read {objects}",
    phrases={
        "objects": {
            "hrSWRunParameters": "arguments of processes (hrSWRunParameters)",
            "ipNetToMediaTable": "neighbours (ipNetToMediaTable)",
            "usmUserTable": "SNMPv3 users (usmUserTable)",
            "vacmAccessTable": "access rights (vacmAccessTable)",
            "snmpCommunityTable": "communities (snmpCommunityTable)",
        }
    },
    why="Arguments of processes often have passwords; users, rights and neighbours show an "
    "attacker where to go next. A manager of interfaces needs none of them.",
    fix={
        "net-snmp": NET_SNMP_VIEW,
        "any": "Give the user or community a view of the subtrees that the manager reads.",
    },
    references=("RFC 3415",),
    seed=("12.5.2",),
    good=GOOD,
    bad=GOOD.learn(sensitive=("hrSWRunParameters", "usmUserTable")),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def view_wide(snmp: SnmpFacts) -> Verdict:
    """Judge which sensitive objects the credential reads."""
    if snmp.config is not None:
        return file.wide(snmp.config)
    if snmp.access is None:
        return NOT_TRIED
    if snmp.sensitive is None:
        return Skip("sensitive objects were not asked for, or not answered")
    return Hit(objects=snmp.sensitive) if snmp.sensitive else None
