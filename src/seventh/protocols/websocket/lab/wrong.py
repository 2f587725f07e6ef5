"""Servers behind a good handshake that no library would make: lenient ones and hostile ones."""

from __future__ import annotations

import asyncio
import struct
import zlib

from seventh.labkit.web.handler import Pipe
from seventh.protocols.websocket.wire.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    masked_by,
    raw_frame,
    raw_head,
)

FLOOD_FRAMES = 200_000


async def lenient(pipe: Pipe) -> None:
    """Takes whatever can be cut into frames, and answers pings: it checks nothing."""
    buffer = bytearray()
    while data := await pipe.receive():
        buffer += data
        while (cut := _cut(buffer)) is not None:
            opcode, payload = cut
            if opcode == PING:
                await pipe.send(raw_frame(PONG, payload[:125], masked=False))
            elif opcode == CLOSE:
                await pipe.send(raw_frame(CLOSE, payload[:2], masked=False))
                return


def _cut(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take one frame off the buffer."""
    if len(buffer) < 2:
        return None
    at, length = 2, buffer[1] & 0x7F
    if length >= 126:
        size = 2 if length == 126 else 8
        if len(buffer) < 2 + size:
            return None
        length = int.from_bytes(buffer[2 : 2 + size], "big")
        at += size
    masked = buffer[1] & 0x80
    mask = bytes(buffer[at : at + 4]) if masked else b""
    at += 4 if masked else 0
    if len(buffer) < at + length:
        return None
    payload = bytes(buffer[at : at + length])
    opcode = buffer[0] & 15
    del buffer[: at + length]
    return opcode, masked_by(mask, payload) if masked else payload


async def closes(pipe: Pipe) -> None:
    """Ends the connection at once."""


async def says_goodbye(pipe: Pipe) -> None:
    """Closes in order at once: 1013, try again later."""
    await pipe.send(raw_frame(CLOSE, struct.pack("!H", 1013) + b"full", masked=False))
    await _listen(pipe)


async def masks(pipe: Pipe) -> None:
    """Masks its frames."""
    await pipe.send(raw_frame(TEXT, b"hello"))
    await _listen(pipe)


async def declares(pipe: Pipe) -> None:
    """Declares a message of 2^63 bytes."""
    await pipe.send(raw_head(BINARY, 1 << 63, masked=False) + bytes(64))
    await _listen(pipe)


async def pings(pipe: Pipe) -> None:
    """Pings as fast as it is read."""
    piece = raw_frame(PING, b"x", masked=False) * 1000
    for _ in range(FLOOD_FRAMES // 1000):
        await pipe.send(piece)
    await _listen(pipe)


async def pongs(pipe: Pipe) -> None:
    """Pongs that nobody asked for, as fast as they are read."""
    piece = raw_frame(PONG, b"x", masked=False) * 1000
    for _ in range(FLOOD_FRAMES // 1000):
        await pipe.send(piece)
    await _listen(pipe)


async def bad_utf8(pipe: Pipe) -> None:
    """Says a text that is not UTF-8."""
    await pipe.send(raw_frame(TEXT, b"\xff\xfe\xfd", masked=False))
    await _listen(pipe)


async def endless_fragments(pipe: Pipe) -> None:
    """Begins a message and never ends it."""
    await pipe.send(raw_frame(TEXT, b"a", fin=False, masked=False))
    piece = raw_frame(CONTINUATION, b"", fin=False, masked=False) * 1000
    for _ in range(FLOOD_FRAMES // 1000):
        await pipe.send(piece)
    await _listen(pipe)


async def endless_message(pipe: Pipe) -> None:
    """Goes on with one message for ever, piece by piece."""
    await pipe.send(raw_frame(BINARY, bytes(4096), fin=False, masked=False))
    for _ in range(4096):
        await pipe.send(raw_frame(CONTINUATION, bytes(4096), fin=False, masked=False))
    await _listen(pipe)


async def inflates(pipe: Pipe) -> None:
    """A message of some 60 KB that inflates to 64 MiB."""
    packer = zlib.compressobj(9, wbits=-15)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64))
    data += packer.flush(zlib.Z_SYNC_FLUSH)
    await pipe.send(raw_frame(BINARY, data[:-4], rsv=4, masked=False))
    await _listen(pipe)


async def reserved(pipe: Pipe) -> None:
    """Uses a reserved bit."""
    await pipe.send(raw_frame(TEXT, b"hello", rsv=2, masked=False))
    await _listen(pipe)


async def bad_close(pipe: Pipe) -> None:
    """Closes with a code that may not stand in a frame."""
    await pipe.send(raw_frame(CLOSE, struct.pack("!H", 1006), masked=False))
    await _listen(pipe)


async def _listen(pipe: Pipe) -> None:
    """Read on, so that no reset overtakes what was said."""
    with_time = asyncio.timeout(5)
    async with with_time:
        while await pipe.receive():
            pass
