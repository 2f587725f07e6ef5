"""Rules for names, addresses and paths."""

from __future__ import annotations

from seventh.model.failure import Reason
from seventh.model.idlefacts import Held, Idle
from seventh.model.limit import Limit, Measured
from seventh.model.netfacts import Attempt, Difference, Ended, Lookup, NetFacts
from seventh.model.severity import Severity
from seventh.protocols.net.failures import ADVICE, JUDGED_BY
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.wire.address import is_literal

SLOW_LOOKUP_SECONDS = 0.2
_WORST = 3
"""How many values of one limit are named."""
ETHERNET_MTU = 1500
_OURS = frozenset({"unreachable", "forbidden", "untried"})
"""Outcomes of attempts that failed on this machine: they prove nothing about the peer."""


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
    title="Port unreachable on some addresses",
    evidence="port {port}: {states}",
    why="Refused: the host is up and nothing listens on the port. Timeout: a firewall drops the "
    "packets, or the host is down. Reset: a device on the path closes the connection. Each needs "
    "a different fix.",
    fix={
        "any": "Refused: start the service, and bind it to that address (`ss -ltnup` shows the "
        "addresses in use). Timeout: open port {port} in every firewall and security group on "
        "the path. Reset: look for a proxy or an intrusion prevention system.",
    },
    references=("RFC 9293",),
    seed=("12.2.5", "12.11"),
    good=_GOOD,
    bad=_GOOD.learn(attempts=(_attempt("192.0.2.1", "refused"),)),
)
def port_state(net: NetFacts) -> Verdict:
    """Report each attempt that did not reach an open port."""
    if not net.attempts:
        return Skip("no address was tried")
    judged = [a for a in net.attempts if a.outcome not in _OURS]
    if not judged:
        whose = "the proxy or the jump host" if net.carried else "this machine"
        return Skip(f"{whose} reached none of the addresses")
    shut = [a for a in judged if a.outcome != "open"]
    if not shut and net.carried and not all(is_literal(a.address) for a in judged):
        return Skip("the proxy or the last jump host chose one of the name's addresses")
    if not shut:
        return None
    several = len({a.transport for a in net.attempts}) > 1
    states = tuple(f"{a.address} {a.outcome}" + _seen_by(a, several=several) for a in shut)
    return Hit(port=shut[0].port, states=states)


def _seen_by(attempt: Attempt, *, several: bool) -> str:
    """Say by which transport, where there are several, or through whom an attempt was made."""
    if attempt.transport == "proxy":
        return " (as the proxy reports)"
    return f" ({attempt.transport.upper()})" if several else ""


@rule(
    "NET-DNS-SLOW",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="Slow or failing name resolution",
    evidence="{lookups}",
    why="Every first connection waits for the lookup. More than 200 ms is noticeable, and so is a "
    "failing name server, because the resolver has to retry with another one.",
    fix={
        "any": "Query each name server of the zone directly (`dig +norec @NS NAME`), and repair or "
        "remove those that are slow or fail; run a caching resolver near the clients.",
        "resolv.conf": "options timeout:1 attempts:2 rotate",
    },
    references=("RFC 1034",),
    seed=("12.2.5",),
    good=_GOOD,
    bad=_GOOD.learn(lookups=(Lookup(name="host.example", kind="AAAA", outcome="ok", seconds=0.9),)),
)
def dns_slow(net: NetFacts) -> Verdict:
    """Report lookups slower than 200 ms, and those that failed at the servers."""
    if not net.lookups and net.carried:
        return Skip("names are resolved by the proxy or the last jump host")
    if not net.lookups:
        why = "the target is an address, so no name was looked up"
        return not_applicable(why) if net.addresses else Skip(why)
    bad = tuple(
        f"{lookup.name} {lookup.kind}: {lookup.outcome} ({lookup.seconds * 1000:.0f} ms)"
        for lookup in net.lookups
        if lookup.seconds > SLOW_LOOKUP_SECONDS or lookup.outcome in {"servfail", "timeout"}
    )
    return Hit(lookups=bad) if bad else None


@rule(
    "NET-IPV6-BROKEN",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="IPv6 address published but unreachable",
    evidence="IPv4 reachable, IPv6 unreachable: {addresses}",
    why="Clients try IPv6 first and fall back to IPv4 after a delay (Happy Eyeballs), or not at "
    "all, so connections are slow or fail.",
    fix={
        "any": "Bind the service to [::]:{port} and open the port for IPv6 in the firewall, or "
        "remove the AAAA record until then.",
    },
    references=("RFC 8305",),
    seed=("12.9.2",),
    good=_GOOD,
    bad=_GOOD.learn(attempts=(_attempt("192.0.2.1", "open"), _attempt("2001:db8::1", "timeout"))),
)
def ipv6_broken(net: NetFacts) -> Verdict:
    """Report IPv6 addresses that fail where IPv4 works."""
    if net.carried:
        return Skip("a proxy or a jump host connected: IPv6 from this machine was not tried")
    v6 = [a for a in net.attempts if a.family == "ipv6"]
    v4_open = any(a.family == "ipv4" and a.outcome == "open" for a in net.attempts)
    if not v6:
        why = "no IPv6 address was tried"
        has_none = net.addresses and not any(":" in address for address in net.addresses)
        return not_applicable(why) if has_none else Skip(why)
    judged = [a for a in v6 if a.outcome not in _OURS]
    if not judged:
        return Skip("this machine has no IPv6 route")
    # An address open over one transport is reachable.
    answers = {a.address for a in judged if a.outcome == "open"}
    dead = tuple(f"{a.address} {a.outcome}" for a in judged if a.address not in answers)
    if not dead or not v4_open:
        return None
    return Hit(addresses=dead, port=net.port)


@rule(
    "NET-ADDR-DRIFT",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Addresses of the name behave differently",
    evidence="{drift}",
    why="The servers behind one name differ, as after an incomplete deployment. Clients get "
    "different results depending on the address they connect to.",
    fix={"any": "Deploy the same version, certificate and configuration to all addresses."},
    seed=("12.8.2",),
    good=_GOOD,
    bad=_GOOD.learn(
        differences=(Difference(trait="greeting", values={"192.0.2.1": "A", "2001:db8::1": "B"}),)
    ),
)
def addr_drift(net: NetFacts) -> Verdict:
    """Report each difference between the compared addresses."""
    if net.differences:
        return Hit(drift=net.drift)
    if len(net.compared) < 2:
        why = "fewer than two addresses answered"
        single = len(net.addresses) == 1 and not net.carried
        return not_applicable(why) if single else Skip(why)
    return None


@rule(
    "NET-PMTU",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Path MTU below 1500 bytes",
    evidence="{what}",
    phrases={
        "what": {
            "small": "path MTU: {paths}",
            "lost": "full-size TCP segments are lost, smaller ones arrive: {holes}",
            "datagrams": "full-size UDP datagrams are lost, smaller ones arrive: {datagrams}",
        }
    },
    why="A tunnel or PPPoE link reduces the packet size. If ICMP is filtered as well, large "
    "packets are lost: small requests work and large responses hang.",
    fix={
        "any": "Allow ICMP type 3 code 4 (IPv4) and ICMPv6 type 2 on every firewall of the path.",
        "nftables": "tcp flags syn tcp option maxseg size set rt mtu",
    },
    references=("RFC 1191", "RFC 8899"),
    seed=("12.12",),
    good=_GOOD,
    bad=_GOOD.learn(attempts=(_attempt("192.0.2.1", "open", pmtu=1400),)),
)
def path_mtu(net: NetFacts) -> Verdict:
    """Report black holes, and paths whose MTU, as the kernel knows it, is below Ethernet's."""
    lost = [a for a in net.attempts if a.black_hole is not None]
    holes, datagrams = (
        tuple(f"{a.address} ({a.black_hole})" for a in lost if (a.transport == "udp") is udp)
        for udp in (False, True)
    )
    known = [a for a in net.attempts if a.path_mtu_bytes is not None]
    if not known and not datagrams and net.carried:
        return Skip("a proxy or a jump host connected: its path to the target is unknown")
    if not known and not datagrams:
        return Skip("the kernel of this system does not report the path MTU")
    small = tuple(
        f"{a.address}: {a.path_mtu_bytes} bytes"
        for a in known
        if a.path_mtu_bytes is not None and a.path_mtu_bytes < ETHERNET_MTU
    )
    said = {"lost": holes, "datagrams": datagrams, "small": small}
    found = tuple(what for what, where in said.items() if where)
    return Hit(what=found, holes=holes, datagrams=datagrams, paths=small) if found else None


def _idle(*held: Held) -> tuple[Idle, ...]:
    return (Idle(transport="tcp", hold_seconds=600.0, held=held),)


_LIVED = Held(seconds=301.0, ending="alive")


@rule(
    "NET-IDLE-CUT",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Idle connections cut on the path",
    evidence="{cuts}",
    phrases={
        "cuts": {
            "tcp-reset": "TCP reset after {tcp_died} s idle",
            "tcp-reset-lived": "TCP reset after {tcp_died} s idle (usable after {tcp_lived} s)",
            "tcp-silent": "no answer by TCP after {tcp_died} s idle",
            "tcp-silent-lived": "no answer by TCP after {tcp_died} s idle (usable after "
            "{tcp_lived} s)",
            "quic-reset": "QUIC reset after {quic_died} s idle",
            "quic-reset-lived": "QUIC reset after {quic_died} s idle (usable after {quic_lived} s)",
            "quic-silent": "no answer by QUIC after {quic_died} s idle",
            "quic-silent-lived": "no answer by QUIC after {quic_died} s idle (usable after "
            "{quic_lived} s)",
        },
    },
    why="A NAT, a firewall or a load balancer forgets idle connections and does not close them. "
    "The next request fails or waits for a timeout, and the server keeps dead connections.",
    fix={
        "any": "Send keepalives at less than half of that time: in the application, or by TCP "
        "(`net.ipv4.tcp_keepalive_time`, with SO_KEEPALIVE). Otherwise raise the idle timeout of "
        "the device: RFC 5382 requires at least 2 h 4 min for TCP, RFC 4787 at least 2 min for "
        "UDP.",
    },
    references=("RFC 5382", "RFC 4787"),
    seed=("12.2.4", "12.10.1"),
    good=_GOOD.learn(idle=_idle(_LIVED, Held(seconds=600.6, ending="alive"))),
    bad=_GOOD.learn(idle=_idle(_LIVED, Held(seconds=600.6, ending="silent"))),
)
def idle_cut(net: NetFacts) -> Verdict:
    """Report connections that ended without a close, all of them older than those that lived."""
    if not net.idle:
        return Skip("no connection was held: give --intrusive --hold SECONDS")
    if net.carried:
        return Skip("the proxy or the jump host has timers of its own: hold without it")
    cut = [each for each in net.idle if each.cuts]
    if cut:
        ages: dict[str, str] = {}
        for each in cut:
            ages[f"{each.transport}_died"] = _age(each.died_seconds)
            ages[f"{each.transport}_lived"] = _age(each.lived_seconds)
        return Hit(cuts=tuple(map(_cut, cut)), **ages)
    unknown = next((why for each in net.idle if (why := _undecided(each))), "")
    return Skip(unknown) if unknown else None


def _cut(idle: Idle) -> str:
    """Return the code for how the youngest of a transport's connections were cut."""
    youngest = min(idle.cuts, key=lambda each: each.seconds)
    lived = "" if idle.lived_seconds is None else "-lived"
    return f"{idle.transport}-{youngest.ending}{lived}"


def _age(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"


def _undecided(idle: Idle) -> str:
    """Return why a transport without cuts by a timer does not pass; empty where it does."""
    if idle.failed:
        return f"a fresh connection cannot be used: {idle.failed}"
    if any(each.cut for each in idle.held):
        return "a connection was cut that was younger than one that lived: not an idle timer"
    if idle.unopened:
        return f"{idle.unopened} of the idle connections could not be opened"
    if idle.lived_seconds is not None:
        return ""
    if idle.closed_seconds is not None:
        return f"the server closes idle connections itself after {_age(idle.closed_seconds)} s"
    return "no idle connection could be used, for an unknown reason"


def _limits(seconds: float) -> tuple[Limit, ...]:
    metric = 'seventh_phase_seconds{phase="connect"}'
    where = {"address": "192.0.2.1"}
    return (
        Limit(
            name="connect", metric=metric, maximum=0.2, unit="ms",
            measured=(Measured(value=seconds, labels=where),),
        ),
    )  # fmt: skip


@rule(
    "NET-LIMIT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Measurement beyond the given limit",
    evidence="{missed}{rest}",
    phrases={"rest": {"": "", "unmeasured": "; not measured: {unmeasured}"}},
    why="You set this limit with `--max` or `--min`, or in the targets file.",
    fix={
        "any": "The phases of the report show where the time is spent, and its other findings "
        "often name the cause. Repeat the check before you act on one slow measurement. If the "
        "value is normal for this service, change the limit.",
    },
    good=_GOOD.learn(limits=_limits(0.02)),
    bad=_GOOD.learn(limits=_limits(0.412)),
)
def limit(net: NetFacts) -> Verdict:
    """Report each limit with its worst values; one that was not measured is not met either."""
    if not net.limits:
        why = "no limit was set (--max, --min)"
        return not_applicable(why) if net.attempts else Skip(why)
    unmeasured = tuple(each.name for each in net.limits if not each.measured)
    missed = tuple(line for each in net.limits for line in _missed(each))
    if missed:
        rest = "unmeasured" if unmeasured else ""
        return Hit(missed=missed, rest=rest, unmeasured=unmeasured)
    return Skip(f"not measured: {', '.join(unmeasured)}") if unmeasured else None


def _missed(limit: Limit) -> list[str]:
    """Return a line for each of the worst values beyond a limit: ``ttfb 412 ms (max 200 ms)``."""
    beyond = limit.missed
    more = f", +{len(beyond) - _WORST}" if len(beyond) > _WORST else ""
    lines = [f"{limit.name} {limit.text(each)} ({limit.bounds})" for each in beyond[:_WORST]]
    return [*lines[:-1], lines[-1] + more] if lines else []


@rule(
    "NET-FAILED",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="The check could not be completed",
    evidence="{reason} in {phase}",
    phrases={"advice": {reason.value: text for reason, text in ADVICE.items()}},
    why="The rules after this step were not evaluated; the failure has the detail.",
    fix={"any": "{advice}"},
    seed=("12.11",),
    good=_GOOD,
    bad=_GOOD.learn(ended=Ended(reason=Reason.PEER_SILENT, phase="tls")),
)
def failed(net: NetFacts) -> Verdict:
    """Report a failure that no other rule judges."""
    ended = net.ended
    if ended is None:
        return None if net.attempts else Skip("no address was tried")
    if not ended.theirs:
        return Skip(f"the check ended on this machine or at its proxy: {ended.reason}")
    if ended.reason in JUDGED_BY:
        return Skip(f"{JUDGED_BY[ended.reason]} judges this failure")
    return Hit(reason=ended.reason.value, phase=ended.phase, advice=ended.reason.value)
