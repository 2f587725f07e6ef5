"""Many channels over one logged-in connection: the async side of ``wire.channels``.

    mux = Mux(session)
    try:
        stream = await mux.open_direct("db.internal", 5432)
        ...
    finally:
        await mux.finish()

One task reads the connection and hands what comes to its channel; whoever awaits something of a
channel awaits its news. When the connection dies, every channel fails with the same typed failure.
A :class:`ChannelStream` is a :class:`seventh.net.stream.Stream`: whatever speaks over TCP speaks
over it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from typing import Protocol

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.budget import Budget, Meter
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.ssh.client.mux_failures import CarrierFailed, RefusedError, afresh
from seventh.protocols.ssh.wire.channel import Channel
from seventh.protocols.ssh.wire.channel_messages import ConnectionMessage
from seventh.protocols.ssh.wire.channels import Channels
from seventh.protocols.ssh.wire.transport import Event
from seventh.protocols.ssh.wire.values import Deviations

MAX_UNSENT = 256
"""Answers that may wait because the peer does not read; more is a flood of questions."""
READ_IN_A_ROW = 64
"""Messages after which everybody else gets a turn: a peer may send faster than we can read."""
_FAREWELL_SECONDS = 0.5
"""How long the last messages may take to go."""


class Line(Protocol):
    """What a mux stands on: a logged-in session."""

    @property
    def stream(self) -> Stream:
        """What carries it."""

    async def send(self, message: ConnectionMessage) -> Mark:
        """Send one message, after a running key exchange; callers are served in turn."""

    async def next_message(self, deadline_ns: int | None) -> Event:
        """Return the next message that is the connection protocol's (80 to 100)."""


class Mux:
    """The channels of one connection. Made inside a running event loop.

    ``hop`` names the connection in failures where it carries others, as in ``jump host bastion``.
    """

    def __init__(self, line: Line, hop: str = "", deviations: Deviations | None = None) -> None:
        self.line = line
        self.channels = Channels(deviations)
        self._hop = hop
        self._news: dict[int, asyncio.Event] = {}
        self._answers = asyncio.Event()
        self._asking = asyncio.Lock()
        self._unsent: deque[ConnectionMessage] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(self._over)

    @property
    def budget(self) -> Budget:
        """What the peer may cost."""
        return self.line.stream.budget

    @property
    def alive(self) -> bool:
        """Whether the connection is still there."""
        return not self._reading.done()

    @property
    def failed(self) -> Failed | None:
        """What ended the connection, once something has."""
        if self.alive or self._reading.cancelled():
            return None
        error = self._reading.exception()
        if not isinstance(error, Failed):
            return None
        # At the deadline nobody knows who kept us waiting: a hop, or what is behind it.
        return error if error.reason is Reason.PEER_SILENT else self._named(error)

    # -- opening ---------------------------------------------------------------------------------

    async def open_session(self, deadline_ns: int | None = None) -> ChannelStream:
        """Return a session channel; RefusedError when the server says no."""
        channel, message = self.channels.open_session()
        return await self._open(channel, message, self.line.stream.address, deadline_ns)

    async def open_direct(
        self, host: str, port: int, deadline_ns: int | None = None
    ) -> ChannelStream:
        """Return a stream from the server to ``host``; RefusedError when the server says no."""
        channel, message = self.channels.open_direct(host, port)
        address = Address(ip=host, port=port)
        return await self._open(channel, message, address, deadline_ns)

    async def _open(
        self, channel: Channel, message: ConnectionMessage, address: Address, until: int | None
    ) -> ChannelStream:
        self._news[channel.number] = asyncio.Event()
        stream = ChannelStream(self, channel, address)
        try:
            stream.asked = await self.send(message)
            await self.wait(
                channel, lambda: channel.opened is not None or channel.refused is not None, until
            )
        except BaseException:
            stream.close()
            raise
        if channel.refused is not None:
            self._news.pop(channel.number, None)
            raise RefusedError(channel.refused)
        assert channel.opened is not None  # noqa: S101 - wait() has seen it
        stream.opened = channel.opened
        return stream

    # -- global requests -------------------------------------------------------------------------

    async def ask(
        self, name: bytes, fields: bytes = b"", deadline_ns: int | None = None
    ) -> tuple[bytes | None, Mark]:
        """Make a global request: the fields of its success or None, and when the answer came."""
        async with self._asking:
            await self.send(self.channels.global_request(name, fields))
            answered = self.channels.answered
            await self._until(self._answers, lambda: bool(answered), deadline_ns)
            return answered.popleft()

    async def forwarded(self, port: int, deadline_ns: int) -> bool:
        """Whether the server tells, until the deadline, of a connection to our forwarding there."""
        seen = self.channels.forwarded
        try:
            await self._until(self._answers, lambda: port in seen, deadline_ns)
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT or not self.alive:
                raise
        return port in seen

    # -- sending ---------------------------------------------------------------------------------

    async def send(self, message: ConnectionMessage) -> Mark:
        """Send one message; Failed when the connection is gone."""
        self._check()
        try:
            return await self.line.send(message)
        except Failed as failed:
            raise self._named(failed) from None

    def post(self, message: ConnectionMessage | None) -> None:
        """Have ``message`` sent as soon as may be, without waiting for it; None is nothing."""
        if message is None or self._reading.done():
            return
        if len(self._unsent) >= MAX_UNSENT:
            raise ProtocolViolation("the server asks and asks, and does not read our answers")
        self._unsent.append(message)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
            self._flushing.add_done_callback(_retrieve)

    async def _flush(self) -> None:
        while self._unsent:
            await self.line.send(self._unsent.popleft())

    # -- receiving -------------------------------------------------------------------------------

    async def _read(self) -> None:
        for count in itertools.count(1):
            if count % READ_IN_A_ROW == 0:
                await asyncio.sleep(0)
            event = await self.line.next_message(self.budget.deadline_ns)
            message = event.message
            if not isinstance(message, ConnectionMessage):
                raise ProtocolViolation(f"{type(message).__name__} after the login")
            for reply in self.channels.receive(message, event.at):
                self.post(reply)
            number = getattr(message, "recipient", None)
            news = self._answers if number is None else self._news.get(number)
            if news is not None:
                news.set()

    def _over(self, _: asyncio.Task[None]) -> None:
        """The connection has ended: everybody who waits hears of it."""
        for news in (*self._news.values(), self._answers):
            news.set()

    def _named(self, failed: Failed) -> Failed:
        """Return the failure with the hop's name, for a connection that carries others."""
        if not self._hop or isinstance(failed, CarrierFailed):
            return failed
        return CarrierFailed(failed.reason, f"{self._hop}: {failed.detail}", blame=failed.blame)

    def _check(self) -> None:
        """Raise what ended the connection, if something has."""
        if self.alive:
            return
        failed = self.failed
        if failed is not None:
            raise afresh(failed)
        if not self._reading.cancelled():
            self._reading.result()
        raise Failed(Reason.INTERRUPTED, "the connection under the channel was closed")

    async def wait(
        self,
        channel: Channel,
        ready: Callable[[], bool],
        deadline_ns: int | None = None,
        silence: str = "no answer on a channel",
    ) -> None:
        """Until ``ready``; Failed with peer-silent at the deadline, or as the connection failed."""
        await self._until(self._news[channel.number], ready, deadline_ns, silence)

    async def _until(
        self,
        news: asyncio.Event,
        ready: Callable[[], bool],
        deadline_ns: int | None,
        silence: str = "no answer to a global request",
    ) -> None:
        until = self.budget.deadline_ns if deadline_ns is None else deadline_ns
        until = min(until, self.budget.deadline_ns)
        started = now_ns()
        while not ready():
            self._check()
            news.clear()
            try:
                async with Cutoff(max(0, until - now_ns()) / 1e9):
                    await news.wait()
            except DeadlineError:
                waited = (now_ns() - started) / 1e9
                detail = f"{silence} for {waited:.1f} s"
                raise Failed(Reason.PEER_SILENT, detail) from None

    # -- ending ----------------------------------------------------------------------------------

    def forget(self, channel: Channel) -> None:
        """Nobody reads this channel any more."""
        self.post(channel.close())

    def close(self, *, and_stream: bool = False) -> None:
        """Let go of every channel at once, and stop reading; closing twice is fine.

        ``and_stream``: the connection goes, too, as soon as nobody waits for it any more: a socket
        that is closed under its watcher would take whatever gets its number next along.
        """
        self._reading.cancel()
        if self._flushing is not None:
            self._flushing.cancel()
        if and_stream:
            self._reading.add_done_callback(lambda _: self.line.stream.close())

    async def finish(self) -> None:
        """Send what is still to be sent, then stop reading; the session stays usable."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=_FAREWELL_SECONDS)
        self.close()
        await asyncio.wait([task for task in (self._reading, self._flushing) if task is not None])


def _retrieve(task: asyncio.Task[None]) -> None:
    """A failed farewell is no news: the reader meets the same failure."""
    if not task.cancelled():
        task.exception()


class ChannelStream(Stream):
    """A channel as a stream of bytes."""

    def __init__(self, mux: Mux, channel: Channel, address: Address) -> None:
        self.address = address
        self.opened = user_mark()
        self.asked = self.opened
        """When the channel was asked for."""
        self.channel = channel
        self.mux = mux
        self._meter = Meter(mux.budget.max_bytes)

    @property
    def budget(self) -> Budget:
        """What the peer may cost."""
        return self.mux.budget

    def expect_silence(self) -> None:
        """Ask no minimum rate any more, of whatever carries this either."""
        self._meter.patient = True
        self.mux.line.stream.expect_silence()

    async def send(self, data: bytes) -> Mark:
        """Send ``data`` as the peer's window allows; Failed when the channel is closed."""
        channel, view = self.channel, memoryview(data)
        mark: Mark | None = None
        while view:
            if channel.closed or channel.close_sent:
                raise Failed(Reason.PEER_RESET, "the channel is closed")
            count = channel.sendable(view)
            if not count:
                await self.mux.wait(
                    channel,
                    lambda: bool(channel.send_window) or channel.closed,
                    silence="the peer read nothing of what we send",
                )
                continue
            sent = await self.mux.send(channel.data(bytes(view[:count])))
            mark = mark or sent
            view = view[count:]
        return mark or user_mark()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes and when they arrived; ``b""`` after the channel's EOF or CLOSE."""
        channel = self.channel
        started = now_ns()
        try:
            await self.mux.wait(
                channel,
                lambda: channel.readable or channel.eof,
                deadline_ns,
                silence="the peer said nothing",
            )
        finally:
            self._meter.waited_ns += now_ns() - started
        if not channel.readable:
            return b"", user_mark()
        data, at, adjust = channel.take()
        self.mux.post(adjust)
        self._meter.charge(len(data))
        return data, at

    async def ask(self, name: bytes, fields: bytes) -> Mark:
        """Make a channel request that wants an answer; the mark is when it went."""
        if self.channel.closed:
            raise Failed(Reason.PEER_CLOSED, "the server closed the channel")
        return await self.mux.send(self.channel.request(name, fields))

    async def answer(self, deadline_ns: int | None = None) -> tuple[bool, Mark]:
        """Return whether the oldest request without an answer yet was granted, and when we heard.

        A server that closes the channel instead has not granted it.
        """
        channel = self.channel
        await self.mux.wait(channel, lambda: bool(channel.answered) or channel.closed, deadline_ns)
        return channel.answered.popleft() if channel.answered else (False, user_mark())

    async def ended(self, deadline_ns: int | None = None) -> Mark | None:
        """When the command's exit status or signal came; None where the channel closed without."""
        channel = self.channel
        await self.mux.wait(
            channel, lambda: channel.ended is not None or channel.closed, deadline_ns
        )
        return channel.ended

    async def end(self) -> None:
        """Say that no more data comes from us."""
        message = self.channel.end()
        if message is not None:
            await self.mux.send(message)

    def close(self) -> None:
        """Let go at once; closing twice is fine."""
        self.mux.forget(self.channel)
