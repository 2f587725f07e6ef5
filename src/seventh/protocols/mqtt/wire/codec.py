"""Bytes in any pieces to packets, for either role, with bounds (MQTT 5 §2.1)."""

from __future__ import annotations

import functools
from typing import Literal

from seventh.protocols.mqtt.wire.body import MAX_VARINT
from seventh.protocols.mqtt.wire.decode import decode
from seventh.protocols.mqtt.wire.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Version,
)
from seventh.protocols.mqtt.wire.properties import Kind
from seventh.protocols.mqtt.wire.reasons import Code, MqttError, malformed, protocol_error

Role = Literal["client", "broker"]
_FROM_CLIENT = frozenset(
    {
        Kind.CONNECT, Kind.PUBLISH, Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP,
        Kind.SUBSCRIBE, Kind.UNSUBSCRIBE, Kind.PINGREQ, Kind.DISCONNECT,
    }
)  # fmt: skip
_FROM_BROKER = frozenset(
    {
        Kind.CONNACK, Kind.PUBLISH, Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP,
        Kind.SUBACK, Kind.UNSUBACK, Kind.PINGRESP,
    }
)  # fmt: skip
_FLAGS = {Kind.PUBREL: 2, Kind.SUBSCRIBE: 2, Kind.UNSUBSCRIBE: 2}
"""The fixed flags of packets whose flags are not 0 (§2.1.3)."""


class Decoder:
    """What one end receives.

    ``version`` is that of our CONNECT; a broker learns it from the client's. After an error nothing
    is parsed.
    """

    __slots__ = ("_buffer", "_connected", "_max_bytes", "_role", "error", "version")

    def __init__(
        self, role: Role, version: Version | None = None, *, max_bytes: int = MAX_VARINT + 5
    ) -> None:
        self._role = role
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._connected = False
        self.version: Version | None = version
        self.error: MqttError | None = None
        """What the peer did wrong, after the packets that were returned."""

    def receive(self, data: bytes) -> list[Packet]:
        """Return the packets that ``data`` completes; look at :attr:`error` after them."""
        found: list[Packet] = []
        if self.error is not None:
            return found
        self._buffer += data
        try:
            while (packet := self._next()) is not None:
                found.append(packet)
        except MqttError as error:
            self.error = error
            self._buffer.clear()
        return found

    def _next(self) -> Packet | None:
        """Return the next whole packet; None if more bytes are needed."""
        buffer = self._buffer
        if not buffer:
            return None
        kind, flags = self._kind(buffer[0])
        sized = self._size(buffer)
        if sized is None:
            return None
        start, end = sized
        if len(buffer) < end:
            return None
        body = bytes(memoryview(buffer)[start:end])
        del buffer[:end]
        packet = decode(kind, flags, body, self.version or 4)
        if isinstance(packet, Connect):
            self.version = packet.version
        if isinstance(packet, Connect) or (isinstance(packet, Connack) and not packet.code.failed):
            self._connected = True
        self._judge(packet)
        return packet

    def _judge(self, packet: Packet) -> None:
        """Raise MqttError for what one of the two roles must not send."""
        if isinstance(packet, Auth) and packet.code is Code.SUCCESS and not self._connected:
            raise protocol_error("AUTH succeeded instead of a CONNACK (§3.15)")
        if self._role == "client" and isinstance(packet, Disconnect):
            if packet.properties.session_expiry_seconds is not None:
                raise protocol_error("DISCONNECT of a broker has a session expiry (§3.14.2.2.2)")
            if packet.code is Code.DISCONNECT_WITH_WILL:
                raise protocol_error("DISCONNECT of a broker has the code 0x04 (§3.14.2.1)")

    def _size(self, buffer: bytearray) -> tuple[int, int] | None:
        """Return where the body begins and ends; None where the length is incomplete."""
        length = 0
        for index in range(1, 5):
            if index >= len(buffer):
                return None
            byte = buffer[index]
            length |= (byte & 0x7F) << 7 * (index - 1)
            if byte < 0x80:
                if index > 1 and not byte and self.version == 5:
                    raise malformed("the remaining length is not in its shortest form (§1.5.5)")
                if index + 1 + length > self._max_bytes:
                    raise MqttError(
                        Code.PACKET_TOO_LARGE,
                        f"a packet of {index + 1 + length} bytes; the limit is {self._max_bytes}",
                    )
                return index + 1, index + 1 + length
        raise malformed("the remaining length has more than 4 bytes (§2.1.4)")

    def _kind(self, first: int) -> tuple[Kind, int]:
        """Return the type and the flags of a packet that may come now."""
        number, flags = first >> 4, first & 15
        if not number:
            raise malformed("a packet of the reserved type 0 (§2.1.2)")
        kind = Kind(number)
        if kind is Kind.PUBLISH:
            if flags & 6 == 6:
                raise malformed("PUBLISH with QoS 3 (§3.3.1.2)")
            if flags & 14 == 8:
                raise malformed("PUBLISH with QoS 0 and DUP (§3.3.1.1)")
        elif flags != _FLAGS.get(kind, 0):
            raise malformed(f"{kind.name} with the flags {flags} (§2.1.3)")
        if kind not in _expected(self._role, connected=self._connected, v5=self.version == 5):
            when = "" if self._connected else " before the connection is accepted"
            raise protocol_error(f"unexpected {kind.name}{when}")
        return kind, flags


@functools.cache
def _expected(role: Role, *, connected: bool, v5: bool) -> frozenset[Kind]:
    """Return the types of packets that a role may receive."""
    auth = frozenset({Kind.AUTH}) if v5 else frozenset()
    if role == "broker":
        return (_FROM_CLIENT - {Kind.CONNECT}) | auth if connected else frozenset({Kind.CONNECT})
    if not connected:
        return frozenset({Kind.CONNACK}) | auth
    last = frozenset({Kind.DISCONNECT}) if v5 else frozenset()
    return (_FROM_BROKER - {Kind.CONNACK}) | auth | last
