"""The server's end of one connection, and how an HTTP/1.1 or HTTP/2 server is configured."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec


class Peer(Protocol):
    """Bytes to and from a client; :class:`seventh.labkit.tlsserve.TlsPeer` is one."""

    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        ...


class PlainPeer:
    """A client without TLS; ``first`` are bytes read already."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b""
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._first = first

    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` at the end."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return await self._reader.read(65536)

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()


class H1Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How a server behaves; the defaults are a correct one."""

    fault: str = ""
    """A name in :data:`h1.FAULTS` or :data:`h2.FAULTS`."""
    count: int = 100_000
    """The number of items in a flood; a client should close long before."""
    seconds: float = 3600.0
    """The pause of a slow server."""
    raw: bytes = b""
    """The answer of the fault ``raw``."""
    code: int = 0
    """The error code of ``goaway`` and ``reset``."""
    max_content_bytes: int | None = None
    """HTTP/1.1: the largest Content-Length that is not rejected with 413."""
    keep_alive_requests: int | None = None
    """HTTP/1.1: the requests after which the connection closes, as its fields declare."""
    keep_alive_seconds: float | None = None
    """HTTP/1.1: the idle timeout, as Keep-Alive declares."""
    settings: tuple[tuple[int, int], ...] = ()
    """HTTP/2: settings by code."""
    alt_svc: tuple[tuple[str, str], ...] = ()
    """HTTP/2: ALTSVC frames at the start, as origin and field value (RFC 7838 §4)."""


async def linger(peer: Peer) -> None:
    """Read until the client closes, so that no reset overtakes what was sent."""
    while await peer.receive():
        pass
