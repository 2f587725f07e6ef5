"""One open socket: frames moved over a stream, with a deadline for everything."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.protocols.websocket.wire.frames import Closed, Event, Frames, Message, Pinged, Ponged

PING_BYTES = 8
CLOSE_SECONDS = 3.0
"""How long a server may take to answer a close frame."""
GRACE_SECONDS = 0.15
"""How long an application may take to judge what its library has let through."""
MAX_WAITING = 4096
"""The most messages that are kept for a reader; older ones go."""


class CloseSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How a socket ended after we had begun to close it."""

    frame: Closed | None
    ended: bool
    """Whether the server then ended the connection (or the stream)."""
    seconds: float | None
    sent: Mark


class Socket:
    """An open WebSocket on ``stream``, which it owns from here on."""

    __slots__ = ("_stream", "frames", "heard", "last", "opened", "pings", "reset", "silent_end")

    def __init__(self, stream: Stream, frames: Frames, opened: Mark) -> None:
        self._stream = stream
        self.frames = frames
        self.opened = opened
        self.heard: deque[Message] = deque(maxlen=MAX_WAITING)
        """Messages that nobody has asked for yet."""
        self.pings: list[Mark] = []
        """When the server pinged."""
        self.silent_end: Mark | None = None
        """When the connection ended (or was reset), with or without a close frame before."""
        self.reset = False
        self.last = opened

    @property
    def alive(self) -> bool:
        """Whether there is still something to hear."""
        return self.silent_end is None and self.frames.closed is None

    @property
    def stream(self) -> Stream:
        """What it runs on."""
        return self._stream

    async def flush(self) -> Mark | None:
        """Send what waits. A connection that has gone is noted, not raised."""
        out = self.frames.out()
        if not out:
            return None
        return await self.raw(out)

    async def raw(self, data: bytes) -> Mark | None:
        """Send bytes as they are; None where the connection has gone."""
        try:
            return await self._stream.send(data)
        except Failed as failed:
            self._gone(failed)
            return None

    def _gone(self, failed: Failed) -> None:
        """Note an end that the peer made; anything else is raised."""
        if failed.reason not in {Reason.PEER_RESET, Reason.PEER_CLOSED}:
            raise failed
        self.reset = failed.reason is Reason.PEER_RESET
        self.silent_end = self.silent_end or Mark(now_ns(), "user")

    async def hear(self, until_ns: int) -> list[Event] | None:
        """Return the next events; empty at the socket's end, None at ``until_ns``.

        Pings are answered on the way. Raises ProtocolViolation (after having told the server so),
        and Failed when the budget is spent.
        """
        if not self.alive:
            return []
        if self.frames.broken:
            self.frames.receive(b"", self.last)
        try:
            data, mark = await self._stream.receive(until_ns)
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT:
                if now_ns() >= self._stream.budget.deadline_ns:
                    raise
                return None
            self._gone(failed)
            return []
        self.last = mark
        if not data:
            self.silent_end = mark
            return []
        try:
            events = self.frames.receive(data, mark)
        except ProtocolViolation:
            await self.flush()
            raise
        for event in events:
            if isinstance(event, Message):
                self.heard.append(event)
            elif isinstance(event, Pinged):
                self.pings.append(event.at)
        await self.flush()
        return events

    async def until(self, ready: Callable[[Event], bool], until_ns: int) -> Event | None:
        """Listen until an event that is ``ready``; None at the end of the socket or of the time."""
        while self.alive and now_ns() < until_ns:
            events = await self.hear(until_ns)
            if events is None:
                return None
            for event in events:
                if ready(event):
                    return event
        return None

    async def ping(self, until_ns: int) -> tuple[Mark, Mark] | None:
        """Return a ping's sending and its pong's coming; None where none came."""
        data = os.urandom(PING_BYTES)
        self.frames.ping(data)
        sent = await self.flush()
        if sent is None:
            return None
        pong = await self.until(lambda e: isinstance(e, Ponged) and e.data == data, until_ns)
        return (sent, pong.at) if pong is not None else None

    async def survives(self, until_ns: int) -> tuple[Mark, Mark] | None:
        """Return a ping and its pong, where the socket goes on after it; None where it does not.

        Libraries answer a ping while what came before it still waits for the application, so one
        pong proves little: after a moment a second ping must be answered, too.
        """
        first = await self.ping(until_ns)
        if first is None:
            return None
        grace = min(until_ns, now_ns() + int(GRACE_SECONDS * 1e9))
        await self.until(lambda _: False, grace)
        second = await self.ping(until_ns) if self.alive else None
        return first if second is not None else None

    async def say(self, text: str) -> Mark | None:
        """Send a text; None where the connection has gone."""
        self.frames.text(text)
        return await self.flush()

    async def message(self, until_ns: int) -> Message | None:
        """Return the next message, waiting ones first; None when none comes."""
        while not self.heard:
            if not self.alive or await self.hear(until_ns) is None:
                break
        return self.heard.popleft() if self.heard else None

    async def close(self, until_ns: int, code: int = 1000) -> CloseSeen:
        """Return the closing handshake (RFC 6455 §7.1.2), and let go."""
        sent: Mark | None = None
        try:
            if self.frames.open:
                self.frames.close(code)
                sent = await self.flush()
            begun = sent or Mark(now_ns(), "user")
            await self.until(lambda event: isinstance(event, Closed), until_ns)
            frame = self.frames.closed
            if frame is not None:
                await self._see_the_end(until_ns)
            seconds = frame.at.since(begun) if frame is not None and sent else None
            return CloseSeen(
                frame=frame,
                ended=self.silent_end is not None,
                seconds=max(0.0, seconds) if seconds is not None else None,
                sent=begun,
            )
        finally:
            self._stream.close()

    async def _see_the_end(self, until_ns: int) -> None:
        """After both close frames the server ends the connection first (§7.1.1)."""
        while self.silent_end is None and now_ns() < until_ns:
            try:
                data, mark = await self._stream.receive(until_ns)
            except Failed as failed:
                if failed.reason in {Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED}:
                    return
                self._gone(failed)
                return
            if not data:
                self.silent_end = mark

    def drop(self) -> None:
        """Let go at once, without a word."""
        self._stream.close()
