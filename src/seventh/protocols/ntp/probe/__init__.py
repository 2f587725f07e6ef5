"""The conversation with an NTP server."""

from __future__ import annotations

import asyncio

from seventh.model.failure import Failed
from seventh.net.datagram import local_ip
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp.client.association import Association
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.together import compare_sources
from seventh.protocols.ntp.probe.further import ask_further
from seventh.protocols.ntp.probe.schedule import REPLY_SECONDS, plan, sample_on

MAX_ADDRESSES = 8
NTP_PORT = 123
"""Only a server on its usual port is asked whether it has NTS on that one's usual port."""


async def pulse(ctx: ProbeContext) -> None:
    """One request; the next address is asked only when one does not answer."""
    if ctx.target.scheme == "nts":
        from seventh.protocols.ntp.probe import nts

        await nts.pulse(ctx)
        return
    failed: Failed | None = None
    for address in (await ctx.addresses())[:MAX_ADDRESSES]:
        conversation = Association(ctx, address)
        try:
            await conversation.exchange(ctx.budget.within(REPLY_SECONDS))
        finally:
            conversation.note_attempt()
            conversation.learn()
        failed = conversation.failure()
        if failed is None:
            return
    if failed is not None:
        raise failed


async def check(ctx: ProbeContext) -> None:
    """Several samples of one address, one of each other, then what else is permitted."""
    if ctx.target.scheme == "nts":
        from seventh.protocols.ntp.probe import nts

        await nts.check(ctx)
        return
    addresses = (await ctx.addresses())[:MAX_ADDRESSES]
    planned = plan(ctx)
    conversations = [Association(ctx, address) for address in addresses]
    main = conversations[0]
    try:
        first_until = min(now_ns() + planned.reply_ns, planned.end_ns)
        if planned.samples > 1 and len(conversations) == 1:
            first_until = min(first_until, now_ns() + planned.interval_ns)
        await asyncio.gather(*(c.exchange(first_until) for c in conversations))
        main = _main_of(conversations)
        main.learn()
        await sample_on(main, planned)
        await ask_further(ctx, main)
        if main.answered and ctx.target.port == NTP_PORT and ctx.denied(1) is None:
            from seventh.protocols.ntp.client.nts_ke import look_beside

            await look_beside(ctx, main.address)
    finally:
        _conclude(ctx, conversations, main)
    if (failed := main.failure()) is not None:
        raise failed


def _main_of(conversations: list[Association]) -> Association:
    """The first address that gave time, else that answered at all, else that may yet answer."""
    for fits in (
        lambda c: bool(c.sampler.samples),
        lambda c: c.answered,
        lambda c: not c.over,
    ):
        for conversation in conversations:
            if fits(conversation):
                return conversation
    return conversations[0]


def _conclude(ctx: ProbeContext, conversations: list[Association], main: Association) -> None:
    notes = ctx.notes(NtpFacts)
    main.learn()
    notes.learn(
        local_address=local_ip(main.address) or "",
        others=tuple(c.as_other() for c in conversations if c is not main),
    )
    if len(conversations) > 1:
        sources = compare_sources([c.as_source() for c in conversations], targets=1)
        notes.learn(sources=sources)
    for conversation in conversations:
        conversation.note_attempt()
