"""Channels over a real login: streams, flow control, several at once, and how they end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.protocols.ssh.client.failures import CarrierFailed, RefusedError, refusal_reason
from seventh.protocols.ssh.client.mux import Mux
from seventh.protocols.ssh.lab.channels import ChannelSetup
from seventh.protocols.ssh.lab.keys import LoginKeys
from seventh.protocols.ssh.lab.session import honest
from seventh.protocols.ssh.wire.channel import WINDOW_BYTES, Refusal
from seventh.wire.reader import vector
from tests.protocols.ssh.sessions import conducting, logged_in


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def read_all(stream: Stream, count: int) -> bytes:
    got = b""
    while len(got) < count:
        data, _ = await stream.receive()
        assert data, f"the end after {len(got)} of {count} bytes"
        got += data
    return got


async def test_a_channel_is_a_stream(login_keys: LoginKeys, tmp_path: Path) -> None:
    """More than both windows, each way at once, through asyncssh, which keeps to its own."""
    sent = bytes(range(256)) * (5 * WINDOW_BYTES // 4 // 256)
    async with (
        tcp_server(echo) as port,
        honest(login_keys, tmp_path) as server,
        logged_in(server, login_keys) as (_, session),
    ):
        mux = Mux(session)
        stream = await mux.open_direct("127.0.0.1", port)
        assert (stream.address.ip, stream.address.port) == ("127.0.0.1", port)
        assert stream.requested.ns <= stream.opened.ns
        sending = asyncio.create_task(stream.send(sent))
        assert await read_all(stream, len(sent)) == sent
        assert (await sending).ns > stream.opened.ns
        await stream.end()
        assert (await stream.receive())[0] == b""
        stream.close()
        stream.close()
        with pytest.raises(Failed, match="closed"):
            await stream.send(b"late")
        await mux.finish()


async def test_a_reader_that_does_not_read_stops_the_sender_and_nobody_else(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async with (
        tcp_server(flood) as flooding,
        tcp_server(echo) as echoing,
        honest(login_keys, tmp_path) as server,
        logged_in(server, login_keys) as (_, session),
    ):
        mux = Mux(session)
        stuck = await mux.open_direct("127.0.0.1", flooding)
        await mux.wait(stuck.channel, lambda: stuck.channel.buffered == WINDOW_BYTES)
        other = await mux.open_direct("127.0.0.1", echoing)
        await other.send(b"still here")
        assert await read_all(other, 10) == b"still here"
        assert stuck.channel.buffered == WINDOW_BYTES
        await mux.finish()


async def test_keys_are_exchanged_while_channels_are_at_work(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    sent = bytes(400_000)
    async with (
        tcp_server(echo) as port,
        honest(login_keys, tmp_path) as server,
        logged_in(server, login_keys) as (_, session),
    ):
        mux = Mux(session)
        streams = [await mux.open_direct("127.0.0.1", port) for _ in range(3)]
        work = [asyncio.create_task(s.send(sent)) for s in streams]
        work += [asyncio.create_task(read_all(s, len(sent))) for s in streams]
        for _ in range(3):
            await session.rekey()
        await asyncio.gather(*work)
        assert session.rekeys == 3
        await mux.finish()
        # What the mux leaves behind is a session that works.
        await session.rekey()


async def test_a_refusal_is_told_in_the_servers_words(login_keys: LoginKeys) -> None:
    async with conducting(login_keys, ChannelSetup()) as (_, session):
        mux = Mux(session)
        with pytest.raises(RefusedError, match="connect failed: Connection refused"):
            await mux.open_direct("127.0.0.1", free_port())
        assert not mux.channels.open
        await mux.finish()


async def test_a_dead_connection_fails_every_channel_with_one_failure(
    login_keys: LoginKeys,
) -> None:
    async with (
        tcp_server(echo) as port,
        conducting(login_keys, ChannelSetup(carries_bytes=3)) as (_, session),
    ):
        mux = Mux(session, hop="the jump host lab")
        first, second = [await mux.open_direct("127.0.0.1", port) for _ in range(2)]
        waiting = [asyncio.create_task(s.receive()) for s in (first, second)]
        await first.send(b"four")
        for task in waiting:
            with pytest.raises(CarrierFailed, match="jump host lab: the server closed") as caught:
                await task
            assert caught.value.reason is Reason.PEER_CLOSED
            assert caught.value.phase == ""
        assert not mux.alive
        for step in (first.send(b"x"), mux.open_session(), mux.ask(b"tcpip-forward")):
            with pytest.raises(CarrierFailed):
                await step
        await mux.finish()


async def test_what_came_before_the_end_is_still_read(login_keys: LoginKeys) -> None:
    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"123")
        await reader.read()

    async with tcp_server(says) as port, conducting(login_keys, ChannelSetup()) as (_, session):
        mux = Mux(session)
        stream = await mux.open_direct("127.0.0.1", port)
        await mux.wait(stream.channel, lambda: stream.channel.readable)
        mux.close()
        assert (await stream.receive())[0] == b"123"
        with pytest.raises(Failed) as caught:
            await stream.receive()
        assert caught.value.reason is Reason.INTERRUPTED
        await mux.finish()


async def test_a_deadline_leaves_the_connection_usable(login_keys: LoginKeys) -> None:
    async with tcp_server(echo) as port, conducting(login_keys, ChannelSetup()) as (_, session):
        mux = Mux(session)
        stream = await mux.open_direct("127.0.0.1", port)
        with pytest.raises(Failed) as caught:
            await stream.receive(now_ns() + 20_000_000)
        assert caught.value.reason is Reason.PEER_SILENT
        await stream.send(b"awake")
        assert await read_all(stream, 5) == b"awake"
        await mux.finish()


async def test_a_violation_reaches_whoever_waits(login_keys: LoginKeys) -> None:
    async with conducting(login_keys, ChannelSetup(overruns=True)) as (_, session):
        mux = Mux(session)
        stream = await mux.open_session()
        with pytest.raises(ProtocolViolation, match="whose window is 0 bytes"):
            await stream.ended()
        await mux.finish()


async def test_a_request_on_a_channel_that_the_server_closes_is_not_granted(
    login_keys: LoginKeys,
) -> None:
    async with conducting(login_keys, ChannelSetup()) as (_, session):
        mux = Mux(session)
        stream = await mux.open_session()
        await stream.ask(b"exec", vector(4, b"true"))
        assert (await stream.answer())[0] is True
        assert await stream.ended() is not None
        await mux.wait(stream.channel, lambda: stream.channel.closed)
        assert (await stream.answer())[0] is False
        with pytest.raises(Failed, match="closed the channel"):
            await stream.ask(b"exec", b"")
        await mux.finish()


async def test_no_task_outlives_it(login_keys: LoginKeys) -> None:
    async with tcp_server(echo) as port, conducting(login_keys, ChannelSetup()) as (_, session):
        mux = Mux(session)
        stream = await mux.open_direct("127.0.0.1", port)
        assert working()
        stream.close()
        await mux.finish()
        mux.close()
        assert not working()


def working() -> list[str]:
    """The tasks of any mux."""
    names = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    return [name for name in names if "Mux." in name]


async def test_a_closed_port_is_connect_failed(login_keys: LoginKeys) -> None:
    async with conducting(login_keys, ChannelSetup()) as (_, session):
        mux = Mux(session)
        with pytest.raises(RefusedError) as caught:
            await mux.open_direct("127.0.0.1", free_port())
        assert refusal_reason(caught.value.refusal) is Reason.CONNECT_REFUSED
        await mux.finish()


@pytest.mark.parametrize(("code", "words", "reason"), [
    (1, b"open failed", Reason.CONNECT_FORBIDDEN),
    (2, b"Connection refused", Reason.CONNECT_REFUSED),
    (2, b"Connection timed out", Reason.CONNECT_TIMEOUT),
    (2, b"No route to host", Reason.CONNECT_UNREACHABLE),
    (2, b"Network is unreachable", Reason.CONNECT_UNREACHABLE),
    (2, b"Name or service not known", Reason.RESOLVE_FAILED),
    (2, b"Temporary failure in name resolution", Reason.RESOLVE_FAILED),
    (3, b"", Reason.NEGOTIATION_FAILED), (4, b"", Reason.BUDGET_EXCEEDED),
    (2**31, b"\xff", Reason.NEGOTIATION_FAILED),
])  # fmt: skip
def test_what_a_refusal_is_in_our_words(code: int, words: bytes, reason: Reason) -> None:
    assert refusal_reason(Refusal(code, words)) is reason
