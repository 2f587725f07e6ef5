"""From a fresh stream to a session that may log in: keys exchanged, the host's key judged."""

from __future__ import annotations

import time

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.conversation import (
    Conversation,
    offer_for,
    our_proposal,
    readable_offer,
)
from seventh.protocols.ssh.client.known_hosts import KnownHosts, read_known_hosts
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.wire.certificates import Certificate, read_certificate


async def enter(stream: Stream, known: KnownHosts, host: str, port: int) -> tuple[Session, Trust]:
    """Greet and do as :func:`enter_greeted` says."""
    conversation = Conversation(stream)
    try:
        await conversation.greet()
    except BaseException:  # raised again; a cancellation must not leave the stream open either
        await conversation.leave()
        raise
    return await enter_greeted(conversation, known, host, port)


async def enter_greeted(
    conversation: Conversation, known: KnownHosts, host: str, port: int
) -> tuple[Session, Trust]:
    """Exchange keys once greeted, and see what ``known`` says of the key that ``host`` shows.

    Nothing has been said about any user yet: have :meth:`Credentials.for_host` decide what the
    trust allows. Raises Failed; the stream is then closed.
    """
    try:
        names = known.algorithms(host, port, our_proposal().server_host_key_algorithms)
        offer = readable_offer(offer_for(names))
        theirs, _ = await conversation.offers(offer)
        conversation.agree(offer, theirs.offer)
        await conversation.exchange_keys()
        return Session(conversation), trust_in(conversation, known, host, port)
    except BaseException:  # raised again; a cancellation must not leave the stream open either
        await conversation.leave()
        raise


def keyscan(host: str, port: int) -> str:
    """Return the command that adds a host's keys to known_hosts, once they were compared."""
    return f"ssh-keyscan -p {port} {host} >> ~/.ssh/known_hosts"


def trust_in(conversation: Conversation, known: KnownHosts, host: str, port: int) -> Trust:
    """Return what ``known`` says of the key that this conversation has been shown and has proven.

    Failed (host-key-untrusted) where the host has not proven that it holds the key: what cannot be
    verified is not verified.
    """
    key, exchange = conversation.key, conversation.exchange
    assert key is not None and exchange is not None and exchange.result is not None  # noqa: S101, PT018
    if conversation.key_valid is not True:
        raise Failed(
            Reason.HOST_KEY_UNTRUSTED,
            f"the signature of the host's {key.type} key cannot be verified here, so that the host "
            "has not proven that it holds the key: nothing was offered",
        )
    certificate: Certificate | None = None
    if key.certificate:
        try:
            certificate = read_certificate(exchange.result.host_key)
        except ProtocolViolation:
            certificate = None  # the key inside may be known all the same
    return known.judge(host, port, key, certificate=certificate, now=time.time())


def learn_trust(ctx: ProbeContext, conversation: Conversation) -> None:
    """Note what known_hosts says of the key of a conversation of ``ctx``'s; each key once."""
    if conversation.key is None or conversation.key_valid is not True:
        return  # a key that is not proven says nothing about the host
    known = read_known_hosts(ctx.options.of(SshOptions).known_hosts)
    trust = trust_in(conversation, known, ctx.target.host, ctx.target.port)
    notes = ctx.notes(SshFacts)
    if trust not in notes.facts.trust:
        notes.learn(trust=(*notes.facts.trust, trust))
