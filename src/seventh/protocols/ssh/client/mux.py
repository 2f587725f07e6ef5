"""Channels over one logged-in connection: the asynchronous side of ``wire.channels``.

    mux = Mux(session)
    try:
        stream = await mux.open_direct("db.internal", 5432)
        ...
    finally:
        await mux.finish()

One task reads the connection, gives each message to its channel and sets the event that the
channel's users wait for. When the connection fails, every channel fails with the same failure.
A :class:`ChannelStream` is a :class:`seventh.net.stream.Stream`, usable in place of TCP.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.budget import Budget, Meter
from seventh.net.carrier import CarriedStream
from seventh.net.on_failure import on_failure
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.ssh.client.failures import RefusedError, again, named
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.wire.channel import Channel
from seventh.protocols.ssh.wire.channel_messages import ConnectionMessage
from seventh.protocols.ssh.wire.channels import Channels
from seventh.protocols.ssh.wire.values import Deviations

MAX_UNSENT = 256
"""Answers that are queued while the peer does not read."""
READ_IN_A_ROW = 64
"""Messages read before other tasks run: a peer may send faster than we can read."""
_CLOSING_SECONDS = 0.5
"""The time limit of the last messages."""


class Mux:
    """The channels of one connection. Made inside a running event loop.

    ``hop`` names the connection in failures where it carries others, such as "the jump host a".
    """

    def __init__(
        self, session: Session, hop: str = "", deviations: Deviations | None = None
    ) -> None:
        self.session = session
        self.channels = Channels(deviations)
        self._hop = hop
        self._changed: dict[int, asyncio.Event] = {}
        """By channel: set when a message for it arrives."""
        self._replied = asyncio.Event()
        """Set when a message for no channel of ours arrives."""
        self._requesting = asyncio.Lock()
        self._unsent: deque[ConnectionMessage] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(self._wake_all)

    @property
    def budget(self) -> Budget:
        """The limits of the target's time and bytes."""
        return self.session.stream.budget

    @property
    def alive(self) -> bool:
        """Whether the connection is open."""
        return not self._reading.done()

    @property
    def failed(self) -> Failed | None:
        """The failure that ended the connection; None while it is open or where we closed it."""
        error = None if self.alive or self._reading.cancelled() else self._reading.exception()
        if not isinstance(error, Failed):
            return None
        # At the deadline it is unknown what was slow: the hop, or a host behind it.
        return error if error.reason is Reason.PEER_SILENT else self._named(error)

    # -- opening ---------------------------------------------------------------------------------

    async def open_session(self, deadline_ns: int | None = None) -> ChannelStream:
        """Open a session channel; RefusedError when the server refuses."""
        channel, message = self.channels.open_session()
        return await self._open(channel, message, self.session.stream.address, deadline_ns)

    async def open_direct(
        self, host: str, port: int, deadline_ns: int | None = None
    ) -> ChannelStream:
        """Open a stream from the server to ``host``; RefusedError when the server refuses."""
        channel, message = self.channels.open_direct(host, port)
        address = Address(ip=host, port=port)
        return await self._open(channel, message, address, deadline_ns)

    async def _open(
        self, channel: Channel, message: ConnectionMessage, address: Address, until: int | None
    ) -> ChannelStream:
        self._changed[channel.number] = asyncio.Event()
        stream = ChannelStream(self, channel, address)
        with on_failure(stream.close):
            stream.requested = await self.send(message)
            await self.wait(
                channel, lambda: channel.opened is not None or channel.refused is not None, until
            )
        if channel.refused is not None:
            self._changed.pop(channel.number, None)
            raise RefusedError(channel.refused)
        assert channel.opened is not None  # noqa: S101 - wait() has seen it
        stream.opened = channel.opened
        return stream

    # -- global requests -------------------------------------------------------------------------

    async def ask(
        self, name: bytes, fields: bytes = b"", deadline_ns: int | None = None
    ) -> tuple[bytes | None, Mark]:
        """Send a global request; return the reply's fields, or None, and when it arrived."""
        async with self._requesting:
            await self.send(self.channels.global_request(name, fields))
            answered = self.channels.answered
            await self._until(self._replied, lambda: bool(answered), deadline_ns)
            return answered.popleft()

    async def forwarded(self, port: int, deadline_ns: int) -> bool:
        """Wait for a connection to our forwarding of ``port``; False at the deadline."""
        seen = self.channels.forwarded
        try:
            await self._until(self._replied, lambda: port in seen, deadline_ns)
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT or not self.alive:
                raise
        return port in seen

    async def accept(self, port: int, deadline_ns: int) -> ChannelStream | None:
        """Return the next connection to our forwarding of ``port``; None at the deadline."""
        waiting = self.channels.accepted[port]
        try:
            await self._until(self._replied, lambda: bool(waiting), deadline_ns)
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT or not self.alive:
                raise
            return None
        channel = waiting.popleft()
        self._changed[channel.number] = asyncio.Event()
        stream = ChannelStream(self, channel, Address(ip="localhost", port=port))
        if channel.opened is not None:
            stream.opened = stream.requested = channel.opened
        return stream

    # -- sending ---------------------------------------------------------------------------------

    async def send(self, message: ConnectionMessage) -> Mark:
        """Send one message; Failed when the connection has failed."""
        self._check()
        try:
            return await self.session.send(message)
        except Failed as failed:
            raise self._named(failed) from None

    def post(self, message: ConnectionMessage | None) -> None:
        """Send ``message``, if any, without waiting for it."""
        if message is None or self._reading.done():
            return
        if len(self._unsent) >= MAX_UNSENT:
            raise ProtocolViolation(
                f"the server sends requests and does not read our {MAX_UNSENT} answers"
            )
        self._unsent.append(message)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
            self._flushing.add_done_callback(_retrieve)

    async def _flush(self) -> None:
        while self._unsent:
            await self.session.send(self._unsent.popleft())

    # -- receiving -------------------------------------------------------------------------------

    async def _read(self) -> None:
        for count in itertools.count(1):
            if count % READ_IN_A_ROW == 0:
                await asyncio.sleep(0)
            event = await self.session.next_message(self.budget.deadline_ns)
            message = event.message
            if not isinstance(message, ConnectionMessage):
                raise ProtocolViolation(f"{type(message).__name__} after the login")
            for reply in self.channels.receive(message, event.at):
                self.post(reply)
            number = getattr(message, "recipient", None)
            changed = self._replied if number is None else self._changed.get(number)
            if changed is not None:
                changed.set()

    def _wake_all(self, _: asyncio.Task[None]) -> None:
        """Wake every task that waits: the connection has ended."""
        for changed in (*self._changed.values(), self._replied):
            changed.set()

    def _named(self, failed: Failed) -> Failed:
        return named(failed, self._hop) if self._hop else failed

    def _check(self) -> None:
        """Raise what ended the connection, if anything did."""
        if self.alive:
            return
        if self.failed is not None:
            raise again(self.failed)
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
        """Wait until ``ready``; Failed with peer-silent at the deadline, or as the connection."""
        await self._until(self._changed[channel.number], ready, deadline_ns, silence)

    async def _until(
        self,
        changed: asyncio.Event,
        ready: Callable[[], bool],
        deadline_ns: int | None,
        silence: str = "no answer to a global request",
    ) -> None:
        until = self.budget.deadline_ns if deadline_ns is None else deadline_ns
        until = min(until, self.budget.deadline_ns)
        started = now_ns()
        while not ready():
            self._check()
            changed.clear()
            try:
                async with Cutoff(max(0, until - now_ns()) / 1e9):
                    await changed.wait()
            except DeadlineError:
                waited = (now_ns() - started) / 1e9
                detail = f"{silence} for {waited:.1f} s"
                raise Failed(Reason.PEER_SILENT, detail) from None

    # -- ending ----------------------------------------------------------------------------------

    def close(self, *, and_stream: bool = False) -> None:
        """Stop reading at once; a second call does nothing.

        ``and_stream`` closes the connection, too, once no task waits for its socket any more: the
        event loop must not watch a closed socket, whose number may be reused.
        """
        self._reading.cancel()
        if self._flushing is not None:
            self._flushing.cancel()
        if and_stream:
            self._reading.add_done_callback(lambda _: self.session.stream.close())

    async def finish(self) -> None:
        """Send the queued messages, then stop reading; the session stays usable."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=_CLOSING_SECONDS)
        self.close()
        await asyncio.wait([task for task in (self._reading, self._flushing) if task is not None])


def _retrieve(task: asyncio.Task[None]) -> None:
    """Mark the task's exception as retrieved: the reader raises the same failure."""
    if not task.cancelled():
        task.exception()


class ChannelStream(CarriedStream):
    """A channel as a stream of bytes."""

    def __init__(self, mux: Mux, channel: Channel, address: Address) -> None:
        self.address = address
        self.opened = user_mark()
        self.requested = self.opened  # set again when CHANNEL_OPEN is sent
        self.channel = channel
        self.mux = mux
        self._meter = Meter(mux.budget.max_bytes)

    @property
    def budget(self) -> Budget:
        """The limits of the target's time and bytes."""
        return self.mux.budget

    def expect_silence(self) -> None:
        """Require no minimum rate any more, of the carrying stream neither."""
        self._meter.patient = True
        self.mux.session.stream.expect_silence()

    async def send(self, data: bytes) -> Mark:
        """Send ``data``, as the peer's window permits; Failed when the channel is closed."""
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
                    silence="the peer's receive window stayed closed",
                )
                continue
            sent = await self.mux.send(channel.data(bytes(view[:count])))
            mark = mark or sent
            view = view[count:]
        return mark or user_mark()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes and when they arrived; ``b""`` after EOF or CLOSE."""
        channel = self.channel
        started = now_ns()
        try:
            await self.mux.wait(
                channel,
                lambda: channel.readable or channel.eof,
                deadline_ns,
                silence="no data on a channel",
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
        """Send a channel request that wants a reply; return when it was sent."""
        if self.channel.closed:
            raise Failed(Reason.PEER_CLOSED, "the server closed the channel")
        return await self.mux.send(self.channel.request(name, fields))

    async def answer(self, deadline_ns: int | None = None) -> tuple[bool, Mark]:
        """Return whether the oldest request without a reply was granted, and when that arrived.

        A request on a channel that the server closes is not granted.
        """
        channel = self.channel
        await self.mux.wait(channel, lambda: bool(channel.answered) or channel.closed, deadline_ns)
        return channel.answered.popleft() if channel.answered else (False, user_mark())

    async def ended(self, deadline_ns: int | None = None) -> Mark | None:
        """Wait for the command's exit status or signal; None where the channel closed without."""
        channel = self.channel
        await self.mux.wait(
            channel, lambda: channel.ended is not None or channel.closed, deadline_ns
        )
        return channel.ended

    async def end(self) -> None:
        """Send EOF."""
        message = self.channel.end()
        if message is not None:
            await self.mux.send(message)

    def close(self) -> None:
        """Send CLOSE without waiting; a second call does nothing."""
        self.mux.post(self.channel.close())
