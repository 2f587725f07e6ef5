"""Servers that no client should trust. Each runs until its block ends and knows its own port."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable

from seventh.labkit.serve import Handler, UdpHandler, tcp_server, udp_server

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def silent(reader: Reader, writer: Writer) -> None:
    """Accepts and never speaks."""
    await reader.read(-1)


async def closes(reader: Reader, writer: Writer) -> None:
    """Accepts and closes at once."""


async def resets(reader: Reader, writer: Writer) -> None:
    """Reads something, then resets."""
    await reader.read(1)
    writer.transport.abort()


def dripping(data: bytes) -> Handler:
    """Sends one byte at a time, slower than any conversation."""

    async def drip(reader: Reader, writer: Writer) -> None:
        for i in range(10_000):
            writer.write(data[i % len(data) : i % len(data) + 1])
            await writer.drain()
            await asyncio.sleep(0.2)

    return drip


def flooding(data: bytes) -> Handler:
    """Sends as fast as it is read, for ever."""

    async def flood(reader: Reader, writer: Writer) -> None:
        chunk = data * max(1, 65536 // len(data))
        while True:
            writer.write(chunk)
            await writer.drain()

    return flood


def saying(data: bytes, *, then_close: bool = False) -> Handler:
    """Says one thing, then listens or closes."""

    async def say(reader: Reader, writer: Writer) -> None:
        writer.write(data)
        await writer.drain()
        if not then_close:
            await reader.read(-1)

    return say


def answering(data: bytes) -> Handler:
    """Waits for the first bytes, answers with ``data``, closes."""

    async def answer(reader: Reader, writer: Writer) -> None:
        await reader.read(65536)
        writer.write(data)
        await writer.drain()

    return answer


async def half_a_handshake(reader: Reader, writer: Writer) -> None:
    """Looks right for a moment, then closes in the middle of a message."""
    await reader.read(65536)
    writer.write(b"SSH-2.0-x\r\n\x00\x00\x01\x00\x08\x14")
    await writer.drain()


_NOISE = os.urandom(512)

TCP: dict[str, Handler] = {
    "silent": silent,
    "closes": closes,
    "resets": resets,
    "drip-ssh": dripping(b"SSH-2.0-slow"),
    "drip-tls": dripping(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03"),
    "flood-noise": flooding(_NOISE),
    "flood-zero": flooding(b"\x00"),
    "flood-lines": flooding(b"SSH-1 or anything else\r\n"),
    "flood-empty-tls-records": flooding(b"\x16\x03\x03\x00\x00"),
    "flood-tls-alerts": flooding(b"\x15\x03\x03\x00\x02\x01\x5a"),
    "flood-ssh-ignore": flooding(b"\x00\x00\x00\x0c\x06\x02\x00\x00\x00\x00" + b"\x00" * 6),
    "half-a-handshake": half_a_handshake,
    "http": answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    "smtp": saying(b"220 mx.example ESMTP\r\n"),
    "ssh": saying(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "tls-alert": answering(b"\x15\x03\x03\x00\x02\x02\x28"),
    "declares-2^31-ssh": saying(b"SSH-2.0-big\r\n\x7f\xff\xff\xff\x00\x14"),
    "declares-2^31-tls": answering(b"\x16\x03\x03\xff\xff\x02\xff\xff\xff" + b"\x00" * 32),
    "long-line": saying(b"A" * 100_000),
    "nul-bytes": saying(b"SSH-2.0-\x00\x00\r\n", then_close=True),
    "escape-codes": saying(b"SSH-2.0-\x1b]0;owned\x07\x1b[2J\xe2\x80\xae\r\n", then_close=True),
    "markup": saying(b"SSH-2.0-[bold]<script>alert(1)</script>|rm\r\n", then_close=True),
    "noise": answering(_NOISE),
}


@contextlib.asynccontextmanager
async def tcp(name: str) -> AsyncIterator[int]:
    """Run the named hostile TCP server."""
    async with tcp_server(TCP[name]) as port:
        yield port


UdpAnswer = Callable[[UdpHandler, bytes, tuple[str, int]], None]


def _says(*replies: bytes) -> UdpAnswer:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        for reply in replies:
            handler.send(reply, source)

    return answer


def _echo(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    handler.send(data, source)


def _flips(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    handler.send(bytes(byte ^ 0xFF for byte in data), source)


def _flood(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    for _ in range(2000):
        handler.send(_NOISE, source)


UDP: dict[str, UdpAnswer] = {
    "silent": _says(),
    "empty": _says(b""),
    "echo": _echo,
    "flips": _flips,
    "noise": _says(_NOISE),
    "huge": _says(b"\x24" * 65_000),
    "zeros": _says(b"\x00" * 48),
    "ones": _says(b"\xff" * 48),
    "text": _says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "escape-codes": _says(b"\x1b]0;owned\x07\x1b[2J"),
    "declares-2^31": _says(b"\x24\x02\x00\x00" + b"\x7f\xff\xff\xff" * 20),
    "flood": _flood,
}


@contextlib.asynccontextmanager
async def udp(name: str) -> AsyncIterator[int]:
    """Run the named hostile UDP server."""
    async with udp_server(UDP[name]) as port:
        yield port
