"""A raw server: it switches protocols, plays a case's bytes, and notes what the client makes of it.

It reads the client's frames with its own few lines, so that no library judges itself.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import zlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from seventh.labkit.serve import tcp_server
from tests.protocols.websocket.codec import close_payload
from tests.protocols.websocket.wire.catalogue import Case, Heard, frame

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PAUSE_SECONDS = 0.02
"""How long a server that waits gives its client."""
KINDS = {1: "text", 2: "binary", 10: "pong"}


class Frame(NamedTuple):
    """One of the client's."""

    opcode: int
    data: bytes
    packed: bool


class Noted:
    """What the client did."""

    def __init__(self) -> None:
        self.request = b""
        self.heard: list[Heard] = []
        self.code: int | None = None
        """Of its close frame; 0 where that has none, None where there was none."""
        self.after_close: list[Frame] = []
        self.first_to_close = ""
        self.played = 0
        self.packed = 0
        """How many of its messages were compressed."""
        self.news = asyncio.Event()
        """Set with each frame."""
        self.done = asyncio.Event()


class Packer:
    """A sender's or a reader's half of permessage-deflate, by zlib alone."""

    def __init__(self, *, bits: int = 15, forgets: bool = False) -> None:
        self._bits, self._forgets = bits, forgets
        self._renew()

    def _renew(self) -> None:
        self._out = zlib.compressobj(6, wbits=-self._bits)
        self._in = zlib.decompressobj(wbits=-self._bits)

    def pack(self, data: bytes) -> bytes:
        if self._forgets:
            self._renew()
        return (self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def unpack(self, data: bytes) -> bytes:
        if self._forgets:
            self._renew()
        return self._in.decompress(data + b"\x00\x00\xff\xff")


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The client's next frame; it must be masked, whole and in order."""
    first, second = await reader.readexactly(2)
    assert second & 0x80, "a client masks every frame"
    assert first & 0x80, "our client sends whole messages"
    assert not first & 0x30
    length = second & 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    mask, data = await reader.readexactly(4), await reader.readexactly(length)
    pad = (mask * (length // 4 + 1))[:length]
    plain = int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")
    return Frame(first & 15, plain.to_bytes(length, "big"), bool(first & 0x40))


async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *more: str) -> bytes:
    """Answer the handshake with a 101, ``more`` being further lines; the request."""
    request = await reader.readuntil(b"\r\n\r\n")
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in request.split(b"\r\n")[1:])
    }
    digest = hashlib.sha1(fields[b"sec-websocket-key"] + GUID, usedforsecurity=False).digest()
    answer = base64.b64encode(digest)
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {answer.decode()}", *more)  # fmt: skip
    writer.write("\r\n".join((*lines, "", "")).encode())
    return request


@contextlib.asynccontextmanager
async def playing(
    case: Case, *more: str, unpacker: Packer | None = None
) -> AsyncIterator[tuple[int, Noted]]:
    """A server that plays ``case`` to its one client; the port and what will be noted."""
    noted = Noted()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            noted.request = await switch(reader, writer, *more)
            listening = asyncio.create_task(_listen(case, reader, writer, noted, unpacker))
            with contextlib.suppress(ConnectionError):
                await _play(case, writer, noted)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await listening
        finally:
            noted.done.set()

    async with tcp_server(handle) as port:
        yield port, noted


async def _play(case: Case, writer: asyncio.StreamWriter, noted: Noted) -> None:
    for turn in range(case.rounds):
        while len(noted.heard) < turn * len(case.hears):
            noted.news.clear()
            await noted.news.wait()
        for data in case.plays:
            if noted.code is not None:
                return
            noted.played += 1
            step = case.chop or len(data) or 1
            for at in range(0, len(data), step):
                writer.write(data[at : at + step])
                await writer.drain()
            if case.failed_after:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(noted.done.wait(), PAUSE_SECONDS)
            elif len(case.plays) > 1:
                await asyncio.sleep(0)


async def _listen(
    case: Case,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    noted: Noted,
    unpacker: Packer | None,
) -> None:
    """Note what comes; close once everything has come, or answer the client's close."""
    wanted = case.rounds * len(case.hears)
    if not wanted and not case.fails and not case.closes:
        _close(writer, noted)
    while True:
        found = await read_frame(reader)
        noted.news.set()
        if noted.code is not None:
            noted.after_close.append(found)
        elif found.opcode == 8:
            noted.code = int.from_bytes(found.data[:2], "big")
            noted.first_to_close = noted.first_to_close or ("us" if case.closes else "client")
            noted.done.set()
            writer.write_eof()
        else:
            data = found.data
            if found.packed:
                assert unpacker is not None, "nobody agreed on compression"
                data = unpacker.unpack(data)
                noted.packed += 1
            noted.heard.append((KINDS[found.opcode], data))  # type: ignore[arg-type]
            if len(noted.heard) == wanted and not case.fails and not case.closes:
                _close(writer, noted)


def _close(writer: asyncio.StreamWriter, noted: Noted) -> None:
    noted.first_to_close = "us"
    writer.write(frame(8, close_payload(1000)))
