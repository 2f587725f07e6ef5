"""The lab's event streams: one that beats, one that goes mute, one behind a buffer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator


async def events() -> AsyncIterator[bytes]:
    """Yield an event, then a comment every 0.2 s, for ever."""
    yield b"retry: 5000\n\ndata: {}\n\n"
    while True:
        await asyncio.sleep(0.2)
        yield b": still here\n\n"


async def mute() -> AsyncIterator[bytes]:
    """Yield one event, then nothing, then end."""
    yield b"data: {}\n\n"
    await asyncio.sleep(0.5)


async def buffered() -> AsyncIterator[bytes]:
    """Yield events as a full buffer of 512 bytes forwards them."""
    waiting = b""
    for number in itertools.count():
        waiting += b'id: %d\ndata: {"number": %d, "of": "an event"}\n\n' % (number, number)
        if len(waiting) >= 512:
            yield waiting[:512]
            waiting = waiting[512:]
            await asyncio.sleep(0.4)
