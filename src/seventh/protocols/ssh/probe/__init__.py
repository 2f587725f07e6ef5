"""The conversation with an SSH server: a pulse that reads its greeting, a check up to NEWKEYS.

Nothing here ever tries to log in: with a user's credentials that is the business of
:mod:`seventh.protocols.ssh.probe.login`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.netfacts import Lookup, NetFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.conversation import (
    TIMEOUTS,
    Conversation,
    Greeting,
    closed_early,
    not_ssh,
    offer_for,
    our_proposal,
    send_greeting,
)
from seventh.protocols.ssh.facts import HostKey, Names, Proposal, SshFacts, Sshfp, Topic
from seventh.protocols.ssh.probe import further
from seventh.protocols.ssh.probe.learn import (
    learn_deviations,
    learn_group,
    learn_key,
    note_deviations,
)
from seventh.protocols.ssh.wire.ident import Ident, IdentReader
from seventh.protocols.ssh.wire.transport import STRICT
from seventh.wire.text import printable

EXT_INFO_SECONDS = 0.25
"""How long past NEWKEYS (and two round trips) EXT_INFO is waited for."""
MAX_LINES_SHOWN = 50
"""Lines before the identification string that are kept as facts; the rest is counted."""


async def pulse(ctx: ProbeContext) -> None:
    """Up, and the time to the greeting: one connection, one line each way.

    Our line goes at once: whoever is no SSH server answers it and so tells what it is.
    """
    stream = await ctx.connect()
    with ctx.watch.phase("ssh.banner") as timer:
        timer.begin(stream.opened)
        _, reset = await send_greeting(stream)
        reader, greeting = IdentReader(), Greeting()
        stream.expect_silence()  # a greeting may be late; the deadline alone decides
        try:
            while True:
                data, at = await stream.receive()
                if not data:
                    early = reset or closed_early(reader.lines, reader.first_bytes)
                    raise _stranger(stream, reader) or early
                greeting.received(data, at)
                ident = reader.feed(data)
                if ident is not None:
                    break
                if stranger := _stranger(stream, reader):
                    raise stranger
        except ProtocolViolation as violation:
            stranger = _stranger(stream, reader)
            raise (stranger or greeting.broken(violation, reader.lines)) from None
        except Failed as failed:
            if failed.reason is Reason.PEER_RESET and reader.first_bytes:
                raise closed_early(reader.lines, reader.first_bytes, reset=True) from None
            if failed.reason not in TIMEOUTS:
                raise
            raise greeting.late(failed, reader.lines, reader.pending) from None
        finally:
            _learn_lines(ctx, reader.lines)
            note_deviations(ctx, reader.deviations)
        timer.stop(at)
        _learn_ident(ctx, ident, timer.seconds_until(at))


def _stranger(stream: Stream, reader: IdentReader) -> Failed | None:
    return not_ssh(stream.address.ip, stream.address.port, reader.first_bytes)


def _learn_lines(ctx: ProbeContext, lines: list[bytes]) -> None:
    """Note what came before the identification string, whatever follows."""
    if lines:
        ctx.notes(SshFacts).learn(
            pre_ident_lines=tuple([printable(line, 200) for line in lines[:MAX_LINES_SHOWN]]),
            pre_ident_line_count=len(lines),
        )


def _learn_ident(ctx: ProbeContext, ident: Ident, seconds: float) -> None:
    said, software, comments = _shown(ident)
    ctx.notes(SshFacts).learn(
        ident=said,
        protocol_version=ident.protocol_version,
        software=software,
        comments=comments or None,
        banner_seconds=seconds,
    )


# Who asks again mostly gets the same line.
@functools.lru_cache(maxsize=1024)
def _shown(ident: Ident) -> tuple[str, str, str]:
    """Return the line, the software and the comments, safe to show."""
    return printable(ident.raw), printable(ident.software), printable(ident.comments)


async def check(ctx: ProbeContext) -> None:
    """The whole handshake, every host key type, the smallest group, the other addresses, SSHFP.

    The first address that accepts is the conversation. What goes wrong with it is the report's
    failure; what goes wrong on the connections after it is noted in ``unknown``.
    """
    known_hosts = ctx.options.of(SshOptions).known_hosts
    if known_hosts is not None:
        from seventh.protocols.ssh.client.known_hosts import read_known_hosts

        read_known_hosts(known_hosts)  # if it cannot be read, that is said at once
    if _has_records(ctx):
        await ctx.addresses()
        ctx.prepare_records()
    streams = await ctx.connect_all()
    records = _ask_sshfp(ctx)
    try:
        traits = await _first(ctx, streams)
        if len(streams) > 1:
            await _compare(ctx, streams, traits)
        if "failure" not in traits:
            await further.look(ctx, streams[0])
        if records is not None:
            _learn_sshfp(ctx, await records)
        if "failure" not in traits and ctx.denied(2) is None:
            from seventh.protocols.ssh.probe import login

            await login.look(ctx, streams[0])
    finally:
        if records is not None:
            records.cancel()


async def _first(ctx: ProbeContext, streams: list[Stream]) -> dict[str, str]:
    """The conversation, timed; its failure ends the check unless there are addresses to compare."""
    notes = ctx.notes(SshFacts)
    notes.learn(rtt_seconds=_rtt(ctx, streams[0]))
    conversation = Conversation(streams[0])
    try:
        await _converse(ctx, conversation)
    except Failed as failed:
        if len(streams) == 1:
            raise
        ctx.fail(failed)
        return {"failure": str(failed.reason)}
    finally:
        learn_deviations(ctx, conversation)
        await conversation.aclose()
    return _traits(notes.facts)


def _rtt(ctx: ProbeContext, stream: Stream) -> float | None:
    for attempt in ctx.notes(NetFacts).facts.attempts:
        if attempt.address == stream.address.ip and attempt.outcome == "open":
            return attempt.rtt_seconds or attempt.seconds
    return None


async def _converse(ctx: ProbeContext, conversation: Conversation) -> None:
    notes = ctx.notes(SshFacts)
    stream = conversation.stream
    ip = stream.address.ip
    with ctx.watch.phase("ssh.banner", ip) as timer:
        # It may be long ago, if another address kept us waiting.
        timer.begin(stream.opened)
        try:
            sent, ident, greeted = await conversation.greet()
        finally:
            _learn_lines(ctx, conversation.connection.pre_ident_lines)
        if greeted.ns >= sent.ns:
            timer.begin(sent)
        timer.stop(greeted)
        _learn_ident(ctx, ident, timer.seconds_until(greeted))
        if not ident.supports_2:
            raise Failed(
                Reason.NEGOTIATION_FAILED,
                f"the server speaks SSH {ident.protocol_version}, not SSH 2",
            )
    offer = _first_offer(ctx)
    with ctx.watch.phase("ssh.kexinit", ip) as timer:
        timer.begin(greeted)
        theirs, at = await conversation.offers(offer)
        timer.stop(at)
        strict = STRICT["server"] in theirs.offer.kex_algorithms
        seconds = timer.seconds_until(at)
        notes.learn(kexinit=theirs.offer, strict_kex=strict, kexinit_seconds=seconds)
        notes.learn(negotiated=conversation.agree(offer, theirs.offer))
    with ctx.watch.phase("ssh.kex", ip) as timer:
        try:
            newkeys = await conversation.exchange_keys(timer)
        finally:
            learn_group(ctx, conversation)
            learn_key(ctx, conversation)
        notes.learn(kex_seconds=timer.seconds_until(newkeys))
        await _learn_extensions(ctx, conversation)


def _first_offer(ctx: ProbeContext) -> Proposal:
    """All that we can speak; certificates first where known_hosts has an authority for the host.

    A server shows its certificate to those who ask for it, and as its plain key it is unknown.
    """
    from seventh.protocols.ssh.client.known_hosts import read_known_hosts

    offer, host, port = our_proposal(), ctx.target.host, ctx.target.port
    known = read_known_hosts(ctx.options.of(SshOptions).known_hosts)
    if not known.has_authority(host, port):
        return offer
    return offer_for(known.algorithms(host, port, offer.server_host_key_algorithms))


async def _learn_extensions(ctx: ProbeContext, conversation: Conversation) -> None:
    notes = ctx.notes(SshFacts)
    if conversation.connection.opener_missing:
        notes.unknown(Topic.EXTENSIONS, "the agreed cipher or MAC is not implemented here")
        return
    rtt = notes.facts.rtt_seconds or 0.0
    info = await conversation.extensions(EXT_INFO_SECONDS + 2 * rtt)
    if info is None:
        notes.unknown(Topic.EXTENSIONS, "the server sent no EXT_INFO after NEWKEYS")
        return
    names = tuple(printable(name, 64) for name in info.extensions)
    notes.learn(extensions=names)
    notes.learn(server_sig_algs=info.server_sig_algs)


# -- the other addresses of the name ---------------------------------------------------------------


def _traits(facts: SshFacts) -> dict[str, str]:
    """Return what must be the same at every address of a name."""
    return _named(facts.ident or "", facts.kexinit, facts.host_keys[:1])


def _named(ident: str, offer: Proposal | None, keys: tuple[HostKey, ...]) -> dict[str, str]:
    traits = {"ident": ident}
    if offer is not None:
        traits["key exchange"] = ",".join(offer.kex_algorithms)
        traits["host key algorithms"] = ",".join(offer.server_host_key_algorithms)
        traits["ciphers"] = ",".join(offer.ciphers)
        traits["MACs"] = ",".join(offer.macs)
    if keys:
        traits["host key"] = f"{keys[0].type} {keys[0].sha256}"
    return traits


async def _compare(ctx: ProbeContext, streams: list[Stream], first: dict[str, str]) -> None:
    by_address: dict[str, Names] = {}

    async def look(stream: Stream) -> dict[str, str]:
        traits = first if stream is streams[0] else await _look(ctx, stream)
        if "host key" in traits:
            by_address[stream.address.ip] = (traits["host key"],)
        return traits

    await ctx.compare(streams, look)
    ctx.notes(SshFacts).learn(host_keys_by_address=by_address)


async def _look(ctx: ProbeContext, stream: Stream) -> dict[str, str]:
    """Return the same conversation as the first, untimed, with another address.

    Where the server has no room for two connections at once, it is asked again on a new one.
    """
    conversation = Conversation(stream)
    offer = _first_offer(ctx)
    try:
        try:
            _, ident, _ = await conversation.greet()
        except Failed as failed:
            if failed.reason not in further.REFUSALS:
                raise
            await conversation.aclose()
            conversation = await further.greeted(ctx, stream.address)
            peer = conversation.connection.peer_ident
            assert peer is not None  # noqa: S101 - it has greeted
            ident = peer
        theirs, _ = await conversation.offers(offer)
        choice = conversation.agree(offer, theirs.offer)
        await conversation.exchange_keys()
    finally:
        await conversation.aclose()
    assert conversation.key is not None  # noqa: S101 - exchange_keys() sets it
    key = conversation.key.facts(choice.host_key, conversation.key_valid)
    return _named(printable(ident.raw, 255), theirs.offer, (key,))


# -- SSHFP -----------------------------------------------------------------------------------------


def _has_records(ctx: ProbeContext) -> bool:
    """Return an address has no SSHFP, nor has localhost (RFC 6761)."""
    host = ctx.target.host.rstrip(".")
    return not (ctx.target.is_literal or host == "localhost" or host.endswith(".localhost"))


def _ask_sshfp(ctx: ProbeContext) -> asyncio.Task[Lookup] | None:
    """Ask beside the conversation."""
    if not _has_records(ctx):
        return None
    return asyncio.create_task(ctx.records(ctx.target.host.rstrip("."), "SSHFP"))


def _learn_sshfp(ctx: ProbeContext, lookup: Lookup) -> None:
    notes = ctx.notes(SshFacts)
    if lookup.outcome in {"nxdomain", "no-data"}:
        notes.learn(sshfp=())
        return
    if lookup.outcome != "ok":
        notes.unknown(Topic.SSHFP, f"{lookup.outcome}: {lookup.detail or 'no answer'}")
        return
    records: list[Sshfp] = []
    for answer in lookup.answers:
        with contextlib.suppress(ValueError):
            algorithm, kind, fingerprint = answer.split(None, 2)
            records.append(
                Sshfp(
                    algorithm=int(algorithm),
                    fingerprint_type=int(kind),
                    fingerprint=bytes.fromhex(fingerprint).hex(),
                )
            )
    notes.learn(sshfp=tuple(records), sshfp_authenticated=lookup.authenticated)
