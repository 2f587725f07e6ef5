"""A receiver of webhooks for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from seventh.labkit.serve import tcp_server


class Received(msgspec.Struct, frozen=True):
    """One request."""

    path: str
    headers: dict[str, str]
    body: Any


class Sink:
    """What was received; ``status`` is answered, or with 0 nothing."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 200
        self.received: list[Received] = []
        self._more = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()[:-1]
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        body = msgspec.json.decode(data) if data else None
        self.received.append(Received(first.split(" ")[1], headers, body))
        async with self._more:
            self._more.notify_all()
        if not self.status:
            await reader.read()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nno" % self.status)
        writer.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._more:
            await self._more.wait_for(holds)

    async def count(self, number: int) -> list[Received]:
        await self.until(lambda: len(self.received) >= number)
        return self.received


@contextlib.asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    made = Sink()
    async with tcp_server(made.serve) as made.port:
        yield made
