"""A manager's session with one agent: discovery, requests, and the true cause of a refusal."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import msgspec
from msgspec.structs import replace

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp.client.exchange import Exchange
from seventh.protocols.snmp.client.identity import CommunityName, Identity, User
from seventh.protocols.snmp.facts.config import Level
from seventh.protocols.snmp.wire.keys import SALT_OCTETS, Extension, Keys, ambiguous, keys_for
from seventh.protocols.snmp.wire.message import (
    Binding,
    Community,
    Flag,
    Message,
    Parameters,
    Pdu,
    PduType,
    Scoped,
    Secured,
    Version,
    encode,
)
from seventh.protocols.snmp.wire.usm import Cause, EngineClock, cause_of, is_authentic, opened, seal
from seventh.protocols.snmp.wire.walk import Walk

MAX_RESYNCS = 4
"""How often one request follows an engine's new id or time."""
_SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_WORDS = {
    Cause.UNKNOWN_ENGINE: "the engine changes its ID with every request",
    Cause.UNKNOWN_USER: "the agent does not know the user",
    Cause.WRONG_AUTH_KEY: "the authentication password or protocol is wrong",
    Cause.WRONG_PRIV_KEY: "the privacy password or protocol is wrong; the authentication is right",
    Cause.UNSUPPORTED_LEVEL: "the agent does not support this security level for the user",
    Cause.TIME_WINDOW: "the time is outside the engine's window, also after resynchronising",
    Cause.CONTEXT: "the agent does not have the context",
    Cause.VIEW: "the agent accepts the credential and shows none of these objects",
    Cause.SECURITY_MODEL: "the agent does not support the user-based security model",
    Cause.OTHER: "the agent refuses with a report that no standard has",
    Cause.SILENCE: "the agent answers discovery, and not this credential",
}  # fmt: skip


class RefusedError(Failed):
    """An agent does not carry out requests, for a typed cause."""

    def __init__(self, cause: Cause, where: str) -> None:
        silent = cause is Cause.SILENCE
        reason = Reason.NO_REPLY if silent else Reason.AUTH_REJECTED
        super().__init__(reason, f"{where}: {_WORDS[cause]}")
        self.cause = cause


class Engine(msgspec.Struct, frozen=True):
    """An authoritative engine, and its clock as we know it."""

    id: bytes
    clock: EngineClock


class Session:
    """Requests to one agent with one credential; all of it raises Failed."""

    __slots__ = ("_identity", "_keys", "engine", "exchange", "extension")

    def __init__(
        self, ctx: ProbeContext | None, address: Address, identity: Identity | None,
        exchange: Exchange | None = None,
    ) -> None:  # fmt: skip
        """Ask by the context's socket; or by ``exchange``, which may be that of many sessions."""
        if exchange is None:
            assert ctx is not None  # noqa: S101 - one of the two is given
            exchange = Exchange(ctx, address)
        self.exchange = exchange
        self._identity = identity
        self._keys: Keys | None = None
        self.engine: Engine | None = None
        self.extension = Extension.BLUMENTHAL
        """How the privacy key is extended; changed if the agent does it the other way."""

    @property
    def where(self) -> str:
        """The agent, for messages."""
        address = self.exchange.address
        return f"{address.ip} port {address.port}"

    @property
    def has_bulk(self) -> bool:
        """Whether the version has GETBULK."""
        mine = self._identity
        return not (isinstance(mine, CommunityName) and mine.version is Version.V1)

    async def discover(self) -> Engine:
        """Ask for the engine's id, boots and time, without a user (RFC 3414 §4)."""

        def make(number: int) -> bytes:
            scoped = Scoped(pdu=Pdu(type=PduType.GET, request_id=number))
            return encode(Secured(message_id=number, flags=Flag.REPORTABLE, scoped=scoped))

        def judge(_: bytes, message: Message, __: int) -> Engine | None:
            if not isinstance(message, Secured) or not message.parameters.engine_id:
                return None
            return self._engine_of(message.parameters)

        self.engine = await self.exchange.ask(make, _message_id, judge)
        self._localise()
        return self.engine

    async def ask(self, pdu: Pdu, attempts: int | None = None) -> Pdu:
        """Send a request, and return its response. Raises RefusedError with the true cause."""
        if isinstance(self._identity, User):
            return await self._ask_engine(self._identity, pdu, attempts)
        assert self._identity is not None  # noqa: S101 - a probe asks only with a credential
        return await self._ask_community(self._identity, pdu, attempts)

    async def ask_at(self, level: Level, pdu: Pdu, attempts: int | None = None) -> Pdu:
        """Send a request of the user at a level that is not above its own. Raises RefusedError."""
        user = self._identity
        assert isinstance(user, User)  # noqa: S101 - only version 3 has levels
        given = user.passwords
        if level == "noAuthNoPriv":
            given = None
        elif level == "authNoPriv" and given is not None:
            given = replace(given, priv=None)
        return await self._ask_engine(replace(user, passwords=given), pdu, attempts)

    async def get(self, *oids: tuple[int, ...]) -> Pdu:
        """Get objects by their instances."""
        return await self.ask(Pdu(type=PduType.GET, bindings=tuple(map(Binding, oids))))

    async def get_next(self, *oids: tuple[int, ...]) -> Pdu:
        """Get what follows each of ``oids``."""
        return await self.ask(Pdu(type=PduType.GETNEXT, bindings=tuple(map(Binding, oids))))

    async def walk(self, walk: Walk) -> AsyncIterator[tuple[Binding, ...]]:
        """Yield the rows of a walk, a reply's at a time; fewer are asked for after a loss."""
        while not walk.done:
            try:
                answer = await self.ask(walk.request())
            except Failed as failed:
                if failed.reason is not Reason.NO_REPLY or not walk.lost():
                    raise
                continue
            yield walk.receive(answer)

    async def why_silent(self) -> Cause:
        """Find out why an agent that answered discovery does not answer our user.

        Agents drop what they cannot decrypt: the other key extension, then the user without
        encryption tell the privacy key from the rest.
        """
        user = self._identity
        if not isinstance(user, User) or user.passwords is None or user.passwords.priv is None:
            return Cause.SILENCE
        probe = Pdu(type=PduType.GET, bindings=(Binding(_SYS_UPTIME),))
        try:
            await self.ask_at("authNoPriv", probe, 1)
        except RefusedError as refused:
            return refused.cause
        except Failed:
            return Cause.SILENCE
        return Cause.WRONG_PRIV_KEY

    @property
    def differs(self) -> bool:
        """Whether the two key extensions give this user different keys."""
        user = self._identity
        if not isinstance(user, User) or user.passwords is None or user.passwords.priv is None:
            return False
        return ambiguous(user.passwords.auth, user.passwords.priv)

    def try_other_extension(self) -> bool:
        """Extend the privacy key the other way, if it makes a difference."""
        if not self.differs:
            return False
        others = {Extension.BLUMENTHAL: Extension.REEDER, Extension.REEDER: Extension.BLUMENTHAL}
        self.extension = others[self.extension]
        self._localise()
        return True

    async def _ask_community(self, mine: CommunityName, pdu: Pdu, attempts: int | None) -> Pdu:
        def make(number: int) -> bytes:
            asked = replace(pdu, request_id=number)
            return encode(Community(version=mine.version, community=mine.community, pdu=asked))

        def judge(_: bytes, message: Message, __: int) -> Pdu | None:
            if not isinstance(message, Community) or message.version is not mine.version:
                return None
            pdu = message.pdu
            return pdu if isinstance(pdu, Pdu) and pdu.type is PduType.RESPONSE else None

        return await self.exchange.ask(make, _request_id, judge, attempts)

    async def _ask_engine(self, user: User, pdu: Pdu, attempts: int | None) -> Pdu:
        if self.engine is None:
            await self.discover()
        for resync in range(MAX_RESYNCS + 1):
            answer = await self._ask_user(user, pdu, attempts)
            if answer.type is PduType.RESPONSE:
                return answer
            cause = cause_of(answer)
            follows = cause in {Cause.TIME_WINDOW, Cause.UNKNOWN_ENGINE}
            if not follows or resync == MAX_RESYNCS:
                raise RefusedError(cause, self.where)
        raise RefusedError(Cause.OTHER, self.where)

    async def _ask_user(self, user: User, pdu: Pdu, attempts: int | None) -> Pdu:
        """Return a response, or a report; a report may have moved our idea of the engine."""
        engine = self.engine
        assert engine is not None  # noqa: S101 - discovered before

        def make(number: int) -> bytes:
            parameters = Parameters(
                engine_id=engine.id, boots=engine.clock.boots, time=engine.clock.now(now_ns()),
                user=user.name,
            )  # fmt: skip
            scoped = Scoped(
                pdu=replace(pdu, request_id=number), engine_id=engine.id, context=user.context
            )
            flags = user.flags | Flag.REPORTABLE
            message = Secured(message_id=number, flags=flags, parameters=parameters, scoped=scoped)
            return seal(message, self._keys, os.urandom(SALT_OCTETS))

        def judge(data: bytes, message: Message, number: int) -> Pdu | None:
            return self._judge(user, data, message, number)

        forgeable = not user.flags & Flag.AUTH
        return await self.exchange.ask(make, _message_id, judge, attempts, forgeable=forgeable)

    def _judge(self, user: User, data: bytes, message: Message, number: int) -> Pdu | None:
        """Return a response at our level, or a report; None for a forgery."""
        if not isinstance(message, Secured):
            return None
        authentic = (
            bool(message.flags & Flag.AUTH)
            and self._keys is not None
            and is_authentic(data, message, self._keys)
        )
        if message.flags & Flag.AUTH and not authentic:
            return None
        try:
            pdu = opened(message, self._keys).pdu
        except ProtocolViolation:
            return None
        if pdu.type is PduType.REPORT:
            self._follow(message, cause_of(pdu), authentic=authentic)
            return pdu
        at_our_level = message.flags & user.flags == user.flags
        if pdu.type is not PduType.RESPONSE or not at_our_level or pdu.request_id != number:
            return None
        if authentic:
            self._follow(message, None, authentic=True)
        return pdu

    def _follow(self, message: Secured, cause: Cause | None, *, authentic: bool) -> None:
        """Update what we know of the engine: its clock if that is authentic, its id if it says."""
        assert self.engine is not None  # noqa: S101 - discovered before
        parameters = message.parameters
        if cause is Cause.UNKNOWN_ENGINE and parameters.engine_id:
            self.engine = self._engine_of(parameters)
            self._localise()
        elif cause is Cause.TIME_WINDOW and authentic:
            self.engine = self._engine_of(parameters)
        elif authentic and parameters.engine_id == self.engine.id:
            clock = self.engine.clock.updated(parameters.boots, parameters.time, now_ns())
            self.engine = Engine(self.engine.id, clock)

    @staticmethod
    def _engine_of(parameters: Parameters) -> Engine:
        clock = EngineClock(boots=parameters.boots, time=parameters.time, at_ns=now_ns())
        return Engine(parameters.engine_id, clock)

    def _localise(self) -> None:
        user = self._identity
        if self.engine is not None and isinstance(user, User) and user.passwords is not None:
            self._keys = keys_for(user.passwords, self.engine.id, self.extension)


def _request_id(message: Message) -> int:
    if isinstance(message, Community) and isinstance(message.pdu, Pdu):
        return message.pdu.request_id
    return 0


def _message_id(message: Message) -> int:
    return message.message_id if isinstance(message, Secured) else 0
