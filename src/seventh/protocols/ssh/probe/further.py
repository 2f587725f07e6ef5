"""Further connections to one address, one by one: host keys, their certificates, groups.

A server that refuses one more connection (MaxStartups, PerSourceMaxStartups) is retried after a
pause, when it has closed the last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.ssh.client.conversation import Conversation, offer_for, our_proposal
from seventh.protocols.ssh.facts import GroupAnswer, Names, Proposal, SshFacts, Topic
from seventh.protocols.ssh.probe.learn import learn_deviations, learn_group, learn_key
from seventh.protocols.ssh.wire.hostkeys import CERTIFICATE, algorithms_of, key_type
from seventh.protocols.ssh.wire.kex import GROUP_EXCHANGES, GroupSizes

T = TypeVar("T")

SMALLEST = GroupSizes(minimum=1024, preferred=1024)
"""The smallest group for a client that accepts any: the server's own choice."""
BELOW_2048 = (
    GroupSizes(minimum=1024, preferred=1024, maximum=1024),
    GroupSizes(minimum=1024, preferred=1536, maximum=2047),
)
"""Whether there is a group below 2048 bits for a client that accepts no other."""
OF_2048 = GroupSizes(minimum=2048, preferred=2048, maximum=2048)
FIRST_SECONDS, AGAIN_SECONDS = 5.0, 1.0
"""Timeout of the first request for a group, and of those after an answer."""
RESERVE_SECONDS = 4.0
"""What is left of the target's time for other requests if the server does not answer one."""
PAUSES = (0.2, 0.5, 1.0)
"""Seconds before a refused connection is retried; meanwhile the server closes the last one."""
REFUSALS = frozenset(
    {Reason.PEER_CLOSED, Reason.PEER_RESET, Reason.CONNECT_RESET, Reason.CONNECT_REFUSED}
)
_WANTED = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
           "ecdsa-sha2-nistp521", "ssh-ed448", "ssh-dss")  # fmt: skip


async def greeted(ctx: ProbeContext, address: Address) -> Conversation:
    """Open one more connection up to the identification strings; retry if it is refused.

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
        ctx.note(f"further connection refused; retried in {pause} s")
        ctx.grant(1)  # a refused connection does not count
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


async def check(ctx: ProbeContext, first: Stream) -> None:
    """Request every other host key type and small groups from ``first``'s address.

    RSA goes first, because its length is judged; then the groups; then the other types, as far as
    the budget allows.
    """
    facts = ctx.notes(SshFacts).facts
    if facts.kexinit is None:
        return
    types = wanted_types(facts.kexinit, {key.type for key in facts.host_keys})
    requests = _Requests(ctx, first.address)
    for kind in types[:1]:
        await requests.host_key(kind)
    await _groups(ctx, requests, facts.kexinit)
    for kind in types[1:]:
        await requests.host_key(kind)
    seen = {key.type for key in ctx.notes(SshFacts).facts.host_keys if key.certificate}
    certified = certified_types(facts.kexinit, seen)
    ctx.grant(len(certified))  # few servers have any, and each is small
    for kind in certified:
        await requests.host_certificate(kind)


def wanted_types(offer: Proposal, seen: set[str]) -> Names:
    """Return the offered key types not seen yet, RSA first, because its length is judged."""
    offered = {key_type(name) for name in offer.server_host_key_algorithms}
    return tuple(kind for kind in _WANTED if kind in offered - seen)


def certified_types(offer: Proposal, seen: set[str]) -> Names:
    """Return the key types with a certificate on offer that has not been seen yet."""
    offered = {
        key_type(name) for name in offer.server_host_key_algorithms if name.endswith(CERTIFICATE)
    }
    return tuple(kind for kind in _WANTED if kind in offered - seen)


async def _groups(ctx: ProbeContext, requests: _Requests, offer: Proposal) -> None:
    """Request groups: the server's own choice, then those of exact sizes.

    It may give any group between the limits (RFC 4419 §3): one answer does not show the smallest.
    """
    methods = tuple(name for name in GROUP_EXCHANGES if name in offer.kex_algorithms)
    if not methods:
        return
    notes = ctx.notes(SshFacts)
    if ctx.denied(1):
        notes.unknown(Topic.SMALLEST_GROUP, "tier 1 is not allowed")
        return
    for sizes in (SMALLEST, *BELOW_2048, OF_2048):
        least = notes.facts.gex_bits
        enough = 2048 if sizes in BELOW_2048 else 3072
        if sizes is not SMALLEST and least is not None and least < enough:
            continue
        answer = await requests.group(methods, sizes)
        if answer is None:
            late = ctx.budget.seconds_left < RESERVE_SECONDS
            if sizes is SMALLEST or requests.refused or late or ctx.failure is not None:
                return
            continue  # a request of another size may be answered
        if answer.bits is not None and not sizes.minimum <= answer.bits <= sizes.maximum:
            return  # the server ignores the limits


class _Requests:
    """Requests to one address, each on a connection of its own, within the budget."""

    def __init__(self, ctx: ProbeContext, address: Address) -> None:
        self._ctx, self._address = ctx, address
        self._refused: Failed | None = None

    @property
    def refused(self) -> bool:
        """Whether the server refuses further connections."""
        return self._refused is not None

    async def host_key(self, kind: str) -> None:
        """Request the server's key of this type."""
        offer, topic = offer_for(algorithms_of(kind)), Topic(f"{kind} host key")
        await self._run(offer, topic, lambda conversation: conversation.exchange_keys())

    async def host_certificate(self, kind: str) -> None:
        """Request the certificate of the server's key of this type."""
        offer = offer_for(tuple(name for name in algorithms_of(kind) if name.endswith(CERTIFICATE)))
        await self._run(
            offer, Topic.HOST_CERTIFICATES, lambda conversation: conversation.exchange_keys()
        )

    async def group(self, methods: Names, sizes: GroupSizes) -> GroupAnswer | None:
        """Request a group; return None if there is no answer, not even a refusal."""
        ctx = self._ctx

        async def request(conversation: Conversation) -> GroupAnswer | None:
            try:
                await conversation.ask_group(sizes, ctx.budget.within(self._timeout()))
            except Failed as failed:
                if failed.reason in {*REFUSALS, Reason.NEGOTIATION_FAILED}:
                    return learn_group(ctx, conversation, failed.detail)
                if failed.reason is not Reason.PEER_SILENT:
                    raise
                raise Failed(
                    failed.reason, f"no answer to a request for {_sizes(sizes)}"
                ) from failed
            return learn_group(ctx, conversation)

        offer = offer_for(our_proposal().server_host_key_algorithms, methods)
        return await self._run(offer, Topic.SMALLEST_GROUP, request)

    def _timeout(self) -> float:
        """Return the seconds for an answer: some servers never answer a size that they refuse."""
        facts = self._ctx.notes(SshFacts).facts
        if not facts.gex_answers:
            return FIRST_SECONDS
        return AGAIN_SECONDS + 2 * (facts.rtt_seconds or 0.0)

    async def _run(
        self, offer: Proposal, topic: Topic, request: Callable[[Conversation], Awaitable[T]]
    ) -> T | None:
        """Send a request on a connection that negotiates ``offer``; note why if it fails.

        After a refusal that outlasts all pauses, nothing more is tried.
        """
        ctx = self._ctx
        if self._refused is not None:
            ctx.notes(SshFacts).unknown(topic, self._refused.detail)
            return None
        if ctx.connections_left(self._address) <= _reserved(ctx):
            ctx.notes(SshFacts).unknown(topic, "connection limit for this target reached")
            return None
        try:
            conversation = await greeted(ctx, self._address)
        except Failed as failed:
            if failed.reason in REFUSALS:
                self._refused = failed
            self._fail(failed, topic)
            return None
        try:
            theirs, _ = await conversation.offers(offer)
            conversation.agree(offer, theirs.offer)
            return await request(conversation)
        except Failed as failed:
            self._fail(failed, topic)
            return None
        finally:
            learn_key(ctx, conversation)
            learn_deviations(ctx, conversation)
            await conversation.aclose()

    def _fail(self, failed: Failed, topic: Topic) -> None:
        if isinstance(failed, ProtocolViolation):
            failed.phase = failed.phase or "ssh.kex"
            self._ctx.fail(failed)
        self._ctx.notes(SshFacts).unknown(topic, failed.detail)


def _sizes(sizes: GroupSizes) -> str:
    return f"a group of {sizes.minimum} to {sizes.maximum} bits, {sizes.preferred} preferred"


def _reserved(ctx: ProbeContext) -> int:
    """Return how many connections the login needs: its own, and one for the methods of root."""
    return 1 if ctx.options.user in {None, "root"} else 2
