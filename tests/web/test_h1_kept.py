"""HTTP/1.1 connections: closed when they say so, and looked at before they are used again."""

from __future__ import annotations

import asyncio

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.failure import Failed, Reason
from seventh.web.h1 import H1Connection
from tests.web.support import ask, tcp

pytestmark = pytest.mark.field
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize(
    "said",
    [
        OK + b"Connection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"X-Odd : b\r\nConnection: foo, Close\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    ],
)
async def test_the_socket_is_closed_with_an_answer_that_says_so(said: bytes) -> None:
    """A server with one worker waits for it (RFC 9112 §9.6)."""
    ended = asyncio.Event()

    async def serve(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        assert await reader.read() == b""
        ended.set()

    async with tcp_server(serve) as port:
        connection = H1Connection(await tcp(port))
        assert (await connection.request(ask())).body == b"ok"
        await asyncio.wait_for(ended.wait(), 5)
        assert not connection.reusable


async def test_http_1_0_that_keeps_the_connection() -> None:
    async def serve(reader: Reader, writer: Writer) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(
                b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
            )

    async with tcp_server(serve) as port:
        connection = H1Connection(await tcp(port))
        for _ in range(3):
            assert (await connection.request(ask())).version == "1.0"
            assert connection.reusable
        connection.close()


@pytest.mark.parametrize(
    ("said", "method", "surplus", "status"),
    [
        (OK + b"\r\nok and much more", "GET", 14, 200),
        (b"HTTP/1.1 204 No Content\r\n\r\nhello", "GET", 5, 204),
        (b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\nhello', "GET", 5, 304),
        (OK + b"\r\nok", "HEAD", 2, 200),
        (OK + b"Connection: close\r\n\r\nokay", "GET", 2, 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore", "GET",
         4, 200),
    ],
)  # fmt: skip
async def test_what_is_left_over_is_noted(
    said: bytes, method: str, surplus: int, status: int
) -> None:
    async def serve(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await reader.read()

    async with tcp_server(serve) as port:
        connection = H1Connection(await tcp(port))
        await connection.request(ask(method=method))
        found = connection.stats.left_over
        assert found is not None
        assert (found.bytes, found.method, found.status) == (surplus, method, status)
        connection.close()


@pytest.mark.parametrize(
    ("later", "left_over"),
    [(b"", False), (b"more", True), (b"HTTP/1.1 408 Request Timeout\r\n\r\n", False)],
)
async def test_a_kept_connection_is_looked_at_before_it_is_used(
    later: bytes, left_over: bool
) -> None:
    go, gone = asyncio.Event(), asyncio.Event()
    asked = []

    async def serve(reader: Reader, writer: Writer) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"\r\nok")
        await go.wait()
        writer.write(later)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with tcp_server(serve) as port:
        connection = H1Connection(await tcp(port))
        await connection.request(ask())
        go.set()
        await gone.wait()
        with pytest.raises(Failed) as caught:
            await connection.request(ask())
    assert caught.value.reason is Reason.PEER_CLOSED
    assert len(asked) == 1
    assert (connection.stats.left_over is not None) is left_over
