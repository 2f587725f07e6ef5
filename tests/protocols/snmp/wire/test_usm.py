"""Sealing and opening, the time window's boundaries, and what reports say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire.keys import Auth, Keys, Priv, keys_for, passwords
from seventh.protocols.snmp.wire.message import (
    Binding,
    Flag,
    Kind,
    Parameters,
    Pdu,
    PduType,
    Scoped,
    Secured,
    decode,
)
from seventh.protocols.snmp.wire.usm import (
    MAX_BOOTS,
    Cause,
    EngineClock,
    cause_of,
    is_authentic,
    opened,
    seal,
)
from tests.protocols.snmp.wire.test_message import SCOPED

ENGINE = b"\x80\0\x1f\x88\x04lab"
SALT = bytes(range(8))
KEYS = {
    (auth, priv): keys_for(passwords(auth, b"authentication", priv, b"privacy"), ENGINE)
    for auth in Auth
    for priv in (None, Priv.DES, Priv.AES)
}
CHOSEN = [KEYS[Auth.MD5, Priv.DES], KEYS[Auth.SHA256, Priv.AES], KEYS[Auth.SHA512, None]]
USER = Parameters(engine_id=ENGINE, boots=3, time=77, user=b"monitor")
GET = Scoped(pdu=Pdu(type=PduType.GET, request_id=5), engine_id=ENGINE)


def message_of(keys: Keys, scoped: Scoped = GET) -> Secured:
    flags = Flag.AUTH if keys.priv is None else Flag.AUTH | Flag.PRIV
    return Secured(message_id=5, flags=flags, parameters=USER, scoped=scoped)


@settings(max_examples=40)
@given(st.sampled_from(CHOSEN), SCOPED)
def test_what_is_sealed_is_authentic_and_opened(keys: Keys, scoped: Scoped) -> None:
    data = seal(message_of(keys, scoped), keys, SALT)
    message = decode(data)
    assert isinstance(message, Secured)
    assert is_authentic(data, message, keys)
    assert (message.scoped is None) == (keys.priv is not None)
    assert opened(message, keys) == scoped
    assert replace(message.parameters, auth=b"", priv=b"") == USER
    assert message.parameters.priv == (b"" if keys.priv is None else SALT)


@settings(max_examples=40)
@given(st.sampled_from(CHOSEN), st.integers(0, 10**4), st.integers(1, 255))
def test_a_changed_message_is_not_authentic(keys: Keys, at: int, change: int) -> None:
    data = bytearray(seal(message_of(keys), keys, SALT))
    data[at % len(data)] ^= change
    try:
        message = decode(bytes(data))
    except ProtocolViolation:
        return
    assert not isinstance(message, Secured) or not is_authentic(bytes(data), message, keys)


def test_another_key_is_not_authentic() -> None:
    data = seal(message_of(KEYS[Auth.SHA256, None]), KEYS[Auth.SHA256, None], SALT)
    message = decode(data)
    assert isinstance(message, Secured)
    other = keys_for(passwords(Auth.SHA256, b"another", None, b""), ENGINE)
    assert not is_authentic(data, message, other)
    assert not is_authentic(data, message, KEYS[Auth.SHA512, None])


def test_a_message_without_a_key_is_as_it_is() -> None:
    plain = Secured(message_id=5, parameters=USER, scoped=GET)
    assert decode(seal(plain, None, SALT)).deviations == frozenset()
    assert opened(plain, None) == GET
    with pytest.raises(ProtocolViolation, match="an encrypted message, and no key"):
        opened(Secured(message_id=5, flags=Flag.AUTH | Flag.PRIV, encrypted=b"x"), None)


CLOCK = EngineClock(boots=3, time=1000, at_ns=0)


@pytest.mark.parametrize(
    ("boots", "time", "accepted"),
    [
        (3, 850, True), (3, 849, False), (3, 5000, True), (2, 1000, False), (4, 0, True),
        (MAX_BOOTS, 1000, False), (MAX_BOOTS - 1, 1000, True),
    ],
)  # fmt: skip
def test_the_time_window(boots: int, time: int, accepted: bool) -> None:
    assert CLOCK.accepts(boots, time, 0) is accepted


def test_the_clock_moves_on() -> None:
    assert CLOCK.now(1_999_999_999) == 1001
    assert CLOCK.updated(3, 1001, 10**9) is CLOCK
    assert CLOCK.updated(3, 1002, 10**9) == EngineClock(boots=3, time=1002, at_ns=10**9)
    assert CLOCK.updated(4, 0, 10**9) == EngineClock(boots=4, time=0, at_ns=10**9)
    assert CLOCK.updated(2, 9999, 10**9) is CLOCK


@pytest.mark.parametrize(
    ("oid", "cause"),
    [
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 1, 0), Cause.UNSUPPORTED_LEVEL),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0), Cause.TIME_WINDOW),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0), Cause.UNKNOWN_USER),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0), Cause.UNKNOWN_ENGINE),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 5, 0), Cause.WRONG_AUTH_KEY),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 5), Cause.WRONG_AUTH_KEY),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 6, 0), Cause.WRONG_PRIV_KEY),
        ((1, 3, 6, 1, 6, 3, 11, 2, 1, 1, 0), Cause.SECURITY_MODEL),
        ((1, 3, 6, 1, 6, 3, 12, 1, 4, 0), Cause.CONTEXT),
        ((1, 3, 6, 1, 6, 3, 12, 1, 5, 0), Cause.CONTEXT),
        ((1, 3, 6, 1, 6, 3, 15, 1, 1, 7, 0), Cause.OTHER),
    ],
)
def test_what_a_report_says(oid: tuple[int, ...], cause: Cause) -> None:
    bindings = (Binding((1, 3)), Binding(oid, Kind.COUNTER32, 1))
    assert cause_of(Pdu(type=PduType.REPORT, bindings=bindings)) is cause
