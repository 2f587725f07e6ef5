"""The receiver, datagram by datagram: verdicts, reports, acknowledgements, limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.protocols.snmp.lab.notifier import ENGINE_ID, INDEX, LINK_DOWN, Notifier, passwords_of
from seventh.protocols.snmp.lab.setup import ACCOUNTS, COMMUNITY, MONITOR
from seventh.protocols.snmp.lab.setup import Account as Known
from seventh.protocols.snmp.receive import accounts as kept
from seventh.protocols.snmp.receive import receiver as bounds
from seventh.protocols.snmp.receive.accounts import Account, Accounts
from seventh.protocols.snmp.receive.notification import Notification
from seventh.protocols.snmp.receive.receiver import Engine, Receiver
from seventh.protocols.snmp.receive.verdict import Judged, Verdict
from seventh.protocols.snmp.wire.keys import keys_for
from seventh.protocols.snmp.wire.message import (
    Community,
    Flag,
    Pdu,
    PduType,
    Scoped,
    Secured,
    decode,
    encode,
)
from seventh.protocols.snmp.wire.usm import Cause, cause_of, is_authentic, opened

OURS = bytes.fromhex("8000000005") + b"receiver-one"
SECOND = 10**9
AT = 1000 * SECOND
"""1000 seconds after the receiver's engine started."""
HOST = "192.0.2.1"


def account(known: Known, engine_id: bytes = b"") -> Account:
    return Account(
        name=known.name.encode(), passwords=passwords_of(Notifier(account=known)),
        engine_id=engine_id,
    )  # fmt: skip


def receiver(*users: Account) -> Receiver:
    everyone = users or tuple(map(account, ACCOUNTS))
    engine = Engine(id=OURS, boots=3, started_ns=0)
    return Receiver(engine, Accounts([COMMUNITY.encode()], everyone))


def seen(data: bytes, of: Receiver | None = None, at_ns: int = AT) -> Judged:
    return (of or receiver()).judge(data, HOST, at_ns)


def inform(sender: Notifier, **more: Any) -> bytes:
    given: dict[str, Any] = {
        "time": 1000, "pdu": sender.pdu(inform=True), "engine_id": OURS, "boots": 3,
        "reportable": True, **more,
    }  # fmt: skip
    return sender.v3(**given)


def reported(judged: Judged) -> Cause:
    """What a report says, which has our engine, boots and time."""
    assert judged.report is not None
    message = decode(judged.report)
    assert isinstance(message, Secured)
    assert message.scoped is not None
    given = message.parameters
    assert (given.engine_id, given.boots, given.time) == (OURS, 3, 1000)
    return cause_of(message.scoped.pdu)


TRAP = Notification(kind="trap", oid=LINK_DOWN, uptime=100, bindings=(INDEX,))


def test_a_trap_of_version_1_is_translated() -> None:
    judged = seen(Notifier().v1(COMMUNITY))
    assert judged == Judged(
        verdict=Verdict.UNAUTHENTICATED, version="1",
        notification=replace(TRAP, agent=bytes((192, 0, 2, 1))),
    )  # fmt: skip
    own = seen(Notifier().v1(COMMUNITY, generic=6, specific=9)).notification
    assert own is not None
    assert own.oid == (1, 3, 6, 1, 4, 1, 8072, 0, 9)


def test_a_trap_of_version_2c() -> None:
    judged = seen(Notifier().v2c(COMMUNITY))
    assert judged == Judged(verdict=Verdict.UNAUTHENTICATED, version="2c", notification=TRAP)


def test_another_community_is_not_accepted_and_its_inform_not_acknowledged() -> None:
    sender = Notifier()
    judged = seen(sender.v2c("other", sender.pdu(inform=True)))
    assert judged == Judged(
        verdict=Verdict.UNKNOWN_COMMUNITY, version="2c", notification=replace(TRAP, kind="inform")
    )


def test_an_inform_of_version_2c_is_answered_and_stored_once() -> None:
    sender, one = Notifier(), receiver()
    pdu = sender.pdu(inform=True)
    first = seen(sender.v2c(COMMUNITY, pdu), one)
    assert first.response is not None
    assert decode(first.response) == Community(
        version=1, community=COMMUNITY.encode(), pdu=replace(pdu, type=PduType.RESPONSE)
    )  # type: ignore[arg-type]
    again = seen(sender.v2c(COMMUNITY, pdu), one, AT + SECOND)
    assert (first.retransmitted, again.retransmitted) == (False, True)
    assert again.response == first.response
    other = replace(pdu, request_id=pdu.request_id + 1)
    assert not seen(sender.v2c(COMMUNITY, other), one).retransmitted


@pytest.mark.parametrize("known", ACCOUNTS, ids=lambda known: known.name)
def test_a_trap_of_each_user(known: Known) -> None:
    judged = seen(Notifier(account=known).v3(5))
    verdict = Verdict.UNAUTHENTICATED if known.auth is None else Verdict.AUTHENTIC
    assert (judged.verdict, judged.user, judged.notification) == (verdict, known.name, TRAP)
    assert (judged.engine_id, judged.report, judged.response) == (ENGINE_ID, None, None)


def test_the_key_extension_that_worked_is_kept() -> None:
    reeder = next(each for each in ACCOUNTS if each.name == "reeder")
    sender, one = Notifier(account=reeder), receiver()
    for time in (5, 6):
        assert seen(sender.v3(time), one).verdict is Verdict.AUTHENTIC


@pytest.mark.parametrize("known", [MONITOR, ACCOUNTS[1]], ids=lambda known: known.name)
def test_an_inform_is_answered_at_its_level(known: Known) -> None:
    sender, one = Notifier(account=known), receiver()
    pdu = sender.pdu(inform=True)
    judged = seen(inform(sender, pdu=pdu), one)
    assert judged.response is not None
    response = decode(judged.response)
    assert isinstance(response, Secured)
    secret = passwords_of(sender)
    keys = keys_for(secret, OURS) if secret is not None else None
    assert keys is None or is_authentic(judged.response, response, keys)
    scoped = Scoped(pdu=replace(pdu, type=PduType.RESPONSE), engine_id=OURS)
    assert opened(response, keys) == scoped
    again = seen(inform(sender, pdu=pdu), one, AT + SECOND)
    assert (again.retransmitted, again.response is None) == (True, False)


def test_discovery_is_answered_and_is_no_notification() -> None:
    data = encode(
        Secured(message_id=1, flags=Flag.REPORTABLE, scoped=Scoped(pdu=Pdu(type=PduType.GET)))
    )
    judged = seen(data)
    assert (judged.verdict, reported(judged)) == (Verdict.SYNCHRONISING, Cause.UNKNOWN_ENGINE)


def test_a_sender_without_our_time_is_told() -> None:
    judged = seen(inform(Notifier(), time=0, boots=0))
    assert (judged.verdict, reported(judged)) == (Verdict.SYNCHRONISING, Cause.TIME_WINDOW)
    assert judged.report is not None
    report = decode(judged.report)
    assert isinstance(report, Secured)
    secret = passwords_of(Notifier())
    assert secret is not None
    assert is_authentic(judged.report, report, keys_for(secret, OURS))


@pytest.mark.parametrize(
    ("sender", "changes", "verdict", "cause"),
    [
        (Notifier(account=Known(name="absent")), {}, Verdict.UNKNOWN_USER, Cause.UNKNOWN_USER),
        (Notifier(auth_password="other-password"), {}, Verdict.WRONG_AUTH_KEY,
         Cause.WRONG_AUTH_KEY),
        (Notifier(priv_password="other-password"), {}, Verdict.WRONG_PRIV_KEY,
         Cause.WRONG_PRIV_KEY),
        (Notifier(), {"time": 1151}, Verdict.TIME_WINDOW, Cause.TIME_WINDOW),
        (Notifier(), {"time": 849}, Verdict.TIME_WINDOW, Cause.TIME_WINDOW),
        (Notifier(), {"boots": 2}, Verdict.TIME_WINDOW, Cause.TIME_WINDOW),
        (Notifier(), {"engine_id": b"\x80\0\0\0\5another"}, Verdict.WRONG_ENGINE,
         Cause.UNKNOWN_ENGINE),
    ],
    ids=["user", "auth-key", "priv-key", "ahead", "behind", "boots", "engine"],
)  # fmt: skip
def test_an_inform_that_is_wrong_is_refused_with_its_cause(
    sender: Notifier, changes: dict[str, Any], verdict: Verdict, cause: Cause
) -> None:
    judged = seen(inform(sender, **changes))
    assert (judged.verdict, judged.response) == (verdict, None)
    assert reported(judged) is cause


def test_the_ends_of_the_window_are_in_it() -> None:
    for time in (850, 1150):
        assert seen(inform(Notifier(), time=time)).verdict is Verdict.AUTHENTIC


def test_a_lower_level_than_the_user_has_is_not_accepted() -> None:
    judged = seen(Notifier().v3(5, flags=Flag.AUTH))
    assert (judged.verdict, judged.level, judged.notification) == (
        Verdict.WRONG_LEVEL, "authNoPriv", TRAP,
    )  # fmt: skip
    assert seen(Notifier().v3(5, flags=Flag.NONE)).verdict is Verdict.WRONG_LEVEL
    higher = Notifier(account=Known(name="open", auth=MONITOR.auth, priv=MONITOR.priv))
    judged = seen(inform(higher))
    assert (judged.verdict, reported(judged)) == (Verdict.WRONG_LEVEL, Cause.UNSUPPORTED_LEVEL)


def test_a_trap_is_never_answered() -> None:
    for sender in (
        Notifier(account=Known(name="absent")), Notifier(auth_password="other-password"),
        Notifier(priv_password="other-password"),
    ):  # fmt: skip
        judged = seen(sender.v3(5))
        assert (judged.accepted, judged.report, judged.response) == (False, None, None)


def test_an_engines_time_only_goes_on() -> None:
    sender, one = Notifier(), receiver()
    assert seen(sender.v3(1000), one).verdict is Verdict.AUTHENTIC
    assert seen(sender.v3(850), one).verdict is Verdict.AUTHENTIC  # delayed by 150 s
    assert seen(sender.v3(849), one).verdict is Verdict.TIME_WINDOW
    assert seen(sender.v3(1000), one, AT + 151 * SECOND).verdict is Verdict.TIME_WINDOW
    assert seen(sender.v3(3, boots=2), one).verdict is Verdict.AUTHENTIC
    assert seen(sender.v3(5000), one).verdict is Verdict.TIME_WINDOW  # boots 1 is over
    assert seen(sender.v3(9, boots=2**31 - 1), receiver()).verdict is Verdict.TIME_WINDOW


def test_what_was_accepted_is_not_accepted_again() -> None:
    one, data = receiver(), Notifier().v3(5)
    assert [seen(data, one).verdict for _ in range(2)] == [Verdict.AUTHENTIC, Verdict.REPLAYED]


def test_what_is_old_stays_old_after_a_restart() -> None:
    sender, one = Notifier(), receiver()
    data = sender.v3(1000)
    seen(data, one)
    assert one.moved.keys() == {ENGINE_ID}
    after = receiver()
    after.clocks.update(one.moved)
    assert seen(data, after, AT + 151 * SECOND).verdict is Verdict.TIME_WINDOW


def test_a_user_of_one_engine() -> None:
    bound = account(MONITOR, ENGINE_ID)
    assert seen(Notifier().v3(5), receiver(bound)).verdict is Verdict.AUTHENTIC
    other = Notifier(engine_id=b"\x80\0\0\0\5another")
    assert seen(other.v3(5), receiver(bound)).verdict is Verdict.WRONG_ENGINE


@pytest.mark.parametrize("engine_id", [b"", b"four", bytes(33)], ids=["none", "short", "long"])
def test_an_engine_id_that_cannot_be(engine_id: bytes) -> None:
    assert seen(Notifier(engine_id=engine_id).v3(5)).verdict is Verdict.WRONG_ENGINE


def test_other_requests_are_no_notifications() -> None:
    get = Pdu(type=PduType.GET)
    assert seen(Notifier().v2c(COMMUNITY, get)) == Judged(
        verdict=Verdict.NOT_NOTIFICATION, version="2c"
    )
    assert seen(Notifier().v3(5, get)).verdict is Verdict.NOT_NOTIFICATION


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "BER: a value ends before its length"),
        (b"\x30\x84\x7f\xff\xff\xff", "BER: a length of 2147483647, and 0 octets follow"),
        (b"\x30\x80" * 700, "BER: a length of 0 octets"),
        (encode(Secured(message_id=1, model=9, scoped=Scoped(pdu=Pdu(type=PduType.TRAP)))),
         "security model 9"),
        (encode(Secured(message_id=1, flags=Flag.PRIV, encrypted=b"x" * 16)),
         "encryption without authentication"),
    ],
    ids=["empty", "2^31", "nested", "model", "priv-alone"],
)  # fmt: skip
def test_malformed(data: bytes, detail: str) -> None:
    judged = seen(data)
    assert (judged.verdict, judged.detail) == (Verdict.MALFORMED, detail)
    assert (judged.report, judged.response) == (None, None)


def test_forged_engines_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    one = receiver()
    for number in range(100):
        engine_id = b"\x80\0\0\0\5" + number.to_bytes(4)
        forged = Notifier(engine_id=engine_id, auth_password="other-password")
        assert seen(forged.v3(5), one).verdict is Verdict.WRONG_AUTH_KEY
    assert (one.clocks, one._accounts._kept) == ({}, {})


def test_true_engines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_KEPT", 8)
    monkeypatch.setattr(bounds, "MAX_ENGINES", 8)
    one = receiver()
    for number in range(20):
        sender = Notifier(engine_id=b"\x80\0\0\0\5" + number.to_bytes(4))
        assert seen(sender.v3(5), one).verdict is Verdict.AUTHENTIC
    assert (len(one.clocks), len(one._accounts._kept)) == (8, 8)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_have_a_verdict(data: bytes) -> None:
    assert not seen(data, ONE).accepted


@given(st.data())
def test_a_changed_byte_is_never_authentic(data: st.DataObject) -> None:
    octets = bytearray(SEALED)
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))
    judged = seen(bytes(octets), receiver(account(MONITOR)))
    assert judged.verdict is not Verdict.AUTHENTIC or bytes(octets) == SEALED


ONE = receiver()
SEALED = Notifier().v3(5)
