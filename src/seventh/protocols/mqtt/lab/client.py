"""One connection to the reference broker."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING

import msgspec

from seventh.labkit.web.peer import Peer
from seventh.protocols.mqtt.lab.state import State, Subscribed
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
    Will,
)
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code, MqttError
from seventh.protocols.mqtt.wire.session import (
    MAX_RECEIVE_MAXIMUM,
    KeepAlive,
    ReceivedAliases,
    SentAliases,
)
from seventh.protocols.mqtt.wire.topics import is_filter, is_shared, shared
from seventh.wire.jwt import expiry_of

if TYPE_CHECKING:
    from seventh.protocols.mqtt.lab.broker import Broker

DEFAULT_MAX_BYTES = 16 << 20
_FOREVER = 0xFFFFFFFF


class Client:
    """One connection, from CONNECT to its end."""

    def __init__(self, broker: Broker, peer: Peer) -> None:
        self._broker = broker
        self._setup = broker.setup
        self._peer = peer
        most = self._setup.maximum_packet_bytes or DEFAULT_MAX_BYTES
        self._decoder = Decoder("broker", max_bytes=most)
        self._state: State | None = None
        self._will: Will | None = None
        self._alive = KeepAlive(0, time.monotonic_ns())
        self._sent_aliases = SentAliases(0)
        self._received_aliases = ReceivedAliases(self._setup.topic_alias_maximum)
        self._task = asyncio.current_task()
        self._asked: Connect | None = None
        """The CONNECT whose authentication continues."""
        self._ends_at: float | None = None
        """When the token expires with which it logged in, in Unix time."""
        self._held: Publish | None = None
        """A message that is to come after the next one, where the broker reorders them."""

    async def send(self, packet: Packet) -> None:
        """Send a packet in the client's version."""
        if isinstance(packet, Publish):
            packet = self._sent_aliases.apply(packet)
        with contextlib.suppress(OSError):  # its own connection notices that it has ended
            await self._peer.send(encode(packet, self._decoder.version or 4))

    async def end(self, code: Code) -> None:
        """End the connection from another one's task."""
        if self._decoder.version == 5:
            await self.send(Disconnect(code=code))
        if self._state is not None:
            await self._broker.detach(self._state, self, self._will)
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Answer until the client leaves, is silent or breaks the protocol."""
        try:
            await self._serve()
        except MqttError as error:
            await self._refuse(error)
        except TimeoutError:
            if self._decoder.version == 5:
                over = self._ends_at is not None and time.time() >= self._ends_at
                code = Code.MAXIMUM_CONNECT_TIME if over else Code.KEEP_ALIVE_TIMEOUT
                await self.send(Disconnect(code=code))
        finally:
            if self._state is not None:
                await self._broker.detach(self._state, self, self._will)

    async def _serve(self) -> None:
        while data := await self._receive():
            self._alive.last_ns = time.monotonic_ns()
            for packet in self._decoder.receive(data):
                if not await self._handle(packet):
                    return
            if self._decoder.error is not None:
                raise self._decoder.error

    async def _receive(self) -> bytes:
        dead_ns = self._alive.dead_ns
        left = None if dead_ns is None else (dead_ns - time.monotonic_ns()) / 1e9
        if self._ends_at is not None and self._setup.expires:
            until = self._ends_at - time.time()
            left = until if left is None else min(left, until)
        async with asyncio.timeout(left):
            return await self._peer.receive()

    async def _refuse(self, error: MqttError) -> None:
        if self._state is not None and self._decoder.version == 5:
            await self.send(Disconnect(code=error.code))
        elif self._state is None and error.code is Code.UNSUPPORTED_VERSION:
            await self.send(Connack(code=error.code))

    async def _handle(self, packet: Packet) -> bool:
        """Answer a packet; return whether the connection continues."""
        match packet:
            case Connect() | Auth():
                return await self._begin(packet)
            case Disconnect():
                self._leave(packet)
                return False
            case Pingreq():
                await self.send(Pingresp())
            case Publish():
                await self._publish(packet)
            case Puback() | Pubrec() | Pubrel() | Pubcomp():
                for reply in self._known.session.receive(packet).replies:
                    if not (isinstance(reply, Pubcomp) and "no-pubcomp" in self._setup.flaws):
                        await self.send(reply)
            case Subscribe():
                await self._subscribe(packet)
            case Unsubscribe():
                await self._unsubscribe(packet)
        return True

    @property
    def _known(self) -> State:
        assert self._state is not None  # noqa: S101 - the codec permits nothing before CONNECT
        return self._state

    # -- the connection ----------------------------------------------------------------------------

    async def _connect(self, packet: Connect) -> bool:
        setup = self._setup
        code = self._admit(packet)
        if code is Code.UNSUPPORTED_VERSION and setup.closes_unsupported:
            return False
        if code.failed:
            reference = setup.server_reference
            await self.send(Connack(code=code, properties=Properties(server_reference=reference)))
            return False
        client_id = packet.client_id or f"lab{secrets.token_hex(8)}"
        expiry = self._expiry(packet)
        state, present = await self._broker.attach(packet, client_id, expiry)
        self._state, state.client = state, self
        self._will = packet.will
        interval = setup.keep_alive_seconds or packet.keepalive_seconds
        silent = "keeps-silent-clients" in setup.flaws
        self._alive = KeepAlive(0 if silent else interval, time.monotonic_ns())
        asked = packet.properties
        self._sent_aliases = SentAliases(asked.topic_alias_maximum or 0)
        stated = self._stated(packet, client_id, expiry)
        await self.send(Connack(session_present=present, properties=stated))
        for each in state.session.open(asked.receive_maximum or MAX_RECEIVE_MAXIMUM):
            await self.send(each)
        await state.deliver_waiting()
        return True

    async def _begin(self, packet: Connect | Auth) -> bool:
        """Accept or refuse a CONNECT, with the setup's method after one AUTH (§4.12)."""
        method = packet.properties.authentication_method
        if isinstance(packet, Auth):
            if self._asked is None or self._state is not None:
                return True
            return await self._connect(self._asked)
        if method is None or method != self._setup.auth_method:
            return await self._connect(packet)
        self._asked = packet
        asked = Properties(authentication_method=method)
        await self.send(Auth(code=Code.CONTINUE_AUTHENTICATION, properties=asked))
        return True

    def _judge(self, packet: Connect) -> Code:
        setup = self._setup
        if packet.version not in setup.versions:
            return Code.UNSUPPORTED_VERSION
        if setup.refusal is not None:
            return setup.refusal
        if packet.version == 4 and not packet.client_id and not packet.clean_start:
            return Code.CLIENT_ID_NOT_VALID
        method = packet.properties.authentication_method
        if method != (setup.auth_method if self._asked is not None else None):
            return Code.BAD_AUTHENTICATION_METHOD
        if setup.token_seconds is not None:
            return self._judge_token(packet)
        if packet.user is None:
            return Code.SUCCESS if setup.anonymous else Code.NOT_AUTHORIZED
        password = setup.users.get(packet.user)
        right = password is not None and packet.password == password.encode()
        return Code.SUCCESS if right else Code.BAD_USER_OR_PASSWORD

    def _judge_token(self, packet: Connect) -> Code:
        token = packet.properties.authentication_data or packet.password
        self._ends_at = expiry_of(token.decode("ascii", "replace")) if token else None
        if self._ends_at is None:
            return Code.NOT_AUTHORIZED
        return Code.SUCCESS if self._ends_at > time.time() else Code.BAD_USER_OR_PASSWORD

    def _admit(self, packet: Connect) -> Code:
        """Return the code of CONNACK: a client id belongs to the user who has it."""
        code = self._judge(packet)
        if not code.failed and self._broker.is_others(packet, packet.client_id):
            return Code.CLIENT_ID_NOT_VALID
        return code

    def _expiry(self, packet: Connect) -> int:
        """Return how long the session is kept after the connection."""
        wanted = packet.properties.session_expiry_seconds or 0
        if packet.version == 4:
            wanted = 0 if packet.clean_start else _FOREVER
        most = self._setup.session_seconds
        return wanted if most is None else min(wanted, most)

    def _stated(self, packet: Connect, client_id: str, expiry: int) -> Properties:
        """Return what the CONNACK states: limits, and what differs from the request."""
        setup = self._setup
        wanted = packet.properties.session_expiry_seconds or 0
        return Properties(
            receive_maximum=setup.receive_maximum,
            maximum_packet_bytes=setup.maximum_packet_bytes,
            topic_alias_maximum=setup.topic_alias_maximum or None,
            session_expiry_seconds=expiry if expiry != wanted else None,
            assigned_client_id=None if packet.client_id else client_id,
            server_reference=setup.server_reference,
            server_keep_alive_seconds=setup.keep_alive_seconds,
            maximum_qos=None if setup.maximum_qos == 2 else setup.maximum_qos,
            retain_available=None if setup.retain_available else 0,
        )

    def _leave(self, packet: Disconnect) -> None:
        keeps = "will-after-disconnect" in self._setup.flaws
        if packet.code is not Code.DISCONNECT_WITH_WILL and not keeps:
            self._will = None
        expiry = packet.properties.session_expiry_seconds
        if expiry is not None and self._known.expiry_seconds:
            self._known.expiry_seconds = expiry

    # -- messages ----------------------------------------------------------------------------------

    async def _publish(self, packet: Publish) -> None:
        state, broker, flaws = self._known, self._broker, self._setup.flaws
        forgets = not packet.topic and "forgets-alias" in flaws
        packet = self._received_aliases.resolve(packet)
        if packet.qos > self._setup.maximum_qos:
            raise MqttError(Code.QOS_NOT_SUPPORTED, f"QoS {packet.qos}")
        if packet.retain and not self._setup.retain_available:
            raise MqttError(Code.RETAIN_NOT_SUPPORTED, "a retained message")
        received = state.session.receive(packet)
        messages = received.messages
        if packet.dup and packet.qos == 2 and "delivers-twice" in flaws:
            messages = (packet,)
        permitted = broker.may_write(state.user, packet.topic)
        found = False
        for message in self._in_order(messages):
            if permitted and not forgets:
                found = await broker.publish(message, state.client_id) or found
        for reply in received.replies:
            if not (isinstance(reply, Puback) and "no-puback" in flaws):
                await self.send(self._coded(reply, permitted=permitted, found=found))

    def _in_order(self, messages: tuple[Publish, ...]) -> tuple[Publish, ...]:
        """Return what is published now: in other cases than that of two flaws, what came."""
        flaws = self._setup.flaws
        numbered = {each.payload: each for each in messages if each.payload in {b"7", b"8"}}
        if "loses" in flaws:
            return tuple(each for each in messages if each.payload not in numbered)
        if "reorders" in flaws and b"7" in numbered:
            self._held = numbered[b"7"]
            return ()
        if "reorders" in flaws and b"8" in numbered and self._held is not None:
            return (numbered[b"8"], self._held)
        return messages

    def _coded(self, reply: Packet, *, permitted: bool, found: bool) -> Packet:
        """Return an acknowledgement with its result."""
        if permitted or "denies-silently" in self._setup.flaws:
            code = Code.SUCCESS if found or not permitted else Code.NO_MATCHING_SUBSCRIBERS
        else:
            code = Code.NOT_AUTHORIZED
        if isinstance(reply, Puback):
            return Puback(packet_id=reply.packet_id, code=code)
        # A PUBREC that refuses would have to end the state of QoS 2 as well.
        return reply

    async def _subscribe(self, packet: Subscribe) -> None:
        state = self._known
        codes = tuple(self._grant(each) for each in packet.subscriptions)
        await self.send(Suback(packet_id=packet.packet_id, codes=codes))
        number = next(iter(packet.properties.subscription_ids), None)
        for wanted, code in zip(packet.subscriptions, codes, strict=True):
            if code.failed:
                continue
            existed = wanted.filter in state.subscriptions
            granted = msgspec.structs.replace(wanted, qos=int(code))
            new = state.subscriptions[wanted.filter] = Subscribed(granted, number)
            await self._broker.send_retained(state, new, existed=existed)

    def _grant(self, wanted: Subscription) -> Code:
        flaws = self._setup.flaws
        parts = shared(wanted.filter)
        if is_shared(wanted.filter) and parts is None:
            return Code.TOPIC_FILTER_INVALID
        pattern = parts.filter if parts is not None else wanted.filter
        if not is_filter(pattern):
            return Code.TOPIC_FILTER_INVALID
        permitted = self._broker.may_read(self._known.user, pattern)
        if not permitted and "denies-silently" not in flaws:
            return Code.NOT_AUTHORIZED
        return Code(min(wanted.qos, 1 if "grants-qos-1" in flaws else self._setup.maximum_qos))

    async def _unsubscribe(self, packet: Unsubscribe) -> None:
        known = self._known.subscriptions
        codes = tuple(
            Code.NO_SUBSCRIPTION_EXISTED if known.pop(each, None) is None else Code.SUCCESS
            for each in packet.filters
        )
        await self.send(Unsuback(packet_id=packet.packet_id, codes=codes))
