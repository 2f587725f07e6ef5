"""The state of a session, for either role: messages of QoS 1 and 2, aliases, keep alive.

Times are passed in, in nanoseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

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
from seventh.protocols.mqtt.wire.reasons import Code, MqttError, protocol_error

MAX_RECEIVE_MAXIMUM = 65_535
_SECOND_NS = 1_000_000_000


class Received(NamedTuple):
    """What a packet leads to: messages for the application, and packets to send."""

    messages: tuple[Publish, ...] = ()
    replies: tuple[Packet, ...] = ()


class Session:
    """The messages of QoS 1 and 2 in both directions (§4.3, §4.4); it outlives connections."""

    __slots__ = ("_last_id", "_limit", "_own_limit", "_queue", "_received", "_sent")

    def __init__(self, own_limit: int = MAX_RECEIVE_MAXIMUM) -> None:
        self._last_id = 0
        self._sent: dict[int, Publish | Pubrel] = {}
        """By packet id, in the order of sending: what is not acknowledged, or only released."""
        self._queue: deque[Publish] = deque()
        self._received: set[int] = set()
        """The ids of QoS 2 that the peer has not released."""
        self._limit = 0
        self._own_limit = own_limit

    @property
    def in_flight(self) -> int:
        """How many messages were sent and not acknowledged."""
        return len(self._sent)

    @property
    def queued(self) -> int:
        """How many messages wait for a connection, or for the peer's Receive Maximum."""
        return len(self._queue)

    def open(self, limit: int = MAX_RECEIVE_MAXIMUM) -> tuple[Packet, ...]:
        """Begin a connection; return what is sent again, in the original order, and then new.

        ``limit`` is the peer's Receive Maximum (§4.9).
        """
        self._limit = limit
        again = (
            msgspec.structs.replace(packet, dup=True) if isinstance(packet, Publish) else packet
            for packet in self._sent.values()
        )
        return (*again, *self._release())

    def close(self) -> None:
        """End a connection: from now on messages are queued."""
        self._limit = 0

    def restore(self, released: Iterable[int]) -> None:
        """Take up an earlier process's session: the ids of QoS 2 whose PUBREC it has received."""
        self._sent.update((number, Pubrel(packet_id=number)) for number in released)

    def publish(self, message: Publish) -> tuple[Packet, ...]:
        """Return the packets to send now for a message.

        A packet id that it has is kept, which the caller has to know as free.
        """
        if not message.qos:
            return (message,) if self._limit else ()
        self._queue.append(message)
        return self._release()

    def drop_queued(self) -> Publish:
        """Remove the oldest message that waits, and return it; IndexError if none does."""
        return self._queue.popleft()

    def _release(self) -> tuple[Packet, ...]:
        """Send queued messages as far as the peer's Receive Maximum permits."""
        out: list[Packet] = []
        while self._queue and len(self._sent) < self._limit:
            packet = self._queue.popleft()
            number = packet.packet_id or self._free_id()
            packet = msgspec.structs.replace(packet, packet_id=number)
            self._sent[number] = packet
            out.append(packet)
        return tuple(out)

    def _free_id(self) -> int:
        """Return the next id that is not in use (§2.2.1): fewer than all are in flight."""
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._sent:
                return self._last_id

    def receive(self, packet: Publish | Acknowledgement) -> Received:
        """Return the messages to deliver and the packets to send. Raises MqttError."""
        match packet:
            case Publish():
                return self._on_publish(packet)
            case Puback(packet_id=number):
                return self._end(number, Publish, qos=1)
            case Pubrec(packet_id=number):
                return self._on_pubrec(packet, number)
            case Pubrel(packet_id=number):
                known = number in self._received
                self._received.discard(number)
                code = Code.SUCCESS if known else Code.PACKET_ID_NOT_FOUND
                return Received(replies=(Pubcomp(packet_id=number, code=code),))
            case Pubcomp(packet_id=number):
                return self._end(number, Pubrel)

    def _on_publish(self, packet: Publish) -> Received:
        number = packet.packet_id
        if number is None:
            return Received((packet,))
        if packet.qos == 1:
            return Received((packet,), (Puback(packet_id=number),))
        reply = Pubrec(packet_id=number)
        if number in self._received:  # it was delivered when it came first (§4.3.3)
            return Received(replies=(reply,))
        if len(self._received) >= self._own_limit:
            raise MqttError(
                Code.RECEIVE_MAXIMUM_EXCEEDED,
                f"more than {self._own_limit} messages that are not acknowledged (§3.3.4)",
            )
        self._received.add(number)
        return Received((packet,), (reply,))

    def _on_pubrec(self, packet: Pubrec, number: int) -> Received:
        sent = self._sent.get(number)
        if sent is None:
            unknown = Pubrel(packet_id=number, code=Code.PACKET_ID_NOT_FOUND)
            return Received(replies=(unknown,))
        if isinstance(sent, Publish) and sent.qos != 2:
            raise protocol_error(f"PUBREC for the message {number} of QoS {sent.qos}")
        if packet.code.failed:
            del self._sent[number]
            return Received(replies=self._release())
        release = Pubrel(packet_id=number)
        self._sent[number] = release
        return Received(replies=(release,))

    def _end(self, number: int, state: type[Publish | Pubrel], qos: int = 2) -> Received:
        """Forget a message that is acknowledged; an unknown one was so before."""
        sent = self._sent.get(number)
        if sent is None:
            return Received()
        if not isinstance(sent, state) or (isinstance(sent, Publish) and sent.qos != qos):
            raise protocol_error(f"an acknowledgement of message {number} that is out of order")
        del self._sent[number]
        return Received(replies=self._release())


class SentAliases:
    """Topic aliases of our messages (§3.3.2.3.4): the first topics of a connection have one."""

    __slots__ = ("_known", "_maximum")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._known: dict[str, int] = {}

    def apply(self, message: Publish) -> Publish:
        """Return the message with an alias, and without the topic where the peer knows it."""
        number = self._known.get(message.topic)
        topic = "" if number is not None else message.topic
        if number is None:
            if len(self._known) >= self._maximum:
                return message
            number = self._known[message.topic] = len(self._known) + 1
        return _aliased(message, topic, number)


class ReceivedAliases:
    """Topic aliases of the peer's messages; ``maximum`` is the one that we stated."""

    __slots__ = ("_known", "_maximum")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._known: dict[int, str] = {}

    def resolve(self, message: Publish) -> Publish:
        """Return the message with its topic and without an alias. Raises MqttError."""
        number = message.properties.topic_alias
        if number is None:
            return message
        if number > self._maximum:
            raise MqttError(
                Code.TOPIC_ALIAS_INVALID,
                f"the topic alias {number}; the maximum is {self._maximum}",
            )
        if message.topic:
            self._known[number] = message.topic
        elif number not in self._known:
            raise protocol_error(f"the topic alias {number} has no topic")
        return _aliased(message, self._known[number], None)


def _aliased(message: Publish, topic: str, alias: int | None) -> Publish:
    properties: Properties = msgspec.structs.replace(message.properties, topic_alias=alias)
    return msgspec.structs.replace(message, topic=topic, properties=properties)


class KeepAlive:
    """When a client has to send a packet, and when a broker ends the connection (§3.1.2.10)."""

    __slots__ = ("_interval_ns", "last_ns")

    def __init__(self, seconds: int, now_ns: int) -> None:
        self._interval_ns = seconds * _SECOND_NS
        self.last_ns = now_ns
        """When the client sent its last packet; the owner sets it."""

    @property
    def due_ns(self) -> int | None:
        """When the client has to send the next packet; None without a keep alive."""
        return self.last_ns + self._interval_ns if self._interval_ns else None

    @property
    def dead_ns(self) -> int | None:
        """When the broker ends the connection, after 1.5 intervals; None without a keep alive."""
        return self.last_ns + self._interval_ns * 3 // 2 if self._interval_ns else None
