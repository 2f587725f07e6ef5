"""Packets and their bytes: letter for letter, in any pieces, and back again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.mqtt.wire import decode, properties, reasons
from seventh.protocols.mqtt.wire.codec import Decoder, Role
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Auth,
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
from seventh.protocols.mqtt.wire.properties import Kind, Properties
from seventh.protocols.mqtt.wire.reasons import Code, MqttError

EVERY = Properties(user_properties=(("a", "b"), ("a", "c")), reason_string="why")
BYTES: list[tuple[Version, Packet, str]] = [
    (5, Connect(client_id="c", keepalive_seconds=10),
     "10 0e 0004 4d515454 05 02 000a 00 0001 63"),
    (4, Connect(client_id="", version=4, clean_start=False), "10 0c 0004 4d515454 04 00 0000 0000"),
    (4, Connect(client_id="c", version=4, user="u", password=b"p",
                will=Will(topic="w", payload=b"!", qos=1, retain=True)),
     "10 19 0004 4d515454 04 ee 0000 0001 63 0001 77 0001 21 0001 75 0001 70"),
    (5, Connect(client_id="c", password=b"p", will=Will(
        topic="w", qos=2, properties=Properties(will_delay_seconds=1, payload_is_text=1))),
     "10 1e 0004 4d515454 05 56 0000 00 0001 63 07 01 01 18 00000001 0001 77 0000 0001 70"),
    (5, Connect(client_id="c", properties=Properties(
        session_expiry_seconds=0xFFFFFFFF, receive_maximum=10, maximum_packet_bytes=262144,
        topic_alias_maximum=5, request_response_information=1, request_problem_information=0,
        authentication_method="m", authentication_data=b"d")),
     ("10 2a 00044d51545405020000 1c11ffffffff1500016d16000164170019"
      "0121000a2200052700040000 000163")),
    (4, Connack(), "20 02 00 00"),
    (4, Connack(session_present=True), "20 02 01 00"),
    (4, Connack(code=Code.UNSUPPORTED_VERSION), "20 02 00 01"),
    (4, Connack(code=Code.NOT_AUTHORIZED), "20 02 00 05"),
    (5, Connack(code=Code.NOT_AUTHORIZED), "20 03 00 87 00"),
    (5, Connack(properties=Properties(
        assigned_client_id="i", server_keep_alive_seconds=60, response_information="r",
        server_reference="s", maximum_qos=1, retain_available=0, wildcards_available=0,
        subscription_ids_available=0, shared_available=1)),
     "20 1c 00 00 19 12 0001 69 13 003c 1a 0001 72 1c 0001 73 24 01 25 00 28 00 29 00 2a 01"),
    (4, Publish(topic="t", payload=b"hi"), "30 05 0001 74 6869"),
    (5, Publish(topic="t"), "30 04 0001 74 00"),
    (4, Publish(topic="t", qos=1, packet_id=258, dup=True, retain=True), "3b 05 0001 74 0102"),
    (5, Publish(topic="", qos=2, packet_id=1, payload=b"x", properties=Properties(
        topic_alias=7, message_expiry_seconds=2, content_type="c", response_topic="r",
        correlation_data=b"k", subscription_ids=(1, 200))),
     "34 1f 0000 0001 19 02 00000002 03 0001 63 08 0001 72 09 0001 6b 0b 01 0b c801 23 0007 78"),
    (4, Puback(packet_id=1), "40 02 0001"),
    (5, Puback(packet_id=1), "40 02 0001"),
    (5, Puback(packet_id=1, code=Code.NO_MATCHING_SUBSCRIBERS), "40 03 0001 10"),
    (5, Puback(packet_id=1, properties=Properties(reason_string="x")),
     "40 08 0001 00 04 1f 0001 78"),
    (5, Pubrec(packet_id=2, code=Code.QUOTA_EXCEEDED), "50 03 0002 97"),
    (4, Pubrec(packet_id=2), "50 02 0002"),
    (4, Pubrel(packet_id=3), "62 02 0003"),
    (5, Pubrel(packet_id=3, code=Code.PACKET_ID_NOT_FOUND), "62 03 0003 92"),
    (5, Pubcomp(packet_id=4), "70 02 0004"),
    (4, Subscribe(packet_id=5, subscriptions=(
        Subscription(filter="a/#", qos=2), Subscription(filter="+"))),
     "82 0c 0005 0003 612f23 02 0001 2b 00"),
    (5, Subscribe(packet_id=5, properties=Properties(subscription_ids=(200,)), subscriptions=(
        Subscription(filter="a", qos=1, no_local=True, retain_as_published=True,
                     retain_handling=2),)),
     "82 0a 0005 03 0b c801 0001 61 2d"),
    (4, Suback(packet_id=5, codes=(Code.SUCCESS, Code.GRANTED_QOS_2, Code.UNSPECIFIED_ERROR)),
     "90 05 0005 00 02 80"),
    (5, Suback(packet_id=5, codes=(Code.NOT_AUTHORIZED,)), "90 04 0005 00 87"),
    (4, Unsubscribe(packet_id=6, filters=("a",)), "a2 05 0006 0001 61"),
    (5, Unsubscribe(packet_id=6, filters=("a", "b")), "a2 09 0006 00 0001 61 0001 62"),
    (4, Unsuback(packet_id=6), "b0 02 0006"),
    (5, Unsuback(packet_id=6, codes=(Code.NO_SUBSCRIPTION_EXISTED,)), "b0 04 0006 00 11"),
    (4, Pingreq(), "c0 00"),
    (5, Pingresp(), "d0 00"),
    (4, Disconnect(), "e0 00"),
    (5, Disconnect(), "e0 00"),
    (5, Disconnect(code=Code.DISCONNECT_WITH_WILL), "e0 01 04"),
    (5, Disconnect(properties=Properties(session_expiry_seconds=0)), "e0 07 00 05 11 00000000"),
    (5, Disconnect(code=Code.SERVER_MOVED, properties=EVERY),
     "e0 16 9d 14 1f 0003 776879 26 0001 61 0001 62 26 0001 61 0001 63"),
    (5, Auth(code=Code.CONTINUE_AUTHENTICATION,
             properties=Properties(authentication_method="m")), "f0 06 18 04 15 0001 6d"),
]  # fmt: skip


def role_of(packet: Packet) -> Role:
    """The role that receives the packet."""
    from_broker = isinstance(packet, Connack | Suback | Unsuback | Pingresp)
    return "client" if from_broker else "broker"


def connected(role: Role, version: Version | None) -> Decoder:
    """A decoder after the packet that opens a connection."""
    decoder = Decoder(role, version)
    first: Packet = Connack() if role == "client" else Connect(client_id="", version=version or 5)
    assert decoder.receive(encode(first, version or 5)) == [first]
    return decoder


def ready(packet: Packet, version: Version) -> Decoder:
    role = role_of(packet)
    if isinstance(packet, Connect | Connack):
        return Decoder(role, version if role == "client" else None)
    return connected(role, version)


@pytest.mark.parametrize(("version", "packet", "text"), BYTES, ids=lambda v: str(v)[:40])
def test_each_packet_to_the_letter(version: Version, packet: Packet, text: str) -> None:
    data = bytes.fromhex(text)
    assert encode(packet, version).hex(" ") == data.hex(" ")
    whole, pieces = ready(packet, version), ready(packet, version)
    assert whole.receive(data) == [packet]
    assert [p for byte in data for p in pieces.receive(bytes((byte,)))] == [packet]
    assert whole.error is pieces.error is None


@pytest.mark.parametrize(("version", "packet", "text"), BYTES, ids=lambda v: str(v)[:40])
def test_a_packet_that_is_cut_short_or_too_long_is_malformed(
    version: Version, packet: Packet, text: str
) -> None:
    """Except where what is missing may be missing, and where a payload takes what follows."""
    data = bytes.fromhex(text)
    kind, body = Kind(data[0] >> 4), data[2:]
    for size in range(len(body)):
        try:
            short = decode.decode(kind, data[0] & 15, body[:size], version)
        except MqttError:
            continue
        assert encode(short, version)[2:] == body[:size] or size in {1, 2, 3}
    endless = (Publish, Suback, Unsuback)
    if isinstance(packet, endless) or len(body) < 4:
        return
    with pytest.raises(MqttError) as caught:
        decode.decode(kind, data[0] & 15, body + b"\xff", version)
    assert caught.value.code is Code.MALFORMED_PACKET


def test_311_has_no_properties_and_no_codes() -> None:
    for packet, text in (
        (Publish(topic="t", properties=Properties(content_type="x")), "30 03 0001 74"),
        (Puback(packet_id=1, code=Code.QUOTA_EXCEEDED), "40 02 0001"),
        (Disconnect(code=Code.SERVER_MOVED), "e0 00"),
        (Suback(packet_id=1, codes=(Code.NOT_AUTHORIZED,)), "90 03 0001 80"),
        (Unsuback(packet_id=1, codes=(Code.SUCCESS,)), "b0 02 0001"),
        (Connack(code=Code.BANNED), "20 02 00 03"),
    ):
        assert encode(packet, 4) == bytes.fromhex(text)


@pytest.mark.parametrize("number", range(1, 6))
def test_a_broker_of_311_answers_version_5_in_its_own_form(number: int) -> None:
    decoder = Decoder("client", 5)
    assert decoder.receive(bytes((0x20, 2, 0, number))) == [
        Connack(code=reasons.RETURN_CODES[number])
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001"),
     (2_097_151, "ffff7f"), (2_097_152, "80808001"), (268_435_455, "ffffff7f")],
)  # fmt: skip
def test_variable_byte_integers(value: int, text: str) -> None:
    from seventh.protocols.mqtt.wire.body import Body, varint

    assert varint(value) == bytes.fromhex(text)
    assert Body(bytes.fromhex(text), "x").varint() == value


def test_what_does_not_fit_is_refused_before_it_is_sent() -> None:
    from seventh.protocols.mqtt.wire.body import binary, text, varint

    for write, value in ((varint, -1), (varint, 268_435_456), (text, "a\0"), (text, "x" * 65_536),
                         (binary, b"x" * 65_536)):  # fmt: skip
        with pytest.raises(ValueError, match=r"fit|character|longer"):
            write(value)  # type: ignore[operator]
    with pytest.raises(UnicodeEncodeError):
        text("\ud800")
    assert len(text("x" * 65_535)) == 65_537


@given(st.binary(max_size=60), st.sampled_from([None, 4, 5]), st.lists(st.integers(1, 9)))
def test_any_bytes_in_any_pieces(data: bytes, version: Version | None, cuts: list[int]) -> None:
    """Packets, then a typed error or nothing; the pieces change neither."""
    for role in ("client", "broker"):
        first = connected(role, version) if version else Decoder(role, version)  # type: ignore[arg-type]
        other = connected(role, version) if version else Decoder(role, version)  # type: ignore[arg-type]
        found = first.receive(data)
        pieces: list[Packet] = []
        rest = data
        for cut in cuts:
            pieces += other.receive(rest[:cut])
            rest = rest[cut:]
        pieces += other.receive(rest)
        assert found == pieces
        assert str(first.error) == str(other.error)
        assert first.error is None or first.error.code.failed
        assert first.error is None or first.receive(encode(Pingreq(), 5)) == []


NAMES = st.text(st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1,
                max_size=6)  # fmt: skip
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "flag": st.integers(0, 1), "two": st.integers(1, 65_535), "four": st.integers(1, 2**32 - 1),
    "varint": st.integers(1, 268_435_455), "text": TEXTS, "binary": st.binary(max_size=6),
    "pair": st.tuples(TEXTS, TEXTS),
}  # fmt: skip


@st.composite
def properties_of(draw: st.DrawFn, kind: Kind) -> Properties:
    """Properties that a packet of that kind may have."""
    made: dict[str, Any] = {}
    for each in properties._TABLE:
        if kind not in each.kinds or not draw(st.booleans()):
            continue
        value = draw(NAMES if each.field == "response_topic" else VALUES[each.type])
        made[each.field] = (value,) if each.type in {"pair", "varint"} else value
    if "authentication_data" in made:
        made.setdefault("authentication_method", "m")
    return Properties(**made)


CODES = {
    Kind.CONNACK: reasons.CONNACK_CODES, Kind.PUBACK: reasons.PUBLISHED_CODES,
    Kind.PUBREC: reasons.PUBLISHED_CODES, Kind.PUBREL: reasons.RELEASED_CODES,
    Kind.PUBCOMP: reasons.RELEASED_CODES, Kind.DISCONNECT: reasons.DISCONNECT_CODES,
}  # fmt: skip
MADE: dict[Kind, Any] = {
    Kind.CONNACK: Connack, Kind.PUBACK: Puback, Kind.PUBREC: Pubrec, Kind.PUBREL: Pubrel,
    Kind.PUBCOMP: Pubcomp, Kind.DISCONNECT: Disconnect,
}  # fmt: skip


@settings(max_examples=40)
@given(st.data(), st.sampled_from(list(MADE)))
def test_what_is_encoded_is_decoded(data: st.DataObject, kind: Kind) -> None:
    fields: dict[str, Any] = {"properties": data.draw(properties_of(kind))}
    fields["code"] = data.draw(st.sampled_from(sorted(CODES[kind])))
    if kind not in {Kind.CONNACK, Kind.DISCONNECT}:
        fields["packet_id"] = data.draw(st.integers(1, 65_535))
    packet = MADE[kind](**fields)
    assert ready(packet, 5).receive(encode(packet, 5)) == [packet]


@settings(max_examples=40)
@given(properties_of(Kind.PUBLISH), NAMES, st.binary(max_size=9), st.integers(0, 2), st.booleans())
def test_messages_and_wills(
    given_properties: Properties, topic: str, payload: bytes, qos: int, retain: bool
) -> None:
    packet = Publish(
        topic=topic, payload=payload, qos=qos, retain=retain, packet_id=9 if qos else None,
        properties=given_properties,
    )  # fmt: skip
    assert connected("broker", 5).receive(encode(packet, 5)) == [packet]


@settings(max_examples=40)
@given(properties_of(Kind.WILL), properties_of(Kind.CONNECT), NAMES, TEXTS, st.binary(max_size=5))
def test_connects(
    will: Properties, own: Properties, topic: str, user: str, password: bytes
) -> None:
    packet = Connect(
        client_id=user, user=user, password=password, properties=own,
        will=Will(topic=topic, payload=password, properties=will),
    )  # fmt: skip
    assert Decoder("broker").receive(encode(packet, 5)) == [packet]
