"""The lab's event streams: one that beats, one that goes mute, one behind a buffer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator


async def events() -> AsyncIterator[bytes]:
    """Yield an event, then a comment every now and then, for ever."""
    yield b"retry: 5000\n\ndata: {}\n\n"
    while True:
        await asyncio.sleep(0.2)
        yield b": still here\n\n"


async def mute() -> AsyncIterator[bytes]:
    """Yield one event, and then nothing until a proxy has enough."""
    yield b"data: {}\n\n"
    await asyncio.sleep(0.5)


async def buffered() -> AsyncIterator[bytes]:
    """Yield what a buffer of 512 bytes lets through of one event every moment."""
    waiting = b""
    for number in itertools.count():
        waiting += b'id: %d\ndata: {"number": %d, "of": "an event"}\n\n' % (number, number)
        if len(waiting) >= 512:
            yield waiting[:512]
            waiting = waiting[512:]
            await asyncio.sleep(0.4)
