"""One connection to a broker: CONNECT first, then packets, over any stream."""

from __future__ import annotations

import secrets
from collections import deque
from typing import NamedTuple

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.mqtt.client.causes import disconnected
from seventh.protocols.mqtt.wire.codec import Decoder
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Version,
)
from seventh.protocols.mqtt.wire.properties import NONE, Properties
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.wire.identify import identify

MAX_PACKET_BYTES = 256 * 1024
"""The largest packet that is accepted, as our CONNECT states in MQTT 5."""
RECEIVE_MAXIMUM = 10
KEEPALIVE_SECONDS = 30
MAX_UNREQUESTED = 64
"""The most packets of another kind than the one that is awaited."""
MAX_AUTH = 5
"""The most AUTH packets of a broker in one login."""
_FIRST_BYTES = 256


class Login(NamedTuple):
    """A user name and its password, or a token."""

    user: str | None
    password: bytes | None
    method: str = ""
    """The authentication method of MQTT 5, whose data the password then is."""


class Answer(NamedTuple):
    """A packet that was awaited, and the time it took."""

    packet: Packet
    sent: Mark
    back: Mark

    @property
    def seconds(self) -> float:
        """The time between the request and it."""
        return self.back.since(self.sent)


def random_client_id() -> str:
    """Return 23 letters and digits, which every broker has to accept (MQTT 3.1.1 §3.1.3.1)."""
    return f"seventh{secrets.token_hex(8)}"


def connect_packet(
    version: Version, login: Login | None = None, session_expiry_seconds: int | None = None
) -> Connect:
    """Return a CONNECT with a random client id."""
    properties, method = NONE, login.method if login else ""
    if version == 5:
        properties = Properties(
            receive_maximum=RECEIVE_MAXIMUM, maximum_packet_bytes=MAX_PACKET_BYTES,
            session_expiry_seconds=session_expiry_seconds,
            authentication_method=method or None,
            authentication_data=login.password if login and method else None,
        )  # fmt: skip
    return Connect(
        client_id=random_client_id(), version=version, clean_start=True,
        keepalive_seconds=KEEPALIVE_SECONDS, properties=properties,
        user=login.user if login else None,
        password=login.password if login and not method else None,
    )  # fmt: skip


class Connection:
    """A connection of one version; it owns ``stream``."""

    __slots__ = ("_ctx", "_decoder", "_first", "_waiting", "stream", "version")

    def __init__(
        self,
        ctx: ProbeContext,
        stream: Stream,
        version: Version,
        max_bytes: int = MAX_PACKET_BYTES,
    ) -> None:
        self._ctx = ctx
        self._decoder = Decoder("client", version, max_bytes=max_bytes)
        self._waiting: deque[tuple[Packet, Mark]] = deque()
        self._first = b""
        self.stream = stream
        self.version = version

    async def send(self, packet: Packet) -> Mark:
        """Send a packet; a transcript does not show one with a password."""
        data = encode(packet, self.version)
        transcript = self._ctx.transcript
        secret = isinstance(packet, Auth) or (
            isinstance(packet, Connect)
            and (packet.password or packet.properties.authentication_data) is not None
        )
        if transcript is None or not secret:
            return await self.stream.send(data)
        kept = len(transcript)
        sent = await self.stream.send(data)
        del transcript[kept:]
        self._ctx.note(f"{type(packet).__name__.upper()} with credentials was sent")
        return sent

    async def receive(self, until_ns: int) -> tuple[Packet, Mark]:
        """Return the next packet. Raises Failed."""
        while not self._waiting:
            if self._decoder.error is not None:
                raise self._foreign() or self._decoder.error
            data, mark = await self.stream.receive(until_ns)
            if not data:
                raise Failed(Reason.PEER_CLOSED, "the broker closed the connection")
            if len(self._first) < _FIRST_BYTES:
                self._first += data[:_FIRST_BYTES]
            self._waiting += ((packet, mark) for packet in self._decoder.receive(data))
        return self._waiting.popleft()

    async def receive_all(self, until_ns: int) -> list[Packet]:
        """Return the packets that are here, at least one. Raises Failed."""
        first, _ = await self.receive(until_ns)
        more = [packet for packet, _ in self._waiting]
        self._waiting.clear()
        return [first, *more]

    def _foreign(self) -> Failed | None:
        """Return the failure if the first bytes are another protocol's."""
        other = identify(self._first)
        if other is None or other == "MQTT":
            return None
        return Failed(Reason.PROTOCOL_MISMATCH, f"the port serves {other}, not MQTT", served=other)

    async def ask(self, packet: Packet, wanted: type[Packet], until_ns: int) -> Answer:
        """Send a packet and return the next one of the type ``wanted``. Raises Failed."""
        sent = await self.send(packet)
        for _ in range(MAX_UNREQUESTED):
            received, mark = await self.receive(until_ns)
            if isinstance(received, wanted):
                return Answer(received, sent, mark)
            if isinstance(received, Disconnect):
                raise disconnected(received.code, received.properties.reason_string or "")
            if wanted is Connack:
                raise ProtocolViolation("AUTH without an authentication method of ours (§4.12)")
        raise ProtocolViolation(f"{MAX_UNREQUESTED} packets that were not requested")

    async def connect(self, packet: Connect, until_ns: int) -> Answer:
        """Send a CONNECT and return the CONNACK. Raises Failed.

        With an authentication method, its data answers each AUTH of the broker (§4.12).
        """
        properties = packet.properties
        if properties.authentication_method is None:
            return await self.ask(packet, Connack, until_ns)
        again = Properties(
            authentication_method=properties.authentication_method,
            authentication_data=properties.authentication_data,
        )
        sent = await self.send(packet)
        for _ in range(MAX_AUTH):
            received, mark = await self.receive(until_ns)
            if isinstance(received, Connack):
                return Answer(received, sent, mark)
            await self.send(Auth(code=Code.CONTINUE_AUTHENTICATION, properties=again))
        raise ProtocolViolation(f"{MAX_AUTH} AUTH packets, and no CONNACK (§4.12)")

    async def ping(self, until_ns: int) -> Answer:
        """Send a PINGREQ and return the PINGRESP. Raises Failed."""
        return await self.ask(Pingreq(), Pingresp, until_ns)

    async def disconnect(self, session_expiry_seconds: int | None = None) -> None:
        """Send a DISCONNECT and close; the broker may have closed already."""
        properties = Properties(session_expiry_seconds=session_expiry_seconds)
        try:
            await self.send(Disconnect(properties=properties if self.version == 5 else NONE))
        except Failed as failed:
            if failed.reason not in {Reason.PEER_CLOSED, Reason.PEER_RESET}:
                raise
        finally:
            self.stream.close()
