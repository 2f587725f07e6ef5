"""The properties of MQTT 5 (§2.2.2): which there are, their types, and the packets with them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, NamedTuple

import msgspec

from seventh.protocols.mqtt.wire.body import Body, binary, text, varint
from seventh.protocols.mqtt.wire.reasons import Code, MqttError, malformed, protocol_error


class Kind(IntEnum):
    """A packet's type (§2.1.2); WILL stands for the properties within a CONNECT's payload."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15
    WILL = 16


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of one packet; None or empty is one that is absent."""

    payload_is_text: int | None = None
    message_expiry_seconds: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_ids: tuple[int, ...] = ()
    session_expiry_seconds: int | None = None
    assigned_client_id: str | None = None
    server_keep_alive_seconds: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay_seconds: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    maximum_packet_bytes: int | None = None
    wildcards_available: int | None = None
    subscription_ids_available: int | None = None
    shared_available: int | None = None


NONE = Properties()
_Type = Literal["flag", "two", "four", "varint", "text", "binary", "pair"]


class _Property(NamedTuple):
    id: int
    field: str
    type: _Type
    kinds: frozenset[Kind]
    zero: bool = True
    """Whether its value may be 0."""


def _of(*kinds: Kind) -> frozenset[Kind]:
    return frozenset(kinds)


_MESSAGE = _of(Kind.PUBLISH, Kind.WILL)
_EXPLAINED = _of(
    Kind.CONNACK, Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP, Kind.SUBACK, Kind.UNSUBACK,
    Kind.DISCONNECT, Kind.AUTH,
)  # fmt: skip
_EVERY = frozenset(Kind) - {Kind.PINGREQ, Kind.PINGRESP}
_BOTH = _of(Kind.CONNECT, Kind.CONNACK)
_CONNECT, _CONNACK = _of(Kind.CONNECT), _of(Kind.CONNACK)
_LOGIN = _of(Kind.CONNECT, Kind.CONNACK, Kind.AUTH)

_TABLE = (
    _Property(0x01, "payload_is_text", "flag", _MESSAGE),
    _Property(0x02, "message_expiry_seconds", "four", _MESSAGE),
    _Property(0x03, "content_type", "text", _MESSAGE),
    _Property(0x08, "response_topic", "text", _MESSAGE),
    _Property(0x09, "correlation_data", "binary", _MESSAGE),
    _Property(0x0B, "subscription_ids", "varint", _of(Kind.PUBLISH, Kind.SUBSCRIBE), zero=False),
    _Property(0x11, "session_expiry_seconds", "four", _BOTH | {Kind.DISCONNECT}),
    _Property(0x12, "assigned_client_id", "text", _CONNACK),
    _Property(0x13, "server_keep_alive_seconds", "two", _CONNACK),
    _Property(0x15, "authentication_method", "text", _LOGIN),
    _Property(0x16, "authentication_data", "binary", _LOGIN),
    _Property(0x17, "request_problem_information", "flag", _CONNECT),
    _Property(0x18, "will_delay_seconds", "four", _of(Kind.WILL)),
    _Property(0x19, "request_response_information", "flag", _CONNECT),
    _Property(0x1A, "response_information", "text", _CONNACK),
    _Property(0x1C, "server_reference", "text", _CONNACK | {Kind.DISCONNECT}),
    _Property(0x1F, "reason_string", "text", _EXPLAINED),
    _Property(0x21, "receive_maximum", "two", _BOTH, zero=False),
    _Property(0x22, "topic_alias_maximum", "two", _BOTH),
    _Property(0x23, "topic_alias", "two", _of(Kind.PUBLISH), zero=False),
    _Property(0x24, "maximum_qos", "flag", _CONNACK),
    _Property(0x25, "retain_available", "flag", _CONNACK),
    _Property(0x26, "user_properties", "pair", _EVERY),
    _Property(0x27, "maximum_packet_bytes", "four", _BOTH, zero=False),
    _Property(0x28, "wildcards_available", "flag", _CONNACK),
    _Property(0x29, "subscription_ids_available", "flag", _CONNACK),
    _Property(0x2A, "shared_available", "flag", _CONNACK),
)
_BY_ID = {each.id: each for each in _TABLE}
_WIDTHS = {"flag": 1, "two": 2, "four": 4}


def read(body: Body, kind: Kind) -> Properties:
    """Return the properties of a packet of ``kind``. Raises MqttError."""
    length = body.varint()
    if not length:
        return NONE
    part = Body(body.take(length), f"the properties of {kind.name}")
    found: dict[str, Any] = {}
    while part.left:
        number = part.varint()
        known = _BY_ID.get(number)
        if known is None or kind not in known.kinds:
            raise malformed(f"{kind.name} has the property 0x{number:02x}, which is not defined")
        value = _read_value(part, known)
        name = known.field
        if known.type == "pair" or (name == "subscription_ids" and kind is Kind.PUBLISH):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise protocol_error(f"{kind.name} has the property 0x{number:02x} twice")
        else:
            found[name] = [value] if name == "subscription_ids" else value
    if "authentication_data" in found and "authentication_method" not in found:
        raise protocol_error(f"{kind.name} has authentication data without a method")
    repeated = {name: tuple(v) for name, v in found.items() if isinstance(v, list)}
    return Properties(**{**found, **repeated})


def _read_value(part: Body, known: _Property) -> object:
    match known.type:
        case "text":
            return part.text()
        case "binary":
            return part.binary()
        case "pair":
            return part.text(), part.text()
        case "varint":
            value = part.varint()
        case _:
            value = part.uint(_WIDTHS[known.type])
    if known.type == "flag" and value > 1:
        raise protocol_error(f"{part.what}: 0x{known.id:02x} is {value}, neither 0 nor 1")
    if not value and not known.zero:
        code = Code.TOPIC_ALIAS_INVALID if known.field == "topic_alias" else Code.PROTOCOL_ERROR
        raise MqttError(code, f"{part.what}: 0x{known.id:02x} is 0, which is not permitted")
    return value


def written(properties: Properties) -> bytes:
    """Return the properties with their length."""
    if properties is NONE or properties == NONE:
        return b"\0"
    out = bytearray()
    for each in _TABLE:
        value = getattr(properties, each.field)
        if value is None or value == ():
            continue
        for one in value if isinstance(value, tuple) else (value,):
            out.append(each.id)
            out += _written_value(each.type, one)
    return varint(len(out)) + bytes(out)


def _written_value(kind: _Type, value: Any) -> bytes:
    match kind:
        case "text":
            return text(value)
        case "binary":
            return binary(value)
        case "pair":
            return text(value[0]) + text(value[1])
        case "varint":
            return varint(value)
    number: int = value
    return number.to_bytes(_WIDTHS[kind], "big")
