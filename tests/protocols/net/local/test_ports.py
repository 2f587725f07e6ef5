"""The area as a whole: which listings of the packet filter are needed for which verdict."""

from __future__ import annotations

import json

import pytest

from seventh.localkit.seen import Process, Seen, Text
from seventh.model.listenfacts import Listener, ListenFacts, Reach, TrapReceiver
from seventh.model.localfacts import Cause, Unread
from seventh.model.netfacts import NetFacts
from seventh.protocols.net.local import learn
from seventh.protocols.net.local.sockets import NAME, Sockets
from tests.protocols.net.local.test_firewall import saved

NO_NFT = json.dumps({"nftables": [{"metainfo": {}}]})
IPTABLES_OWN = json.dumps({"nftables": [
    {"table": {"family": "ip", "name": "filter"}},
    {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter",
               "hook": "input", "policy": "drop"}},
    {"rule": {"family": "ip", "table": "filter", "chain": "INPUT",
              "expr": [{"xt": {"type": "match", "name": "multiport"}}, {"accept": None}]}},
]})  # fmt: skip
ADMITS = saved("-A INPUT -p tcp -m multiport --dports 22 -j ACCEPT")
ADMITS_BY_NFT = ADMITS.replace("v1.8.9", "v1.8.9 (nf_tables)")
MISSING = Cause.NOT_INSTALLED
V4, V6, BOTH = "192.0.2.1", "2001:db8::1", "::"


def seen(nft: str | Cause, v4: str | Cause, v6: str | Cause, legacy: str | Cause) -> Seen:
    def text(name: str, value: str | Cause) -> Text:
        return Unread(name=name, cause=value) if isinstance(value, Cause) else value

    names = "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"
    listeners = tuple(
        Listener(transport="tcp", address=address, port=22) for address in (V4, V6, BOTH)
    )
    return Seen(
        outputs={
            "nft list ruleset": text("nft list ruleset", nft),
            "iptables-save": text("iptables-save", v4),
            "ip6tables-save": text("ip6tables-save", v6),
        },
        files={name: {name: text(name, legacy)} for name in names},
        calls={NAME: Sockets(listeners=listeners)},
        container="lxc",
    )


def learnt(looked: Seen) -> ListenFacts:
    listening = learn(NetFacts(), looked, None).listening
    assert listening is not None
    return listening


A, C, U = Reach.OPEN, Reach.CLOSED, Reach.UNKNOWN


@pytest.mark.parametrize(
    ("nft", "v4", "v6", "legacy", "found"),
    [
        (NO_NFT, MISSING, MISSING, Cause.NOT_FOUND, (A, A, A)),
        (NO_NFT, MISSING, MISSING, "", (A, A, A)),
        (NO_NFT, MISSING, MISSING, "filter\n", (U, U, U)),
        (NO_NFT, MISSING, MISSING, Cause.NOT_PERMITTED, (U, U, U)),
        (MISSING, MISSING, MISSING, Cause.NOT_FOUND, (U, U, U)),
        (Cause.NOT_PERMITTED, Cause.NOT_PERMITTED, Cause.NOT_PERMITTED, Cause.NOT_PERMITTED,
         (U, U, U)),
        (MISSING, ADMITS, ADMITS, "filter\n", (A, A, A)),
        (MISSING, ADMITS, MISSING, Cause.NOT_FOUND, (U, U, U)),
        (Cause.NOT_PERMITTED, ADMITS, ADMITS, "filter\n", (U, U, U)),
        (Cause.NOT_PERMITTED, saved(), saved(), "filter\n", (C, C, C)),
        (NO_NFT, saved(), ADMITS, "filter\n", (C, A, A)),
        (NO_NFT, saved(), MISSING, "filter\n", (C, U, U)),
        (NO_NFT, ADMITS, saved(), "filter\n", (A, C, A)),
        (NO_NFT, "what\n", ADMITS, "filter\n", (U, A, A)),
        ("what", ADMITS, ADMITS, "filter\n", (U, U, U)),
        (IPTABLES_OWN, ADMITS, ADMITS, Cause.NOT_FOUND, (U, A, A)),
        (IPTABLES_OWN, ADMITS_BY_NFT, ADMITS_BY_NFT, Cause.NOT_FOUND, (A, A, A)),
        (IPTABLES_OWN, MISSING, MISSING, Cause.NOT_FOUND, (U, A, A)),
    ],
)  # fmt: skip
def test_which_listings_decide(
    nft: str | Cause, v4: str | Cause, v6: str | Cause, legacy: str | Cause,
    found: tuple[Reach, ...],
) -> None:  # fmt: skip
    facts = learnt(seen(nft, v4, v6, legacy))
    assert facts.listeners is not None
    assert tuple(each.firewall for each in facts.listeners) == found
    assert facts.container == "lxc"


def test_what_is_not_understood_is_unread() -> None:
    facts = learnt(seen("what", "what\n", ADMITS, ""))
    assert {each.name for each in facts.unread} == {"nft list ruleset", "iptables-save"}
    assert {each.cause for each in facts.unread} == {Cause.UNEXPECTED}


def test_the_well_known_service_of_a_port() -> None:
    rows = (
        Listener(transport="tcp", address=V4, port=443),
        Listener(transport="udp", address=V4, port=443),
        Listener(transport="tcp", address=V4, port=444),
        Listener(transport="udp", address=V4, port=161),
    )
    facts = learnt(Seen(calls={NAME: Sockets(listeners=rows, complete=False)}))
    assert [each.service for each in facts.listeners or ()] == ["HTTPS", "HTTP/3", "", "SNMP"]
    assert not facts.complete


def test_without_the_tables() -> None:
    unread = Unread(name=NAME, cause=Cause.NOT_PERMITTED)
    assert learnt(Seen(calls={NAME: unread})) == ListenFacts(unread=(unread,))


@pytest.mark.parametrize(
    ("said", "log", "found"),
    [
        ("NET-SNMP Version:  5.9.3\nWeb: x", "Fix CVE-2025-68615", TrapReceiver(
            version="5.9.3", package_names_fix=True)),
        ("NET-SNMP version: 5.9.5.2", "", TrapReceiver(version="5.9.5.2", package_names_fix=False)),
        ("what", None, TrapReceiver()),
    ],
)  # fmt: skip
def test_a_trap_receiver(said: str, log: str | None, found: TrapReceiver) -> None:
    outputs = {"snmptrapd -v": said} | (
        {"changelog of Debian's package": log} if log is not None else {}
    )
    running = (Process(name="snmptrapd", pid=3),)
    calls = {NAME: Sockets(listeners=())}
    facts = learnt(Seen(outputs=outputs, processes=running, calls=calls))
    assert (facts.trap_receiver, facts.processes_visible) == (found, True)
    none = learnt(Seen(outputs=outputs, calls=calls))
    assert none.trap_receiver is None
    hidden = learnt(Seen(processes=Unread(name="/proc", cause=Cause.FAILED), calls=calls))
    assert (hidden.trap_receiver, hidden.processes_visible) == (None, False)
