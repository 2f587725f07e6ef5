"""Pulse and check of an SSH server: the identification string; the key exchange up to NEWKEYS.

Logins are in :mod:`seventh.protocols.ssh.probe.login`.
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
from seventh.protocols.ssh.probe import further, startups
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
"""How long to wait for EXT_INFO after NEWKEYS, beyond two round trips."""
MAX_LINES_SHOWN = 50
"""Lines before the identification string that are kept as facts; others are counted only."""


async def pulse(ctx: ProbeContext) -> None:
    """Time the server's identification string on one connection.

    Ours is sent first: a server of another protocol answers it, which identifies the protocol.
    """
    stream = await ctx.connect()
    with ctx.watch.phase("ssh.banner") as timer:
        timer.begin(stream.opened)
        _, reset = await send_greeting(stream)
        reader, greeting = IdentReader(), Greeting()
        stream.expect_silence()  # it may be late; only the deadline counts
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
    """Note the lines before the identification string."""
    if lines:
        ctx.notes(SshFacts).learn(
            pre_ident_lines=tuple([printable(line, 200) for line in lines[:MAX_LINES_SHOWN]]),
            pre_ident_line_count=len(lines),
        )


def _learn_ident(ctx: ProbeContext, ident: Ident, seconds: float) -> None:
    line, software, comments = _printable(ident)
    ctx.notes(SshFacts).learn(
        ident=line,
        protocol_version=ident.protocol_version,
        software=software,
        comments=comments or None,
        banner_seconds=seconds,
    )


# A repeated pulse mostly gets the same line.
@functools.lru_cache(maxsize=1024)
def _printable(ident: Ident) -> tuple[str, str, str]:
    """Return the line, the software and the comments, printable."""
    return printable(ident.raw), printable(ident.software), printable(ident.comments)


async def check(ctx: ProbeContext) -> None:
    """Check the handshake, all host key types, the smallest group, all addresses, SSHFP, a login.

    A failure with the first address that accepts is the report's; failures of later connections
    are noted in ``unknown``. Raises UsageError if --known-hosts is not readable.
    """
    known_hosts = ctx.options.of(SshOptions).known_hosts
    if known_hosts is not None:
        from seventh.protocols.ssh.client.known_hosts import read_known_hosts

        read_known_hosts(known_hosts)
    if ctx.options.as_clients:
        from seventh.protocols.ssh.probe.as_client import judge_clients, read_clients

        clients = await read_clients(ctx)
        try:
            await _check(ctx)
        finally:
            judge_clients(ctx, clients)
    else:
        await _check(ctx)


async def _check(ctx: ProbeContext) -> None:
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
            await further.check(ctx, streams[0])
        if records is not None:
            _learn_sshfp(ctx, await records)
        if "failure" not in traits and ctx.denied(2) is None:
            from seventh.protocols.ssh.probe import login

            await login.check(ctx, streams[0])
        if "failure" not in traits and ctx.holds and not ctx.notes(NetFacts).facts.idle:
            from seventh.protocols.ssh.probe.idle import hold_connections

            await hold_connections(ctx, streams[0].address)
        if "failure" not in traits:
            await startups.check(ctx, streams[0].address)
    finally:
        if records is not None:
            records.cancel()


async def _first(ctx: ProbeContext, streams: list[Stream]) -> dict[str, str]:
    """Run the timed conversation; its failure ends the check if there is no other address."""
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
    facts = notes.facts
    return _traits(facts.ident or "", facts.kexinit, facts.host_keys[:1])


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
                f"SSH 2 not supported: the server's protocol version is {ident.protocol_version}",
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
    """Return all that we support, certificates first if known_hosts has an authority for the host.

    A server presents its certificate only on request, and its plain key is not in known_hosts.
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
        notes.unknown(Topic.EXTENSIONS, "the negotiated cipher or MAC is not supported by Seventh")
        return
    rtt = notes.facts.rtt_seconds or 0.0
    info = await conversation.extensions(EXT_INFO_SECONDS + 2 * rtt)
    if info is None:
        notes.unknown(Topic.EXTENSIONS, "the server sent no EXT_INFO after NEWKEYS")
        return
    names = tuple(printable(name, 64) for name in info.extensions)
    notes.learn(extensions=names, server_sig_algs=info.server_sig_algs)


# -- the other addresses of the name ---------------------------------------------------------------


def _traits(ident: str, offer: Proposal | None, keys: tuple[HostKey, ...]) -> dict[str, str]:
    """Return what must not differ between the addresses of a name."""
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

    async def traits_at(stream: Stream) -> dict[str, str]:
        traits = first if stream is streams[0] else await _repeat(ctx, stream)
        if "host key" in traits:
            by_address[stream.address.ip] = (traits["host key"],)
        return traits

    await ctx.compare(streams, traits_at)
    ctx.notes(SshFacts).learn(host_keys_by_address=by_address)


async def _repeat(ctx: ProbeContext, stream: Stream) -> dict[str, str]:
    """Repeat the first conversation with another address and return its traits.

    A server that refuses a second connection at once is retried on a new one.
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
    return _traits(printable(ident.raw, 255), theirs.offer, (key,))


# -- SSHFP -----------------------------------------------------------------------------------------


def _has_records(ctx: ProbeContext) -> bool:
    """Return whether the target can have SSHFP records: no IP address, nor localhost (RFC 6761).

    A name that is not resolved here is not looked up here.
    """
    host = ctx.target.host.rstrip(".")
    if not ctx.resolves and not ctx.target.is_literal:
        why = f"SSHFP was not requested: with {ctx.route}, {host} is resolved elsewhere"
        ctx.notes(SshFacts).unknown(Topic.SSHFP, why)
        return False
    return not (ctx.target.is_literal or host == "localhost" or host.endswith(".localhost"))


def _ask_sshfp(ctx: ProbeContext) -> asyncio.Task[Lookup] | None:
    """Query SSHFP in parallel with the conversation."""
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
