"""The authoritative engine of informs, and what judges traps (RFC 3414 §3.2): bytes in, a verdict.

Of an inform we are the authoritative engine: senders ask for our id and time, and we report what is
wrong. Of a trap the sender is: its time is believed once its key is right, and then only goes on.
"""

from __future__ import annotations

import itertools
from typing import Literal

import msgspec
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.receive.accounts import Account, Accounts
from seventh.protocols.snmp.receive.notification import Notification, of_pdu, of_v1
from seventh.protocols.snmp.receive.recent import Recent
from seventh.protocols.snmp.receive.verdict import Judged, Level, Verdict
from seventh.protocols.snmp.wire.engine_id import MAX_OCTETS, MIN_OCTETS
from seventh.protocols.snmp.wire.keys import SALT_OCTETS, Keys
from seventh.protocols.snmp.wire.message import (
    USM,
    Binding,
    Community,
    Flag,
    Kind,
    Parameters,
    Pdu,
    PduType,
    Scoped,
    Secured,
    TrapV1,
    Version,
    decode,
    encode,
)
from seventh.protocols.snmp.wire.usm import (
    MAX_BOOTS,
    REPORTS,
    WINDOW_SECONDS,
    Cause,
    EngineClock,
    seal,
)
from seventh.wire.text import printable

MAX_ENGINES = 4096
_MAX_REPLAYS, _MAX_INFORMS = 200_000, 20_000
_SHOWN = 64
_LEVEL = Flag.AUTH | Flag.PRIV
_LEVELS: dict[int, Level] = {
    Flag.NONE: "noAuthNoPriv", Flag.AUTH: "authNoPriv", Flag.AUTH | Flag.PRIV: "authPriv",
}  # fmt: skip
_CAUSES = {
    Verdict.UNKNOWN_USER: Cause.UNKNOWN_USER, Verdict.WRONG_AUTH_KEY: Cause.WRONG_AUTH_KEY,
    Verdict.WRONG_PRIV_KEY: Cause.WRONG_PRIV_KEY, Verdict.TIME_WINDOW: Cause.TIME_WINDOW,
    Verdict.SYNCHRONISING: Cause.TIME_WINDOW, Verdict.WRONG_ENGINE: Cause.UNKNOWN_ENGINE,
}  # fmt: skip
_COUNTERS = {cause: oid for oid, cause in reversed(REPORTS.items())}


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """Our own engine: it is the same after a restart, and its boots have risen."""

    id: bytes
    boots: int
    started_ns: int
    """By the clock that :meth:`Receiver.judge` is given."""

    def time(self, now_ns: int) -> int:
        """Return the seconds since its boots last rose."""
        return (now_ns - self.started_ns) // 10**9


class Receiver:
    """Judges datagrams, one after the other; times are passed in."""

    def __init__(self, engine: Engine, accounts: Accounts) -> None:
        self.engine = engine
        self.clocks: dict[bytes, EngineClock] = {}
        """What is believed of other engines' time, by their id."""
        self.moved: dict[bytes, EngineClock] = {}
        """Those that have to be stored: after a restart, what is old stays old."""
        self._accounts = accounts
        self._counts = dict.fromkeys(Cause, 0)
        # No restart comes back to the salts of an earlier one.
        self._salts = itertools.count(engine.boots << 32)
        self._replays, self._informs = Recent(_MAX_REPLAYS), Recent(_MAX_INFORMS)

    def judge(self, data: bytes, source: str, now_ns: int) -> Judged:
        """Judge a datagram from the address ``source``."""
        try:
            message = decode(data)
        except ProtocolViolation as violation:
            return Judged(verdict=Verdict.MALFORMED, detail=violation.detail)
        if isinstance(message, Community):
            judged = self._judge_community(message, source, now_ns)
        else:
            judged = self._judge_secured(data, message, source, now_ns)
        if message.deviations:
            return replace(judged, deviations=tuple(sorted(message.deviations)))
        return judged

    def _judge_community(self, message: Community, source: str, now_ns: int) -> Judged:
        version: Literal["1", "2c"] = "1" if message.version is Version.V1 else "2c"
        pdu = message.pdu
        found = of_v1(pdu) if isinstance(pdu, TrapV1) else of_pdu(pdu)
        known = self._accounts.has_community(message.community)
        judged = Judged(
            verdict=Verdict.UNAUTHENTICATED if known else Verdict.UNKNOWN_COMMUNITY,
            version=version, notification=found,
        )  # fmt: skip
        if found is None:
            return replace(judged, verdict=Verdict.NOT_NOTIFICATION)
        if not known or not isinstance(pdu, Pdu) or pdu.type is not PduType.INFORM:
            return judged
        again = self._informs.add((source, message.community, pdu.request_id, found), now_ns)
        response = encode(replace(message, pdu=_response(pdu)))
        return replace(judged, response=response, retransmitted=again)

    def _judge_secured(self, data: bytes, message: Secured, source: str, now_ns: int) -> Judged:
        given = message.parameters
        level = message.flags & _LEVEL
        judged = Judged(
            verdict=Verdict.MALFORMED, version="3", level=_LEVELS.get(level),
            user=printable(given.user, _SHOWN), engine_id=given.engine_id,
        )  # fmt: skip
        if message.model != USM:
            return replace(judged, detail=f"security model {message.model}")
        if level == Flag.PRIV:
            return replace(judged, detail="encryption without authentication")
        ours = given.engine_id == self.engine.id
        asks = bool(message.flags & Flag.REPORTABLE)
        if asks and not given.engine_id:  # discovery (RFC 3414 §4)
            return self._refuse(judged, Verdict.SYNCHRONISING, message, now_ns,
                                cause=Cause.UNKNOWN_ENGINE)  # fmt: skip
        if not ours and not MIN_OCTETS <= len(given.engine_id) <= MAX_OCTETS:
            return self._refuse(judged, Verdict.WRONG_ENGINE, message, now_ns)
        user = self._accounts.of(given.user, given.engine_id)
        if user is None:
            known = self._accounts.has_user(given.user)
            verdict = Verdict.WRONG_ENGINE if known else Verdict.UNKNOWN_USER
            return self._refuse(judged, verdict, message, now_ns)
        return self._judge_user(user, judged, data, message, source, now_ns)

    def _judge_user(
        self, user: Account, judged: Judged, data: bytes, message: Secured, source: str, now_ns: int
    ) -> Judged:
        """Go through the steps of RFC 3414 §3.2 from the level on, for a user that is known."""
        level = message.flags & _LEVEL
        if level & ~user.flags:
            return self._refuse(judged, Verdict.WRONG_LEVEL, message, now_ns,
                                cause=Cause.UNSUPPORTED_LEVEL)  # fmt: skip
        keys: Keys | None = None
        if level & Flag.AUTH and user.passwords is not None:
            keys = self._accounts.authenticated(user, user.passwords, data, message)
            if keys is None:
                return self._refuse(judged, Verdict.WRONG_AUTH_KEY, message, now_ns)
            late = self._late(message, now_ns)
            if late is not None:
                return self._refuse(judged, late, message, now_ns, keys=keys)
        try:
            scoped, keys = self._accounts.opened(user, message, keys)
        except ProtocolViolation as violation:
            encrypted = bool(level & Flag.PRIV)
            verdict = Verdict.WRONG_PRIV_KEY if encrypted else Verdict.MALFORMED
            judged = replace(judged, detail="" if encrypted else violation.detail)
            return self._refuse(judged, verdict, message, now_ns)
        found = of_pdu(scoped.pdu)
        judged = replace(judged, notification=found, context=printable(scoped.context, _SHOWN))
        if found is None:
            return replace(judged, verdict=Verdict.NOT_NOTIFICATION)
        if level != user.flags:  # anyone can leave the authentication out
            return replace(judged, verdict=Verdict.WRONG_LEVEL)
        verdict = Verdict.AUTHENTIC if level & Flag.AUTH else Verdict.UNAUTHENTICATED
        judged = replace(judged, verdict=verdict)
        return self._accept(judged, found, message, scoped, keys, source, now_ns)

    def _accept(
        self, judged: Judged, found: Notification, message: Secured, scoped: Scoped,
        keys: Keys | None, source: str, now_ns: int,
    ) -> Judged:  # fmt: skip
        given = message.parameters
        ours = given.engine_id == self.engine.id
        seen = keys is not None and self._replays.add((given.engine_id, given.auth), now_ns)
        if found.kind == "trap":
            return replace(judged, verdict=Verdict.REPLAYED) if seen else judged
        if not ours:  # it has another engine's id for us
            return self._refuse(judged, Verdict.WRONG_ENGINE, message, now_ns)
        key = (source, given.user, scoped.pdu.request_id, found)
        again = self._informs.add(key, now_ns)
        response = Secured(
            message_id=message.message_id, flags=message.flags & _LEVEL,
            parameters=self._parameters(given.user, now_ns),
            scoped=replace(scoped, pdu=_response(scoped.pdu)),
        )  # fmt: skip
        sealed = seal(response, keys, next(self._salts).to_bytes(SALT_OCTETS))
        return replace(judged, response=sealed, retransmitted=again)

    def _late(self, message: Secured, now_ns: int) -> Verdict | None:
        """Return why an authentic message is not in time (RFC 3414 §3.2, step 7), or None."""
        given = message.parameters
        if given.engine_id == self.engine.id:
            apart = abs(given.time - self.engine.time(now_ns))
            if given.boots == self.engine.boots and apart <= WINDOW_SECONDS:
                return None
            # A sender without an idea of our time sends zeros, to be told (RFC 3414 §4).
            asks = not given.boots and not given.time
            return Verdict.SYNCHRONISING if asks else Verdict.TIME_WINDOW
        clock = self.clocks.get(given.engine_id)
        old = clock is not None and not clock.accepts(given.boots, given.time, now_ns)
        if old or given.boots == MAX_BOOTS:
            return Verdict.TIME_WINDOW
        self._follow(given, clock, now_ns)
        return None

    def _follow(self, given: Parameters, clock: EngineClock | None, now_ns: int) -> None:
        """Move our idea of an engine's time forward; what is far from the stored one is stored."""
        if clock is None:
            clock = EngineClock(boots=given.boots, time=given.time, at_ns=now_ns)
            if len(self.clocks) >= MAX_ENGINES:
                del self.clocks[next(iter(self.clocks))]
            self.moved[given.engine_id] = clock
        else:
            before, clock = clock, clock.updated(given.boots, given.time, now_ns)
            if clock.boots != before.boots or clock.time - before.now(now_ns) > 1:
                self.moved[given.engine_id] = clock
        self.clocks[given.engine_id] = clock

    def _refuse(
        self, judged: Judged, verdict: Verdict, message: Secured, now_ns: int,
        keys: Keys | None = None, cause: Cause | None = None,
    ) -> Judged:  # fmt: skip
        """Return a refusal, with the report that its sender asked for, if it did."""
        judged = replace(judged, verdict=verdict)
        cause = cause or _CAUSES.get(verdict)
        if cause is None or not message.flags & Flag.REPORTABLE:
            return judged
        if message.parameters.engine_id != self.engine.id:
            cause = Cause.UNKNOWN_ENGINE
            keys = None
        self._counts[cause] = (self._counts[cause] + 1) % 2**32
        bindings = (Binding((*_COUNTERS[cause], 0), Kind.COUNTER32, self._counts[cause]),)
        number = message.scoped.pdu.request_id if message.scoped is not None else 0
        report = Secured(
            message_id=message.message_id, flags=Flag.AUTH if keys else Flag.NONE,
            parameters=self._parameters(message.parameters.user, now_ns),
            scoped=Scoped(
                pdu=Pdu(type=PduType.REPORT, request_id=number, bindings=bindings),
                engine_id=self.engine.id,
            ),
        )  # fmt: skip
        return replace(judged, report=seal(report, keys, b""))

    def _parameters(self, user: bytes, now_ns: int) -> Parameters:
        engine = self.engine
        return Parameters(
            engine_id=engine.id, boots=engine.boots, time=engine.time(now_ns), user=user
        )


def _response(pdu: Pdu) -> Pdu:
    return replace(pdu, type=PduType.RESPONSE, error=0, index=0)
