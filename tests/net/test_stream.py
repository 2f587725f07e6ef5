"""Streams over real sockets."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import threading
import time

import pytest

from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import Failed, Reason
from seventh.net import budget as budgets
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.connect import open_tcp
from seventh.net.kernel import LINUX
from seventh.net.stopwatch import now_ns
from seventh.net.stream import TcpStream, broken, note
from tests import needs

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def opened(port: int, budget: Budget, host: str = "127.0.0.1") -> TcpStream:
    connected = await open_tcp(Address(ip=host, port=port), budget, budget.deadline_ns)
    assert connected.stream is not None, connected.failure
    return connected.stream


async def echo(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def test_bytes_go_there_and_back() -> None:
    budget = Budget(5)
    async with tcp_server(echo) as port:
        with await opened(port, budget) as stream:
            sent = await stream.send(b"hello")
            data, mark = await stream.receive()
    assert data == b"hello"
    assert mark.ns >= sent.ns
    assert mark.clock == ("kernel" if LINUX else "user")


async def test_more_than_the_socket_buffer_goes_out() -> None:
    async def count(reader: Reader, writer: Writer) -> None:
        total = 0
        while total < 8_000_000:
            total += len(await reader.read(65536))
        writer.write(b"all")

    async with tcp_server(count) as port:
        with await opened(port, Budget(10)) as stream:
            await stream.send(b"x" * 8_000_000)
            assert (await stream.receive())[0] == b"all"


async def test_the_end_is_empty_bytes() -> None:
    async def close(reader: Reader, writer: Writer) -> None:
        writer.close()

    async with tcp_server(close) as port:
        with await opened(port, Budget(5)) as stream:
            assert (await stream.receive())[0] == b""


@pytest.mark.skipif(not LINUX, reason="TCP_INFO is Linux's")
async def test_the_path_is_known_of_a_closed_stream() -> None:
    async with tcp_server(echo) as port:
        stream = await opened(port, Budget(5))
        await stream.send(b"hello")
        await stream.receive()
        stream.close()
    stream.close()
    info = stream.tcp_info()
    assert info is not None
    assert info.rtt_seconds > 0
    assert info.retransmits == 0
    # SYN, the ACK that ends the handshake, and the data.
    assert info.segments_sent is not None and info.segments_sent >= 3
    assert info.path_mtu_bytes > 1000 and info.mss_bytes > 500


async def test_a_reset_is_typed() -> None:
    async def reset(reader: Reader, writer: Writer) -> None:
        linger = struct.pack("ii", 1, 0)  # so that closing sends RST, whatever was read
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with tcp_server(reset) as port:
        with await opened(port, Budget(5)) as stream, pytest.raises(Failed) as caught:
            await stream.receive()
    assert caught.value.reason is Reason.PEER_RESET


async def test_silence_ends_at_the_deadline() -> None:
    async def wait(reader: Reader, writer: Writer) -> None:
        await reader.read()

    started = time.monotonic()
    async with tcp_server(wait) as port:
        with await opened(port, Budget(0.2)) as stream, pytest.raises(Failed) as caught:
            await stream.receive()
    assert caught.value.reason is Reason.PEER_SILENT
    assert time.monotonic() - started < 2


async def test_a_flood_ends_at_the_byte_cap() -> None:
    async def flood(reader: Reader, writer: Writer) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with tcp_server(flood) as port:
        with (
            await opened(port, Budget(5, max_bytes=300_000)) as stream,
            pytest.raises(Failed, match="more than 300000 bytes") as caught,
        ):
            while True:
                await stream.receive()
    assert caught.value.reason is Reason.BUDGET_EXCEEDED


async def test_a_drip_ends_by_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "RATE_GRACE_SECONDS", 0.2)
    monkeypatch.setattr(budgets, "MIN_RATE_BYTES_PER_SECOND", 1000)

    async def drip(reader: Reader, writer: Writer) -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.05)

    async with tcp_server(drip) as port:
        with (
            await opened(port, Budget(5)) as stream,
            pytest.raises(Failed, match="too slowly") as caught,
        ):
            while True:
                await stream.receive()
    assert caught.value.reason is Reason.BUDGET_EXCEEDED


async def test_a_drip_may_be_slow_where_silence_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budgets, "RATE_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(budgets, "MIN_RATE_BYTES_PER_SECOND", 10**9)
    sent = asyncio.Event()

    async def drip(_: Reader, writer: Writer) -> None:
        for _ in range(2):
            await sent.wait()
            sent.clear()
            writer.write(b"x")
        await asyncio.Event().wait()

    async with tcp_server(drip) as port:
        with await opened(port, Budget(5)) as stream:
            stream.expect_silence()
            sent.set()
            assert (await stream.receive())[0] == b"x"
            stream.expect_answers()
            asyncio.get_running_loop().call_later(0.01, sent.set)
            with pytest.raises(Failed, match="too slowly"):
                await stream.receive()


async def test_what_was_read_at_the_deadline_is_given_and_then_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The peer never pauses, so that the deadline passes between two reads without a wait."""
    monkeypatch.setattr("seventh.net.stream.STRETCH_NS", -1)
    monkeypatch.setattr("seventh.net.stream.CHUNK", 1)

    async def flood(_: Reader, writer: Writer) -> None:
        writer.write(b"ab")
        await asyncio.Event().wait()

    async with tcp_server(flood) as port:
        with await opened(port, Budget(5)) as stream:
            assert (await stream.receive())[0] == b"a"
            passed = now_ns() - 1
            with pytest.raises(Failed) as caught:
                await stream.receive(passed - 10**9)
            assert caught.value.reason is Reason.BUDGET_EXCEEDED
            assert (await stream.receive())[0] == b"b"


@needs.IPV6
async def test_ipv6() -> None:
    async with tcp_server(echo, "::1") as port:
        with await opened(port, Budget(5), "::1") as stream:
            await stream.send(b"six")
            assert (await stream.receive())[0] == b"six"


@pytest.mark.skipif(not LINUX, reason="the kernel's clock is Linux's")
async def test_a_late_loop_does_not_lengthen_a_kernel_phase() -> None:
    """The answer has arrived before this process looks; the mark is when it came."""
    answered = threading.Event()

    async def answer(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        writer.write(b"answer")
        answered.set()

    server = await _in_thread(answer)
    try:
        with await opened(server.port, Budget(5)) as stream:
            sent = await stream.send(b"?")
            answered.wait()  # our loop stands still meanwhile
            held_up_ns = now_ns()
            time.sleep(0.2)  # and is held up longer
            looked_ns = now_ns()
            _, mark = await stream.receive()
    finally:
        server.stop()
    assert mark.clock == "kernel"
    # A busy kernel may deliver late, but not by half of the time that we did not look.
    assert sent.ns <= mark.ns < held_up_ns + (looked_ns - held_up_ns) // 2


class _Threaded:
    def __init__(self) -> None:
        self.port = 0
        self.stop = lambda: None


async def _in_thread(handler: object) -> _Threaded:
    """A server whose loop is not ours, so that holding ours up does not hold it up."""
    made = _Threaded()
    ready = threading.Event()

    def run() -> None:
        async def serve() -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            async with tcp_server(handler) as port:  # type: ignore[arg-type]
                made.port = port
                made.stop = lambda: (loop.call_soon_threadsafe(stop.set), thread.join())  # type: ignore[assignment,func-returns-value]
                ready.set()
                await stop.wait()

        asyncio.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    await asyncio.to_thread(ready.wait)
    return made


async def test_attempts_are_typed() -> None:
    budget = Budget(5)
    refused = await open_tcp(Address(ip="127.0.0.1", port=free_port()), budget, budget.deadline_ns)
    assert refused.stream is None
    assert refused.attempt.outcome == "refused"
    assert refused.failure is not None
    assert refused.failure.reason is Reason.CONNECT_REFUSED
    unreachable = await open_tcp(
        Address(ip="fe80::1", port=22, scope="nosuchif"), budget, budget.deadline_ns
    )
    assert unreachable.failure is not None
    assert unreachable.failure.reason is Reason.CONNECT_UNREACHABLE
    assert "nosuchif" in unreachable.failure.detail


async def test_a_filtered_port_times_out() -> None:
    # A full accept queue drops SYNs, as a firewall would.
    import socket

    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        budget = Budget(0.3)
        address = Address(ip="127.0.0.1", port=listener.getsockname()[1])
        connected = await open_tcp(address, budget, budget.deadline_ns)
    assert connected.attempt.outcome == "timeout"
    assert connected.failure is not None
    assert connected.failure.reason is Reason.CONNECT_TIMEOUT


def test_a_transcript_shows_no_credential() -> None:
    transcript: list[str] = []
    note(
        transcript, ">",
        b"GET /hub?access_token=c2VjcmV0 HTTP/1.1\r\nAuthorization: Bearer c2VjcmV0\r\n"
        b"Cookie: sid=c2VjcmV0; x=1\r\nProxy-Authorization: c2VjcmV0\r\nX-Plain: shown\r\n\r\n",
    )  # fmt: skip
    # A credential that the cut would halve is gone as a whole.
    note(transcript, ">", b"GET /" + b"a" * 70 + b"?token=c2VjcmV0" + b"b" * 50 + b" HTTP/1.1\r\n")
    note(
        transcript,
        ">",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-Vault-Token: c2VjcmV0\r\nAccept: a/b\r\n\r\n",
    )
    assert "c2V" not in "".join(transcript)
    assert "Host: h" in transcript[2] and "X-Vault-Token: …" in transcript[2]
    assert "Accept: a/b" in transcript[2]
    assert "Authorization: Bearer …" in transcript[0]
    assert "HTTP/1.1" in transcript[0]


LONG = b"a" * 97


@pytest.mark.parametrize(
    ("direction", "data", "line"),
    [
        ("<", b"", "< (closed)"),
        (">", b"GET / HTTP/1.1\r\n\tx", "> GET / HTTP/1.1\\r\\n\\tx"),
        ("<", b" ~", "<  ~"),
        ("<", b"\x7f1", "< 7f31"),
        ("<", b"\x1f", "< 1f"),
        ("<", b"a\xc3\xa9", "< 61 c3a9"),
        ("<", LONG[:96], "< " + "a" * 96),
        ("<", LONG, "< " + "a" * 96 + " … 97 bytes"),
        ("<", b"\0" * 97, "< " + " ".join(["0000"] * 48) + " … 97 bytes"),
        (">", b"GET / HTTP/1.1\r\nX-Mine: c2V\r\n", "> GET / HTTP/1.1\\r\\nX-Mine: …\\r\\n"),
        # Only requests have fields of the user's own.
        ("<", b"GET / HTTP/1.1\r\nX-Mine: c2V\r\n",
         "< GET / HTTP/1.1\\r\\nX-Mine: c2V\\r\\n"),
        (">", b"X-Mine: c2V\r\n", "> X-Mine: c2V\\r\\n"),
        ("<", b"X-API-Key: c2V\r\nCookie: c2V\r\nAuthorization: Basic c2V\r\n",
         "< X-API-Key: …\\r\\nCookie: …\\r\\nAuthorization: Basic …\\r\\n"),
    ],
)  # fmt: skip
def test_a_line_of_a_transcript(direction: str, data: bytes, line: str) -> None:
    transcript: list[str] = []
    note(transcript, direction, data)
    assert transcript == [line]


def test_a_transcript_has_an_end() -> None:
    transcript = ["<"] * 399
    note(transcript, "<", b"400")
    note(transcript, "<", b"401")
    assert transcript[399:] == ["< 400"]


@pytest.mark.parametrize(
    ("number", "reason", "detail"),
    [
        (errno.ECONNRESET, Reason.PEER_RESET, "the peer reset the connection"),
        (errno.EPIPE, Reason.PEER_RESET, "the peer reset the connection"),
        (errno.ECONNABORTED, Reason.PEER_RESET, "the peer reset the connection"),
        (errno.ETIMEDOUT, Reason.PEER_SILENT,
         "the connection timed out: segments were not acknowledged"),
        (errno.EHOSTUNREACH, Reason.CONNECT_UNREACHABLE, "No route to host"),
        (errno.ENETUNREACH, Reason.CONNECT_UNREACHABLE, "Network is unreachable"),
        (errno.ENOBUFS, Reason.LOCAL_RESOURCE,
         "no buffer available on this machine: No buffer space available"),
        (errno.EIO, Reason.LOCAL_RESOURCE, "socket error: Input/output error"),
    ],
)  # fmt: skip
def test_errors_of_a_connection(number: int, reason: Reason, detail: str) -> None:
    failed = broken(OSError(number, os.strerror(number)))
    assert (failed.reason, failed.detail) == (reason, detail)


async def test_bytes_received_are_counted_and_told_with_the_silence() -> None:
    async def handler(reader: Reader, writer: Writer) -> None:
        writer.write(b"12345")
        await reader.read()

    async with tcp_server(handler) as port:
        stream = await opened(port, Budget(5))
        assert (await stream.receive())[0] == b"12345"
        assert stream.received_bytes == 5
        with pytest.raises(Failed) as raised:
            await stream.receive(now_ns() + 60_000_000)
        assert (raised.value.reason, raised.value.detail) == (
            Reason.PEER_SILENT, "no data from the peer for 0.1 s after 5 bytes",
        )  # fmt: skip
        stream.close()
