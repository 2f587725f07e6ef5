"""A correct proxy of our own, HTTP or SOCKS5, that connects elsewhere than it is asked to.

So a test may name a target that only the proxy can reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from base64 import b64encode
from collections.abc import AsyncIterator

from seventh.labkit.serve import tcp_server

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class Relay:
    """What a proxy does, and what it was asked for. ``login`` is the user and password it wants."""

    def __init__(self, port: int, login: tuple[str, str] | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self._port = port
        self._login = login

    async def http(self, reader: Reader, writer: Writer) -> None:
        """Serve one CONNECT."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        host, _, port = head.split(" ")[1].rpartition(":")
        if self._login is not None:
            token = b64encode(":".join(self._login).encode()).decode()
            if f"Proxy-Authorization: Basic {token}\r\n" not in head:
                writer.write(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n")
                return
        await self._connect(host.strip("[]"), int(port), reader, writer,
                            b"HTTP/1.1 200 Connected\r\nProxy-Agent: relay\r\n\r\n")  # fmt: skip

    async def socks(self, reader: Reader, writer: Writer) -> None:
        """Serve one SOCKS5 negotiation."""
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 0 if self._login is None else 2
        writer.write(bytes([5, method if method in methods else 255]))
        if method not in methods:
            return
        if self._login is not None:
            given: list[str] = []
            await reader.readexactly(1)
            for _ in range(2):
                (length,) = await reader.readexactly(1)
                given.append((await reader.readexactly(length)).decode())
            writer.write(bytes([1, tuple(given) != self._login]))
            if tuple(given) != self._login:
                return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            (length,) = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly({1: 4, 4: 16}[kind])))
        port = int.from_bytes(await reader.readexactly(2), "big")
        await self._connect(host, port, reader, writer, b"\5\0\0\1\0\0\0\0\0\0")

    async def _connect(
        self, host: str, port: int, reader: Reader, writer: Writer, confirmation: bytes
    ) -> None:
        self.asked.append((host, port))
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(confirmation)
        copying = [asyncio.create_task(_copy(*ends)) for ends in ((reader, back), (there, writer))]
        try:
            await asyncio.wait(copying)
        finally:
            for task in copying:
                task.cancel()
            back.close()


async def _copy(source: Reader, sink: Writer) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof() if sink.can_write_eof() else sink.close()


@contextlib.asynccontextmanager
async def relaying(
    scheme: str, port: int, login: tuple[str, str] | None = None
) -> AsyncIterator[tuple[str, Relay]]:
    """Run a proxy to ``port``; gives its URL and what it does."""
    relay = Relay(port, login)
    handler = relay.http if scheme == "http" else relay.socks
    async with tcp_server(handler) as at:
        yield f"{scheme}://127.0.0.1:{at}", relay
