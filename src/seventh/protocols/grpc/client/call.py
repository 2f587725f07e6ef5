"""One call: a stream of HTTP/2 with messages in both directions and a status at its end."""

from __future__ import annotations

from collections import deque

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.grpc.wire.compression import Encoding, compress, decompress
from seventh.protocols.grpc.wire.framing import Message, Messages, frame
from seventh.protocols.grpc.wire.response import NotGrpc, end_status, not_grpc
from seventh.protocols.grpc.wire.status import Code, Status, code_of_reset, first
from seventh.web.h2stream import H2Stream
from seventh.web.h2wire import StreamReset
from seventh.web.message import Fields
from seventh.wire.text import printable

GRACE_SECONDS = 0.5
"""How long after its deadline a server's own end of the call is awaited before it is cancelled."""
_BEGINNING = 160


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a call with one response."""

    status: Status
    message: bytes | None = None
    """The response; None unless the call succeeded with exactly one."""
    headers: Fields = ()
    trailers: Fields = ()
    http_status: int = 0
    sent: Mark
    first: Mark | None = None
    """The arrival of the response's first byte."""
    not_grpc: NotGrpc | None = None

    @property
    def seconds(self) -> float | None:
        """The time from the request to the first byte of the response."""
        return None if self.first is None else self.first.since(self.sent)


class Call:
    """A call whose request has been begun.

    Messages that are not received stay unread, so that flow control stops the server.
    """

    __slots__ = (
        "_encoding", "_judged", "_messages", "_reader", "_until", "arrivals", "largest", "not_grpc",
        "status", "stream",
    )  # fmt: skip

    def __init__(
        self, stream: H2Stream, *, until_ns: int | None, limit: int, encoding: Encoding
    ) -> None:
        self.stream = stream
        self._until = until_ns
        self._encoding: Encoding = encoding
        self._reader = Messages(limit)
        self._judged = False
        """Whether the head has been read."""
        self._messages: deque[tuple[Message, Mark]] = deque()
        self.status: Status | None = None
        """The status, once :meth:`receive` returned None."""
        self.not_grpc: NotGrpc | None = None
        """What the response is instead of gRPC; the call has then ended."""
        self.arrivals: list[Mark] = []
        """The arrival of the first and of the last message."""
        self.largest = 0
        """The size of the largest message received, uncompressed."""

    async def send(self, message: bytes, *, end: bool = False) -> None:
        """Send a message as flow control allows; ``end`` ends our side. Raises Failed."""
        await self.send_raw(framed(message, self._encoding), end=end)

    async def send_raw(self, data: bytes, *, end: bool = False) -> None:
        """Send a message with its prefix, as :meth:`send`."""
        try:
            await self.stream.send(data, end=end, deadline_ns=self._until)
        except Failed as failed:
            # What ended the call is read by `receive`.
            if not self._ended_by(failed):
                raise

    async def finish(self) -> None:
        """End our side. Raises Failed."""
        if not self.stream.exchange.ended and self.status is None:
            try:
                await self.stream.send(b"", end=True, deadline_ns=self._until)
            except Failed as failed:
                if not self._ended_by(failed):
                    raise

    async def receive(self, until_ns: int | None = None) -> bytes | None:
        """Return the next message; None at the end, when ``status`` is known.

        ``until_ns`` fails only this wait (peer-silent). Raises Failed: what ends a connection, and
        ProtocolViolation for a malformed message or one beyond the limit.
        """
        while self.status is None:
            if self._messages:
                message, mark = self._messages.popleft()
                plain = self._plain(message)
                self.largest = max(self.largest, len(plain))
                self.arrivals[1:] = [mark]
                return plain
            await self._read(until_ns)
        return None

    async def _read(self, until_ns: int | None) -> None:
        """Take the next piece of the response, or its end."""
        until = self._until
        if until_ns is not None and (until is None or until_ns < until):
            until = until_ns
        try:
            if not self._judged:
                await self.stream.head(until)
                self._judged = True
                self.not_grpc = not_grpc(self.stream.status, self.stream.headers)
                if self.not_grpc is not None:
                    await self._read_page(until)
                    return
            data, mark = await self.stream.receive(until)
        except Failed as failed:
            if not self._ended_by(failed):
                raise
            return
        if data:
            found = self._reader.feed(data)
            self._messages.extend((message, mark) for message in found)
            return
        if self._reader.partial:
            raise ProtocolViolation("the response ends inside a message")
        self.status = end_status(self.stream.status, self.stream.headers, self.stream.trailers)
        self.stream.leave()

    async def _read_page(self, until: int | None) -> None:
        """Read the beginning of a body that is not gRPC, and leave the stream."""
        data = b""
        try:
            if not self.stream.exchange.ended or self.stream.exchange.pieces:
                data, _ = await self.stream.receive(until)
        except Failed:
            data = b""
        self.status = end_status(self.stream.status, self.stream.headers, ())
        assert self.not_grpc is not None  # noqa: S101 - the caller has found it
        self.not_grpc = msgspec.structs.replace(
            self.not_grpc, beginning=printable(data, _BEGINNING)
        )
        self.stream.leave()

    def _plain(self, message: Message) -> bytes:
        if not message.compressed:
            return message.data
        encoding = first(self.stream.headers, "grpc-encoding") or ""
        return decompress(message.data, encoding, self._reader.limit)

    def _ended_by(self, failed: Failed) -> bool:
        """Note the status for what ended this call alone; False for what ended more."""
        exchange = self.stream.exchange
        if failed.reason is Reason.PEER_SILENT and self._until and now_ns() >= self._until:
            self.status = Status(
                code=Code.DEADLINE_EXCEEDED, message="no end of the call within its deadline",
                origin="client",
            )  # fmt: skip
            self.stream.leave()
            return True
        if isinstance(exchange.failed, StreamReset):
            self.status = Status(
                code=code_of_reset(exchange.failed.http_error),
                message=f"the stream was reset with {exchange.failed.http_error}", origin="reset",
            )  # fmt: skip
            self.stream.leave()
            return True
        return False

    def cancel(self) -> None:
        """Reset the stream (CANCEL) unless it has ended."""
        self.stream.leave()


def framed(message: bytes, encoding: Encoding) -> bytes:
    """Return a message with its prefix, compressed if there is an encoding."""
    if encoding == "identity":
        return frame(message)
    return frame(compress(message, encoding), compressed=True)
