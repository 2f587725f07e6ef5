"""Servers that a library would not be, after a valid handshake: lenient ones and hostile ones."""

from __future__ import annotations

import asyncio
import functools
import struct
import zlib

from seventh.labkit.web.handler import Pipe
from seventh.protocols.websocket.lab.setup import Tunnel
from seventh.wire.websocket_frames import (
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


async def lenient(pipe: Pipe) -> None:
    """Answer pings and close frames, and accept everything else."""
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
    """Remove one frame from the buffer and return its opcode and payload; None if incomplete."""
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


async def end(pipe: Pipe) -> None:
    """End the connection at once."""


def _sender(data: bytes, times: int = 1, first: bytes = b"") -> Tunnel:
    """Return a tunnel that sends ``first``, then ``data`` repeatedly, and reads to the end."""

    async def tunnel(pipe: Pipe) -> None:
        if first:
            await pipe.send(first)
        for _ in range(times):
            await pipe.send(data)
        # Reading prevents a reset, which could overtake what was sent.
        async with asyncio.timeout(5):
            while await pipe.receive():
                pass

    return tunnel


async def inflate(pipe: Pipe) -> None:
    """Send a message of about 60 KB that inflates to 64 MiB."""
    await _sender(_bomb())(pipe)


@functools.cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64))
    return raw_frame(BINARY, (data + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4, masked=False)


def _frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    return raw_frame(opcode, payload, fin=fin, rsv=rsv, masked=False)


close = _sender(_frame(CLOSE, struct.pack("!H", 1013) + b"full"))
mask = _sender(raw_frame(TEXT, b"hello"))
declare = _sender(raw_head(BINARY, 1 << 63, masked=False) + bytes(64))
pings = _sender(_frame(PING, b"x") * 1000, 200)
pongs = _sender(_frame(PONG, b"x") * 1000, 200)
bad_utf8 = _sender(_frame(TEXT, b"\xff\xfe\xfd"))
endless_fragments = _sender(
    _frame(CONTINUATION, fin=False) * 1000, 200, first=_frame(TEXT, b"a", fin=False)
)
endless_message = _sender(
    _frame(CONTINUATION, bytes(4096), fin=False), 4096, first=_frame(BINARY, bytes(4096), fin=False)
)
reserved = _sender(_frame(TEXT, b"hello", rsv=2))
bad_close = _sender(_frame(CLOSE, struct.pack("!H", 1006)))
