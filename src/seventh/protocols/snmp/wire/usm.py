"""The user-based security model (RFC 3414): sealing, opening, the time window, and reports."""

from __future__ import annotations

import hmac
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.keys import MAC_OCTETS, SALT_OCTETS, Keys
from seventh.protocols.snmp.wire.message import (
    Flag,
    Pdu,
    Scoped,
    Secured,
    decode_scoped,
    encode,
    encode_scoped,
)

WINDOW_SECONDS = 150
"""How far an engine's time may be from ours (RFC 3414 §2.2.3)."""
MAX_BOOTS = 2**31 - 1
"""An engine with these boots accepts nothing authenticated until it gets another id."""


class Cause(StrEnum):
    """Why an agent does not carry out our requests."""

    UNKNOWN_ENGINE = "unknown-engine"
    UNKNOWN_USER = "unknown-user"
    WRONG_AUTH_KEY = "wrong-auth-key"
    WRONG_PRIV_KEY = "wrong-priv-key"
    UNSUPPORTED_LEVEL = "unsupported-level"
    TIME_WINDOW = "time-window"
    CONTEXT = "context"
    VIEW = "view"
    """It knows us, and shows us nothing."""
    SECURITY_MODEL = "security-model"
    OTHER = "other"
    """A report that no standard has."""
    SILENCE = "silence"
    """It answers discovery, and not us: a community or key that it drops, or a lost answer."""


_USM = (1, 3, 6, 1, 6, 3, 15, 1, 1)
_MPD = (1, 3, 6, 1, 6, 3, 11, 2, 1)
_TARGET = (1, 3, 6, 1, 6, 3, 12, 1)
REPORTS: dict[Oid, Cause] = {
    (*_USM, 1): Cause.UNSUPPORTED_LEVEL,
    (*_USM, 2): Cause.TIME_WINDOW,
    (*_USM, 3): Cause.UNKNOWN_USER,
    (*_USM, 4): Cause.UNKNOWN_ENGINE,
    (*_USM, 5): Cause.WRONG_AUTH_KEY,
    (*_USM, 6): Cause.WRONG_PRIV_KEY,
    (*_MPD, 1): Cause.SECURITY_MODEL,
    (*_TARGET, 4): Cause.CONTEXT,
    (*_TARGET, 5): Cause.CONTEXT,
}
"""The counters that reports name (RFC 3412 §7.1, RFC 3413 §4, RFC 3414 §3.2)."""


def cause_of(report: Pdu) -> Cause:
    """Return what a report says."""
    for binding in report.bindings:
        if binding.oid[:-1] in REPORTS:
            return REPORTS[binding.oid[:-1]]
        if binding.oid in REPORTS:  # without the instance .0
            return REPORTS[binding.oid]
    return Cause.OTHER


class EngineClock(msgspec.Struct, frozen=True, kw_only=True):
    """An engine's boots and time, and when they were learnt."""

    boots: int
    time: int
    at_ns: int

    def now(self, now_ns: int) -> int:
        """Return the engine's time at ``now_ns``."""
        return self.time + (now_ns - self.at_ns) // 10**9

    def accepts(self, boots: int, time: int, now_ns: int) -> bool:
        """Return whether a message with ``boots`` and ``time`` is in the window (§3.2, step 7b)."""
        if boots == MAX_BOOTS or boots < self.boots:
            return False
        return boots > self.boots or self.now(now_ns) - time <= WINDOW_SECONDS

    def updated(self, boots: int, time: int, now_ns: int) -> EngineClock:
        """Return the clock after an authentic message, which only moves it forward."""
        if (boots, time) > (self.boots, self.now(now_ns)):
            return EngineClock(boots=boots, time=time, at_ns=now_ns)
        return self


def seal(message: Secured, keys: Keys | None, salt: bytes) -> bytes:
    """Return a message's octets, encrypted and authenticated as its flags say."""
    parameters = message.parameters
    if keys is None or not message.flags & Flag.AUTH:
        return encode(message)
    if message.flags & Flag.PRIV and message.scoped is not None:
        plain = encode_scoped(message.scoped)
        encrypted = keys.encrypt(plain, parameters.boots, parameters.time, salt)
        parameters = replace(parameters, priv=salt[:SALT_OCTETS])
        message = replace(message, scoped=None, encrypted=encrypted)
    zero = bytes(MAC_OCTETS[keys.auth])
    plain = encode(replace(message, parameters=replace(parameters, auth=zero)))
    mac = keys.mac(plain)
    return encode(replace(message, parameters=replace(parameters, auth=mac)))


def is_authentic(data: bytes, message: Secured, keys: Keys) -> bool:
    """Return whether the HMAC of a message that was read from ``data`` is right."""
    mac, at = message.parameters.auth, message.auth_at
    if len(mac) != MAC_OCTETS[keys.auth]:
        return False
    zeroed = data[:at] + bytes(len(mac)) + data[at + len(mac) :]
    return hmac.compare_digest(keys.mac(zeroed), mac)


def opened(message: Secured, keys: Keys | None) -> Scoped:
    """Return the scoped PDU of a message, decrypted. Raises ProtocolViolation."""
    if message.scoped is not None:
        return message.scoped
    if keys is None or keys.priv is None:
        raise ProtocolViolation("SNMPv3: an encrypted message, and no key")
    parameters = message.parameters
    return decode_scoped(
        keys.decrypt(message.encrypted, parameters.boots, parameters.time, parameters.priv)
    )
