"""What names, addresses and paths can have wrong."""

from __future__ import annotations

from seventh.model.netfacts import Attempt, Difference, Lookup, NetFacts
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

SLOW_LOOKUP_SECONDS = 0.2
ETHERNET_MTU = 1500


def _attempt(address: str, outcome: str, *, pmtu: int | None = 1500) -> Attempt:
    return Attempt(
        address=address,
        port=443,
        family="ipv6" if ":" in address else "ipv4",
        transport="tcp",
        outcome=outcome,  # type: ignore[arg-type]  # the examples below use the closed list
        seconds=0.01,
        clock="kernel",
        path_mtu_bytes=pmtu,
    )


_LOOKUP = Lookup(
    name="host.example", kind="address", outcome="ok", seconds=0.01, answers=("192.0.2.1",)
)
_GOOD = NetFacts(
    host="host.example",
    port=443,
    addresses=("192.0.2.1", "2001:db8::1"),
    lookups=(_LOOKUP,),
    attempts=(_attempt("192.0.2.1", "open"), _attempt("2001:db8::1", "open")),
    compared=("192.0.2.1", "2001:db8::1"),
)


@rule(
    "NET-PORT-STATE",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Port not open at every address",
    evidence="port {port}: {states}",
    why="Refused means that the host is up and nothing listens; a timeout means that a firewall "
    "drops the packets or the host is down; a reset means that something in between cuts in. Each "
    "has its own mend.",
    fix={
        "any": "Refused: start the service, and let it listen on that address "
        "(`ss -ltnup` shows where it listens). Timeout: open port {port} in the firewall or "
        "security group on the way. Reset: look for a proxy or an intrusion filter.",
    },
    references=("RFC 9293",),
    seed=("12.2.5", "12.11"),
    good=_GOOD,
    bad=_GOOD.learn(attempts=(_attempt("192.0.2.1", "refused"),)),
)
def port_state(net: NetFacts) -> Verdict:
    """Return any attempt that did not reach an open port."""
    if not net.attempts:
        return Skip("no address was tried")
    # A family that this machine has no route for says nothing about the peer.
    judged = [a for a in net.attempts if a.outcome not in {"unreachable", "forbidden", "untried"}]
    if not judged:
        return Skip("this machine has no route to any of the addresses")
    shut = [a for a in judged if a.outcome != "open"]
    if not shut:
        return None
    several = len({a.transport for a in net.attempts}) > 1
    states = tuple(
        f"{a.address} {a.outcome}" + (f" over {a.transport.upper()}" if several else "")
        for a in shut
    )
    return Hit(port=shut[0].port, states=states)


@rule(
    "NET-DNS-SLOW",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="Slow or failing name resolution",
    evidence="{lookups}",
    why="Every first connection waits for the name. Above 200 ms, or when a server fails and the "
    "resolver must ask the next, people notice.",
    fix={
        "any": "Ask each name server of the zone by itself (`dig +norec @NS NAME`) and mend or "
        "remove the slow or dead one; put a caching resolver near the clients.",
        "resolv.conf": "options timeout:1 attempts:2 rotate",
    },
    references=("RFC 1034",),
    seed=("12.2.5",),
    good=_GOOD,
    bad=_GOOD.learn(lookups=(Lookup(name="host.example", kind="AAAA", outcome="ok", seconds=0.9),)),
)
def dns_slow(net: NetFacts) -> Verdict:
    """Return a lookup slower than 200 ms, or one that the servers failed."""
    if not net.lookups:
        why = "the target is an address: no name was looked up"
        return not_applicable(why) if net.addresses else Skip(why)
    bad = tuple(
        f"{lookup.name} {lookup.kind}: {lookup.outcome} after {lookup.seconds * 1000:.0f} ms"
        for lookup in net.lookups
        if lookup.seconds > SLOW_LOOKUP_SECONDS or lookup.outcome in {"servfail", "timeout"}
    )
    return Hit(lookups=bad) if bad else None


@rule(
    "NET-IPV6-BROKEN",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="IPv6 address published but not answering",
    evidence="IPv4 answers; IPv6 does not: {addresses}",
    why="Clients try IPv6 first and fall back only after a delay (Happy Eyeballs), or not at all. "
    "Each connection pays for an address that does not work.",
    fix={
        "any": "Let the service listen on [::]:{port} and open the port for IPv6 in the firewall, "
        "or remove the AAAA record until it does.",
    },
    references=("RFC 8305",),
    seed=("12.9.2",),
    good=_GOOD,
    bad=_GOOD.learn(attempts=(_attempt("192.0.2.1", "open"), _attempt("2001:db8::1", "timeout"))),
)
def ipv6_broken(net: NetFacts) -> Verdict:
    """IPv4 open and IPv6 not."""
    v6 = [a for a in net.attempts if a.family == "ipv6"]
    v4_open = any(a.family == "ipv4" and a.outcome == "open" for a in net.attempts)
    if not v6:
        why = "no IPv6 address was tried"
        has_none = net.addresses and not any(":" in address for address in net.addresses)
        return not_applicable(why) if has_none else Skip(why)
    if all(a.outcome in {"unreachable", "forbidden", "untried"} for a in v6):
        return Skip("this machine has no IPv6 route, so it cannot tell")
    # One that is shut for datagrams alone answers all the same.
    answers = {a.address for a in v6 if a.outcome == "open"}
    dead = tuple(f"{a.address} {a.outcome}" for a in v6 if a.address not in answers)
    if not dead or not v4_open:
        return None
    return Hit(addresses=dead, port=net.port)


@rule(
    "NET-ADDR-DRIFT",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The name's addresses behave differently",
    evidence="{drift}",
    why="One name, several servers, and not the same answer: a half-deployed change. Which clients "
    "are hit depends on the address they happen to take.",
    fix={"any": "Bring the named addresses to the same version, certificate and configuration."},
    seed=("12.8.2",),
    good=_GOOD,
    bad=_GOOD.learn(
        differences=(Difference(trait="greeting", values={"192.0.2.1": "A", "2001:db8::1": "B"}),)
    ),
)
def addr_drift(net: NetFacts) -> Verdict:
    """Anything that differs between compared addresses."""
    if net.differences:
        return Hit(drift=net.drift)
    if len(net.compared) < 2:
        why = "fewer than two addresses answered, so there is nothing to compare"
        return not_applicable(why) if len(net.addresses) == 1 else Skip(why)
    return None


@rule(
    "NET-PMTU",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The path carries less than 1500 bytes",
    evidence="path MTU to {paths}",
    why="A tunnel or PPPoE link on the way makes packets smaller. Where ICMP is filtered too, "
    "large packets vanish: small requests work and large answers hang.",
    fix={
        "any": "Let ICMP type 3 code 4 (IPv4) and ICMPv6 type 2 pass on every hop.",
        "nftables": "tcp flags syn tcp option maxseg size set rt mtu",
    },
    references=("RFC 1191", "RFC 8899"),
    seed=("12.12",),
    good=_GOOD,
    bad=_GOOD.learn(attempts=(_attempt("192.0.2.1", "open", pmtu=1400),)),
)
def path_mtu(net: NetFacts) -> Verdict:
    """Return the kernel's path MTU is below Ethernet's."""
    known = [a for a in net.attempts if a.path_mtu_bytes is not None]
    if not known:
        return Skip("this system's kernel does not tell the path MTU")
    small = tuple(
        f"{a.address}: {a.path_mtu_bytes} bytes"
        for a in known
        if a.path_mtu_bytes is not None and a.path_mtu_bytes < ETHERNET_MTU
    )
    return Hit(paths=small) if small else None
