"""Requests that only the operator of the server should send (tier 4): monlist, and port 123."""

from __future__ import annotations

from seventh.model.failure import Failed, ProtocolViolation
from seventh.net.address import Address
from seventh.net.datagram import Datagram
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp.client.association import MAX_STRAY, Association
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.intrusive import MonlistFacts, SourcePortFacts
from seventh.protocols.ntp.wire.mode7 import IMPLEMENTATIONS, MonlistReply, monlist

NTP_PORT = 123
WAIT_SECONDS = 0.7
"""The longest wait for a response to one of these requests; none to monlist is a pass."""
ATTEMPTS = 3
"""Requests from port 123 before it counts as filtered: one or two may be lost."""


async def check_intrusively(ctx: ProbeContext, main: Association) -> None:
    """Check monlist, if the server has answered at all, and port 123."""
    if main.answered:
        await _check_monlist(ctx, main)
    await _check_port_123(ctx, main)


async def _check_monlist(ctx: ProbeContext, main: Association) -> None:
    """Send a request with each implementation number until one gets a list."""
    asked: list[int] = []
    reply = MonlistReply(0)
    sent_bytes = 0
    for implementation in IMPLEMENTATIONS:
        request = monlist(implementation)
        asked.append(implementation)
        sent_bytes = len(request)
        reply = MonlistReply(implementation)
        with ctx.datagram(main.address) as datagram:
            try:
                datagram.send(request)
                await _collect(
                    datagram, main, reply, ctx.budget.within(main.reply_seconds(WAIT_SECONDS))
                )
            except Failed as failed:
                # A refusal counts as no response, and too long a one is already the finding.
                ctx.note(f"monlist: {failed.detail}")
        if reply.items or reply.bytes_received > sent_bytes:
            break
    ctx.notes(NtpFacts).learn(
        monlist=MonlistFacts(
            asked=tuple(asked),
            packets=reply.packets,
            request_bytes=sent_bytes,
            bytes_received=reply.bytes_received,
            items=reply.items,
            factor=reply.bytes_received / sent_bytes,
            error=reply.error,
            truncated=reply.truncated,
        ),
    )


async def _collect(
    datagram: Datagram, main: Association, reply: MonlistReply, until_ns: int
) -> None:
    stray = 0
    while stray < MAX_STRAY and not reply.complete and now_ns() < until_ns:
        arrived = await datagram.receive(until_ns)
        if arrived is None:
            return
        taken = False
        if main.sampler.is_from_server(arrived.ip, arrived.port):
            try:
                taken = reply.receive(arrived.data)
            except ProtocolViolation:
                stray += 1  # its bytes count as received: they amplify, too
                continue
        stray += not taken


class FromPort123(Association):
    """Requests from port 123, as from old servers and some appliances."""

    phase = "ntp.port-123"
    __slots__ = ()

    def open(self) -> Datagram:
        """Return a socket of port 123; Failed where it is in use or not permitted."""
        return self._ctx.datagram(self.address, source_port=NTP_PORT)


async def _check_port_123(ctx: ProbeContext, main: Association) -> None:
    """Check whether replies depend on the source port.

    If requests from port 123 are not answered, one more from a random port distinguishes a filter
    from a server that no longer answers at all.
    """
    wait = main.reply_seconds(WAIT_SECONDS)
    association = FromPort123(ctx, main.address)
    try:
        for _ in range(ATTEMPTS):
            await association.exchange(ctx.budget.within(wait))
            if association.answered or association.icmp or association.broken:
                break
    finally:
        association.close()
    sent = association.sampler.sent_count
    answered: bool | None = association.answered
    untried = ""
    if not sent:
        answered = None
        untried = association.icmp.detail if association.icmp else "no request was sent"
    elif main.answered and not answered:
        untried = await _still_there(ctx, main.address, wait)
        answered = None if untried else False
    ctx.notes(NtpFacts).learn(
        source_port=SourcePortFacts(
            ephemeral_answered=main.answered,
            privileged_answered=answered,
            requests=sent,
            untried=untried,
        ),
    )


async def _still_there(ctx: ProbeContext, address: Address, wait_seconds: float) -> str:
    """Return why no reply to port 123 proves nothing; empty if a random port is still answered."""
    again = Association(ctx, address)
    try:
        await again.exchange(ctx.budget.within(wait_seconds))
    finally:
        again.close()
    return "" if again.answered else "the server stopped answering during the check"
