"""The reference sender of notifications: octets of every version; the clock is passed in."""

from __future__ import annotations

import itertools

import msgspec

from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, MONITOR, PRIV_PASSWORD, Account
from seventh.protocols.snmp.wire.keys import SALT_OCTETS, Keys, Passwords, keys_for, passwords
from seventh.protocols.snmp.wire.message import (
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
    encode,
)
from seventh.protocols.snmp.wire.usm import seal

ENGINE_ID = bytes.fromhex("80001f8804") + b"seventh-sender"
LINK_DOWN = (1, 3, 6, 1, 6, 3, 1, 1, 5, 3)
_UPTIME, _TRAP_OID = (1, 3, 6, 1, 2, 1, 1, 3, 0), (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
INDEX = Binding((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 2), Kind.INTEGER, 2)


class Notifier(msgspec.Struct, kw_only=True):
    """A sender with an engine of its own, as an agent has it."""

    account: Account = MONITOR
    auth_password: str = AUTH_PASSWORD
    priv_password: str = PRIV_PASSWORD
    engine_id: bytes = ENGINE_ID
    boots: int = 1
    _numbers: itertools.count[int] = msgspec.field(default_factory=lambda: itertools.count(1))
    _kept: dict[bytes, Keys] = {}

    def pdu(self, uptime: int = 100, *more: Binding, inform: bool = False) -> Pdu:
        """Return a linkDown, with ``more`` after its interface."""
        first = (
            Binding(_UPTIME, Kind.TICKS, uptime), Binding(_TRAP_OID, Kind.OID, LINK_DOWN), INDEX,
        )  # fmt: skip
        return Pdu(
            type=PduType.INFORM if inform else PduType.TRAP, request_id=next(self._numbers),
            bindings=(*first, *more),
        )  # fmt: skip

    def v1(self, community: str, generic: int = 2, specific: int = 0) -> bytes:
        """Return a trap of version 1."""
        trap = TrapV1(
            enterprise=(1, 3, 6, 1, 4, 1, 8072), agent=bytes((192, 0, 2, 1)), generic=generic,
            specific=specific, uptime=100, bindings=(INDEX,),
        )  # fmt: skip
        return encode(Community(version=Version.V1, community=community.encode(), pdu=trap))

    def v2c(self, community: str, pdu: Pdu | None = None) -> bytes:
        """Return a notification of version 2c."""
        made = pdu or self.pdu()
        return encode(Community(version=Version.V2C, community=community.encode(), pdu=made))

    def v3(
        self, time: int, pdu: Pdu | None = None, engine_id: bytes | None = None,
        boots: int | None = None, flags: Flag | None = None, reportable: bool = False,
    ) -> bytes:  # fmt: skip
        """Return a notification of version 3 at the engine's ``time``; a trap has our own."""
        engine_id = self.engine_id if engine_id is None else engine_id
        number = next(self._numbers)
        level = self._level() if flags is None else flags
        message = Secured(
            message_id=number, flags=level | (Flag.REPORTABLE if reportable else Flag.NONE),
            parameters=Parameters(
                engine_id=engine_id, boots=self.boots if boots is None else boots, time=time,
                user=self.account.name.encode(),
            ),
            scoped=Scoped(pdu=pdu or self.pdu(), engine_id=engine_id),
        )  # fmt: skip
        return seal(message, self._keys(engine_id), number.to_bytes(SALT_OCTETS))

    def _level(self) -> Flag:
        if self.account.auth is None:
            return Flag.NONE
        return Flag.AUTH if self.account.priv is None else Flag.AUTH | Flag.PRIV

    def _keys(self, engine_id: bytes) -> Keys | None:
        if self.account.auth is None:
            return None
        if engine_id not in self._kept:
            secret = passwords_of(self)
            assert secret is not None  # noqa: S101 - it has an authentication protocol
            self._kept[engine_id] = keys_for(secret, engine_id, self.account.extension)
        return self._kept[engine_id]


def passwords_of(sender: Notifier) -> Passwords | None:
    """Return what the sender's user has; None without authentication."""
    account = sender.account
    if account.auth is None:
        return None
    return passwords(
        account.auth, sender.auth_password.encode(), account.priv, sender.priv_password.encode()
    )
