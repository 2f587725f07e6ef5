"""The whole verdict on names, addresses and paths, at every boundary."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.idlefacts import Held, Idle
from seventh.model.limit import Limit, Measured
from seventh.model.netfacts import Attempt, Difference, Hop, Lookup, NetFacts, Proxy
from seventh.protocols.net.rules import paths as rules
from seventh.rules.rule import AnyRule
from tests.verdicts import declared, fixed, told

V4, V6 = "192.0.2.1", "2001:db8::1"


def attempt(ip: str, outcome: Any = "open", pmtu: int | None = 1500, **more: Any) -> Attempt:
    return Attempt(
        **{
            "address": ip, "port": 8443, "family": "ipv6" if ":" in ip else "ipv4",
            "transport": "tcp", "outcome": outcome, "seconds": 0.1, "clock": "user",
            "path_mtu_bytes": pmtu, **more,
        }
    )  # fmt: skip


HOP = Hop(host="bastion", port=22, user="ops")
PROXY = Proxy(scheme="socks5h", host="proxy", port=1080, resolves="proxy")


def net(*attempts: Attempt, **more: Any) -> NetFacts:
    return NetFacts(host="h", port=8443, attempts=attempts, **more)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("NET-ADDR-DRIFT", "medium 0 W"), ("NET-DNS-SLOW", "low 0 D"),
        ("NET-IDLE-CUT", "medium 4 W"), ("NET-IPV6-BROKEN", "medium 0 W"),
        ("NET-LIMIT", "high 0 W"),
        ("NET-PMTU", "medium 0 W"),
        ("NET-PORT-STATE", "high 0 W"),
    ],
)  # fmt: skip
def test_a_rule_by_its_declaration(name: str, line: str) -> None:
    assert declared("net")[name] == line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (net(), "skip: no address was tried"),
        (net(attempt(V4)), "pass"),
        (net(attempt(V4), attempt("192.0.2.2", "refused"), attempt("192.0.2.3", "timeout"),
             attempt("192.0.2.4", "reset")),
         "high: port 8443: 192.0.2.2 refused, 192.0.2.3 timeout, 192.0.2.4 reset"),
        # What failed here shows nothing of the peer.
        *((net(attempt(V6, ours)), "skip: this machine reached none of the addresses")
          for ours in ("unreachable", "forbidden", "untried")),
        (net(attempt(V6, "unreachable"), attempt(V4)), "pass"),
        (net(attempt(V6, "unreachable"), attempt(V4, "refused")),
         "high: port 8443: 192.0.2.1 refused"),
        (net(attempt(V4), attempt(V4, "timeout", transport="udp")),
         "high: port 8443: 192.0.2.1 timeout (UDP)"),
        (net(attempt(V4, "refused"), attempt(V4, "untried", transport="udp")),
         "high: port 8443: 192.0.2.1 refused (TCP)"),
        (net(attempt(V4, "timeout", transport="udp")), "high: port 8443: 192.0.2.1 timeout"),
        (net(attempt(V4, "refused", transport="via")), "high: port 8443: 192.0.2.1 refused"),
        (net(attempt(V4, "refused", transport="proxy")),
         "high: port 8443: 192.0.2.1 refused (as the proxy reports)"),
        (net(attempt(V4, transport="proxy"), proxy=PROXY, addresses=(V4,)), "pass"),
        (net(attempt("name.example", transport="proxy"), proxy=PROXY),
         "skip: the proxy or the last jump host chose one of the name's addresses"),
        (net(attempt(V4, "unreachable", transport="proxy"), proxy=PROXY),
         "skip: the proxy or the jump host reached none of the addresses"),
        (net(attempt(V4, "unreachable", transport="via"), hops=(HOP,)),
         "skip: the proxy or the jump host reached none of the addresses"),
    ],
)  # fmt: skip
def test_ports(facts: NetFacts, line: str) -> None:
    assert told(rules.port_state, facts) == line


def lookup(kind: str, outcome: Any, seconds: float) -> Lookup:
    return Lookup(name="h", kind=kind, outcome=outcome, seconds=seconds)


@pytest.mark.parametrize(
    ("lookups", "line"),
    [
        ((), "skip: the target is an address, so no name was looked up"),
        ((lookup("A", "ok", 0.2),), "pass"),
        ((lookup("A", "ok", 0.2006), lookup("AAAA", "ok", 0.1)), "low: h A: ok (201 ms)"),
        ((lookup("A", "nxdomain", 0.01), lookup("MX", "no-data", 0.01),
          lookup("TXT", "failed", 0.01)), "pass"),
        ((lookup("A", "nxdomain", 0.9),), "low: h A: nxdomain (900 ms)"),
        ((lookup("A", "servfail", 0.0149), lookup("AAAA", "timeout", 0.2)),
         "low: h A: servfail (15 ms), h AAAA: timeout (200 ms)"),
    ],
)  # fmt: skip
def test_lookups(lookups: tuple[Lookup, ...], line: str) -> None:
    assert told(rules.dns_slow, NetFacts(lookups=lookups)) == line


def test_an_address_needs_no_lookup() -> None:
    assert told(rules.dns_slow, NetFacts(addresses=(V4,))) == (
        "not applicable: the target is an address, so no name was looked up"
    )


CARRIED = [net(attempt(V4, "open", None), addresses=(V4,), **by) for by in (
    {"hops": (HOP,)}, {"proxy": PROXY},
)]  # fmt: skip


@pytest.mark.parametrize("facts", CARRIED)
def test_what_a_proxy_or_a_jump_host_hides(facts: NetFacts) -> None:
    assert told(rules.dns_slow, facts) == (
        "skip: names are resolved by the proxy or the last jump host"
    )
    assert told(rules.ipv6_broken, facts) == (
        "skip: a proxy or a jump host connected: IPv6 from this machine was not tried"
    )
    assert told(rules.addr_drift, facts) == "skip: fewer than two addresses answered"
    assert told(rules.path_mtu, facts) == (
        "skip: a proxy or a jump host connected: its path to the target is unknown"
    )
    known = facts.learn(lookups=(lookup("A", "ok", 0.3),), attempts=(attempt(V4, pmtu=1400),))
    assert told(rules.dns_slow, known) == "low: h A: ok (300 ms)"
    assert told(rules.path_mtu, known) == "medium: path MTU: 192.0.2.1: 1400 bytes"


def limit(name: str, *values: float, **bounds: Any) -> Limit:
    measured = tuple(Measured(value=value) for value in values)
    return Limit(
        name=name, metric="m_seconds", unit="ms", measured=measured, **(bounds or {"maximum": 0.2})
    )


NO_LIMIT = "no limit was set (--max, --min)"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (net(), f"skip: {NO_LIMIT}"), (net(attempt(V4)), f"not applicable: {NO_LIMIT}"),
        (net(limits=(limit("tls", 0.2),)), "pass"),
        (net(limits=(limit("tls", 0.2), limit("ttfb"))), "skip: not measured: ttfb"),
        (net(limits=(limit("tls"), limit("ttfb"))), "skip: not measured: tls, ttfb"),
        (net(limits=(limit("tls", 0.3), limit("ttfb", 0.1))), "high: tls 300 ms (max 200 ms)"),
        (net(limits=(limit("tls", 0.3), limit("ttfb"))),
         "high: tls 300 ms (max 200 ms); not measured: ttfb"),
        (net(limits=(limit("tls", 0.3), limit("rtt", 0.1, minimum=0.15))),
         "high: tls 300 ms (max 200 ms), rtt 100 ms (min 150 ms)"),
        (net(limits=(limit("tls", 0.3, 0.5, 0.1, 0.4),)),
         ("high: tls 500 ms (max 200 ms), tls 400 ms (max 200 ms), tls 300 ms (max 200 ms)")),
        (net(limits=(limit("tls", 0.3, 0.5, 0.4, 0.6, 0.7),)), ("high: tls 700 ms (max 200 ms), "
         "tls 600 ms (max 200 ms), tls 500 ms (max 200 ms), +2")),
    ],
)  # fmt: skip
def test_limits(facts: NetFacts, line: str) -> None:
    assert told(rules.limit, facts) == line


NO_IPV6 = "no IPv6 address was tried"
BROKEN = "medium: IPv4 reachable, IPv6 unreachable: "


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (net(), f"skip: {NO_IPV6}"), (net(attempt(V4)), f"skip: {NO_IPV6}"),
        (net(attempt(V4), addresses=(V4,)), f"not applicable: {NO_IPV6}"),
        (net(attempt(V4), addresses=(V4, V6)), f"skip: {NO_IPV6}"),
        *((net(attempt(V4), attempt(V6, ours)), "skip: this machine has no IPv6 route")
          for ours in ("unreachable", "forbidden", "untried")),
        (net(attempt(V4), attempt(V6)), "pass"),
        (net(attempt(V4), attempt(V6, "timeout")), f"{BROKEN}2001:db8::1 timeout"),
        (net(attempt(V4, "refused"), attempt(V6, "refused")), "pass"),
        (net(attempt(V6), attempt("2001:db8::2", "refused")), "pass"),
        (net(attempt(V6), attempt("2001:db8::2", "refused"), attempt(V4)),
         f"{BROKEN}2001:db8::2 refused"),
        (net(attempt(V4), attempt(V6, "unreachable"), attempt("2001:db8::2", "reset")),
         f"{BROKEN}2001:db8::2 reset"),
        (net(attempt(V4), attempt(V6), attempt("2001:db8::2", "forbidden")), "pass"),
        # Open over one transport is reachable.
        (net(attempt(V4), attempt(V6, "timeout", transport="udp"), attempt(V6)), "pass"),
    ],
)  # fmt: skip
def test_ipv6(facts: NetFacts, line: str) -> None:
    assert told(rules.ipv6_broken, facts) == line


FEW = "fewer than two addresses answered"
GREETINGS = Difference(trait="greeting", values={V4: "A", V6: "B"})


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (NetFacts(), f"skip: {FEW}"), (NetFacts(addresses=(V4,)), f"not applicable: {FEW}"),
        (NetFacts(addresses=(V4, V6), compared=(V4,)), f"skip: {FEW}"),
        (NetFacts(addresses=(V4, V6), compared=(V4, V6)), "pass"),
        (NetFacts(compared=(V4,), differences=(GREETINGS,)),
         "medium: greeting (192.0.2.1: A, 2001:db8::1: B)"),
    ],
)  # fmt: skip
def test_addresses_that_differ(facts: NetFacts, line: str) -> None:
    assert told(rules.addr_drift, facts) == line


def test_ipv6_of_a_proxys_network_is_not_the_targets() -> None:
    by_proxy = {"transport": "proxy", "pmtu": None}
    facts = net(attempt(V4, **by_proxy), attempt(V6, "timeout", **by_proxy), proxy=PROXY)
    assert told(rules.ipv6_broken, facts) == (
        "skip: a proxy or a jump host connected: IPv6 from this machine was not tried"
    )


NO_MTU = "skip: the kernel of this system does not report the path MTU"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (net(), NO_MTU), (net(attempt(V4, pmtu=None)), NO_MTU),
        (net(attempt(V4, pmtu=1500), attempt(V6, pmtu=65535)), "pass"),
        (net(attempt(V4, pmtu=1499), attempt(V6, pmtu=None), attempt("192.0.2.2", pmtu=1280)),
         "medium: path MTU: 192.0.2.1: 1499 bytes, 192.0.2.2: 1280 bytes"),
    ],
)  # fmt: skip
def test_paths(facts: NetFacts, line: str) -> None:
    assert told(rules.path_mtu, facts) == line


@pytest.mark.parametrize(
    ("rule", "words"),
    [(rules.port_state, "open port 8443 in every firewall"),
     (rules.ipv6_broken, "Bind the service to [::]:8443 and")],
)  # fmt: skip
def test_the_fix_names_the_port(rule: AnyRule, words: str) -> None:
    assert words in fixed(rule, net(attempt(V4), attempt(V6, "timeout")), "any")


def idle(*held: Held, transport: Any = "tcp", **more: Any) -> Idle:
    return Idle(transport=transport, hold_seconds=600.0, held=held, **more)


def held(seconds: float, ending: Any = "alive") -> Held:
    return Held(seconds=seconds, ending=ending)


LIVED = held(121.0)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (net(), "skip: no connection was held: give --intrusive --hold SECONDS"),
        (net(idle=(idle(LIVED, held(301.0, "silent")),), proxy=PROXY),
         "skip: the proxy or the jump host has timers of its own: hold without it"),
        (net(idle=(idle(LIVED),)), "pass"),
        (net(idle=(idle(held(0.5, "reset"), held(0.7, "silent")),)),
         "medium: TCP reset after 0.5 s idle"),
        (net(idle=(idle(LIVED, held(600.6, "reset"), held(301.0, "silent")),)),
         "medium: no answer by TCP after 301 s idle (usable after 121 s)"),
        (net(idle=(idle(LIVED, held(301.0, "silent"), held(600.6, "reset")),
                   idle(held(31.4, "reset"), transport="quic"))),
         ("medium: no answer by TCP after 301 s idle (usable after 121 s); "
          "QUIC reset after 31 s idle")),
        (net(idle=(idle(LIVED), idle(held(9.94), held(9.96, "silent"), transport="quic"))),
         "medium: no answer by QUIC after 10.0 s idle (usable after 9.9 s)"),
        # A timer cuts all that are older.
        (net(idle=(idle(held(61.0, "reset"), LIVED),)),
         "skip: a connection was cut that was younger than one that lived: not an idle timer"),
        # At the same age, one of them is no timer's victim either.
        (net(idle=(idle(held(121.0, "reset"), LIVED),)),
         "skip: a connection was cut that was younger than one that lived: not an idle timer"),
        # A server's own timeout is no fault of the path.
        (net(idle=(idle(LIVED, held(300.0, "closed")),)), "pass"),
        (net(idle=(idle(held(60.0, "closed"), held(59.0, "closed")),)),
         "skip: the server closes idle connections itself after 59 s"),
        (net(idle=(idle(held(60.0, "unknown")),)),
         "skip: no idle connection could be used, for an unknown reason"),
        (net(idle=(idle(LIVED, unopened=1),)),
         "skip: 1 of the idle connections could not be opened"),
        (net(idle=(idle(held(31.0, "reset"), unopened=6),)), "medium: TCP reset after 31 s idle"),
        (net(idle=(idle(LIVED), idle(transport="quic", failed="no answer"))),
         "skip: a fresh connection cannot be used: no answer"),
    ],
)  # fmt: skip
def test_idle_connections(facts: NetFacts, line: str) -> None:
    assert told(rules.idle_cut, facts) == line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (net(attempt(V4, black_hole="sent"), attempt(V6)),
         "medium: full-size TCP segments are lost, smaller ones arrive: 192.0.2.1 (sent)"),
        (net(attempt(V4, black_hole="received", pmtu=1400)),
         ("medium: full-size TCP segments are lost, smaller ones arrive: 192.0.2.1 (received); "
          "path MTU: 192.0.2.1: 1400 bytes")),
        (net(attempt(V4), attempt(V6, transport="udp", pmtu=None, black_hole="sent")),
         "medium: full-size UDP datagrams are lost, smaller ones arrive: 2001:db8::1 (sent)"),
        (net(attempt(V6, transport="udp", pmtu=None, black_hole="sent")),
         "medium: full-size UDP datagrams are lost, smaller ones arrive: 2001:db8::1 (sent)"),
    ],
)  # fmt: skip
def test_a_black_hole(facts: NetFacts, line: str) -> None:
    assert told(rules.path_mtu, facts) == line
