"""Delivering a queue: connect, send what may be sent, record what is acknowledged, and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from seventh.model.failure import Failed, Reason
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt.client.causes import code_text
from seventh.protocols.mqtt.verbs.link import Client, Link, connect
from seventh.protocols.mqtt.verbs.queue import WINDOW, Message, Queue
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
)
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.protocols.mqtt.wire.session import Session
from seventh.wire.text import printable

SYNC_SECONDS = 1.0
"""How often the progress of QoS 0 and 1 is synced: after a power failure messages come again."""
_FOR_GOOD = frozenset(
    {
        Code.NOT_AUTHORIZED, Code.TOPIC_NAME_INVALID, Code.PAYLOAD_FORMAT_INVALID,
        Code.PACKET_TOO_LARGE, Code.UNSPECIFIED_ERROR, Code.IMPLEMENTATION_SPECIFIC,
    }
)  # fmt: skip
"""Codes that refuse one message, and would again."""
Refuse = Callable[[Message, str], None]


class Publisher:
    """The delivery of a queue over one connection after another."""

    def __init__(
        self,
        queue: Queue,
        client: Client,
        *,
        rate: float | None = None,
        max_age_seconds: float | None = None,
        refuse: Refuse = lambda message, why: None,
    ) -> None:
        self._queue = queue
        self._client = client
        self._rate = rate
        self._max_age_seconds = max_age_seconds
        self._refuse = refuse
        self.wake = asyncio.Event()
        """Set by who adds messages."""
        self.accepted = asyncio.Event()
        """Set when a connection is accepted."""
        self.moved = asyncio.Event()
        """Set when messages have ended."""
        self.delivered = 0
        self.expired = 0
        self.sent = 0
        """The last message that may have been sent in the broker's present session."""
        self.link: Link | None = None

    async def serve(self, ctx: ProbeContext) -> None:
        """Connect and deliver until the connection ends. Raises Failed."""
        client = self._client._replace(clean=self._queue.renew)
        link = self.link = await connect(ctx, client)
        try:
            self._queue.renew = False
            self.accepted.set()
            await _Delivery(self, link).run()
        finally:
            self.link = None
            link.abort()

    async def leave(self) -> None:
        """End the connection, and the session if nothing waits."""
        if self.link is not None:
            await self.link.close(0 if not self._queue.waiting else None)

    @property
    def queue(self) -> Queue:
        """What is delivered."""
        return self._queue

    @property
    def rate(self) -> float | None:
        """The most messages per second of what has waited."""
        return self._rate

    def too_old(self, message: Message) -> bool:
        """Return whether a message is not sent any more."""
        age = time.time() - message.at
        limits = (self._max_age_seconds, message.expiry_seconds)
        return any(limit is not None and age > limit for limit in limits)

    def end(self, message: Message, why: str = "") -> None:
        """Record that a message was delivered, or why it is refused."""
        if why:
            self._queue.keep_refused(message, why)
            self._refuse(message, why)
        else:
            self.delivered += 1
        self._queue.progress.end(message.number)
        self.moved.set()

    def drop(self, message: Message) -> None:
        """Record that a message was too old to be sent."""
        self.expired += 1
        self._queue.progress.end(message.number)
        self.moved.set()


class _Delivery:
    """One connection's part of it."""

    def __init__(self, publisher: Publisher, link: Link) -> None:
        self._publisher = publisher
        self._queue = publisher.queue
        self._link = link
        self._session = Session()
        self._limit = min(link.limits.receive_maximum, WINDOW)
        self._unacknowledged: dict[int, Message] = {}
        """By packet id, of QoS 1 and 2."""
        self._unproven: dict[int, Message] = {}
        """By number, of QoS 0: sent, and perhaps not read by the broker yet."""
        self._proving: tuple[int, int] | None = None
        """The last of these that a PINGREQ proves, and how many of them are then answered."""
        self._at = self._queue.progress.done
        """The last message that was sent on this connection, or before it."""
        self._backlog = self._queue.last
        self._next_ns = now_ns()
        self._synced_ns = now_ns()

    async def run(self) -> None:
        """Send and receive until the connection ends. Raises Failed."""
        await self._link.send(*self._resume())
        while True:
            self._publisher.wake.clear()
            pause = await self._fill()
            seconds = min(pause, SYNC_SECONDS) if self._queue.waiting else pause
            packets = await self._link.receive(self._publisher.wake, seconds)
            await self._receive(packets)

    def _resume(self) -> tuple[Packet, ...]:
        """Return what completes messages that the broker has received (§4.4)."""
        progress = self._queue.progress
        if not self._link.session_present:
            # It has these already, and has lost what it would need to complete them.
            for number in sorted(progress.received):
                progress.end(number)
                self._publisher.delivered += 1
            self._publisher.sent = progress.done
        else:
            self._publisher.sent = max(self._publisher.sent, progress.done + WINDOW)
        numbers = sorted(progress.received)
        message = None
        at = progress.done
        for number in numbers:
            while (message := self._queue.after(at)) is not None and message.number <= number:
                at = message.number
                if at == number:
                    self._unacknowledged[message.packet_id] = message
        self._session.restore(
            key for key, each in self._unacknowledged.items() if each.number in progress.received
        )
        return self._session.open(self._limit)

    # -- sending -----------------------------------------------------------------------------------

    async def _fill(self) -> float:
        """Send what may be sent now; return after how many seconds there may be more to send."""
        out: list[Packet] = []
        pause = 3600.0
        while True:
            if self._session.in_flight >= self._limit or len(self._unproven) >= WINDOW:
                break
            message = self._queue.after(self._at)
            if message is not None and self._lacks(message.number):
                if self._session.in_flight or self._unproven:
                    break
                self._queue.progress.skip(message.number - 1)
            if message is None or message.number > self._queue.progress.done + WINDOW:
                break
            if self._rate_pause(message) > 0:
                pause = self._rate_pause(message)
                break
            self._at = message.number
            if message.number in self._queue.progress.received:
                continue
            packet = self._packet(message)
            if packet is not None:
                out += self._session.publish(packet)
        await self._link.send(*out)
        if self._unproven and self._proving is None:
            self._proving = (max(self._unproven), await self._link.ping())
        return pause

    def _lacks(self, number: int) -> bool:
        """Return whether messages before ``number`` can no longer be read."""
        ended = self._queue.progress.ended
        return any(each not in ended for each in range(self._at + 1, number))

    def _rate_pause(self, message: Message) -> float:
        """Return the seconds until a message of the backlog may be sent."""
        rate = self._publisher.rate
        if rate is None or message.number > self._backlog:
            return 0.0
        return (self._next_ns - now_ns()) / 1e9

    def _packet(self, message: Message) -> Publish | None:
        """Return the packet to send; None for a message that ends here. Raises Failed."""
        publisher, limits = self._publisher, self._link.limits
        again = message.number <= publisher.sent
        if publisher.too_old(message) and not (again and message.qos == 2):
            publisher.drop(message)
            return None
        if message.qos > limits.maximum_qos:
            raise Failed(
                Reason.NEGOTIATION_FAILED,
                f"the broker supports QoS {limits.maximum_qos} at most, and the message for "
                f"{printable(message.topic, 80)!r} asks for QoS {message.qos}",
            )
        if message.retain and not limits.retain_available:
            raise Failed(Reason.NEGOTIATION_FAILED, "the broker does not support retained messages")
        packet = message.packet(self._link.version, dup=again, now=time.time())
        size = len(encode(packet, self._link.version))
        if limits.maximum_packet_bytes is not None and size > limits.maximum_packet_bytes:
            most = limits.maximum_packet_bytes
            publisher.end(message, f"{size} bytes, and the broker permits {most}")
            return None
        if publisher.rate is not None:
            self._next_ns = max(self._next_ns, now_ns() - 100_000_000) + int(1e9 / publisher.rate)
        publisher.sent = max(publisher.sent, message.number)
        if message.qos:
            self._unacknowledged[message.packet_id] = message
        else:
            self._unproven[message.number] = message
        return packet

    # -- receiving ---------------------------------------------------------------------------------

    async def _receive(self, packets: list[Packet]) -> None:
        """Act on what came; what completes QoS 2 is recorded before it is answered."""
        replies: list[Packet] = []
        for packet in packets:
            if isinstance(packet, Puback | Pubrec | Pubcomp):
                self._acknowledged(packet)
                replies += self._session.receive(packet).replies
        proven = self._prove()
        completes = any(isinstance(reply, Pubrel) for reply in replies)
        late = (now_ns() - self._synced_ns) / 1e9 >= SYNC_SECONDS
        if packets or proven or late:
            self._queue.record(at_once=completes or late)
        if completes or late:
            self._synced_ns = now_ns()
        await self._link.send(*replies)

    def _acknowledged(self, packet: Puback | Pubrec | Pubcomp) -> None:
        message = self._unacknowledged.get(packet.packet_id)
        if message is None:
            return
        qos = 1 if isinstance(packet, Puback) else 2
        if message.qos != qos:
            return  # the session raises the error
        failed = packet.code.failed and not isinstance(packet, Pubcomp)
        if failed and packet.code not in _FOR_GOOD:
            raise Failed(
                Reason.UNEXPECTED_ANSWER,
                f"the broker does not take messages now: {code_text(packet.code)}",
            )
        if failed:
            self._publisher.end(message, code_text(packet.code))
        elif isinstance(packet, Pubrec):
            self._queue.progress.received.add(message.number)
            return
        else:
            self._publisher.end(message)
        del self._unacknowledged[packet.packet_id]

    def _prove(self) -> bool:
        """End messages of QoS 0 that the broker has read, as it answered a later PINGREQ."""
        if self._proving is None or self._link.answered_pings < self._proving[1]:
            return False
        last, self._proving = self._proving[0], None
        for number in [each for each in self._unproven if each <= last]:
            self._publisher.end(self._unproven.pop(number))
        return True
