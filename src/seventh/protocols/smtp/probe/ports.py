"""The other mail ports of the same address, where they explain or complete the target's."""

from __future__ import annotations

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.mailfacts import MailFacts
from seventh.net import mail
from seventh.net.address import Address
from seventh.net.wait import all_of
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.facts import PortState

SECONDS = 2.0
_STATES: dict[Reason, PortState] = {
    Reason.CONNECT_REFUSED: "refused",
    Reason.CONNECT_TIMEOUT: "silent",
    Reason.CONNECT_RESET: "refused",
    Reason.PEER_SILENT: "silent",
    Reason.CONNECT_UNREACHABLE: "unreachable",
}


async def look(endpoint: Endpoint, address: Address, failed: Reason | None = None) -> None:
    """Learn the states of the ports beside the target's; ``failed`` is why its own is not open.

    A silent port 25 is compared with the others; a submission server has 465 and 587.
    """
    facts = endpoint.notes.facts
    if not facts.usual_port:
        return
    own: PortState = "open" if failed is None else _STATES.get(failed, "unreachable")
    if facts.role == "submission":
        beside = [port for port in (465, 587) if port != address.port]
    elif own == "silent":
        beside = [443, 465, 587]
    else:
        return
    endpoint.notes.learn(ports={address.port: own})
    with endpoint.ctx.watch.phase("smtp.ports", address.ip):
        states = await all_of(_state(endpoint, address, port) for port in beside)
    known = {port: state for port, state in zip(beside, states, strict=True) if state is not None}
    endpoint.notes.learn(ports=dict(sorted({**endpoint.notes.facts.ports, **known}.items())))


async def compare(endpoint: Endpoint, address: Address) -> None:
    """Learn what users find beside STARTTLS: the port with implicit TLS, and SRV records."""
    endpoint.ctx.notes(MailFacts).learn(service="submission", implicit=endpoint.implicit)
    if endpoint.notes.facts.starttls == "started":
        port = mail.implicit_port(endpoint.ctx)
        state = await mail.look_at_implicit(endpoint.ctx, address, "submission")
        known = endpoint.notes.facts.ports
        if port is not None and port in known and state == "not-tls":
            endpoint.notes.learn(ports={**known, port: state})
    await mail.look_up_services(endpoint.ctx, "_submissions", "_submission")


async def _state(endpoint: Endpoint, address: Address, port: int) -> PortState | None:
    """Connect once; None where this machine or its proxy failed."""
    try:
        stream = await endpoint.ctx.connect_again(
            msgspec.structs.replace(address, port=port), SECONDS
        )
    except Failed as failed:
        return _STATES.get(failed.reason)
    stream.close()
    return "open"
