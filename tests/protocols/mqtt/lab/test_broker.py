"""The reference broker, packet by packet, and with paho's client (aiomqtt) as the other side."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Literal

import aiomqtt
import pytest

from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.protocols.mqtt.lab import serve_setup
from seventh.protocols.mqtt.lab.setup import PASSWORD, USER, Rights, Setup
from seventh.protocols.mqtt.wire.codec import Decoder
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Connack,
    Connect,
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
    Version,
    Will,
)
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code

OPEN = Setup(secure=False, anonymous=True, logs_in=False)
LIMITS = Properties(receive_maximum=20, maximum_packet_bytes=1024 * 1024, topic_alias_maximum=10)
SECONDS = 5.0


class Peer:
    """A client that sends and receives packets one by one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, version: Version
    ) -> None:
        self._reader, self.writer, self._version = reader, writer, version
        self._decoder = Decoder("client", version)
        self._waiting: deque[Packet] = deque()

    def send(self, *packets: Packet) -> None:
        for packet in packets:
            self.writer.write(encode(packet, self._version))

    async def get(self) -> Packet | None:
        """The next packet; None at the end."""
        async with asyncio.timeout(SECONDS):
            while not self._waiting:
                if not (data := await self._reader.read(65536)):
                    return None
                self._waiting += self._decoder.receive(data)
                assert self._decoder.error is None
        return self._waiting.popleft()

    async def ask(self, packet: Packet) -> Packet | None:
        self.send(packet)
        return await self.get()

    async def subscribe(self, pattern: str, qos: int = 0, **more: Any) -> None:
        wanted = Subscription(filter=pattern, qos=qos, **more)
        answer = await self.ask(Subscribe(packet_id=1, subscriptions=(wanted,)))
        assert answer == Suback(packet_id=1, codes=(Code(qos),))


class Clients:
    """Clients of one broker."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def raw(self, version: Version = 5) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        return Peer(reader, writer, version)

    async def join(self, name: str = "", version: Version = 5, **more: Any) -> Peer:
        peer = await self.raw(version)
        answer = await peer.ask(Connect(client_id=name, version=version, **more))
        assert isinstance(answer, Connack) and answer.code is Code.SUCCESS
        return peer


@contextlib.asynccontextmanager
async def broker(kit: Kit, setup: Setup = OPEN) -> AsyncIterator[Clients]:
    async with serve_setup(setup, kit) as served:
        target, _ = start.job(served, Options())
        yield Clients(target.port)


async def test_a_connack_states_limits_and_what_differs(kit: Kit) -> None:
    async with broker(kit) as clients:
        known = await (await clients.raw()).ask(Connect(client_id="a"))
        wish = Properties(session_expiry_seconds=100_000)
        longer = await (await clients.raw()).ask(Connect(client_id="b", properties=wish))
        unnamed = await (await clients.raw()).ask(Connect(client_id=""))
        old = await (await clients.raw(4)).ask(Connect(client_id="", version=4))
        kept = Connect(client_id="", version=4, clean_start=False)
        refused = await (await clients.raw(4)).ask(kept)
    assert (known, old) == (Connack(properties=LIMITS), Connack())
    assert isinstance(longer, Connack) and isinstance(unnamed, Connack)
    assert longer.properties.session_expiry_seconds == 86_400
    assert (unnamed.properties.assigned_client_id or "")[:3] == "lab"
    assert refused == Connack(code=Code.CLIENT_ID_NOT_VALID)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("granted", range(3))
@pytest.mark.parametrize("sent", range(3))
async def test_each_qos_is_delivered_with_the_lower_one(
    kit: Kit, version: Version, sent: int, granted: int
) -> None:
    async with broker(kit) as clients:
        one, two = await clients.join("one", version), await clients.join("two", version)
        await two.subscribe("a/+", granted)
        message = Publish(topic="a/b", payload=b"x", qos=sent, packet_id=9 if sent else None)
        if sent == 0:
            one.send(message)
        else:
            first = await one.ask(message)
            assert first == (Puback(packet_id=9) if sent == 1 else Pubrec(packet_id=9))
        got = await two.get()
        if sent == 2:
            assert await one.ask(Pubrel(packet_id=9)) == Pubcomp(packet_id=9)
        qos = min(sent, granted)
        wanted = Publish(topic="a/b", payload=b"x", qos=qos, packet_id=1 if qos else None)
        assert got == wanted
        if qos == 2:
            assert await two.ask(Pubrec(packet_id=1)) == Pubrel(packet_id=1)


async def test_retained_messages(kit: Kit) -> None:
    async with broker(kit) as clients:
        one = await clients.join("one")
        note = Publish(topic="r", payload=b"x", retain=True)
        assert await one.ask(
            Publish(topic="r", payload=b"x", retain=True, qos=1, packet_id=1)
        ) == Puback(packet_id=1, code=Code.NO_MATCHING_SUBSCRIBERS)
        two = await clients.join("two")
        await two.subscribe("r")
        assert await two.get() == note
        one.send(note)
        assert await two.get() == Publish(topic="r", payload=b"x")
        three = await clients.join("three")
        await three.subscribe("r", retain_handling=2, retain_as_published=True)
        one.send(note)
        assert await three.get() == note
        one.send(Publish(topic="r", retain=True))
        assert await three.get() == Publish(topic="r", retain=True)
        four = await clients.join("four")
        await four.subscribe("r")
        one.send(Publish(topic="r", payload=b"last"))
        assert await four.get() == Publish(topic="r", payload=b"last")


async def test_a_will_is_sent_unless_the_client_leaves_properly(kit: Kit) -> None:
    will = Will(topic="w", payload=b"gone", qos=1)
    async with broker(kit) as clients:
        watcher = await clients.join("watcher")
        await watcher.subscribe("#")
        for name, last in (
            ("a", b"\xe0\x00"),
            ("b", b"\xe0\x01\x04"),
            ("c", b"\x00\x00"),
            ("d", b""),
        ):
            peer = await clients.join(name, will=will)
            peer.writer.write(last)
            peer.writer.close()
            if name != "a":
                assert await watcher.get() == Publish(topic="w", payload=b"gone")
        delayed = Will(topic="later", properties=Properties(will_delay_seconds=1))
        stays = Properties(session_expiry_seconds=60)
        peer = await clients.join("e", will=delayed, properties=stays)
        peer.writer.close()
        back = await clients.join("e", clean_start=False)
        back.send(Publish(topic="back"))
        assert await watcher.get() == Publish(topic="back")


async def test_a_session_keeps_what_is_queued(kit: Kit) -> None:
    stays = Properties(session_expiry_seconds=60)
    async with broker(kit) as clients:
        one = await clients.join("one", properties=stays)
        await one.subscribe("q", 1)
        one.send(Disconnect())
        assert await one.get() is None
        other = await clients.join("other")
        for text in (b"1", b"2"):
            await other.ask(Publish(topic="q", payload=text, qos=1, packet_id=1))
        one = await clients.raw()
        again = Connect(client_id="one", clean_start=False, properties=stays)
        assert await one.ask(again) == Connack(session_present=True, properties=LIMITS)
        got = [await one.get() for _ in range(2)]
        one.writer.close()
        fresh = await clients.raw()
        assert await fresh.ask(Connect(client_id="one")) == Connack(properties=LIMITS)
    assert got == [
        Publish(topic="q", payload=text, qos=1, packet_id=number)
        for number, text in enumerate((b"1", b"2"), 1)
    ]


async def test_a_second_connection_takes_over(kit: Kit) -> None:
    async with broker(kit) as clients:
        one = await clients.join("same")
        await clients.join("same")
        assert await one.get() == Disconnect(code=Code.SESSION_TAKEN_OVER)
        assert await one.get() is None


async def test_shared_subscriptions_take_turns(kit: Kit) -> None:
    async with broker(kit) as clients:
        one, two, sender = [await clients.join(name) for name in ("one", "two", "sender")]
        for peer in (one, two):
            await peer.subscribe("$share/g/s/#")
        for text in (b"1", b"2", b"3"):
            sender.send(Publish(topic="s/t", payload=text))
        got = [await one.get(), await two.get(), await one.get()]
    assert got == [Publish(topic="s/t", payload=text) for text in (b"1", b"2", b"3")]


async def test_subscriptions_overlap_are_local_and_end(kit: Kit) -> None:
    async with broker(kit) as clients:
        one = await clients.join("one")
        numbered = Properties(subscription_ids=(7,))
        both = (Subscription(filter="a/#", qos=1), Subscription(filter="a/b"))
        assert await one.ask(
            Subscribe(packet_id=1, subscriptions=both, properties=numbered)
        ) == Suback(packet_id=1, codes=(Code.GRANTED_QOS_1, Code.SUCCESS))
        one.send(Publish(topic="a/b"))
        assert await one.get() == Publish(
            topic="a/b", properties=Properties(subscription_ids=(7, 7))
        )
        ended = await one.ask(Unsubscribe(packet_id=2, filters=("a/#", "x", "a/b")))
        assert ended == Unsuback(
            packet_id=2, codes=(Code.SUCCESS, Code.NO_SUBSCRIPTION_EXISTED, Code.SUCCESS)
        )
        await one.subscribe("+", no_local=True)
        one.send(Publish(topic="mine"))
        other = await clients.join("other")
        other.send(Publish(topic="theirs"))
        assert await one.get() == Publish(topic="theirs")
        for wrong in ("a#", "$share/g"):
            answer = await one.ask(
                Subscribe(packet_id=3, subscriptions=(Subscription(filter=wrong),))
            )
            assert answer == Suback(packet_id=3, codes=(Code.TOPIC_FILTER_INVALID,))


async def test_rights(kit: Kit) -> None:
    rights = {"": Rights(read=("own/#",), write=("own/#",))}
    async with broker(kit, Setup(secure=False, anonymous=True, rights=rights)) as clients:
        one = await clients.join("one")
        await one.subscribe("own/#")
        foreign = Subscribe(packet_id=2, subscriptions=(Subscription(filter="#"),))
        assert await one.ask(foreign) == Suback(packet_id=2, codes=(Code.NOT_AUTHORIZED,))
        denied = await one.ask(Publish(topic="x", qos=1, packet_id=1))
        assert denied == Puback(packet_id=1, code=Code.NOT_AUTHORIZED)
        one.send(Publish(topic="own/x"))
        assert await one.get() == Publish(topic="own/x")


async def test_topic_aliases_in_both_directions(kit: Kit) -> None:
    async with broker(kit) as clients:
        one = await clients.join("one", properties=Properties(topic_alias_maximum=1))
        await one.subscribe("t")
        alias = Properties(topic_alias=3)
        one.send(Publish(topic="t", properties=alias), Publish(topic="", properties=alias))
        got = [await one.get(), await one.get()]
        mine = Properties(topic_alias=1)
        assert got == [Publish(topic="t", properties=mine), Publish(topic="", properties=mine)]
        last = await one.ask(Publish(topic="t", properties=Properties(topic_alias=11)))
        assert last == Disconnect(code=Code.TOPIC_ALIAS_INVALID)


async def test_a_silent_client_is_disconnected(kit: Kit) -> None:
    async with broker(kit) as clients:
        one = await clients.join("one", keepalive_seconds=1)
        assert await one.get() == Disconnect(code=Code.KEEP_ALIVE_TIMEOUT)


async def test_the_oldest_message_is_dropped_from_a_full_queue(kit: Kit) -> None:
    stays = Properties(session_expiry_seconds=60)
    setup = Setup(secure=False, anonymous=True, max_queued=2)
    async with broker(kit, setup) as clients:
        one = await clients.join("one", properties=stays)
        await one.subscribe("q", 1)
        one.send(Disconnect())
        assert await one.get() is None
        other = await clients.join("other")
        for text in (b"1", b"2", b"3"):
            await other.ask(Publish(topic="q", payload=text, qos=1, packet_id=1))
        back = await clients.join("one", clean_start=False)
        got = [await back.get(), await back.get()]
    assert [each.payload for each in got if isinstance(each, Publish)] == [b"2", b"3"]


WAYS: list[tuple[bool, Literal["tcp", "websockets"]]] = [
    (False, "tcp"), (True, "tcp"), (False, "websockets"), (True, "websockets"),
]  # fmt: skip


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
@pytest.mark.parametrize(("secure", "transport"), WAYS)
async def test_pahos_client(
    kit: Kit, secure: bool, transport: Literal["tcp", "websockets"], version: Any
) -> None:
    """Every QoS through each transport, a refused login, and the retained message after all."""
    setup = Setup(secure=secure, websocket=transport == "websockets")
    context = ssl.create_default_context(cafile=str(kit.authority.ca_file)) if secure else None
    async with serve_setup(setup, kit) as served:
        target, _ = start.job(served, Options())
        made: dict[str, Any] = {
            "hostname": "localhost" if secure else "127.0.0.1", "port": target.port,
            "username": USER, "protocol": version, "transport": transport,
            "tls_context": context, "timeout": SECONDS,
        }  # fmt: skip
        got = []
        async with aiomqtt.Client(password=PASSWORD, **made) as client:
            await client.subscribe("p/#", 2)
            for qos in range(3):
                await client.publish("p/x", f"{qos}" * 300, qos, retain=True)
            async for message in client.messages:
                got.append((message.topic.value, message.payload, message.qos, message.retain))
                if len(got) == 3:
                    break
        async with aiomqtt.Client(password=PASSWORD, **made) as client:
            await client.subscribe("p/x", 1)
            last = await anext(aiter(client.messages))
        with pytest.raises(aiomqtt.MqttError):
            await aiomqtt.Client(password="wrong", **made).__aenter__()
    assert got == [("p/x", f"{qos}".encode() * 300, qos, False) for qos in range(3)]
    assert (last.payload, last.qos, last.retain) == (b"2" * 300, 1, True)
