"""What is asked only where the person answers for it (tier 4): monlist, and port 123."""

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
"""The most that one of these requests waits: silence is the good answer to the first kind."""
TRIES = 3
"""Requests from port 123 before it counts as filtered: one or two may be lost."""


async def ask_intrusively(ctx: ProbeContext, main: Association) -> None:
    """Take both looks, as far as the server is one that could answer them."""
    if main.answered:
        await _ask_monlist(ctx, main)
    await _ask_from_123(ctx, main)


def _wait_seconds(main: Association) -> float:
    slowest = max((s.rtt_seconds for s in main.sampler.samples), default=WAIT_SECONDS)
    return min(WAIT_SECONDS, 0.2 + 4 * slowest)


async def _ask_monlist(ctx: ProbeContext, main: Association) -> None:
    """One request for each implementation number, the second only when the first gave no list."""
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
                await _collect(datagram, main, reply, ctx.budget.within(_wait_seconds(main)))
            except Failed as failed:
                # A refusal is as good as silence, and what was too much is the finding itself.
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
                stray += 1  # it was counted all the same: an attacker's victim gets it, too
                continue
        stray += not taken


class FromPort123(Association):
    """Requests that come from port 123, as those of old servers and some appliances do."""

    phase = "ntp.port-123"
    __slots__ = ()

    def open(self) -> Datagram:
        """Return a socket of port 123; Failed where this machine or its user does not have it."""
        return self._ctx.datagram(self.address, source_port=NTP_PORT)


async def _ask_from_123(ctx: ProbeContext, main: Association) -> None:
    """Whether the port that we ask from decides if we are answered.

    Where port 123 gets nothing, one more request from a random port tells a filter from a server
    that has had enough of us.
    """
    wait = _wait_seconds(main)
    asking = FromPort123(ctx, main.address)
    try:
        for _ in range(TRIES):
            await asking.exchange(ctx.budget.within(wait))
            if asking.answered or asking.icmp is not None or asking.broken is not None:
                break
    finally:
        asking.close()
    sent = asking.sampler.sent_count
    answered: bool | None = asking.answered
    untried = ""
    if not sent:
        answered = None
        untried = asking.icmp.detail if asking.icmp else "nothing was sent"
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
    """Why port 123's silence proves nothing: a random port is not answered any more, either."""
    again = Association(ctx, address)
    try:
        await again.exchange(ctx.budget.within(wait_seconds))
    finally:
        again.close()
    return "" if again.answered else "the server stopped answering while it was asked"
