"""One connection over a real socket: what is awaited, what is ignored, and what ends it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from seventh.labkit.serve import tcp_server
from seventh.labkit.web.peer import PlainPeer
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.mqtt.client.connection import MAX_UNREQUESTED, Connection, connect_packet
from seventh.protocols.mqtt.lab.setup import Hostile
from seventh.protocols.mqtt.lab.wrong import saying
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingresp,
    Publish,
)
from seventh.protocols.mqtt.wire.properties import NONE, Properties
from seventh.protocols.mqtt.wire.reasons import Code

MESSAGE = Publish(topic="t")


@contextlib.asynccontextmanager
async def connected(hostile: Hostile) -> AsyncIterator[Connection]:
    async with tcp_server(lambda reader, writer: hostile(PlainPeer(reader, writer))) as port:
        target = Target(scheme="mqtt", host="127.0.0.1", port=port)
        ctx = ProbeContext(target, Options(timeout_seconds=5))
        yield Connection(ctx, await ctx.connect(), 5)
        ctx.close()


def answering(*packets: Packet) -> Hostile:
    return saying(b"".join(encode(packet, 5) for packet in packets))


def until(connection: Connection) -> int:
    return connection.stream.budget.within(2)


async def test_the_answer_is_awaited_and_messages_are_ignored() -> None:
    ignored = [MESSAGE] * (MAX_UNREQUESTED - 1)
    async with connected(answering(Connack(), *ignored, Pingresp())) as connection:
        accepted = await connection.connect(connect_packet(5), until(connection))
        pong = await connection.ping(until(connection))
        await connection.disconnect()
    assert (accepted.packet, pong.packet) == (Connack(), Pingresp())
    assert accepted.seconds > 0


async def test_too_many_messages_end_it() -> None:
    ignored = [MESSAGE] * MAX_UNREQUESTED
    async with connected(answering(Connack(), *ignored, Pingresp())) as connection:
        await connection.connect(connect_packet(5), until(connection))
        with pytest.raises(Failed) as caught:
            await connection.ping(until(connection))
    assert (caught.value.reason, caught.value.detail) == (
        Reason.PROTOCOL_VIOLATION, "64 packets that were not requested",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("explanation", "detail"),
    [
        (None, ("the broker ends the connection with 0x8b (server shutting down): it is shutting "
         "down")),
        ("bye\n", ("the broker ends the connection with 0x8b (server shutting down): it is "
         "shutting down; its explanation: 'bye\\x0a'")),
    ],
)  # fmt: skip
async def test_a_disconnect_has_its_reason(explanation: str | None, detail: str) -> None:
    last = Disconnect(
        code=Code.SERVER_SHUTTING_DOWN, properties=Properties(reason_string=explanation)
    )
    async with connected(answering(Connack(), last)) as connection:
        await connection.connect(connect_packet(5), until(connection))
        with pytest.raises(Failed) as caught:
            await connection.ping(until(connection))
    assert (caught.value.reason, caught.value.detail) == (Reason.PEER_CLOSED, detail)


@pytest.mark.parametrize(
    ("said", "reason", "detail"),
    [
        (b"SSH-2.0-x\r\n", Reason.PROTOCOL_MISMATCH, "the port serves SSH, not MQTT"),
        (b"\x00", Reason.PROTOCOL_VIOLATION, "a packet of the reserved type 0 (§2.1.2)"),
        (b"\xf0\x06\x18\x04\x15\x00\x01m", Reason.PROTOCOL_VIOLATION,
         "AUTH without an authentication method of ours (§4.12)"),
    ],
)  # fmt: skip
async def test_what_is_no_connack(said: bytes, reason: Reason, detail: str) -> None:
    async with connected(saying(said)) as connection:
        with pytest.raises(Failed) as caught:
            await connection.connect(connect_packet(5), until(connection))
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


def test_the_client_id_is_one_that_every_broker_accepts() -> None:
    packet = connect_packet(4)
    assert isinstance(packet, Connect)
    assert (len(packet.client_id), packet.client_id.isalnum()) == (23, True)
    assert packet.properties == NONE
    assert connect_packet(5).client_id != connect_packet(5).client_id
