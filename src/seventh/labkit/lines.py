"""The server's end of a protocol of lines, in clear until TLS starts in place."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from OpenSSL import SSL

from seventh.labkit.serve import tcp_server
from seventh.labkit.tlsserve import TlsPeer
from seventh.wire.sasl import Binding

_CHUNK = 65536


class LinePeer:
    """One connection; the end of the client's is an empty line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._tls: TlsPeer | None = None
        self._buffer = bytearray()
        self._certificate = b""

    @property
    def secure(self) -> bool:
        """Whether the connection is inside TLS."""
        return self._tls is not None

    async def _more(self) -> bool:
        read = self._tls.receive() if self._tls is not None else self._reader.read(_CHUNK)
        data = await read
        self._buffer += data
        return bool(data)

    async def line(self) -> bytes:
        """Return the next line without its end; ``b""`` at the end of the connection."""
        while (end := self._buffer.find(b"\n")) < 0:
            if not await self._more():
                return b""
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    async def send(self, data: bytes) -> None:
        """Send, inside TLS where it has started."""
        if self._tls is not None:
            await self._tls.send(data)
        else:
            self._writer.write(data)
            await self._writer.drain()

    async def start_tls(
        self, context: SSL.Context, certificate: bytes, *, keeps: bool = False
    ) -> None:
        """Shake hands. Raises SSL.Error.

        A correct server discards what came in clear before; with ``keeps`` it is read as if it had
        come inside TLS.
        """
        if not keeps:
            self._buffer.clear()
        tls = TlsPeer(self._reader, self._writer, context)
        await tls.shake_hands(await self._reader.read(_CHUNK))
        self._tls, self._certificate = tls, certificate

    def bindings(self) -> tuple[Binding, ...]:
        """Return the channel bindings that the connection has."""
        return self._tls.bindings(self._certificate) if self._tls is not None else ()

    def abort(self) -> None:
        """Reset the connection."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


@contextlib.asynccontextmanager
async def line_server(
    serve: Callable[[LinePeer], Awaitable[None]],
    host: str,
    *,
    context: SSL.Context | None = None,
    certificate: bytes = b"",
    port: int = 0,
) -> AsyncIterator[int]:
    """Serve on a free port, or on ``port``; with ``context``, TLS starts with the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = LinePeer(reader, writer)
        with contextlib.suppress(SSL.Error):
            if context is not None:
                await peer.start_tls(context, certificate)
            await serve(peer)

    async with tcp_server(handle, host, port) as bound:
        yield bound
