"""Server authentication: the key exchange, and what known_hosts says of the host's key."""

from __future__ import annotations

import time

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
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


async def open_session(
    source: Stream | Conversation, known: KnownHosts, host: str, port: int
) -> tuple[Session, Trust]:
    """Exchange identification strings, unless ``source`` has, and keys.

    Nothing about the user is sent: :meth:`Credentials.for_host` decides what the trust allows.
    Raises Failed; the stream is then closed.
    """
    conversation = source if isinstance(source, Conversation) else Conversation(source)
    try:
        if isinstance(source, Stream):
            await conversation.greet()
        trust, _ = await exchange_keys(conversation, known, host, port)
        return Session(conversation), trust
    except BaseException:  # raised again; a cancellation must not leave the stream open either
        await conversation.aclose()
        raise


async def exchange_keys(
    conversation: Conversation, known: KnownHosts, host: str, port: int
) -> tuple[Trust, Mark]:
    """Exchange keys, known host keys preferred; return the trust and when NEWKEYS arrived."""
    names = known.algorithms(host, port, our_proposal().server_host_key_algorithms)
    offer = readable_offer(offer_for(names))
    theirs, _ = await conversation.offers(offer)
    conversation.agree(offer, theirs.offer)
    at = await conversation.exchange_keys()
    return trust_in(conversation, known, host, port), at


def keyscan(host: str, port: int) -> str:
    """Return the command that adds a host's keys to known_hosts."""
    return f"ssh-keyscan -p {port} {host} >> ~/.ssh/known_hosts"


def trust_in(conversation: Conversation, known: KnownHosts, host: str, port: int) -> Trust:
    """Return what ``known`` says of the host key in this conversation.

    Raises Failed (host-key-untrusted) when its signature could not be verified.
    """
    key, exchange = conversation.key, conversation.exchange
    assert key is not None and exchange is not None and exchange.result is not None  # noqa: S101, PT018
    if conversation.key_valid is not True:
        raise Failed(
            Reason.HOST_KEY_UNTRUSTED,
            f"the signature of the {key.type} host key cannot be verified here, so the server has "
            "not proven that it has the private key; no credential was offered",
        )
    certificate: Certificate | None = None
    if key.certificate:
        try:
            certificate = read_certificate(exchange.result.host_key)
        except ProtocolViolation:
            certificate = None  # the key in it may be known all the same
    return known.judge(host, port, key, certificate=certificate, now=time.time())


def learn_trust(ctx: ProbeContext, conversation: Conversation) -> None:
    """Note what known_hosts says of a conversation's proven host key, once for each key."""
    if conversation.key is None or conversation.key_valid is not True:
        return
    known = read_known_hosts(ctx.options.of(SshOptions).known_hosts)
    trust = trust_in(conversation, known, ctx.target.host, ctx.target.port)
    notes = ctx.notes(SshFacts)
    if trust not in notes.facts.trust:
        notes.learn(trust=(*notes.facts.trust, trust))
