"""QoS 1 and 2 in both directions, flow control, aliases and keep alive, without a clock."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.mqtt.wire.packets import (
    Acknowledgement,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
)
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code, MqttError
from seventh.protocols.mqtt.wire.session import (
    KeepAlive,
    Received,
    ReceivedAliases,
    SentAliases,
    Session,
)


def message(qos: int, text: str = "x", **more: object) -> Publish:
    made = Publish(topic="t", payload=text.encode(), qos=qos)
    return msgspec.structs.replace(made, **more)


def opened(limit: int = 10) -> Session:
    session = Session()
    assert session.open(limit) == ()
    return session


def test_qos_0_has_no_state() -> None:
    session = opened()
    assert session.publish(message(0)) == (message(0),)
    assert session.receive(message(0)) == Received((message(0),))
    assert (session.in_flight, session.queued) == (0, 0)
    session.close()
    assert (session.publish(message(0)), session.queued) == ((), 0)


def test_qos_1_ends_with_puback() -> None:
    session = opened()
    assert session.publish(message(1)) == (message(1, packet_id=1),)
    assert session.in_flight == 1
    assert session.receive(Puback(packet_id=1)) == Received()
    assert session.in_flight == 0
    assert session.receive(Puback(packet_id=1)) == Received()


def test_qos_2_ends_with_pubcomp() -> None:
    session = opened()
    assert session.publish(message(2)) == (message(2, packet_id=1),)
    for _ in range(2):
        assert session.receive(Pubrec(packet_id=1)) == Received(replies=(Pubrel(packet_id=1),))
    assert session.receive(Pubcomp(packet_id=1)) == Received()
    assert session.in_flight == 0


def test_a_refused_message_of_qos_2_has_ended() -> None:
    session = opened(1)
    session.publish(message(2, "a"))
    assert session.publish(message(1, "b")) == ()
    refused = Pubrec(packet_id=1, code=Code.QUOTA_EXCEEDED)
    assert session.receive(refused) == Received(replies=(message(1, "b", packet_id=2),))


def test_received_qos_1_is_acknowledged_each_time() -> None:
    session = opened()
    sent = message(1, packet_id=7)
    for _ in range(2):
        assert session.receive(sent) == Received((sent,), (Puback(packet_id=7),))


def test_received_qos_2_is_delivered_once() -> None:
    session = opened()
    sent = message(2, packet_id=7)
    again = message(2, packet_id=7, dup=True)
    assert session.receive(sent) == Received((sent,), (Pubrec(packet_id=7),))
    assert session.receive(again) == Received(replies=(Pubrec(packet_id=7),))
    assert session.receive(Pubrel(packet_id=7)) == Received(replies=(Pubcomp(packet_id=7),))
    unknown = Pubcomp(packet_id=7, code=Code.PACKET_ID_NOT_FOUND)
    assert session.receive(Pubrel(packet_id=7)) == Received(replies=(unknown,))
    assert session.receive(sent).messages == (sent,)


def test_an_unknown_pubrec_is_answered() -> None:
    unknown = Pubrel(packet_id=3, code=Code.PACKET_ID_NOT_FOUND)
    assert opened().receive(Pubrec(packet_id=3)) == Received(replies=(unknown,))


@pytest.mark.parametrize(
    ("qos", "wrong"),
    [(1, Pubrec(packet_id=1)), (1, Pubcomp(packet_id=1)), (2, Puback(packet_id=1)),
     (2, Pubcomp(packet_id=1))],
)  # fmt: skip
def test_acknowledgements_out_of_order(qos: int, wrong: Acknowledgement) -> None:
    session = opened()
    session.publish(message(qos))
    with pytest.raises(MqttError) as caught:
        session.receive(wrong)
    assert caught.value.code is Code.PROTOCOL_ERROR


def test_the_peers_receive_maximum_is_kept() -> None:
    session = opened(2)
    sent = [session.publish(message(1, str(n))) for n in range(4)]
    assert sent == [(message(1, "0", packet_id=1),), (message(1, "1", packet_id=2),), (), ()]
    assert (session.in_flight, session.queued) == (2, 2)
    assert session.receive(Puback(packet_id=2)).replies == (message(1, "2", packet_id=3),)
    assert session.drop_queued() == message(1, "3")
    with pytest.raises(IndexError):
        session.drop_queued()


@pytest.mark.parametrize(("limit", "fits"), [(2, True), (1, False)])
def test_our_receive_maximum_is_enforced(limit: int, fits: bool) -> None:
    session = Session(limit)
    session.receive(message(2, packet_id=1))
    second = message(2, packet_id=2)
    if fits:
        assert session.receive(second).messages == (second,)
        return
    with pytest.raises(MqttError) as caught:
        session.receive(second)
    assert caught.value.code is Code.RECEIVE_MAXIMUM_EXCEEDED


def test_a_new_connection_sends_again_in_order() -> None:
    session = opened()
    for text in "abc":
        session.publish(message(2, text))
    session.receive(Pubrec(packet_id=2))
    session.close()
    assert session.publish(message(1, "d")) == ()
    assert session.open() == (
        message(2, "a", packet_id=1, dup=True), Pubrel(packet_id=2),
        message(2, "c", packet_id=3, dup=True), message(1, "d", packet_id=4),
    )  # fmt: skip


def test_ids_in_use_are_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened(65_535)
    assert session.publish(message(1)) == (message(1, packet_id=1),)
    monkeypatch.setattr(session, "_last_id", 65_534)
    assert session.publish(message(1)) == (message(1, packet_id=65_535),)
    assert session.publish(message(1)) == (message(1, packet_id=2),)


@settings(max_examples=80)
@given(st.data(), st.lists(st.integers(0, 2), max_size=12), st.integers(1, 4))
def test_every_message_arrives_whatever_is_lost(
    data: st.DataObject, qos: list[int], limit: int
) -> None:
    """QoS 1 at least once, QoS 2 exactly once, each in order, over connections that break."""
    sender, receiver = Session(), Session(limit)
    sent = [message(each, str(index)) for index, each in enumerate(qos) if each]
    delivered: list[Publish] = []
    for each in sent:
        sender.publish(each)
    while sender.in_flight or sender.queued:
        to_receiver: list[Packet] = list(sender.open(limit))
        to_sender: list[Packet] = list(receiver.open(limit))
        lossy = data.draw(st.integers(0, 6))
        while to_receiver or to_sender:
            if lossy == 1:
                break
            lossy -= 1
            if to_receiver:
                got = receiver.receive(to_receiver.pop(0))  # type: ignore[arg-type]
                delivered += got.messages
                to_sender += got.replies
            if to_sender:
                to_receiver += sender.receive(to_sender.pop(0)).replies  # type: ignore[arg-type]
        sender.close()
        receiver.close()
    for level in (1, 2):
        texts = [each.payload for each in delivered if each.qos == level]
        wanted = [each.payload for each in sent if each.qos == level]
        assert list(dict.fromkeys(texts)) == wanted
        assert level == 1 or texts == wanted


def test_aliases_shorten_and_are_resolved() -> None:
    ours, theirs = SentAliases(1), ReceivedAliases(1)
    first = ours.apply(message(0))
    second = ours.apply(message(0))
    other = Publish(topic="other")
    assert (first.topic, first.properties) == ("t", Properties(topic_alias=1))
    assert (second.topic, second.properties) == ("", Properties(topic_alias=1))
    assert ours.apply(other) == other
    assert [theirs.resolve(each) for each in (first, second, other)] == [
        message(0), message(0), other,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "alias", "code"),
    [("t", 3, Code.TOPIC_ALIAS_INVALID), ("", 2, Code.PROTOCOL_ERROR)],
)
def test_aliases_that_are_not_known(topic: str, alias: int, code: Code) -> None:
    with pytest.raises(MqttError) as caught:
        ReceivedAliases(2).resolve(Publish(topic=topic, properties=Properties(topic_alias=alias)))
    assert caught.value.code is code


def test_keep_alive() -> None:
    alive = KeepAlive(10, 1_000)
    assert (alive.due_ns, alive.dead_ns) == (10_000_001_000, 15_000_001_000)
    alive.last_ns = 0
    assert (alive.due_ns, alive.dead_ns) == (10_000_000_000, 15_000_000_000)
    none = KeepAlive(0, 1_000)
    assert (none.due_ns, none.dead_ns) == (None, None)
