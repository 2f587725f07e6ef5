"""The check of an NTP server: what is sent, and in which order."""

from __future__ import annotations

import asyncio

from seventh.model.failure import Failed
from seventh.net.datagram import local_ip
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp.client.association import Association
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.together import compare_sources
from seventh.protocols.ntp.probe.further import check_further
from seventh.protocols.ntp.probe.schedule import REPLY_SECONDS, plan, take_samples

MAX_ADDRESSES = 8
NTP_PORT = 123
"""Only with a server on this port, the usual port of NTS is checked, too."""


async def pulse(ctx: ProbeContext) -> None:
    """Send one request; try the next address only if there is no answer."""
    if ctx.target.scheme == "nts":
        from seventh.protocols.ntp.probe import nts

        await nts.pulse(ctx)
        return
    failed: Failed | None = None
    for address in (await ctx.addresses())[:MAX_ADDRESSES]:
        association = Association(ctx, address)
        try:
            await association.exchange(ctx.budget.within(REPLY_SECONDS))
        finally:
            association.note_attempt()
            association.learn()
        failed = association.failure()
        if failed is None:
            return
    if failed is not None:
        raise failed


async def check(ctx: ProbeContext) -> None:
    """Take several samples of one address and one of each other, then run the permitted tiers."""
    if ctx.target.scheme == "nts":
        from seventh.protocols.ntp.probe import nts

        await nts.check(ctx)
        return
    addresses = (await ctx.addresses())[:MAX_ADDRESSES]
    planned = plan(ctx)
    associations = [Association(ctx, address) for address in addresses]
    main = associations[0]
    try:
        first_until = min(now_ns() + planned.reply_ns, planned.end_ns)
        if planned.samples > 1 and len(associations) == 1:
            first_until = min(first_until, now_ns() + planned.interval_ns)
        await asyncio.gather(*(c.exchange(first_until) for c in associations))
        main = _main_of(associations)
        main.learn()
        await take_samples(main, planned)
        await check_further(ctx, main)
        if main.answered and ctx.target.port == NTP_PORT and ctx.denied(1) is None:
            from seventh.protocols.ntp.client.nts_ke import check_nts_port

            await check_nts_port(ctx, main.address)
    finally:
        _conclude(ctx, associations, main)
    if (failed := main.failure()) is not None:
        raise failed


def _main_of(associations: list[Association]) -> Association:
    """Return the first address that gave time, else that answered, else that may still answer."""

    def rank(one: Association) -> int:
        return 3 if one.sampler.samples else 2 if one.answered else int(not one.over)

    return max(associations, key=rank)


def _conclude(ctx: ProbeContext, associations: list[Association], main: Association) -> None:
    notes = ctx.notes(NtpFacts)
    main.learn()
    notes.learn(
        local_address=local_ip(main.address) or "",
        others=tuple(c.as_other() for c in associations if c is not main),
    )
    if len(associations) > 1:
        notes.learn(sources=compare_sources([c.as_source() for c in associations], targets=1))
    for association in associations:
        association.note_attempt()
