"""A table of the standards' cases, each run against the reference broker in the versions it is of.

Sections are those of MQTT Version 5.0, or of 3.1.1 where a case is of that version alone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
import pytest

from seventh.labkit.serve import Kit
from seventh.protocols.mqtt.lab.setup import Rights
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Version,
    Will,
)
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code
from tests.protocols.mqtt.lab.test_broker import OPEN, Clients, Peer, broker

SETUP = msgspec.structs.replace(
    OPEN, system={"$SYS/x": b"1"}, rights={"": Rights(read=("+/#", "#", "$SYS/#"), write=("+/#",))}
)
Run = Callable[[Clients, Version], Awaitable[None]]
STAYS = Properties(session_expiry_seconds=60)


class Case(NamedTuple):
    """What a broker has to do, and where the standard says so."""

    section: str
    run: Run
    versions: tuple[Version, ...]


CASES: dict[str, Case] = {}


def case(section: str, *versions: Version) -> Callable[[Run], Run]:
    """Add a function to the table, for both versions unless one is given."""

    def added(run: Run) -> Run:
        CASES[run.__name__.replace("_", "-")] = Case(section, run, versions or (4, 5))
        return run

    return added


def is_message(packet: Packet | None, payload: bytes) -> bool:
    return isinstance(packet, Publish) and packet.payload == payload


async def nothing_came(peer: Peer) -> None:
    """A PINGRESP is the next packet: whatever was to come before would have come."""
    assert await peer.ask(Pingreq()) == Pingresp()


async def kept(clients: Clients, version: Version, name: str, **more: object) -> Peer:
    """A client whose session stays."""
    if version == 4:
        return await clients.join(name, 4, clean_start=False, **more)
    return await clients.join(name, properties=STAYS, clean_start=False, **more)


# -- connecting -----------------------------------------------------------------------------------


@case("§3.1")
async def a_second_connect_ends_the_connection(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    one.send(Connect(client_id="one", version=version))
    last = await one.get()
    assert last == (Disconnect(code=Code.PROTOCOL_ERROR) if version == 5 else None)


@case("§3.1")
async def another_packet_before_connect_gets_nothing(clients: Clients, version: Version) -> None:
    one = await clients.raw(version)
    one.send(Pingreq())
    assert await one.get() is None


@case("§3.1.2.2")
async def an_unknown_version_is_refused(clients: Clients, version: Version) -> None:
    one = await clients.raw(version)
    data = bytearray(encode(Connect(client_id="one", version=4), 4))
    data[8] = 9
    one.writer.write(bytes(data))
    assert await one.get() in {Connack(code=Code.UNSUPPORTED_VERSION), None}


@case("§3.1.3.1")
async def an_empty_client_id_is_replaced(clients: Clients, version: Version) -> None:
    answer = await (await clients.raw(version)).ask(Connect(client_id="", version=version))
    assert isinstance(answer, Connack) and answer.code is Code.SUCCESS
    assert bool(answer.properties.assigned_client_id) is (version == 5)


@case("§3.1.3.1", 4)
async def an_empty_client_id_has_no_session(clients: Clients, version: Version) -> None:
    wanted = Connect(client_id="", version=version, clean_start=False)
    answer = await (await clients.raw(version)).ask(wanted)
    assert answer == Connack(code=Code.CLIENT_ID_NOT_VALID)


@case("§3.1.4")
async def the_second_client_takes_over(clients: Clients, version: Version) -> None:
    one = await clients.join("same", version)
    two = await clients.join("same", version)
    if version == 5:
        assert await one.get() == Disconnect(code=Code.SESSION_TAKEN_OVER)
    assert await one.get() is None
    await nothing_came(two)


@case("§3.12")
async def a_ping_is_answered(clients: Clients, version: Version) -> None:
    await nothing_came(await clients.join("one", version))


@case("§3.14.4")
async def after_disconnect_the_broker_closes(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    one.send(Disconnect())
    assert await one.get() is None


# -- sessions -------------------------------------------------------------------------------------


@case("§3.2.2.1.1")
async def a_session_is_present_only_where_it_was_kept(clients: Clients, version: Version) -> None:
    async def present(*, clean: bool) -> bool:
        one = await clients.raw(version)
        more = {"properties": STAYS} if version == 5 else {}
        answer = await one.ask(Connect(client_id="one", version=version, clean_start=clean, **more))
        one.send(Disconnect())
        assert await one.get() is None
        assert isinstance(answer, Connack)
        return answer.session_present

    seen = [await present(clean=clean) for clean in (False, False, True, False)]
    assert seen == ([False, True, False, False] if version == 4 else [False, True, False, True])


@case("§4.1")
async def subscriptions_stay_with_the_session(clients: Clients, version: Version) -> None:
    one = await kept(clients, version, "one")
    await one.subscribe("t", 1)
    one.writer.close()
    back = await kept(clients, version, "one")
    other = await clients.join("other", version)
    other.send(Publish(topic="t", payload=b"x"))
    assert is_message(await back.get(), b"x")


@case("§4.3")
async def messages_wait_for_a_session_with_qos_1_and_2(clients: Clients, version: Version) -> None:
    one = await kept(clients, version, "one")
    await one.subscribe("t", 2)
    one.send(Disconnect())
    assert await one.get() is None
    other = await clients.join("other", version)
    other.send(Publish(topic="t", payload=b"0"))
    assert await other.ask(Publish(topic="t", payload=b"1", qos=1, packet_id=1)) == Puback(
        packet_id=1
    )
    assert await other.ask(Publish(topic="t", payload=b"2", qos=2, packet_id=2)) == Pubrec(
        packet_id=2
    )
    back = await kept(clients, version, "one")
    got = [await back.get(), await back.get()]
    assert [(each.payload, each.qos) for each in got if isinstance(each, Publish)] == [
        (b"1", 1), (b"2", 2),
    ]  # fmt: skip


@case("§4.4")
async def what_is_not_acknowledged_comes_again(clients: Clients, version: Version) -> None:
    one = await kept(clients, version, "one")
    await one.subscribe("t", 2)
    other = await clients.join("other", version)
    await other.ask(Publish(topic="t", payload=b"1", qos=1, packet_id=1))
    await other.ask(Publish(topic="t", payload=b"2", qos=2, packet_id=2))
    first = [await one.get(), await one.get()]
    one.writer.close()
    back = await kept(clients, version, "one")
    again = [await back.get(), await back.get()]
    assert again == [
        msgspec.structs.replace(each, dup=True) for each in first if isinstance(each, Publish)
    ]


@case("§3.1.2.11.2", 5)
async def a_session_ends_with_disconnect(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version, properties=STAYS)
    one.send(Disconnect(properties=Properties(session_expiry_seconds=0)))
    assert await one.get() is None
    answer = await (await clients.raw()).ask(Connect(client_id="one", clean_start=False))
    assert isinstance(answer, Connack)
    assert answer.session_present is False


# -- messages -------------------------------------------------------------------------------------


@case("§4.3.3")
async def qos_2_is_delivered_once(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("t")
    sender = await clients.join("sender", version)
    message = Publish(topic="t", payload=b"x", qos=2, packet_id=5)
    assert await sender.ask(message) == Pubrec(packet_id=5)
    again = msgspec.structs.replace(message, dup=True)
    assert await sender.ask(again) == Pubrec(packet_id=5)
    assert await sender.ask(Pubrel(packet_id=5)) == Pubcomp(packet_id=5)
    assert is_message(await one.get(), b"x")
    await nothing_came(one)


@case("§3.7.2.1", 5)
async def a_release_of_nothing_is_answered(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    answer = await one.ask(Pubrel(packet_id=9))
    assert answer == Pubcomp(packet_id=9, code=Code.PACKET_ID_NOT_FOUND)


@case("§4.6")
async def messages_keep_their_order(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("t")
    sender = await clients.join("sender", version)
    wanted = [b"%d" % number for number in range(50)]
    sender.send(*(Publish(topic="t", payload=each) for each in wanted))
    got = [await one.get() for _ in wanted]
    assert [each.payload for each in got if isinstance(each, Publish)] == wanted


@case("§3.3.1.3")
async def retained_messages_are_kept_replaced_and_removed(
    clients: Clients, version: Version
) -> None:
    sender = await clients.join("sender", version)
    for number, payload in enumerate((b"old", b"new"), 1):
        await sender.ask(
            Publish(topic="r/x", payload=payload, retain=True, qos=1, packet_id=number)
        )
    one = await clients.join("one", version)
    await one.subscribe("r/+")
    assert await one.get() == Publish(topic="r/x", payload=b"new", retain=True)
    await sender.ask(Publish(topic="r/x", retain=True, qos=1, packet_id=3))
    two = await clients.join("two", version)
    await two.subscribe("r/+")
    await nothing_came(two)


@case("§3.3.2.3.3", 5)
async def an_expired_message_is_not_delivered(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version, properties=STAYS)
    await one.subscribe("t", 1)
    one.send(Disconnect())
    assert await one.get() is None
    sender = await clients.join("sender", version)
    for number, seconds in enumerate((0, 60), 1):
        expiry = Properties(message_expiry_seconds=seconds)
        await sender.ask(
            Publish(topic="t", payload=b"%d" % seconds, qos=1, packet_id=number, properties=expiry)
        )
    back = await kept(clients, version, "one")
    got = await back.get()
    assert is_message(got, b"60")
    assert isinstance(got, Publish)
    assert (got.properties.message_expiry_seconds or 0) <= 60


@case("§3.3.2.3", 5)
async def properties_of_a_message_are_passed_on(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("t")
    properties = Properties(
        payload_is_text=1, content_type="text/plain", response_topic="answer",
        correlation_data=b"id", user_properties=(("a", "1"), ("a", "2")),
    )  # fmt: skip
    one.send(Publish(topic="t", payload=b"x", properties=properties))
    assert await one.get() == Publish(topic="t", payload=b"x", properties=properties)


@case("§3.4.2.1", 5)
async def a_message_without_subscribers_is_acknowledged_so(
    clients: Clients, version: Version
) -> None:
    one = await clients.join("one", version)
    answer = await one.ask(Publish(topic="t", qos=1, packet_id=1))
    assert answer == Puback(packet_id=1, code=Code.NO_MATCHING_SUBSCRIBERS)


@case("§3.3.4", 5)
async def a_receive_maximum_is_kept(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version, properties=Properties(receive_maximum=1))
    await one.subscribe("t", 1)
    sender = await clients.join("sender", version)
    for number in (1, 2):
        await sender.ask(Publish(topic="t", payload=b"%d" % number, qos=1, packet_id=number))
    first = await one.get()
    await nothing_came(one)
    assert isinstance(first, Publish) and first.packet_id is not None
    assert is_message(await one.ask(Puback(packet_id=first.packet_id)), b"2")


@case("§3.3.4", 5)
async def too_many_messages_end_the_connection(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    one.send(*(Publish(topic="t", qos=2, packet_id=number) for number in range(1, 22)))
    got = [await one.get() for _ in range(21)]
    assert got[-1] == Disconnect(code=Code.RECEIVE_MAXIMUM_EXCEEDED)


# -- wills ----------------------------------------------------------------------------------------


@case("§3.1.2.5")
async def a_will_is_sent_after_an_abrupt_close(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("w", 2)
    will = Will(topic="w", payload=b"gone", qos=2, retain=True)
    dying = await clients.join("dying", version, will=will)
    dying.writer.close()
    assert is_message(await one.get(), b"gone")
    late = await clients.join("late", version)
    await late.subscribe("w")
    assert await late.get() == Publish(topic="w", payload=b"gone", retain=True)


@case("§3.1.2.5")
async def a_will_is_not_sent_after_disconnect(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("w")
    leaving = await clients.join("leaving", version, will=Will(topic="w"))
    leaving.send(Disconnect())
    assert await leaving.get() is None
    await nothing_came(one)


@case("§3.14.2.1", 5)
async def a_disconnect_may_ask_for_the_will(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("w")
    leaving = await clients.join("leaving", version, will=Will(topic="w", payload=b"x"))
    leaving.send(Disconnect(code=Code.DISCONNECT_WITH_WILL))
    assert is_message(await one.get(), b"x")


# -- subscriptions --------------------------------------------------------------------------------


@case("§3.8.4")
async def each_filter_has_a_code_of_its_own(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    wanted = tuple(Subscription(filter=f"t/{qos}", qos=qos) for qos in (2, 0, 1))
    answer = await one.ask(Subscribe(packet_id=7, subscriptions=wanted))
    assert answer == Suback(packet_id=7, codes=(Code(2), Code(0), Code(1)))


@case("§3.3.4")
async def overlapping_subscriptions_deliver_with_the_highest_qos(
    clients: Clients, version: Version
) -> None:
    one = await clients.join("one", version)
    both = (Subscription(filter="t/#", qos=2), Subscription(filter="t/+", qos=1))
    await one.ask(Subscribe(packet_id=1, subscriptions=both))
    sender = await clients.join("sender", version)
    await sender.ask(Publish(topic="t/x", qos=2, packet_id=1))
    got = await one.get()
    assert isinstance(got, Publish)
    assert got.qos == 2


@case("§4.7.2")
async def wildcards_do_not_match_topics_with_a_dollar(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    for pattern in ("#", "+/x"):
        await one.subscribe(pattern)
    await nothing_came(one)
    await one.subscribe("$SYS/#")
    assert is_message(await one.get(), b"1")


@case("§4.7.1")
async def a_wildcard_matches_its_parent(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("a/#")
    sender = await clients.join("sender", version)
    topics = ("a", "a/", "a/b/c", "/a", "ab")
    sender.send(*(Publish(topic=each) for each in topics))
    got = [await one.get() for _ in range(3)]
    assert [each.topic for each in got if isinstance(each, Publish)] == ["a", "a/", "a/b/c"]
    await nothing_came(one)


@case("§3.10.4")
async def after_unsubscribe_nothing_comes(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("t")
    codes = (Code.SUCCESS, Code.NO_SUBSCRIPTION_EXISTED) if version == 5 else ()
    answer = await one.ask(Unsubscribe(packet_id=2, filters=("t", "other")))
    assert answer == Unsuback(packet_id=2, codes=codes)
    sender = await clients.join("sender", version)
    await sender.ask(Publish(topic="t", qos=1, packet_id=1))
    await nothing_came(one)


@case("§3.9.3")
async def a_subscription_that_is_not_permitted_is_refused(
    clients: Clients, version: Version
) -> None:
    one = await clients.join("one", version)
    wanted = (Subscription(filter="$other/x"),)
    code = Code.NOT_AUTHORIZED if version == 5 else Code.UNSPECIFIED_ERROR
    answer = await one.ask(Subscribe(packet_id=1, subscriptions=wanted))
    assert answer == Suback(packet_id=1, codes=(code,))


@case("§3.8.3.1", 5)
async def no_local_leaves_out_ones_own_messages(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    await one.subscribe("t", no_local=True)
    one.send(Publish(topic="t"))
    await nothing_came(one)


@case("§3.8.3.1", 5)
async def retain_handling_decides_what_a_subscription_begins_with(
    clients: Clients, version: Version
) -> None:
    one = await clients.join("one", version)
    await one.ask(Publish(topic="r", payload=b"x", retain=True, qos=1, packet_id=1))
    await one.subscribe("r", retain_handling=2)
    await nothing_came(one)
    await one.subscribe("r", retain_handling=1)
    await nothing_came(one)
    await one.subscribe("r", retain_handling=0)
    assert await one.get() == Publish(topic="r", payload=b"x", retain=True)


@case("§4.8.2", 5)
async def a_shared_subscription_gets_no_retained_message(
    clients: Clients, version: Version
) -> None:
    one = await clients.join("one", version)
    await one.ask(Publish(topic="r", payload=b"x", retain=True, qos=1, packet_id=1))
    await one.subscribe("$share/group/r")
    await nothing_came(one)


# -- what ends a connection -----------------------------------------------------------------------


@case("§3.1.2.10")
async def a_silent_client_is_disconnected(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version, keepalive_seconds=1)
    last = await one.get()
    assert last == (Disconnect(code=Code.KEEP_ALIVE_TIMEOUT) if version == 5 else None)


@case("§3.3.2.1")
async def a_topic_with_a_wildcard_ends_the_connection(clients: Clients, version: Version) -> None:
    one = await clients.join("one", version)
    one.send(Publish(topic="a/+"))
    last = await one.get()
    assert last == (Disconnect(code=Code.TOPIC_NAME_INVALID) if version == 5 else None)


@case("§3.2.2.3.6", 5)
async def a_packet_that_is_too_large_ends_the_connection(
    clients: Clients, version: Version
) -> None:
    one = await clients.join("one", version)
    one.send(Publish(topic="t", payload=bytes(1024 * 1024)))
    assert await one.get() == Disconnect(code=Code.PACKET_TOO_LARGE)


@pytest.mark.parametrize(
    ("name", "version"),
    [(name, version) for name, each in CASES.items() for version in each.versions],
)
async def test_a_case_of_the_standard(kit: Kit, name: str, version: Version) -> None:
    async with broker(kit, SETUP) as clients:
        await CASES[name].run(clients, version)


def test_each_case_names_its_section() -> None:
    assert all(re.fullmatch(r"§\d(\.\d+)+", each.section) for each in CASES.values())
