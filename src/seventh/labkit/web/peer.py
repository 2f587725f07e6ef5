"""The server's end of one connection, in clear or in TLS, and what can be wrong with a server."""

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
    """A client without TLS; ``first`` is what has been read already."""

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
    """How a server misbehaves; without arguments it does not."""

    fault: str = ""
    """A name in :data:`h1.FAULTS` or :data:`h2.FAULTS`."""
    count: int = 100_000
    """How many of what floods; a client is expected to leave long before."""
    seconds: float = 3600.0
    """How long a slow server pauses."""
    raw: bytes = b""
    """What ``raw`` answers with."""
    code: int = 0
    """The error code of ``goaway`` and ``reset``."""
    keep_alive_requests: int | None = None
    """HTTP/1.1: after how many requests the connection is closed, said so in the last answer."""
    keep_alive_seconds: float | None = None
    """HTTP/1.1: how long an idle connection is kept, and said so."""
    settings: tuple[tuple[int, int], ...] = ()
    """HTTP/2: settings to announce, by code."""
    alt_svc: tuple[tuple[str, str], ...] = ()
    """HTTP/2: ALTSVC frames to begin with, each an origin and a field value (RFC 7838 §4)."""


async def linger(peer: Peer) -> None:
    """Read on until the client has gone, so that no reset overtakes what was said."""
    while await peer.receive():
        pass
