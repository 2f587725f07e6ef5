"""The SMTP server of each exchanger, as a part of the report.

A domain names its exchangers, so they pass the address policy: without ``--internal`` nothing but
public addresses is connected to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from seventh.model.exchangers import Exchanger, ExchangersFacts, PortState
from seventh.model.failure import Failed
from seventh.model.netfacts import AttemptOutcome, NetFacts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.wire.address import check_peer_named

MAX_ADDRESSES = 16
"""How many addresses of all exchangers are connected to."""
_A_PUBLIC_PEER = "192.88.99.1"
_STATES: Mapping[AttemptOutcome, PortState] = {
    "open": "open", "refused": "refused", "reset": "refused", "timeout": "silent",
    "unreachable": "unreachable",
}  # fmt: skip


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Check each exchanger's server; a server that cannot be connected to ends nothing."""
    known = ctx.notes(ExchangersFacts)
    internal = ctx.options.of(MailOptions).internal
    hosts = [host for host in known.facts.hosts if may_be_checked(host, internal=internal)]
    chosen = _within_limit(hosts)
    if ctx.check_part is None or not chosen:
        return
    if len(chosen) < len(hosts):
        left_out = ", ".join(host.host for host in hosts[len(chosen) :])
        notes.unknown("servers", f"not checked, as {MAX_ADDRESSES} addresses were: {left_out}")
    port = ctx.options.of(MailOptions).mx_port
    with ctx.watch.phase("mail.servers"):
        reports = await all_of(check(ctx, "smtp", host, port) for host in chosen)
    reached = dict(zip((host.host for host in chosen), reports, strict=True))
    known.learn(
        hosts=tuple(
            _with_states(host, reached[host.host]) if host.host in reached else host
            for host in known.facts.hosts
        )
    )
    others = [part for part in ctx.parts if part not in reports]
    ctx.parts[:] = [*others, *reports]  # by preference, whichever ended first
    if all(is_silent(report) for report in reports):
        # Most access networks and clouds block port 25: that says nothing of the servers.
        ctx.parts[:] = others
        notes.unknown("servers", f"port {port} of no server answers here: a network may block it")


async def check(ctx: ProbeContext, scheme: str, host: Exchanger, port: int) -> Report:
    """Check one server, at the addresses that were looked up: another answer could name others."""
    assert ctx.check_part is not None  # noqa: S101 - the callers' condition
    target = Target(scheme=scheme, host=host.host, port=port)
    addresses = tuple(Address(ip=each.ip, port=port) for each in host.addresses)
    return await ctx.check_part(target, addresses)


def may_be_checked(host: Exchanger, *, internal: bool) -> bool:
    """Return whether the host has addresses, and a domain may name all of them."""
    if not host.addresses:
        return False
    try:
        for address in host.addresses if not internal else ():
            check_peer_named(_A_PUBLIC_PEER, address.ip)
    except Failed:
        return False
    return True


def _within_limit(hosts: list[Exchanger]) -> list[Exchanger]:
    """Return the first hosts, of which all addresses together are within the limit."""
    chosen: list[Exchanger] = []
    left = MAX_ADDRESSES
    for host in hosts:
        left -= len(host.addresses)
        if left < 0:
            break
        chosen.append(host)
    return chosen


def _with_states(host: Exchanger, report: Report) -> Exchanger:
    """Return the host with the state of each address's port, and its TLS."""
    states = _port_states(report)
    tls = report.facts.get(TlsFacts.ROOM)
    return replace(
        host,
        addresses=tuple(replace(each, port=states.get(each.ip)) for each in host.addresses),
        tls=(tls.version or "") if isinstance(tls, TlsFacts) else "",
        certificate=_certificate(tls) if isinstance(tls, TlsFacts) else "unknown",
    )


def _certificate(tls: TlsFacts) -> Literal["valid", "untrusted", "other-name", "unknown"]:
    if tls.chain_state is None or tls.host_matches is None:
        return "unknown"
    if tls.chain_state != "trusted":
        return "untrusted"
    return "valid" if tls.host_matches else "other-name"


def _port_states(report: Report) -> dict[str, PortState]:
    net = report.facts.get(NetFacts.ROOM)
    attempts = net.attempts if isinstance(net, NetFacts) else ()
    return {each.address: _STATES[each.outcome] for each in attempts if each.outcome in _STATES}


def is_silent(report: Report) -> bool:
    """Return whether no address has accepted or refused a connection."""
    states = set(_port_states(report).values())
    return bool(states) and states <= {"silent", "unreachable"}


def is_unreached(report: Report) -> bool:
    """Return whether no address has accepted a connection."""
    return "open" not in _port_states(report).values()
