"""Bare hellos: offering a server what it should refuse, and reading its answer.

Each question is one connection and no cryptography. At most MAX_QUESTIONS are asked; MORE_QUESTIONS
are only for a server that accepts weak suites or has no TLS 1.3, to list its suites.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from seventh.model.alert import Alert
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.wire import tlsflight, tlshello
from seventh.wire import tlsnames as n

MAX_QUESTIONS = 9
MORE_QUESTIONS = 64
MORE_AFTER_STARTTLS = 12
"""The same after STARTTLS, where each question costs a dialogue."""
MORE_SECONDS = 5.0
"""How long a server is asked for more suites."""
FATAL = 2
ANSWER_SECONDS = 2.0
"""How long a server may think about one bare hello. Some drop what they dislike in silence."""

LANES = 4
"""How many bare hellos are under way at once."""
_HYBRID_NAMES = frozenset(n.group_name(code) for code in n.HYBRIDS)

OpenStream = Callable[[], Awaitable[Stream]]
Outcome = Literal["hello", "refused", "unclear"]
_TOPICS = {n.SSL3: Topic.SSL3, n.TLS10: Topic.TLS10, n.TLS11: Topic.TLS11}

# Everything that a server of SSLv3 to TLS 1.1 could agree on; the modern part is for TLS 1.2.
_LEGACY_SUITES = tuple(c for c in (*n.OBSOLETE_SUITES, *n.BROKEN_SUITES) if "SHA256" not in
                       n.suite_name(c) and "SHA384" not in n.suite_name(c) and "CCM" not in
                       n.suite_name(c))  # fmt: skip
_TLS12_SUITES = (*n.GOOD_SUITES, *n.OBSOLETE_SUITES)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A reply. ``refused``: an alert, or the connection closed at once."""

    outcome: Outcome
    hello: tlshello.ServerHello | None = None
    key: tlshello.KeyExchange | None = None
    alert: Alert | None = None
    why: str = ""


class Answers(msgspec.Struct, kw_only=True):
    """The answers; None is "not learnt"."""

    accepted: set[int] = msgspec.field(default_factory=set)
    refused: set[int] = msgspec.field(default_factory=set)
    broken: list[int] | None = None
    obsolete: list[int] | None = None
    unasked: int | None = None
    """How many suites of both lists remain unknown; None for all of one."""
    good: list[int] | None = None
    """All others that TLS 1.2 has, where that was asked for."""
    dh_bits: int | None = None
    hybrid: str | None = None
    extended_master_secret: bool | None = None
    secure_renegotiation: bool | None = None
    compression: bool | None = None
    unknown: dict[Topic, str] = msgspec.field(default_factory=dict)


class BareHellos:
    """The questions to one server, each on a connection of its own."""

    def __init__(
        self, open_stream: OpenStream, name: str | None, *, modern: bool, in_clear: bool = False
    ) -> None:
        self._open = open_stream
        self._name = name
        self._in_clear = in_clear
        """Whether a server may refuse in clear: see :func:`exchange`."""
        self._modern = modern
        """Whether the server is known to speak TLS 1.2 or newer."""
        self._best = n.TLS12
        """The newest version to ask about suites with."""
        self.left = MAX_QUESTIONS
        self._until_ns = 0
        """When to stop asking for more suites."""
        self.learnt = Answers()

    async def _send(self, topic: Topic, hello: bytes, *, key: bool = False) -> Answer:
        if self.left <= 0:
            return Answer(outcome="unclear", why="limit of questions reached")
        self.left -= 1
        try:
            with await self._open() as stream:
                answer = await exchange(stream, hello, key=key, in_clear=self._in_clear)
        except Failed as failed:
            answer = Answer(outcome="unclear", why=failed.detail)
        if answer.outcome == "unclear":
            self.learnt.unknown.setdefault(topic, answer.why)
        return answer

    def _offer(self, version: int, suites: tuple[int, ...], *, curves: bool = True) -> bytes:
        return tlshello.offer(version, suites, os.urandom(32), name=self._name, curves=curves)

    async def versions(self) -> None:
        """Find out which of TLS 1.1, 1.0 and SSLv3 the server accepts.

        It must answer with its best version up to the one asked for (RFC 5246 appendix E.1), so a
        modern server's version alert to 1.1 is an answer for all three. A server that knows only
        old versions may not even know that rule, and is asked for each.
        """
        asked = [n.TLS11, n.TLS10, n.SSL3]
        while asked:
            version = asked.pop(0)
            answer = await self._send(_TOPICS[version], self._offer(version, _LEGACY_SUITES))
            if answer.hello is not None:
                selected = answer.hello.negotiated
                self.learnt.accepted.add(selected)
                self.learnt.refused |= {v for v in (version, *asked) if v > selected}
                asked = [v for v in asked if v < selected]
            elif answer.outcome == "refused":
                self.learnt.refused.add(version)
                if answer.alert is Alert.PROTOCOL_VERSION and self._modern:
                    self.learnt.refused |= set(asked)
                    break
        if not self._modern and self.learnt.accepted:
            self._best = max(self.learnt.accepted)

    async def broken_suites(self) -> None:
        """Find out whether a suite with a broken cipher, or without authentication, is accepted."""
        self.learnt.broken = await self._first_suite(Topic.BROKEN_SUITES, n.BROKEN_SUITES)

    async def obsolete_suites(self) -> None:
        """Find out whether a suite with CBC or without forward secrecy is accepted."""
        self.learnt.obsolete = await self._first_suite(Topic.OBSOLETE_SUITES, n.OBSOLETE_SUITES)

    async def _first_suite(self, topic: Topic, suites: tuple[int, ...]) -> list[int] | None:
        answer = await self._send(topic, self._offer(self._best, suites))
        if answer.hello is not None:
            return [answer.hello.suite]
        return [] if answer.outcome == "refused" else None

    async def all_suites(self, *, good: bool) -> None:
        """Find all accepted broken and obsolete suites, with ``good`` all others of TLS 1.2, too.

        Each costs a question of its own: a limit and a time are set, and what they left out is
        counted. A server that accepts no weak suite is asked nothing more.
        """
        learnt = self.learnt
        self.left = MORE_AFTER_STARTTLS if self._in_clear else MORE_QUESTIONS
        self._until_ns = now_ns() + int(MORE_SECONDS * 1e9)
        unasked = [
            await self._rest_of(found, all_of)
            for found, all_of in (
                (learnt.broken, n.BROKEN_SUITES), (learnt.obsolete, n.OBSOLETE_SUITES),
            )
        ]  # fmt: skip
        learnt.unasked = None if None in unasked else sum(filter(None, unasked))
        if good:
            learnt.good = await self._first_suite(Topic.ALL_SUITES, n.GOOD_SUITES)
            if await self._rest_of(learnt.good, n.GOOD_SUITES) != 0:
                learnt.good = None
                learnt.unknown.setdefault(Topic.ALL_SUITES, "limit of questions or time reached")

    async def _rest_of(self, found: list[int] | None, all_of: tuple[int, ...]) -> int | None:
        """Complete a list in several lanes; return how many suites remain unknown, None for all."""
        if not found:
            return None if found is None else 0
        rest = tuple(code for code in all_of if code not in found)
        lanes = (self._exhaust(found, rest[lane::LANES]) for lane in range(LANES))
        unasked = sum(await asyncio.gather(*lanes))
        found.sort()
        return unasked

    async def _exhaust(self, found: list[int], rest: tuple[int, ...]) -> int:
        """Ask until the server refuses the rest at once; return how many remain unknown."""
        while rest and self.left and now_ns() < self._until_ns:
            answer = await self._send(Topic.MORE_SUITES, self._offer(self._best, rest))
            if answer.hello is None or answer.hello.suite not in rest:
                return 0 if answer.outcome == "refused" else len(rest)
            found.append(answer.hello.suite)
            rest = tuple(code for code in rest if code != answer.hello.suite)
        return len(rest)

    async def features(self) -> None:
        """Learn the TLS 1.2 extensions and compression that the server selects."""
        hello = tlshello.offer(
            n.TLS12, _TLS12_SUITES, os.urandom(32), name=self._name,
            compressions=bytes([n.DEFLATE, 0]),
        )  # fmt: skip
        answer = await self._send(Topic.TLS12, hello)
        if answer.outcome == "refused":
            self.learnt.refused.add(n.TLS12)
        if answer.hello is None:
            return
        server_hello, learnt = answer.hello, self.learnt
        learnt.accepted.add(server_hello.negotiated)
        learnt.extended_master_secret = server_hello.extension(n.EXTENDED_MASTER_SECRET) is not None
        learnt.secure_renegotiation = server_hello.extension(n.RENEGOTIATION_INFO) is not None
        learnt.compression = server_hello.compression != 0
        if server_hello.negotiated < n.TLS12:
            learnt.refused.add(n.TLS12)

    async def finite_field(self) -> None:
        """Find the size of the server's shortest Diffie-Hellman prime; 0 where it has none.

        Servers choose it by the suite, too (OpenSSL's ``dh auto``), so a second suite is asked for.
        """
        suites, learnt = n.DHE_SUITES, self.learnt
        for _ in range(2):
            hello = self._offer(self._best, suites, curves=False)
            answer = await self._send(Topic.FINITE_FIELD, hello, key=True)
            if answer.hello is None:
                if answer.outcome == "refused" and learnt.dh_bits is None:
                    learnt.dh_bits = 0
                return
            bits = answer.key.prime_bits if answer.key is not None else None
            if bits is None:
                why = "the server accepts a DHE suite, but sends no readable prime"
                learnt.unknown.setdefault(Topic.FINITE_FIELD, why)
                return
            learnt.dh_bits = min(bits, learnt.dh_bits or bits)
            kind = _bulk(answer.hello.suite)
            suites = tuple(code for code in suites if _bulk(code) != kind)

    async def hybrid_group(self) -> None:
        """Find out which post-quantum hybrid group the server selects."""
        groups = (n.X25519MLKEM768, n.SECP256R1MLKEM768, n.SECP384R1MLKEM1024)
        hello = tlshello.ask_for_group(groups, os.urandom(32), name=self._name)
        answer = await self._send(Topic.HYBRID_GROUP, hello)
        if answer.hello is not None and answer.hello.group in n.HYBRIDS:
            self.learnt.hybrid = n.group_name(answer.hello.group or 0)
        elif answer.outcome != "unclear":
            self.learnt.hybrid = ""


def _bulk(suite: int) -> str:
    """Return the cipher of a suite, such as AES_128_GCM_SHA256, by which servers choose a prime."""
    return n.suite_name(suite).rpartition("_WITH_")[2]


async def exchange(
    stream: Stream, hello: bytes, *, key: bool = False, in_clear: bool = False
) -> Answer:
    """Send one bare hello and read up to the answer; with ``key``, up to the server's key.

    After STARTTLS some servers refuse a hello with an error of their own protocol, in clear
    (MariaDB, ProFTPD): with ``in_clear`` that is a refusal. Never raises for what the peer
    answers; Failed where this side or the budget gave out.
    """
    reader = tlsflight.FlightReader()
    until = stream.budget.within(ANSWER_SECONDS)
    server_hello: tlshello.ServerHello | None = None
    try:
        await stream.send(hello)
        while True:
            data, _ = await stream.receive(until)
            if not data:
                return _closed(server_hello)
            for event in reader.receive(data):
                server_hello = event if isinstance(event, tlshello.ServerHello) else server_hello
                answer = _answer(event, server_hello, key=key)
                if answer is not None:
                    return answer
    except ProtocolViolation as violation:
        if in_clear and isinstance(violation, tlsflight.NotTlsError):
            return _closed(server_hello)
        return Answer(outcome="unclear", why=violation.detail)
    except Failed as failed:
        if failed.reason in {Reason.PEER_RESET, Reason.PEER_CLOSED}:
            return _closed(server_hello)
        if failed.reason is Reason.PEER_SILENT:
            return Answer(outcome="unclear", why="no answer to this ClientHello")
        raise


def _answer(
    event: tlshello.Event, server_hello: tlshello.ServerHello | None, *, key: bool
) -> Answer | None:
    """Return the answer that an event completes."""
    if isinstance(event, tlshello.Alert):
        # A warning, such as unrecognized_name, ends nothing.
        return (
            Answer(outcome="refused", alert=Alert.of(event.code)) if event.level == FATAL else None
        )
    if isinstance(event, tlshello.KeyExchange):
        return Answer(outcome="hello", hello=server_hello, key=event)
    if isinstance(event, tlshello.Certificates) or (key and event is server_hello):
        return None
    return Answer(outcome="hello", hello=server_hello)


def _closed(server_hello: tlshello.ServerHello | None) -> Answer:
    if server_hello is not None:
        return Answer(outcome="hello", hello=server_hello)
    return Answer(outcome="refused")


async def check_bare_hellos(ctx: ProbeContext, open_stream: OpenStream, server_name: str) -> None:
    """Learn what one handshake does not show; more than nine connections only for weak suites.

    What a full handshake has shown is known by then, where there was one. Never raises Failed:
    what is not answered is noted as such.
    """
    notes = ctx.notes(TlsFacts)
    version, group = notes.facts.version, notes.facts.group
    modern = version in {"TLSv1.2", "TLSv1.3"}
    hellos = BareHellos(
        open_stream,
        tlshello.sni(server_name),
        modern=modern,
        in_clear=notes.facts.starttls is not None,
    )
    asks = [hellos.broken_suites, hellos.obsolete_suites, hellos.features, hellos.finite_field]
    if modern:
        asks.insert(0, hellos.versions)
    else:
        await hellos.versions()  # the other questions depend on it
    known = group if group in _HYBRID_NAMES else None
    if known is None:
        asks.append(hellos.hybrid_group)
    lanes = asyncio.Semaphore(LANES)

    async def in_lane(ask: Callable[[], Awaitable[None]]) -> None:
        async with lanes:
            await ask()

    await asyncio.gather(*map(in_lane, asks))
    ctx.grant(MORE_QUESTIONS)
    await hellos.all_suites(good=version == "TLSv1.2")
    hellos.learnt.hybrid = known if known is not None else hellos.learnt.hybrid
    _note(notes, hellos.learnt, version)


def _note(notes: Notes[TlsFacts], learnt: Answers, version: str | None) -> None:
    main = next((code for code, name in n.VERSIONS.items() if name == version), None)
    if main is not None:
        learnt.accepted.add(main)
        # The main handshake offered everything from TLS 1.0 up to 1.3.
        learnt.refused |= {code for code in n.VERSIONS if code > main}
    if not learnt.accepted:
        # Nothing got an answer, so a refusal says nothing about what was asked.
        why = "no answer to any ClientHello"
        learnt = Answers(unknown={**learnt.unknown, Topic.HELLOS: why})
    learnt.refused -= learnt.accepted
    notes.learn(
        versions=tuple(n.version_name(v) for v in sorted(learnt.accepted)),
        versions_refused=tuple(n.version_name(v) for v in sorted(learnt.refused)),
        broken_suites=_suite_names(learnt.broken),
        obsolete_suites=_suite_names(learnt.obsolete),
        all_suites=None if learnt.unasked is None else learnt.unasked == 0,
        unasked_suites=learnt.unasked,
        suites=_complete(learnt),
        hybrid_group=learnt.hybrid,
        extended_master_secret=learnt.extended_master_secret,
        secure_renegotiation=learnt.secure_renegotiation,
        compression=learnt.compression,
    )
    for topic, why in learnt.unknown.items():
        notes.unknown(topic, why)
    if learnt.dh_bits is not None:
        # What a full handshake showed counts too.
        known = [bits for bits in (notes.facts.dh_bits, learnt.dh_bits) if bits]
        notes.learn(dh_bits=min(known, default=0))


def _complete(learnt: Answers) -> tuple[str, ...] | None:
    """Return every suite that TLS 1.2 accepts; None where that is not known of all."""
    if learnt.good is None or learnt.unasked != 0:
        return None
    return _suite_names([*learnt.good, *(learnt.broken or ()), *(learnt.obsolete or ())])


def _suite_names(codes: list[int] | None) -> tuple[str, ...] | None:
    return None if codes is None else tuple(n.suite_name(code) for code in codes)
