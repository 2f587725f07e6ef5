"""A client with a session: it subscribes, publishes, acknowledges, and keeps what arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.protocols.mqtt.client.causes import disconnected
from seventh.protocols.mqtt.client.connection import Connection
from seventh.protocols.mqtt.wire.packets import (
    Connack,
    Disconnect,
    Packet,
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
)
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.protocols.mqtt.wire.session import MAX_RECEIVE_MAXIMUM, Session

MAX_KEPT = 1000
"""The most messages that wait to be read."""
ENDS = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})


class Arrival(NamedTuple):
    """A message, and when it came."""

    message: Publish
    at: Mark


class Published(NamedTuple):
    """How far a message came: when it was sent, and the acknowledgements in their order."""

    sent: Mark
    acknowledged: tuple[tuple[Packet, Mark], ...] = ()
    released: Mark | None = None
    """When PUBREL was sent."""
    failed: Failed | None = None
    """What ended the wait for the next one."""

    @property
    def code(self) -> Code | None:
        """The reason code of the first acknowledgement."""
        for packet, _ in self.acknowledged:
            if isinstance(packet, Puback | Pubrec):
                return packet.code
        return None


class Client:
    """A connection that was accepted, and its session."""

    def __init__(
        self,
        connection: Connection,
        connack: Connack,
        client_id: str,
        session: Session | None = None,
    ) -> None:
        self.connection = connection
        self.connack = connack
        self.client_id = client_id
        self.session = session or Session()
        self._again = self.session.open(connack.properties.receive_maximum or MAX_RECEIVE_MAXIMUM)
        self._arrived: deque[Arrival] = deque()
        self._replied: Mark | None = None
        self._subscribed = 0

    # -- what arrives ------------------------------------------------------------------------------

    async def take(self, until_ns: int) -> tuple[Packet, Mark]:
        """Return the next packet; acknowledge and keep a message. Raises Failed."""
        packet, mark = await self.connection.receive(until_ns)
        if isinstance(packet, Disconnect):
            raise disconnected(packet.code, packet.properties.reason_string or "")
        if isinstance(packet, Publish | Puback | Pubrec | Pubrel | Pubcomp):
            received = self.session.receive(packet)
            self._arrived += (Arrival(message, mark) for message in received.messages)
            if len(self._arrived) > MAX_KEPT:
                raise ProtocolViolation(f"more than {MAX_KEPT} messages that were not requested")
            for reply in received.replies:
                self._replied = await self.connection.send(reply)
        return packet, mark

    async def await_message(
        self, wanted: Callable[[Publish], bool], until_ns: int
    ) -> Arrival | None:
        """Return the next message that is wanted, and drop others; None at the time's end.

        Raises Failed if the connection ends.
        """
        while True:
            while self._arrived:
                arrival = self._arrived.popleft()
                if wanted(arrival.message):
                    return arrival
            try:
                await self.take(until_ns)
            except Failed as failed:
                if failed.reason is not Reason.PEER_SILENT:
                    raise
                return None

    async def messages_until(
        self, last: Callable[[Publish], bool], until_ns: int
    ) -> tuple[list[Arrival], bool]:
        """Return the messages before the ``last`` one, and whether that came. Raises Failed."""
        found: list[Arrival] = []
        while True:
            arrival = await self.await_message(lambda _: True, until_ns)
            if arrival is None or last(arrival.message):
                return found, arrival is not None
            found.append(arrival)

    # -- what is sent ------------------------------------------------------------------------------

    async def subscribe(self, pattern: str, qos: int, until_ns: int) -> tuple[Code, Mark, Mark]:
        """Subscribe; return the code, and when it was sent and answered. Raises Failed."""
        self._subscribed += 1
        wanted = Subscription(filter=pattern, qos=qos)
        packet = Subscribe(packet_id=self._subscribed, subscriptions=(wanted,))
        sent = await self.connection.send(packet)
        while True:
            answer, mark = await self.take(until_ns)
            if isinstance(answer, Suback) and answer.packet_id == packet.packet_id:
                return answer.codes[0], sent, mark

    async def unsubscribe(self, pattern: str, until_ns: int) -> None:
        """End a subscription. Raises Failed."""
        self._subscribed += 1
        await self.connection.send(Unsubscribe(packet_id=self._subscribed, filters=(pattern,)))
        while not isinstance((await self.take(until_ns))[0], Unsuback):
            pass

    async def publish(self, message: Publish, until_ns: int) -> Published:
        """Publish, and wait for the acknowledgements. Raises Failed only if it cannot be sent."""
        (packet,) = self.session.publish(message)
        assert isinstance(packet, Publish)  # noqa: S101 - what was passed in
        sent = await self.connection.send(packet)
        kinds = {0: (), 1: (Puback,), 2: (Pubrec, Pubcomp)}[message.qos]
        return await self._acknowledged(sent, packet.packet_id, kinds, until_ns)

    async def publish_ahead(self, messages: list[Publish], until_ns: int) -> bool:
        """Publish at once, within the Receive Maximum; return whether all were acknowledged."""
        for message in messages:
            for packet in self.session.publish(message):
                await self.connection.send(packet)
        return await self._settle(until_ns)

    async def send_again(self, until_ns: int) -> bool:
        """Send what a resumed session has not completed (§4.4); return whether it is now."""
        for packet in self._again:
            await self.connection.send(packet)
        return await self._settle(until_ns)

    async def _settle(self, until_ns: int) -> bool:
        """Wait until everything is acknowledged; return whether it is."""
        try:
            while self.session.in_flight or self.session.queued:
                await self.take(until_ns)
        except Failed:
            return False
        return True

    async def _acknowledged(
        self, sent: Mark, number: int | None, kinds: tuple[type[Packet], ...], until_ns: int
    ) -> Published:
        found: list[tuple[Packet, Mark]] = []
        released: Mark | None = None
        try:
            for kind in kinds:
                while True:
                    packet, mark = await self.take(until_ns)
                    if isinstance(packet, kind) and getattr(packet, "packet_id", None) == number:
                        break
                found.append((packet, mark))
                released = self._replied if isinstance(packet, Pubrec) else released
                if isinstance(packet, Puback | Pubrec) and packet.code.failed:
                    break
        except Failed as failed:
            return Published(sent, tuple(found), released, failed)
        return Published(sent, tuple(found), released)

    # -- the end -----------------------------------------------------------------------------------

    def abort(self) -> None:
        """Close without DISCONNECT."""
        self.session.close()
        self.connection.stream.close()

    async def leave(self, until_ns: int) -> None:
        """Send DISCONNECT and wait until the broker closes: it then knows that we are away."""
        self.session.close()
        connection = self.connection
        connection.stream.expect_silence()
        try:
            await connection.send(Disconnect())
            while True:
                await connection.receive(until_ns)
        except Failed as failed:
            if failed.reason not in {Reason.PEER_SILENT, *ENDS}:
                raise
        finally:
            connection.stream.close()

    async def disconnect(self, *, end_session: bool = False) -> None:
        """Send DISCONNECT, which ends the session on request, and close."""
        self.session.close()
        await self.connection.disconnect(session_expiry_seconds=0 if end_session else None)
