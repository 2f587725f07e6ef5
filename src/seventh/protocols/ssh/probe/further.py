"""More connections to one address, one at a time: every host key type, and group exchange's sizes.

A server that has no room for one more connection (MaxStartups, PerSourceMaxStartups) is asked again
after a pause, when it has let go of the one before.
"""

from __future__ import annotations

import asyncio

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.ssh.client.conversation import Conversation, offer_for, our_proposal
from seventh.protocols.ssh.facts import GroupAnswer, Names, Proposal, SshFacts, Topic
from seventh.protocols.ssh.probe.learn import learn_deviations, learn_group, learn_key
from seventh.protocols.ssh.wire.hostkeys import algorithms_of, key_type
from seventh.protocols.ssh.wire.kex import GROUP_EXCHANGES, GroupSizes

SMALLEST = GroupSizes(minimum=1024, preferred=1024)
"""The smallest group, for a client that takes any: a server picks what it likes to give."""
BELOW_2048 = (
    GroupSizes(minimum=1024, preferred=1024, maximum=1024),
    GroupSizes(minimum=1024, preferred=1536, maximum=2047),
)
"""Whether it has a group below 2048 bits for a client that takes no other."""
OF_2048 = GroupSizes(minimum=2048, preferred=2048, maximum=2048)
FIRST_SECONDS, AGAIN_SECONDS = 5.0, 1.0
"""How long the first request for a group may take, and each one after it was answered."""
RESERVE_SECONDS = 4.0
"""What is left of the target's time for other questions, where a server lets one unanswered."""
PAUSES = (0.2, 0.5, 1.0)
"""Seconds before a refused connection is tried again; meanwhile a server lets go of the last."""
REFUSALS = frozenset(
    {Reason.PEER_CLOSED, Reason.PEER_RESET, Reason.CONNECT_RESET, Reason.CONNECT_REFUSED}
)
_WANTED = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
           "ecdsa-sha2-nistp521", "ssh-ed448", "ssh-dss")  # fmt: skip


async def greeted(ctx: ProbeContext, address: Address) -> Conversation:
    """Return one more connection, greeted; tried again where the server has no room for it yet.

    Raises Failed with the last refusal.
    """
    pauses = iter(PAUSES)
    while True:
        try:
            return await _greeted(ctx, address)
        except Failed as failed:
            pause = next(pauses, None)
            late = pause is None or pause > ctx.budget.seconds_left / 2
            if late or failed.reason not in REFUSALS:
                raise
        ctx.note(f"no room for one more connection: asked again in {pause} s")
        ctx.grant(1)  # a refused one cost the server nothing
        await asyncio.sleep(pause or 0)


async def _greeted(ctx: ProbeContext, address: Address) -> Conversation:
    conversation = Conversation(await ctx.connect_again(address))
    try:
        _, _, at = await conversation.greet()
    except BaseException:  # raised again; a cancellation must not leave the stream open either
        await conversation.aclose()
        raise
    notes = ctx.notes(SshFacts)
    seconds = at.since(conversation.stream.opened)
    notes.learn(further_banner_seconds=(*notes.facts.further_banner_seconds, seconds))
    return conversation


async def look(ctx: ProbeContext, first: Stream) -> None:
    """Ask ``first``'s address again: for every other host key type, and for small groups.

    RSA goes first, whose size must be judged; then the groups; what is left of the budget is for
    the other types.
    """
    facts = ctx.notes(SshFacts).facts
    if facts.kexinit is None:
        return
    types = wanted_types(facts.kexinit, {key.type for key in facts.host_keys})
    jobs = _Jobs(ctx, first.address)
    for kind in types[:1]:
        await jobs.host_key(kind)
    await _groups(ctx, jobs, facts.kexinit)
    for kind in types[1:]:
        await jobs.host_key(kind)


def wanted_types(offer: Proposal, seen: set[str]) -> Names:
    """Return the offered key types not seen yet, those first whose size must be judged."""
    offered = {key_type(name) for name in offer.server_host_key_algorithms}
    return tuple(kind for kind in _WANTED if kind in offered - seen)


async def _groups(ctx: ProbeContext, jobs: _Jobs, offer: Proposal) -> None:
    """Which groups the server gives: what it likes, then what it has for those who insist.

    It may give any group between the limits (RFC 4419 §3), so one answer shows no smallest one.
    """
    methods = tuple(name for name in GROUP_EXCHANGES if name in offer.kex_algorithms)
    if not methods:
        return
    notes = ctx.notes(SshFacts)
    if ctx.denied(1):
        notes.unknown(Topic.SMALLEST_GROUP, "tier 1 was not asked for")
        return
    for sizes in (SMALLEST, *BELOW_2048, OF_2048):
        given = [answer.bits for answer in notes.facts.gex_answers if answer.bits is not None]
        least = min(given, default=None)
        enough = 2048 if sizes in BELOW_2048 else 3072
        if sizes is not SMALLEST and least is not None and least < enough:
            continue
        answer = await jobs.group(methods, sizes)
        if answer is None:
            late = ctx.budget.seconds_left < RESERVE_SECONDS
            if sizes is SMALLEST or jobs.refused or late or ctx.failure is not None:
                return
            continue  # silence about one size says nothing of the next
        if answer.bits is not None and not sizes.minimum <= answer.bits <= sizes.maximum:
            return  # it does not look at the limits: further ones change nothing


class _Jobs:
    """Questions to one address, each on a connection of its own, within the budget."""

    def __init__(self, ctx: ProbeContext, address: Address) -> None:
        self._ctx, self._address = ctx, address
        self._refused: Failed | None = None

    @property
    def refused(self) -> bool:
        """Whether the server takes no more connections."""
        return self._refused is not None

    async def host_key(self, kind: str) -> None:
        """See the server's key of this type."""
        conversation = await self._begin(offer_for(algorithms_of(kind)), Topic(f"{kind} host key"))
        if conversation is None:
            return
        try:
            await conversation.exchange_keys()
        except Failed as failed:
            self._failed(failed, Topic(f"{kind} host key"))
        finally:
            learn_key(self._ctx, conversation)
            learn_deviations(self._ctx, conversation)
            await conversation.aclose()

    async def group(self, methods: Names, sizes: GroupSizes) -> GroupAnswer | None:
        """Ask for a group; None where there is no answer, not even a refusal."""
        ctx = self._ctx
        offer = offer_for(our_proposal().server_host_key_algorithms, methods)
        conversation = await self._begin(offer, Topic.SMALLEST_GROUP)
        if conversation is None:
            return None
        try:
            await conversation.ask_group(sizes, ctx.budget.within(self._patience()))
            return learn_group(ctx, conversation)
        except ProtocolViolation as violation:
            self._failed(violation, Topic.SMALLEST_GROUP)
        except Failed as failed:
            if failed.reason in {*REFUSALS, Reason.NEGOTIATION_FAILED}:
                return learn_group(ctx, conversation, failed.detail)
            if failed.reason is Reason.PEER_SILENT:
                failed = Failed(failed.reason, f"no answer to a request for {_sizes(sizes)}")
            self._failed(failed, Topic.SMALLEST_GROUP)
        finally:
            learn_deviations(self._ctx, conversation)
            await conversation.aclose()
        return None

    def _patience(self) -> float:
        """Seconds that an answer may take: some servers never answer a size that they refuse."""
        facts = self._ctx.notes(SshFacts).facts
        if not facts.gex_answers:
            return FIRST_SECONDS
        return AGAIN_SECONDS + 2 * (facts.rtt_seconds or 0.0)

    async def _begin(self, offer: Proposal, what: Topic) -> Conversation | None:
        """A connection on which this is agreed; None, with the reason noted, where there is none.

        After a refusal that no pause has ended, the server is left alone.
        """
        ctx = self._ctx
        if self._refused is not None:
            ctx.notes(SshFacts).unknown(what, self._refused.detail)
            return None
        if ctx.connections_left(self._address) <= _kept_back(ctx):
            ctx.notes(SshFacts).unknown(what, "the connection budget of this target is spent")
            return None
        try:
            conversation = await greeted(ctx, self._address)
        except Failed as failed:
            if failed.reason in REFUSALS:
                self._refused = failed
            self._failed(failed, what)
            return None
        try:
            theirs, _ = await conversation.offers(offer)
            conversation.agree(offer, theirs.offer)
        except Failed as failed:
            self._failed(failed, what)
            await conversation.aclose()
            return None
        return conversation

    def _failed(self, failed: Failed, what: Topic) -> None:
        if isinstance(failed, ProtocolViolation):
            failed.phase = failed.phase or "ssh.kex"
            self._ctx.fail(failed)
        self._ctx.notes(SshFacts).unknown(what, failed.detail)


def _sizes(sizes: GroupSizes) -> str:
    return f"a group of {sizes.minimum} to {sizes.maximum} bits, {sizes.preferred} preferred"


def _kept_back(ctx: ProbeContext) -> int:
    """Connections that are not for this: one to log in, one to ask what root may log in with."""
    if ctx.denied(2) is not None or ctx.options.user is None:
        return 1
    return 1 if ctx.options.user == "root" else 2
