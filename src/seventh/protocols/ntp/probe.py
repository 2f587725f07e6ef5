"""The conversation with an NTP server."""

from __future__ import annotations

import asyncio

import msgspec

from seventh.model.failure import Failed
from seventh.net.datagram import local_ip
from seventh.net.stopwatch import now_ns
from seventh.net.talk import Talk
from seventh.protocols.ntp.ask_further import ask_further, asking_seconds
from seventh.protocols.ntp.conversation import Conversation
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.sampler import FILTER_STAGES
from seventh.protocols.ntp.sources import judged

REPLY_SECONDS = 2.0
"""How long a request waits for its reply; one that comes later still counts, as late."""
MAX_ADDRESSES = 8
NTP_PORT = 123
"""Only a server on its usual port is asked whether it has NTS on that one's usual port."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How the time of one check is spent."""

    samples: int
    interval_ns: int
    reply_ns: int
    end_ns: int
    """When the last reply is no longer waited for; what is left is for further questions."""


def plan(talk: Talk) -> Plan:
    """Fit the samples into the time that is left, by a shorter interval where need be."""
    samples = max(1, min(talk.options.samples, FILTER_STAGES))
    left = talk.budget.seconds_left
    # The last reply and the further questions want their time too, but never most of it.
    asking = asking_seconds(talk)
    reserve = min(REPLY_SECONDS + asking, left * 0.4)
    kept = reserve * asking / (REPLY_SECONDS + asking)
    interval = max(0.0, talk.options.interval_seconds)
    if samples > 1:
        interval = min(interval, (left - reserve) / (samples - 1))
    return Plan(
        samples=samples,
        interval_ns=int(interval * 1e9),
        reply_ns=int(min(REPLY_SECONDS, left) * 1e9),
        end_ns=now_ns() + int((left - kept) * 1e9),
    )


async def pulse(talk: Talk) -> None:
    """One request; the next address is asked only when one does not answer."""
    if talk.target.scheme == "nts":
        from seventh.protocols.ntp import nts_probe

        await nts_probe.pulse(talk)
        return
    failed: Failed | None = None
    for address in (await talk.addresses())[:MAX_ADDRESSES]:
        conversation = Conversation(talk, address)
        try:
            await conversation.exchange(talk.budget.within(REPLY_SECONDS))
        finally:
            conversation.note_attempt()
            conversation.learn()
        failed = conversation.failure()
        if failed is None:
            return
    if failed is not None:
        raise failed


async def check(talk: Talk) -> None:
    """Several samples of one address, one of each other, then what else is permitted."""
    if talk.target.scheme == "nts":
        from seventh.protocols.ntp import nts_probe

        await nts_probe.check(talk)
        return
    addresses = (await talk.addresses())[:MAX_ADDRESSES]
    planned = plan(talk)
    conversations = [Conversation(talk, address) for address in addresses]
    main = conversations[0]
    try:
        first_until = min(now_ns() + planned.reply_ns, planned.end_ns)
        if planned.samples > 1 and len(conversations) == 1:
            first_until = min(first_until, now_ns() + planned.interval_ns)
        await asyncio.gather(*(c.exchange(first_until) for c in conversations))
        main = _main_of(conversations)
        main.learn()
        await sample_on(main, planned)
        await ask_further(talk, main)
        if main.answered and talk.target.port == NTP_PORT and talk.denied(1) is None:
            from seventh.protocols.ntp.nts_establish import look_beside

            await look_beside(talk, main.address)
    finally:
        _conclude(talk, conversations, main)
    if (failed := main.failure()) is not None:
        raise failed


def _main_of(conversations: list[Conversation]) -> Conversation:
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


async def sample_on(main: Conversation, planned: Plan) -> None:
    """The second and further samples, each an interval after the one before was sent."""
    for index in range(1, planned.samples):
        await main.linger(min(main.last_sent_ns + planned.interval_ns, planned.end_ns))
        if main.over or now_ns() >= planned.end_ns:
            return
        wait = planned.reply_ns
        if index < planned.samples - 1:
            wait = min(wait, planned.interval_ns)
        await main.exchange(min(now_ns() + wait, planned.end_ns))
        main.learn()


def _conclude(talk: Talk, conversations: list[Conversation], main: Conversation) -> None:
    main.learn()
    talk.learn(
        "ntp",
        NtpFacts,
        local_address=local_ip(main.address) or "",
        others=tuple(c.as_other() for c in conversations if c is not main),
    )
    if len(conversations) > 1:
        sources = judged([c.as_source() for c in conversations], targets=1)
        talk.learn("ntp", NtpFacts, sources=sources)
    for conversation in conversations:
        conversation.note_attempt()
