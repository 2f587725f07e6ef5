"""The body of each packet to a value, after its fixed header."""

from __future__ import annotations

from collections.abc import Callable

from seventh.protocols.mqtt.wire import packets as p
from seventh.protocols.mqtt.wire import reasons, topics
from seventh.protocols.mqtt.wire.body import Body
from seventh.protocols.mqtt.wire.packets import Packet, Version
from seventh.protocols.mqtt.wire.properties import NONE, Kind, Properties, read
from seventh.protocols.mqtt.wire.reasons import (
    RETURN_CODES,
    Code,
    MqttError,
    malformed,
    protocol_error,
)

_NAMES = {b"MQTT", b"MQIsdp"}
"""The protocol names of 3.1.1 and 5, and that of 3.1."""


def decode(kind: Kind, flags: int, data: bytes, version: Version) -> Packet:
    """Return the packet of a whole body. Raises MqttError.

    ``version`` is that of the connection; a CONNECT has its own.
    """
    body = Body(data, kind.name)
    if kind is Kind.PUBLISH:
        packet: Packet = _publish(body, flags, version)
    else:
        packet = _READERS[kind](body, version)
    body.end()
    return packet


def _properties(body: Body, kind: Kind, version: Version) -> Properties:
    return read(body, kind) if version == 5 else NONE


def _code(value: int, allowed: frozenset[Code], kind: Kind) -> Code:
    if value not in allowed:
        raise malformed(f"{kind.name} has the reason code 0x{value:02x}, which is not defined")
    return Code(value)


def _packet_id(body: Body) -> int:
    number = body.uint(2)
    if not number:
        raise malformed(f"{body.what} has the packet id 0")
    return number


def _level(body: Body) -> Version:
    name = body.binary()
    if name not in _NAMES:
        raise malformed("CONNECT has another protocol name than MQTT")
    level = body.uint(1)
    if name != b"MQTT" or level not in {4, 5}:
        raise MqttError(Code.UNSUPPORTED_VERSION, f"CONNECT has the protocol level {level}")
    return 5 if level == 5 else 4


def _connect(body: Body, _: Version) -> p.Connect:
    version = _level(body)
    flags = body.uint(1)
    has_will, has_user, has_password = flags & 4, flags & 0x80, flags & 0x40
    if flags & 1:
        raise malformed("CONNECT has its reserved flag set (§3.1.2.3)")
    if flags & 0x18 == 0x18 or (not has_will and flags & 0x38):
        raise malformed("CONNECT has invalid flags of the will")
    if version == 4 and has_password and not has_user:
        raise malformed("CONNECT has a password without a user name")
    keepalive = body.uint(2)
    properties = _properties(body, Kind.CONNECT, version)
    client_id = body.text()
    will = _will(body, flags, version) if has_will else None
    return p.Connect(
        client_id=client_id, version=version, clean_start=bool(flags & 2),
        keepalive_seconds=keepalive, will=will,
        user=body.text() if has_user else None,
        password=body.binary() if has_password else None,
        properties=properties,
    )  # fmt: skip


def _will(body: Body, flags: int, version: Version) -> p.Will:
    properties = _properties(body, Kind.WILL, version)
    topic = _topic(body.text(), Kind.CONNECT)
    _check_response_topic(properties)
    return p.Will(
        topic=topic, payload=body.binary(), qos=flags >> 3 & 3, retain=bool(flags & 0x20),
        properties=properties,
    )  # fmt: skip


def _topic(topic: str, kind: Kind) -> str:
    if not topics.is_name(topic):
        raise MqttError(Code.TOPIC_NAME_INVALID, f"{kind.name} has an empty topic or a wildcard")
    return topic


def _check_response_topic(properties: Properties) -> None:
    topic = properties.response_topic
    if topic is not None and not topics.is_name(topic):
        raise protocol_error("a response topic is empty or has a wildcard (§3.3.2.3.5)")


def _connack(body: Body, version: Version) -> p.Connack:
    flags, code = body.uint(1), body.uint(1)
    if flags > 1:
        raise malformed("CONNACK has a reserved flag set (§3.2.2.1)")
    # A broker of 3.1.1 answers a CONNECT of version 5 in its own form.
    if version == 4 or (not body.left and 0 < code < len(RETURN_CODES)):
        if code >= len(RETURN_CODES):
            raise malformed(f"CONNACK has the return code {code}, which is not defined")
        known, properties = RETURN_CODES[code], NONE
    else:
        known = _code(code, reasons.CONNACK_CODES, Kind.CONNACK)
        properties = read(body, Kind.CONNACK)
    if flags and known.failed:
        raise protocol_error("CONNACK refuses the connection and has a session (§3.2.2.1)")
    return p.Connack(code=known, session_present=bool(flags), properties=properties)


def _publish(body: Body, flags: int, version: Version) -> p.Publish:
    qos = flags >> 1 & 3
    topic = body.text()
    number = _packet_id(body) if qos else None
    properties = _properties(body, Kind.PUBLISH, version)
    if topic or properties.topic_alias is None:
        _topic(topic, Kind.PUBLISH)
    _check_response_topic(properties)
    return p.Publish(
        topic=topic, payload=body.rest(), qos=qos, retain=bool(flags & 1), dup=bool(flags & 8),
        packet_id=number, properties=properties,
    )  # fmt: skip


def _coded(
    body: Body, kind: Kind, allowed: frozenset[Code], version: Version
) -> tuple[Code, Properties]:
    """Return what may be left out: the code, and after it the properties."""
    if version != 5 or not body.left:
        return Code.SUCCESS, NONE
    code = _code(body.uint(1), allowed, kind)
    return code, read(body, kind) if body.left else NONE


def _acknowledged(
    kind: Kind, made: type[p.Acknowledgement], allowed: frozenset[Code]
) -> Callable[[Body, Version], Packet]:
    def acknowledgement(body: Body, version: Version) -> Packet:
        number = _packet_id(body)
        code, properties = _coded(body, kind, allowed, version)
        return made(packet_id=number, code=code, properties=properties)

    return acknowledgement


def _subscribe(body: Body, version: Version) -> p.Subscribe:
    number = _packet_id(body)
    properties = _properties(body, Kind.SUBSCRIBE, version)
    found = []
    while body.left:
        pattern, options = body.text(), body.uint(1)
        reserved = 0xC0 if version == 5 else 0xFC
        if options & reserved or options & 3 == 3:
            raise malformed("SUBSCRIBE has invalid options (§3.8.3)")
        if options & 0x30 == 0x30:
            raise protocol_error("SUBSCRIBE has the retain handling 3 (§3.8.3.1)")
        if options & 4 and topics.is_shared(pattern):
            raise protocol_error("SUBSCRIBE has No Local for a shared subscription (§3.8.3.1)")
        found.append(
            p.Subscription(
                filter=pattern, qos=options & 3, no_local=bool(options & 4),
                retain_as_published=bool(options & 8), retain_handling=options >> 4 & 3,
            )
        )  # fmt: skip
    if not found:
        raise protocol_error("SUBSCRIBE has no filter (§3.8.3)")
    return p.Subscribe(packet_id=number, subscriptions=tuple(found), properties=properties)


def _suback(body: Body, version: Version) -> p.Suback:
    number = _packet_id(body)
    properties = _properties(body, Kind.SUBACK, version)
    allowed = reasons.SUBACK_CODES if version == 5 else reasons.SUBACK_CODES_3
    codes = tuple(_code(value, allowed, Kind.SUBACK) for value in body.rest())
    if not codes:
        raise malformed("SUBACK has no code (§3.9.3)")
    return p.Suback(packet_id=number, codes=codes, properties=properties)


def _unsubscribe(body: Body, version: Version) -> p.Unsubscribe:
    number = _packet_id(body)
    properties = _properties(body, Kind.UNSUBSCRIBE, version)
    filters = []
    while body.left:
        filters.append(body.text())
    if not filters:
        raise protocol_error("UNSUBSCRIBE has no filter (§3.10.3)")
    return p.Unsubscribe(packet_id=number, filters=tuple(filters), properties=properties)


def _unsuback(body: Body, version: Version) -> p.Unsuback:
    number = _packet_id(body)
    if version != 5:
        return p.Unsuback(packet_id=number)
    properties = read(body, Kind.UNSUBACK)
    codes = (_code(each, reasons.UNSUBACK_CODES, Kind.UNSUBACK) for each in body.rest())
    return p.Unsuback(packet_id=number, codes=tuple(codes), properties=properties)


def _disconnect(body: Body, version: Version) -> p.Disconnect:
    code, properties = _coded(body, Kind.DISCONNECT, reasons.DISCONNECT_CODES, version)
    return p.Disconnect(code=code, properties=properties)


def _auth(body: Body, version: Version) -> p.Auth:
    code, properties = _coded(body, Kind.AUTH, reasons.AUTH_CODES, version)
    if properties.authentication_method is None:
        raise protocol_error("AUTH has no authentication method (§3.15.2.2.2)")
    return p.Auth(code=code, properties=properties)


def _released(kind: Kind, made: type[p.Acknowledgement]) -> Callable[[Body, Version], Packet]:
    return _acknowledged(kind, made, reasons.RELEASED_CODES)


_READERS: dict[Kind, Callable[[Body, Version], Packet]] = {
    Kind.CONNECT: _connect,
    Kind.CONNACK: _connack,
    Kind.PUBACK: _acknowledged(Kind.PUBACK, p.Puback, reasons.PUBLISHED_CODES),
    Kind.PUBREC: _acknowledged(Kind.PUBREC, p.Pubrec, reasons.PUBLISHED_CODES),
    Kind.PUBREL: _released(Kind.PUBREL, p.Pubrel),
    Kind.PUBCOMP: _released(Kind.PUBCOMP, p.Pubcomp),
    Kind.SUBSCRIBE: _subscribe,
    Kind.SUBACK: _suback,
    Kind.UNSUBSCRIBE: _unsubscribe,
    Kind.UNSUBACK: _unsuback,
    Kind.PINGREQ: lambda _, __: p.Pingreq(),
    Kind.PINGRESP: lambda _, __: p.Pingresp(),
    Kind.DISCONNECT: _disconnect,
    Kind.AUTH: _auth,
}
