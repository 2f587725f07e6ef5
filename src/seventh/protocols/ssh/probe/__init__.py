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
from seventh.net.stream import Stream
from seventh.net.talk import Talk
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.conversation import (
    GREETING,
    Conversation,
    closed_early,
    not_ssh,
    offer_for,
    our_offer,
)
from seventh.protocols.ssh.facts import HostKey, Names, Offer, SshFacts, Sshfp, Topic
from seventh.protocols.ssh.wire.hostkeys import algorithms_of, key_type
from seventh.protocols.ssh.wire.ident import Ident, IdentReader
from seventh.protocols.ssh.wire.kex import GROUP_EXCHANGES, GroupSizes
from seventh.protocols.ssh.wire.transport import STRICT
from seventh.wire.text import printable

EXT_INFO_SECONDS = 0.25
"""How long past NEWKEYS (and two round trips) EXT_INFO is waited for."""
SMALLEST = GroupSizes(minimum=1024, preferred=1024)
"""What is asked of group exchange to learn the smallest modulus a server gives."""


async def pulse(talk: Talk) -> None:
    """Up, and the time to the greeting: one connection, one line each way.

    Our line goes at once: whoever is no SSH server answers it and so tells what it is.
    """
    stream = await talk.connect()
    with talk.watch.phase("ssh.banner") as timer:
        timer.begin(stream.opened)
        await stream.send(GREETING)
        reader = IdentReader()
        try:
            while True:
                data, at = await stream.receive()
                if not data:
                    raise _stranger(stream, reader) or closed_early(
                        reader.lines, reader.first_bytes
                    )
                ident = reader.feed(data)
                if ident is not None:
                    break
                if stranger := _stranger(stream, reader):
                    raise stranger
        except ProtocolViolation as violation:
            raise (_stranger(stream, reader) or violation) from None
        timer.stop(at)
        _learn_ident(talk, ident, reader.lines, timer.seconds_until(at))


def _stranger(stream: Stream, reader: IdentReader) -> Failed | None:
    return not_ssh(stream.address.ip, stream.address.port, reader.first_bytes)


def _learn_ident(talk: Talk, ident: Ident, lines: list[bytes], seconds: float) -> None:
    said, software, comments = _shown(ident)
    talk.notes(SshFacts).learn(
        ident=said,
        protocol_version=ident.protocol_version,
        software=software,
        comments=comments or None,
        pre_ident_lines=tuple([printable(line, 200) for line in lines]),
        banner_seconds=seconds,
    )


# Who asks again mostly gets the same line.
@functools.lru_cache(maxsize=1024)
def _shown(ident: Ident) -> tuple[str, str, str]:
    """The line, the software and the comments, safe to show."""
    return printable(ident.raw), printable(ident.software), printable(ident.comments)


async def check(talk: Talk) -> None:
    """The whole handshake, every host key type, the smallest group, the other addresses, SSHFP.

    The first address that accepts is the conversation. What goes wrong with it is the report's
    failure; what goes wrong on the connections after it is noted in ``unlearnt``.
    """
    known_hosts = talk.options.of(SshOptions).known_hosts
    if known_hosts is not None:
        from seventh.protocols.ssh.client.known_hosts import read_known_hosts

        read_known_hosts(known_hosts)  # if it cannot be read, that is said at once
    if _has_records(talk):
        await talk.addresses()
        talk.prepare_records()
    streams = await talk.connect_all()
    records = _ask_sshfp(talk)
    try:
        traits = await _first(talk, streams)
        if len(streams) > 1:
            await _compare(talk, streams, traits)
        if "failure" not in traits:
            await _more(talk, streams[0])
        if records is not None:
            _learn_sshfp(talk, await records)
        if "failure" not in traits and talk.denied(2) is None:
            from seventh.protocols.ssh.probe import login

            await login.look(talk, streams[0])
    finally:
        if records is not None:
            records.cancel()


async def _first(talk: Talk, streams: list[Stream]) -> dict[str, str]:
    """The conversation, timed; its failure ends the check unless there are addresses to compare."""
    notes = talk.notes(SshFacts)
    notes.learn(rtt_seconds=_rtt(talk, streams[0]))
    conversation = Conversation(streams[0])
    try:
        await _converse(talk, conversation)
    except Failed as failed:
        if len(streams) == 1:
            raise
        talk.give_up(failed)
        return {"failure": str(failed.reason)}
    finally:
        await conversation.leave()
    return _traits(notes.facts)


def _rtt(talk: Talk, stream: Stream) -> float | None:
    for attempt in talk.notes(NetFacts).facts.attempts:
        if attempt.address == stream.address.ip and attempt.outcome == "open":
            return attempt.rtt_seconds or attempt.seconds
    return None


async def _converse(talk: Talk, conversation: Conversation) -> None:
    notes = talk.notes(SshFacts)
    stream = conversation.stream
    ip = stream.address.ip
    with talk.watch.phase("ssh.banner", ip) as timer:
        # It may be long ago, if another address kept us waiting.
        timer.begin(stream.opened)
        try:
            sent, ident, greeted = await conversation.greet()
        finally:
            lines = conversation.connection.pre_ident_lines
            notes.learn(pre_ident_lines=tuple(printable(line, 200) for line in lines))
        if greeted.ns >= sent.ns:
            timer.begin(sent)
        timer.stop(greeted)
        _learn_ident(talk, ident, lines, timer.seconds_until(greeted))
        if not ident.speaks_2:
            raise Failed(
                Reason.NEGOTIATION_FAILED,
                f"the server speaks SSH {ident.protocol_version}, not SSH 2",
            )
    offer = our_offer()
    with talk.watch.phase("ssh.kexinit", ip) as timer:
        timer.begin(greeted)
        theirs, at = await conversation.offers(offer)
        timer.stop(at)
        strict = STRICT["server"] in theirs.offer.kex_algorithms
        seconds = timer.seconds_until(at)
        notes.learn(kexinit=theirs.offer, strict_kex=strict, kexinit_seconds=seconds)
        notes.learn(negotiated=conversation.agree(offer, theirs.offer))
    with talk.watch.phase("ssh.kex", ip) as timer:
        try:
            newkeys = await conversation.exchange_keys(timer)
        finally:
            _learn_key(talk, conversation)
        notes.learn(kex_seconds=timer.seconds_until(newkeys))
        await _learn_extensions(talk, conversation)


def _learn_key(talk: Talk, conversation: Conversation) -> None:
    notes = talk.notes(SshFacts)
    key, choice = conversation.key, conversation.choice
    if key is None or choice is None:
        return
    known = notes.facts.host_keys
    seen = key.facts(choice.host_key, conversation.key_valid)
    if seen not in known:
        notes.learn(host_keys=(*known, seen))
    from seventh.protocols.ssh.client.authenticate_host import learn_trust

    learn_trust(talk, conversation)


async def _learn_extensions(talk: Talk, conversation: Conversation) -> None:
    notes = talk.notes(SshFacts)
    if conversation.connection.deaf:
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
    """What must be the same at every address of a name."""
    return _named(facts.ident or "", facts.kexinit, facts.host_keys[:1])


def _named(ident: str, offer: Offer | None, keys: tuple[HostKey, ...]) -> dict[str, str]:
    traits = {"ident": ident}
    if offer is not None:
        traits["key exchange"] = ",".join(offer.kex_algorithms)
        traits["host key algorithms"] = ",".join(offer.server_host_key_algorithms)
        traits["ciphers"] = ",".join(offer.ciphers)
        traits["MACs"] = ",".join(offer.macs)
    if keys:
        traits["host key"] = f"{keys[0].type} {keys[0].sha256}"
    return traits


async def _compare(talk: Talk, streams: list[Stream], first: dict[str, str]) -> None:
    by_address: dict[str, Names] = {}

    async def look(stream: Stream) -> dict[str, str]:
        traits = first if stream is streams[0] else await _look(stream)
        if "host key" in traits:
            by_address[stream.address.ip] = (traits["host key"],)
        return traits

    await talk.compare(streams, look)
    talk.notes(SshFacts).learn(host_keys_by_address=by_address)


async def _look(stream: Stream) -> dict[str, str]:
    """The same conversation as the first, untimed, with another address."""
    conversation = Conversation(stream)
    offer = our_offer()
    try:
        _, ident, _ = await conversation.greet()
        theirs, _ = await conversation.offers(offer)
        choice = conversation.agree(offer, theirs.offer)
        await conversation.exchange_keys()
    finally:
        await conversation.leave()
    assert conversation.key is not None  # noqa: S101 - exchange_keys() sets it
    key = conversation.key.facts(choice.host_key, conversation.key_valid)
    return _named(printable(ident.raw, 255), theirs.offer, (key,))


# -- more connections to the first address ---------------------------------------------------------


async def _more(talk: Talk, first: Stream) -> None:
    """Every other host key type, and the smallest group, within the connection budget.

    One connection can answer both questions, so group exchange rides with the first further type.
    """
    notes = talk.notes(SshFacts)
    facts = notes.facts
    if facts.kexinit is None:
        return
    types = wanted_types(facts.kexinit, {key.type for key in facts.host_keys})
    groups = tuple(name for name in GROUP_EXCHANGES if name in facts.kexinit.kex_algorithms)
    if groups and talk.denied(1):
        notes.unknown(Topic.SMALLEST_GROUP, "tier 1 was not asked for")
        groups = ()
    jobs: list[tuple[str | None, Names]] = [(kind, ()) for kind in types]
    if groups:
        jobs[:1] = [(types[0] if types else None, groups)]
    for kind, methods in jobs:
        what = Topic(f"{kind} host key") if kind else Topic.SMALLEST_GROUP
        if talk.connections_left(first.address) <= _kept_back(talk):
            notes.unknown(what, "the connection budget of this target is spent")
            continue
        try:
            await _again(talk, first, kind, methods)
        except ProtocolViolation as failed:
            failed.phase = failed.phase or "ssh.kex"
            talk.give_up(failed)
            notes.unknown(what, failed.detail)
        except Failed as failed:
            notes.unknown(what, failed.detail)
            if methods:
                notes.unknown(Topic.SMALLEST_GROUP, failed.detail)


def _kept_back(talk: Talk) -> int:
    """Connections that are not for this: one to log in, one to ask what root may log in with."""
    if talk.denied(2) is not None or talk.options.user is None:
        return 1
    return 1 if talk.options.user == "root" else 2


_WANTED = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
           "ecdsa-sha2-nistp521", "ssh-ed448", "ssh-dss")  # fmt: skip


def wanted_types(offer: Offer, seen: set[str]) -> Names:
    """The offered key types not seen yet, those first whose size must be judged."""
    offered = {key_type(name) for name in offer.server_host_key_algorithms}
    return tuple(kind for kind in _WANTED if kind in offered - seen)


async def _again(talk: Talk, first: Stream, kind: str | None, methods: Names) -> None:
    """One more key exchange, with this host key type and these methods."""
    ours = our_offer()
    names = algorithms_of(kind) if kind else ours.server_host_key_algorithms
    offer = offer_for(names, methods or None)
    conversation = Conversation(await talk.connect_again(first.address))
    try:
        await conversation.greet()
        theirs, _ = await conversation.offers(offer)
        conversation.agree(offer, theirs.offer)
        await conversation.exchange_keys(sizes=SMALLEST)
    finally:
        exchange = conversation.exchange
        if exchange is not None and exchange.group is not None:
            talk.notes(SshFacts).learn(gex_bits=exchange.group.modulus.bit_length())
        _learn_key(talk, conversation)
        await conversation.leave()


# -- SSHFP -----------------------------------------------------------------------------------------


def _has_records(talk: Talk) -> bool:
    """An address has no SSHFP, nor has localhost (RFC 6761)."""
    host = talk.target.host.rstrip(".")
    return not (talk.target.is_literal or host == "localhost" or host.endswith(".localhost"))


def _ask_sshfp(talk: Talk) -> asyncio.Task[Lookup] | None:
    """Ask beside the conversation."""
    if not _has_records(talk):
        return None
    return asyncio.create_task(talk.records(talk.target.host.rstrip("."), "SSHFP"))


def _learn_sshfp(talk: Talk, lookup: Lookup) -> None:
    notes = talk.notes(SshFacts)
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
