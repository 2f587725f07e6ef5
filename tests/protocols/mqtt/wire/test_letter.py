"""What the standards forbid, a case for each: the error, its reason code, and nothing parsed."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.protocols.mqtt.wire.codec import Decoder, Role
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import Connack, Connect, Pingresp, Version
from seventh.protocols.mqtt.wire.reasons import Code, MqttError
from tests.protocols.mqtt.wire.test_codec import connected

M, P = Code.MALFORMED_PACKET, Code.PROTOCOL_ERROR
HEAD5, HEAD4 = "0004 4d515454 05", "0004 4d515454 04"
FIRST: list[tuple[Role, Version | None, str, Code, str]] = [
    ("broker", None, "c0 00", P, "unexpected PINGREQ before the connection is accepted"),
    ("broker", None, "20 02 00 00", P, "unexpected CONNACK before the connection is accepted"),
    ("broker", None, "00 00", M, "a packet of the reserved type 0 (§2.1.2)"),
    ("broker", None, f"11 0c {HEAD4} 02 0000 0000", M, "CONNECT with the flags 1 (§2.1.3)"),
    ("broker", None, f"10 0c {HEAD4} 03 0000 0000", M,
     "CONNECT has its reserved flag set (§3.1.2.3)"),
    ("broker", None, f"10 0c {HEAD4} 08 0000 0000", M, "CONNECT has invalid flags of the will"),
    ("broker", None, f"10 0c {HEAD4} 20 0000 0000", M, "CONNECT has invalid flags of the will"),
    ("broker", None, f"10 10 {HEAD4} 1c 0000 0000 00000000", M,
     "CONNECT has invalid flags of the will"),
    ("broker", None, f"10 0f {HEAD4} 40 0000 0000 000170", M,
     "CONNECT has a password without a user name"),
    ("broker", None, f"10 10 {HEAD4} 04 0000 0000 0000 0000", Code.TOPIC_NAME_INVALID,
     "CONNECT has an empty topic or a wildcard"),
    ("broker", None, "10 0c 0004 4d515454 06 02 0000 0000", Code.UNSUPPORTED_VERSION,
     "CONNECT has the protocol level 6"),
    ("broker", None, "10 0e 0006 4d5149736470 03 02 0000 0000", Code.UNSUPPORTED_VERSION,
     "CONNECT has the protocol level 3"),
    ("broker", None, "10 0c 0004 4d515455 04 02 0000 0000", M,
     "CONNECT has another protocol name than MQTT"),
    ("broker", None, f"10 0d {HEAD5} 02 0000 05 0000", M, "CONNECT is too short"),
    ("broker", None, f"10 0f {HEAD5} 02 0000 03 210000 0000", P,
     "the properties of CONNECT: 0x21 is 0, which is not permitted"),
    ("client", 5, "d0 00", P, "unexpected PINGRESP before the connection is accepted"),
    ("client", 4, "f0 00", P, "unexpected AUTH before the connection is accepted"),
    ("client", 5, "20 03 02 00 00", M, "CONNACK has a reserved flag set (§3.2.2.1)"),
    ("client", 5, "20 03 01 87 00", P,
     "CONNACK refuses the connection and has a session (§3.2.2.1)"),
    ("client", 5, "20 03 00 01 00", M, "CONNACK has the reason code 0x01, which is not defined"),
    ("client", 5, "20 02 00 06", M, "CONNACK has the reason code 0x06, which is not defined"),
    ("client", 5, "20 02 00 00", M, "CONNACK is too short"),
    ("client", 4, "20 02 00 06", M, "CONNACK has the return code 6, which is not defined"),
    ("client", 4, "20 03 00 00 00", M, "CONNACK has 1 bytes too many"),
    ("client", 5, "20 06 00 00 03 21 0000", P,
     "the properties of CONNACK: 0x21 is 0, which is not permitted"),
    ("client", 5, "20 05 00 00 02 24 02", P,
     "the properties of CONNACK: 0x24 is 2, neither 0 nor 1"),
    ("client", 5, "20 05 00 00 02 7e 01", M,
     "CONNACK has the property 0x7e, which is not defined"),
    ("client", 5, "20 05 00 00 02 17 01", M,
     "CONNACK has the property 0x17, which is not defined"),
    ("client", 5, "20 07 00 00 04 24 01 24 01", P, "CONNACK has the property 0x24 twice"),
    ("client", 5, "20 07 00 00 04 16 0001 61", P,
     "CONNACK has authentication data without a method"),
    ("client", 5, "20 07 00 00 04 1f 0001 00", M,
     "the properties of CONNACK has a string with the character U+0000"),
    ("client", 5, "20 09 00 00 06 1f 0003 eda080", M,
     "the properties of CONNACK has a string that is not UTF-8"),
    ("client", 5, "20 07 00 00 04 1f 0001 ff", M,
     "the properties of CONNACK has a string that is not UTF-8"),
    ("client", 5, "20 83 00 00 00 00", M,
     "the remaining length is not in its shortest form (§1.5.5)"),
    ("client", 5, "20 04 00 00 80 00", M, "CONNACK has a variable byte integer that is too long"),
    ("client", 5, "20 07 00 00 ff ff ff ff 7f", M,
     "CONNACK has a variable byte integer of more than 4 bytes"),
    ("client", 5, "20 ff ff ff ff", M, "the remaining length has more than 4 bytes (§2.1.4)"),
    ("client", 5, "f0 00", P, "AUTH has no authentication method (§3.15.2.2.2)"),
    ("client", 5, "f0 06 00 04 15 0001 6d", P, "AUTH succeeded instead of a CONNACK (§3.15)"),
    ("client", 5, "f0 01 02", M, "AUTH has the reason code 0x02, which is not defined"),
]  # fmt: skip
LATER: list[tuple[Role, Version, str, Code, str]] = [
    ("broker", 5, f"10 0d {HEAD5} 02 0000 00 0000", P, "unexpected CONNECT"),
    ("client", 5, "20 03 00 00 00", P, "unexpected CONNACK"),
    ("client", 4, "e0 00", P, "unexpected DISCONNECT"),
    ("client", 5, "82 06 0001 00 0001 61 00", P, "unexpected SUBSCRIBE"),
    ("broker", 4, "d0 00", P, "unexpected PINGRESP"),
    ("broker", 4, "f0 00", P, "unexpected AUTH"),
    ("broker", 5, "c1 00", M, "PINGREQ with the flags 1 (§2.1.3)"),
    ("broker", 5, "60 02 0001", M, "PUBREL with the flags 0 (§2.1.3)"),
    ("broker", 5, "80 06 0001 00 0001 61 00", M, "SUBSCRIBE with the flags 0 (§2.1.3)"),
    ("broker", 5, "c0 01 00", M, "PINGREQ has 1 bytes too many"),
    ("broker", 5, "36 05 0001 74 0001", M, "PUBLISH with QoS 3 (§3.3.1.2)"),
    ("broker", 5, "38 04 0001 74 00", M, "PUBLISH with QoS 0 and DUP (§3.3.1.1)"),
    ("broker", 4, "32 05 0001 74 0000", M, "PUBLISH has the packet id 0"),
    ("broker", 4, "30 02 0000", Code.TOPIC_NAME_INVALID,
     "PUBLISH has an empty topic or a wildcard"),
    ("broker", 5, "30 03 0000 00", Code.TOPIC_NAME_INVALID,
     "PUBLISH has an empty topic or a wildcard"),
    ("broker", 4, "30 03 0001 2b", Code.TOPIC_NAME_INVALID,
     "PUBLISH has an empty topic or a wildcard"),
    ("broker", 5, "30 06 0000 03 23 0000", Code.TOPIC_ALIAS_INVALID,
     "the properties of PUBLISH: 0x23 is 0, which is not permitted"),
    ("broker", 5, "30 08 0001 74 04 08 0001 23", P,
     "a response topic is empty or has a wildcard (§3.3.2.3.5)"),
    ("broker", 5, "30 06 0001 74 02 0b 00", P,
     "the properties of PUBLISH: 0x0b is 0, which is not permitted"),
    ("broker", 5, "40 03 0001 92", M, "PUBACK has the reason code 0x92, which is not defined"),
    ("broker", 5, "62 03 0001 10", M, "PUBREL has the reason code 0x10, which is not defined"),
    ("broker", 5, "40 01 00", M, "PUBACK is too short"),
    ("broker", 5, "82 03 0001 00", P, "SUBSCRIBE has no filter (§3.8.3)"),
    ("broker", 5, "82 07 0001 00 0001 61 03", M, "SUBSCRIBE has invalid options (§3.8.3)"),
    ("broker", 5, "82 07 0001 00 0001 61 40", M, "SUBSCRIBE has invalid options (§3.8.3)"),
    ("broker", 4, "82 06 0001 0001 61 04", M, "SUBSCRIBE has invalid options (§3.8.3)"),
    ("broker", 5, "82 07 0001 00 0001 61 30", P,
     "SUBSCRIBE has the retain handling 3 (§3.8.3.1)"),
    ("broker", 5, "82 10 0001 00 000a 2473686172652f672f61 04", P,
     "SUBSCRIBE has No Local for a shared subscription (§3.8.3.1)"),
    ("broker", 5, "82 0b 0001 04 0b 01 0b 02 0001 61 00", P,
     "SUBSCRIBE has the property 0x0b twice"),
    ("broker", 5, "a2 03 0001 00", P, "UNSUBSCRIBE has no filter (§3.10.3)"),
    ("client", 5, "90 03 0001 00", M, "SUBACK has no code (§3.9.3)"),
    ("client", 4, "90 03 0001 87", M, "SUBACK has the reason code 0x87, which is not defined"),
    ("client", 5, "90 04 0001 00 03", M, "SUBACK has the reason code 0x03, which is not defined"),
    ("client", 5, "b0 04 0001 00 01", M,
     "UNSUBACK has the reason code 0x01, which is not defined"),
    ("client", 5, "e0 01 04", P, "DISCONNECT of a broker has the code 0x04 (§3.14.2.1)"),
    ("client", 5, "e0 07 00 05 11 00000000", P,
     "DISCONNECT of a broker has a session expiry (§3.14.2.2.2)"),
    ("client", 5, "e0 01 19", M, "DISCONNECT has the reason code 0x19, which is not defined"),
]  # fmt: skip


def judged(decoder: Decoder, text: str, code: Code, detail: str) -> None:
    data = bytes.fromhex(text)
    assert [packet for byte in data for packet in decoder.receive(bytes((byte,)))] == []
    error = decoder.error
    assert isinstance(error, MqttError)
    assert (error.code, error.detail, error.reason) == (code, detail, Reason.PROTOCOL_VIOLATION)
    assert decoder.receive(b"\xc0\x00\xd0\x00") == []


@pytest.mark.parametrize(("role", "version", "text", "code", "detail"), FIRST)
def test_the_first_packet(
    role: Role, version: Version | None, text: str, code: Code, detail: str
) -> None:
    judged(Decoder(role, version), text, code, detail)


@pytest.mark.parametrize(("role", "version", "text", "code", "detail"), LATER)
def test_later_packets(role: Role, version: Version, text: str, code: Code, detail: str) -> None:
    judged(connected(role, version), text, code, detail)


def test_a_packet_is_refused_before_its_body_is_there() -> None:
    """The declared length is compared, and nothing is kept for it."""
    decoder = Decoder("client", 5, max_bytes=100)
    assert decoder.receive(bytes.fromhex("20 ff ff ff 7f")) == []
    assert decoder.error is not None
    assert (decoder.error.code, decoder.error.detail) == (
        Code.PACKET_TOO_LARGE, "a packet of 268435460 bytes; the limit is 100",
    )  # fmt: skip
    decoder = connected("client", 5)
    assert decoder.receive(bytes.fromhex("30 ff ff ff 7f")) == []
    assert decoder.error is None


@pytest.mark.parametrize(("limit", "fits"), [(5, True), (4, False)])
def test_the_limit_counts_the_whole_packet(limit: int, fits: bool) -> None:
    decoder = Decoder("client", 5, max_bytes=limit)
    assert bool(decoder.receive(encode(Connack(), 5))) is fits


def test_packets_before_an_error_are_returned() -> None:
    decoder = connected("client", 5)
    assert decoder.receive(b"\xd0\x00\xd0\x00\x00\x00") == [Pingresp(), Pingresp()]
    assert decoder.error is not None


def test_a_311_remaining_length_need_not_be_shortest() -> None:
    decoder = Decoder("client", 4)
    assert decoder.receive(bytes.fromhex("20 82 00 00 00")) == [Connack()]


def test_a_broker_learns_the_version() -> None:
    decoder = Decoder("broker")
    decoder.receive(encode(Connect(client_id="c", version=4), 4))
    assert decoder.version == 4
