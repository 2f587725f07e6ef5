"""The reference agent: one request in, its replies out; the clock is passed in."""

from __future__ import annotations

import itertools

from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.lab.mib import Mib
from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, PRIV_PASSWORD, Account, Setup
from seventh.protocols.snmp.wire.keys import SALT_OCTETS, Auth, Keys, keys_for, passwords
from seventh.protocols.snmp.wire.message import (
    ABSENT,
    Binding,
    Community,
    ErrorStatus,
    Flag,
    Kind,
    Parameters,
    Pdu,
    PduType,
    Scoped,
    Secured,
    Version,
    decode,
    encode,
)
from seventh.protocols.snmp.wire.usm import (
    REPORTS,
    WINDOW_SECONDS,
    Cause,
    is_authentic,
    opened,
    seal,
)

ENGINE_ID = bytes.fromhex("80001f8804") + b"seventh-lab"
BOOTS = 7
MAX_REPETITIONS = 100
_LEVELS = {"noAuthNoPriv": Flag.NONE, "authNoPriv": Flag.AUTH, "authPriv": Flag.AUTH | Flag.PRIV}
_NO_KEYS = Keys(auth=Auth.SHA256, auth_key=b"")
_FIRST_INTERFACE, _LAST_INTERFACE = (
    (1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 1),
    (1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 3),
)


class Agent:
    """An agent of a :class:`Setup`; it keeps counters, as its reports show them."""

    def __init__(self, setup: Setup, started_ns: int) -> None:
        self._setup = setup
        self._started_ns = started_ns
        self._mib = Mib(setup)
        self._accounts = {account.name.encode(): account for account in setup.accounts}
        self._keys: dict[tuple[str, bytes], Keys] = {}
        self._salts = itertools.count(1)
        self._engines = itertools.count(1)
        self._counts = dict.fromkeys(Cause, 0)
        self._requests = 0

    def answer(self, data: bytes, now_ns: int) -> bytes | None:
        """Return the reply to a datagram; None where the agent stays silent."""
        self._requests += 1
        setup = self._setup
        if setup.silent or (setup.loses and self._requests % setup.loses == 0):
            return None
        try:
            message = decode(data)
        except ProtocolViolation:
            return None
        seconds = (now_ns - self._started_ns) / 1e9
        if isinstance(message, Community):
            return self._answer_community(message, seconds)
        return self._answer_user(data, message, seconds) if setup.v3 else None

    def _answer_community(self, message: Community, seconds: float) -> bytes | None:
        known = self._setup.community.encode()
        if not known or message.community != known or not isinstance(message.pdu, Pdu):
            return None
        pdu = self._respond(message.pdu, seconds, message.version)
        return None if pdu is None else encode(replace(message, pdu=pdu))

    def _answer_user(self, data: bytes, message: Secured, seconds: float) -> bytes | None:
        """Process a message as RFC 3414 §3.2 orders its steps."""
        given = message.parameters
        engine_id = ENGINE_ID
        if self._setup.churns:
            engine_id += next(self._engines).to_bytes(4)
        clock = Parameters(
            engine_id=engine_id, boots=BOOTS,
            time=int(seconds) + 1 + self._setup.clock_shift_seconds, user=given.user,
        )  # fmt: skip
        if given.engine_id != engine_id:
            return self._report(message, clock, Cause.UNKNOWN_ENGINE)
        account = self._accounts.get(given.user)
        if account is None:
            return self._report(message, clock, Cause.UNKNOWN_USER)
        level = message.flags & (Flag.AUTH | Flag.PRIV)
        if level & ~_flags(account):
            return self._report(message, clock, Cause.UNSUPPORTED_LEVEL)
        keys = self._keys_of(account, engine_id)
        if level & Flag.AUTH:
            if not is_authentic(data, message, keys):
                return self._report(message, clock, Cause.WRONG_AUTH_KEY)
            true_time = int(seconds) + 1
            if given.boots != BOOTS or abs(given.time - true_time) > WINDOW_SECONDS:
                return self._report(message, clock, Cause.TIME_WINDOW, keys)
        try:
            scoped = opened(message, keys)
        except ProtocolViolation:
            return self._report(message, clock, Cause.WRONG_PRIV_KEY)
        if scoped.context.decode(errors="replace") not in self._setup.contexts:
            return self._report(message, clock, Cause.CONTEXT, keys)
        least = _flags(account) if self._setup.least is None else _LEVELS[self._setup.least]
        pdu = self._respond(scoped.pdu, seconds, Version.V3, refuses=bool(least & ~level))
        if pdu is None:
            return None
        answer = Secured(
            message_id=message.message_id, flags=level, parameters=clock,
            scoped=replace(scoped, pdu=pdu),
        )  # fmt: skip
        return seal(answer, keys, next(self._salts).to_bytes(SALT_OCTETS))

    def _keys_of(self, account: Account, engine_id: bytes) -> Keys:
        if account.auth is None:
            return _NO_KEYS
        kept = self._keys.get((account.name, engine_id))
        if kept is None:
            secret = passwords(
                account.auth, AUTH_PASSWORD.encode(), account.priv, PRIV_PASSWORD.encode()
            )
            kept = keys_for(secret, engine_id, account.extension)
            self._keys[account.name, engine_id] = kept
        return kept

    def _report(
        self, message: Secured, clock: Parameters, cause: Cause, keys: Keys | None = None
    ) -> bytes | None:
        if not message.flags & Flag.REPORTABLE:
            return None
        self._counts[cause] += 1
        counter = next(oid for oid, known in REPORTS.items() if known is cause)
        bindings = (Binding((*counter, 0), Kind.COUNTER32, self._counts[cause]),)
        number = message.scoped.pdu.request_id if message.scoped is not None else 0
        scoped = Scoped(
            pdu=Pdu(type=PduType.REPORT, request_id=number, bindings=bindings),
            engine_id=clock.engine_id,
        )
        report = Secured(
            message_id=message.message_id, flags=Flag.AUTH if keys else Flag.NONE,
            parameters=clock, scoped=scoped,
        )  # fmt: skip
        return seal(report, keys, b"")

    def _respond(
        self, pdu: Pdu, seconds: float, version: Version, *, refuses: bool = False
    ) -> Pdu | None:
        """Return the response to a request; None where it is lost."""
        setup = self._setup
        number = pdu.request_id ^ 1 if setup.wrong_ids else pdu.request_id
        answer = Pdu(type=PduType.RESPONSE, request_id=number, bindings=pdu.bindings)
        if refuses:
            return replace(answer, error=ErrorStatus.AUTHORIZATION_ERROR)
        if pdu.type is PduType.SET:
            return self._set(pdu, answer)
        if pdu.type is PduType.GETBULK and version is not Version.V1:
            return self._bulk(pdu, answer, seconds)
        if pdu.type not in {PduType.GET, PduType.GETNEXT}:
            return None
        find = self._mib.get if pdu.type is PduType.GET else self._after
        found = tuple(
            Binding(binding.oid, Kind.END_OF_VIEW)
            if setup.empty_view
            else find(binding.oid, seconds)
            for binding in pdu.bindings
        )
        if version is Version.V1:
            for index, binding in enumerate(found, 1):
                if binding.kind in ABSENT or binding.kind is Kind.COUNTER64:
                    return replace(answer, error=ErrorStatus.NO_SUCH_NAME, index=index)
        return replace(answer, bindings=found)

    def _bulk(self, pdu: Pdu, answer: Pdu, seconds: float) -> Pdu | None:
        """Return the response to a GETBULK (RFC 3416 §4.2.3)."""
        setup = self._setup
        rows = min(max(0, pdu.index), MAX_REPETITIONS if setup.has_bulk else 1)
        if setup.most_rows and rows > setup.most_rows:
            return replace(answer, error=ErrorStatus.TOO_BIG, bindings=())
        if setup.truncates and rows > setup.truncates:
            return None
        count = min(max(0, pdu.error), len(pdu.bindings))
        found = [self._after(binding.oid, seconds) for binding in pdu.bindings[:count]]
        last = [binding.oid for binding in pdu.bindings[count:]]
        for _ in range(rows):
            row = [self._after(oid, seconds) for oid in last]
            found += row
            last = [binding.oid for binding in row]
            if all(binding.kind is Kind.END_OF_VIEW for binding in row):
                break
        return replace(answer, bindings=tuple(found))

    def _after(self, oid: tuple[int, ...], seconds: float) -> Binding:
        if self._setup.empty_view:
            return Binding(oid, Kind.END_OF_VIEW)
        if self._setup.loops and oid == _LAST_INTERFACE:
            return self._mib.get(_FIRST_INTERFACE, seconds)
        return self._mib.after(oid, seconds)

    def _set(self, pdu: Pdu, answer: Pdu) -> Pdu:
        for index, binding in enumerate(pdu.bindings, 1):
            known = self._mib.get(binding.oid, 0)
            if not self._setup.writable or known.kind in ABSENT:
                return replace(answer, error=ErrorStatus.NOT_WRITABLE, index=index)
            if known.kind is not binding.kind:
                return replace(answer, error=ErrorStatus.WRONG_TYPE, index=index)
        for binding in pdu.bindings:
            self._mib.set(binding)
        return answer


def _flags(account: Account) -> Flag:
    """Return the highest level of a user."""
    if account.auth is None:
        return Flag.NONE
    return Flag.AUTH if account.priv is None else Flag.AUTH | Flag.PRIV
