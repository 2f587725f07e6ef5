"""One open socket: frames over a stream, with a deadline for every wait."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.stream import Stream
from seventh.wire.websocket_frames import Closed, Event, Frames, Message, Pinged, Ponged

PING_BYTES = 8
CLOSE_SECONDS = 3.0
"""How long a server may take to answer a close frame."""
GRACE_SECONDS = 0.15
"""How long an application may take to reject what its library accepted."""
MAX_WAITING = 4096
"""The most unread messages that are kept; older ones are dropped."""


class RoundTrip(NamedTuple):
    """A ping and its pong."""

    sent: Mark
    back: Mark

    @property
    def seconds(self) -> float:
        """The time between them."""
        return self.back.since(self.sent)


class CloseResult(NamedTuple):
    """The end of a socket after our close frame."""

    frame: Closed | None
    ended: bool
    """Whether the server then closed the connection or the stream."""
    seconds: float | None
    """The time between the two close frames."""
    sent: Mark


class Socket:
    """An open WebSocket; it owns ``stream``."""

    __slots__ = ("ended_at", "frames", "last", "messages", "opened", "pings", "reset", "stream")

    def __init__(self, stream: Stream, frames: Frames, opened: Mark) -> None:
        self.stream = stream
        self.frames = frames
        self.opened = opened
        self.messages: deque[Message] = deque(maxlen=MAX_WAITING)
        """Unread messages."""
        self.pings: list[Mark] = []
        """The server's pings."""
        self.ended_at: Mark | None = None
        """When the connection ended or was reset, with or without a close frame before."""
        self.reset = False
        self.last = opened
        """When data arrived last."""

    @property
    def alive(self) -> bool:
        """Whether more can be received."""
        return self.ended_at is None and self.frames.closed is None

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame; None without a code or a frame."""
        return self.frames.closed.code if self.frames.closed is not None else None

    async def flush(self) -> Mark | None:
        """Send what is queued; None if there was nothing or the connection has ended."""
        out = self.frames.out()
        return await self.send_raw(out) if out else None

    async def send_raw(self, data: bytes) -> Mark | None:
        """Send bytes as they are; None if the connection has ended."""
        try:
            return await self.stream.send(data)
        except Failed as failed:
            self._note_end(failed)
            return None

    async def send_text(self, text: str) -> Mark | None:
        """Send a text; None if the connection has ended."""
        self.frames.text(text)
        return await self.flush()

    def _note_end(self, failed: Failed) -> None:
        """Note that the peer ended the connection; raise any other failure."""
        if failed.reason not in {Reason.PEER_RESET, Reason.PEER_CLOSED}:
            raise failed
        self.reset = failed.reason is Reason.PEER_RESET
        self.ended_at = self.ended_at or user_mark()

    async def receive(self, until_ns: int, *, amid: bool = False) -> list[Event] | None:
        """Return the next events: none at the socket's end, None at ``until_ns``.

        Answers pings; ``amid`` one of our own frames only later, as the answer would become a part
        of that frame. Raises ProtocolViolation, after having sent its close frame, and Failed when
        the budget is spent.
        """
        if not self.alive:
            return []
        if self.frames.broken:
            self.frames.receive(b"", self.last)
        try:
            data, mark = await self.stream.receive(until_ns)
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT:
                if now_ns() >= self.stream.budget.deadline_ns:
                    raise
                return None
            self._note_end(failed)
            return []
        self.last = mark
        if not data:
            self.ended_at = mark
            return []
        try:
            events = self.frames.receive(data, mark)
        except ProtocolViolation:
            await self.flush()
            raise
        self.messages += (event for event in events if isinstance(event, Message))
        self.pings += (event.at for event in events if isinstance(event, Pinged))
        if not amid:
            await self.flush()
        return events

    async def until(self, ready: Callable[[Event], bool], until_ns: int) -> Event | None:
        """Receive until an event is ``ready``; None at the socket's end or at ``until_ns``."""
        while self.alive and now_ns() < until_ns:
            events = await self.receive(until_ns)
            if events is None:
                return None
            for event in events:
                if ready(event):
                    return event
        return None

    async def until_closed(self, until_ns: int) -> None:
        """Receive until a close frame, the socket's end, or ``until_ns``."""
        await self.until(lambda _: False, until_ns)

    async def ping(self, until_ns: int) -> RoundTrip | None:
        """Send a ping and wait for its pong; None if none arrives."""
        data = os.urandom(PING_BYTES)
        self.frames.ping(data)
        sent = await self.flush()
        if sent is None:
            return None
        pong = await self.until(lambda e: isinstance(e, Ponged) and e.data == data, until_ns)
        return RoundTrip(sent, pong.at) if pong is not None else None

    async def survives(self, until_ns: int) -> RoundTrip | None:
        """Return the first of two pings that are answered; None if one is not.

        Libraries answer a ping before the application has handled earlier messages, so one pong
        is no proof: a second ping follows after a moment.
        """
        first = await self.ping(until_ns)
        if first is None:
            return None
        await self.until_closed(min(until_ns, now_ns() + int(GRACE_SECONDS * 1e9)))
        second = await self.ping(until_ns) if self.alive else None
        return first if second is not None else None

    async def message(self, until_ns: int) -> Message | None:
        """Return the next message; None if none arrives."""
        while not self.messages:
            if not self.alive or await self.receive(until_ns) is None:
                break
        return self.messages.popleft() if self.messages else None

    async def close(self, until_ns: int) -> CloseResult:
        """Perform the closing handshake (RFC 6455 §7.1.2) and close the stream."""
        sent: Mark | None = None
        try:
            if self.frames.open:
                self.frames.close()
                sent = await self.flush()
            begun = sent or user_mark()
            await self.until_closed(until_ns)
            frame = self.frames.closed
            if frame is not None:
                await self._await_end(until_ns)
            return CloseResult(
                frame=frame,
                ended=self.ended_at is not None,
                seconds=frame.at.since(sent) if frame and sent else None,
                sent=begun,
            )
        finally:
            self.stream.close()

    async def _await_end(self, until_ns: int) -> None:
        """Wait for the server to close the connection, which it does first (§7.1.1)."""
        while self.ended_at is None and now_ns() < until_ns:
            try:
                data, mark = await self.stream.receive(until_ns)
            except Failed as failed:
                if failed.reason not in {Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED}:
                    self._note_end(failed)
                return
            if not data:
                self.ended_at = mark

    def abort(self) -> None:
        """Close the connection without a close frame."""
        self.stream.close()
