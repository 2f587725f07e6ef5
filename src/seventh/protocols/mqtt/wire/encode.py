"""Packets to bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seventh.protocols.mqtt.wire import packets as p
from seventh.protocols.mqtt.wire.body import binary, text, varint
from seventh.protocols.mqtt.wire.packets import Packet, Version
from seventh.protocols.mqtt.wire.properties import NONE, Kind, Properties, written
from seventh.protocols.mqtt.wire.reasons import RETURN_CODES, Code

NAME = text("MQTT")


def encode(packet: Packet, version: Version) -> bytes:
    """Return a packet's bytes; ValueError for values that do not fit.

    In 3.1.1 properties are left out, and so are codes where that version has none.
    """
    kind, write = _WRITERS[type(packet)]
    flags, body = write(packet, version)
    return bytes((kind << 4 | flags,)) + varint(len(body)) + body


def _properties(properties: Properties, version: Version) -> bytes:
    return written(properties) if version == 5 else b""


def _connect(packet: p.Connect, version: Version) -> tuple[int, bytes]:
    will = packet.will
    flags = packet.clean_start << 1 | (packet.password is not None) << 6
    flags |= (packet.user is not None) << 7
    parts = [text(packet.client_id)]
    if will is not None:
        flags |= 1 << 2 | will.qos << 3 | will.retain << 5
        parts += [_properties(will.properties, version), text(will.topic), binary(will.payload)]
    if packet.user is not None:
        parts.append(text(packet.user))
    if packet.password is not None:
        parts.append(binary(packet.password))
    head = bytes((version, flags)) + packet.keepalive_seconds.to_bytes(2, "big")
    return 0, b"".join((NAME, head, _properties(packet.properties, version), *parts))


def _connack(packet: p.Connack, version: Version) -> tuple[int, bytes]:
    code: int = packet.code
    if version != 5:
        known = packet.code if packet.code in RETURN_CODES else Code.SERVER_UNAVAILABLE
        code = RETURN_CODES.index(known)
    head = bytes((packet.session_present, code))
    return 0, head + _properties(packet.properties, version)


def _publish(packet: p.Publish, version: Version) -> tuple[int, bytes]:
    flags = packet.dup << 3 | packet.qos << 1 | packet.retain
    head = text(packet.topic)
    if packet.packet_id is not None:
        head += _id(packet.packet_id)
    if version == 5:
        head += written(packet.properties)
    return flags, head + packet.payload


def _id(packet_id: int) -> bytes:
    return packet_id.to_bytes(2, "big")


def _coded(code: Code, properties: Properties, version: Version) -> bytes:
    """Return a code and properties in their shortest form, which leaves out what is usual."""
    if version != 5 or (code is Code.SUCCESS and properties == NONE):
        return b""
    return bytes((code,)) + (written(properties) if properties != NONE else b"")


def _acknowledgement(packet: p.Acknowledgement, version: Version) -> tuple[int, bytes]:
    flags = 2 if isinstance(packet, p.Pubrel) else 0
    return flags, _id(packet.packet_id) + _coded(packet.code, packet.properties, version)


def _subscribe(packet: p.Subscribe, version: Version) -> tuple[int, bytes]:
    out = [_id(packet.packet_id), _properties(packet.properties, version)]
    for each in packet.subscriptions:
        options = each.qos
        if version == 5:
            options |= each.no_local << 2 | each.retain_as_published << 3
            options |= each.retain_handling << 4
        out += [text(each.filter), bytes((options,))]
    return 2, b"".join(out)


def _suback(packet: p.Suback, version: Version) -> tuple[int, bytes]:
    codes = bytes(
        Code.UNSPECIFIED_ERROR if version != 5 and code.failed else code for code in packet.codes
    )
    return 0, _id(packet.packet_id) + _properties(packet.properties, version) + codes


def _unsubscribe(packet: p.Unsubscribe, version: Version) -> tuple[int, bytes]:
    head = _id(packet.packet_id) + _properties(packet.properties, version)
    return 2, head + b"".join(map(text, packet.filters))


def _unsuback(packet: p.Unsuback, version: Version) -> tuple[int, bytes]:
    codes = bytes(packet.codes) if version == 5 else b""
    return 0, _id(packet.packet_id) + _properties(packet.properties, version) + codes


def _empty(_: Packet, __: Version) -> tuple[int, bytes]:
    return 0, b""


def _last(packet: p.Disconnect | p.Auth, version: Version) -> tuple[int, bytes]:
    return 0, _coded(packet.code, packet.properties, version)


_WRITERS: dict[type, tuple[Kind, Callable[[Any, Version], tuple[int, bytes]]]] = {
    p.Connect: (Kind.CONNECT, _connect), p.Connack: (Kind.CONNACK, _connack),
    p.Publish: (Kind.PUBLISH, _publish), p.Puback: (Kind.PUBACK, _acknowledgement),
    p.Pubrec: (Kind.PUBREC, _acknowledgement), p.Pubrel: (Kind.PUBREL, _acknowledgement),
    p.Pubcomp: (Kind.PUBCOMP, _acknowledgement), p.Subscribe: (Kind.SUBSCRIBE, _subscribe),
    p.Suback: (Kind.SUBACK, _suback), p.Unsubscribe: (Kind.UNSUBSCRIBE, _unsubscribe),
    p.Unsuback: (Kind.UNSUBACK, _unsuback), p.Pingreq: (Kind.PINGREQ, _empty),
    p.Pingresp: (Kind.PINGRESP, _empty), p.Disconnect: (Kind.DISCONNECT, _last),
    p.Auth: (Kind.AUTH, _last),
}  # fmt: skip
