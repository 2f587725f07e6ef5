"""What every connection adds to the facts."""

from __future__ import annotations

import time

from seventh.model.failure import ProtocolViolation
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh.client.conversation import Conversation
from seventh.protocols.ssh.facts import GroupAnswer, SshFacts, Topic
from seventh.protocols.ssh.facts.deviations import Deviation
from seventh.protocols.ssh.wire import groups
from seventh.protocols.ssh.wire.certificates import read_certificate


def learn_key(ctx: ProbeContext, conversation: Conversation) -> None:
    """Note the host key that was presented, and its status in known_hosts."""
    notes = ctx.notes(SshFacts)
    key, choice = conversation.key, conversation.choice
    if key is None or choice is None:
        return
    known = notes.facts.host_keys
    seen = key.facts(choice.host_key, conversation.key_valid)
    if seen not in known:
        notes.learn(host_keys=(*known, seen))
    from seventh.protocols.ssh.client.authenticate_host import learn_trust

    if key.certificate:
        _learn_certificate(ctx, conversation)
    learn_trust(ctx, conversation)


def _learn_certificate(ctx: ProbeContext, conversation: Conversation) -> None:
    """Note the certificate that the host key came in, each once."""
    notes, exchange = ctx.notes(SshFacts), conversation.exchange
    if exchange is None or exchange.result is None:
        return
    try:
        certificate = read_certificate(exchange.result.host_key)
    except ProtocolViolation as violation:
        notes.unknown(Topic.HOST_CERTIFICATES, violation.detail)
        return
    seen = certificate.facts("host", ctx.target.host.lower(), time.time())
    known = notes.facts.host_certificates
    if (seen.key, seen.serial) not in {(one.key, one.serial) for one in known}:
        notes.learn(host_certificates=(*known, seen))


def learn_group(
    ctx: ProbeContext, conversation: Conversation, refused: str = ""
) -> GroupAnswer | None:
    """Note the group that the server gave, or its refusal; return None if none was requested."""
    exchange = conversation.exchange
    if exchange is None or (exchange.group is None and not refused):
        return None
    sizes = exchange.sizes
    modulus = exchange.group.modulus if exchange.group is not None else None
    answer = GroupAnswer(
        minimum=sizes.minimum,
        preferred=sizes.preferred,
        maximum=sizes.maximum,
        bits=modulus.bit_length() if modulus is not None else None,
        group=groups.number_of(modulus) if modulus is not None else None,
        detail=refused if modulus is None else "",
    )
    notes = ctx.notes(SshFacts)
    answers = (*notes.facts.gex_answers, answer)
    given = [answer.bits for answer in answers if answer.bits is not None]
    notes.learn(gex_answers=answers, gex_bits=min(given, default=None))
    return answer


def learn_deviations(ctx: ProbeContext, conversation: Conversation) -> None:
    """Note the violations of the standard on this connection."""
    note_deviations(ctx, conversation.connection.deviations.seen)


def note_deviations(ctx: ProbeContext, seen: tuple[Deviation, ...]) -> None:
    """Note violations of the standard, each once."""
    notes = ctx.notes(SshFacts)
    if seen:
        notes.learn(deviations=tuple(dict.fromkeys((*notes.facts.deviations, *seen))))
