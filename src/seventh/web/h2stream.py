"""One HTTP/2 stream: a bidirectional exchange or a tunnel (RFC 9113 §5, RFC 8441)."""

from __future__ import annotations

from collections.abc import Callable

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.budget import Budget
from seventh.net.kernel import TcpInfo
from seventh.net.stopwatch import user_mark
from seventh.net.stream import Stream
from seventh.web import limits
from seventh.web.h2exchange import Exchange
from seventh.web.h2frames import CANCEL
from seventh.web.h2pump import Pump, again
from seventh.web.message import Fields, Informational, OnBody, Response, is_endless


class H2Stream:
    """One stream of a connection, to send and receive on.

    :meth:`H2Connection.request` uses it, and so do protocols that stream in both directions (gRPC).
    Every method raises Failed; after the head, :class:`message.Unfinished`.
    """

    def __init__(self, pump: Pump, exchange: Exchange) -> None:
        self._pump = pump
        self.exchange = exchange

    @property
    def status(self) -> int:
        """The final response's status; 0 before its head."""
        return self.exchange.status

    @property
    def headers(self) -> Fields:
        """The final response's header fields."""
        return self.exchange.fields

    @property
    def trailers(self) -> Fields:
        """The trailer fields; complete after :meth:`receive` returned ``b""``."""
        return self.exchange.trailers

    @property
    def informational(self) -> tuple[Informational, ...]:
        """The 1xx responses so far."""
        return self.exchange.informational

    async def send(
        self, data: bytes, *, end: bool = False, deadline_ns: int | None = None
    ) -> Mark | None:
        """Send ``data`` as the peer's windows allow; ``end`` ends our side.

        Returns the instant just before its first byte; None if another task sent it. If the peer
        has ended the stream, the rest is dropped without an error.
        """
        pump, exchange = self._pump, self.exchange
        h2, wire = pump.wire.h2, pump.wire
        first: Mark | None = None
        rest = memoryview(data)
        while True:
            if exchange.ended:
                return first
            self._raise_failed()
            room = min(wire.window(exchange), h2.max_outbound_frame_size)
            if rest and room <= 0:
                await pump.wait(
                    lambda: wire.window(exchange) > 0 or self._over,
                    deadline_ns,
                    "a flow-control window",
                )
                continue
            piece, rest = rest[:room], rest[room:]
            h2.send_data(exchange.id, bytes(piece), end_stream=end and not rest)
            mark = await pump.flush()
            first = first or mark
            if not rest:
                return first

    async def head(self, deadline_ns: int | None = None) -> None:
        """Wait for the final response's head: ``status`` and ``headers``."""
        exchange = self.exchange
        if exchange.first is None:
            await self._wait(
                lambda: exchange.first is not None or self._over, deadline_ns, "the response"
            )
            if exchange.first is None:
                self._raise_failed()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next piece of body and its arrival; ``b""`` at the end."""
        exchange = self.exchange
        if not exchange.pieces:
            await self._wait(lambda: bool(exchange.pieces) or self._over, deadline_ns, "the body")
        if exchange.pieces:
            data, mark, flow = exchange.pieces.popleft()
            exchange.taken_bytes += len(data)
            wire = self._pump.wire
            wire.give_back(flow, exchange)
            return data, mark
        self._raise_failed()
        return b"", exchange.last

    async def response(
        self,
        deadline_ns: int | None = None,
        body_cap: int = limits.BODY_CAP,
        on_body: OnBody | None = None,
    ) -> Response:
        """Return the response with at most ``body_cap`` bytes of body, and leave the stream."""
        body = bytearray()
        truncated = False
        try:
            await self.head(deadline_ns)
            truncated = on_body is None and is_endless(self.exchange.fields)
            while not truncated:
                data, mark = await self.receive(deadline_ns)
                if not data:
                    break
                room = body_cap - len(body)
                body += data[:room]
                truncated = len(data) > room
                if on_body is not None and on_body(data, mark) is False:
                    truncated = True
        except Failed as failed:
            raise self.exchange.unfinished(again(failed), bytes(body)) from None
        finally:
            self.leave()
        return self.exchange.response(bytes(body), truncated=truncated)

    def leave(self, code: int = CANCEL) -> None:
        """Reset the stream unless it has ended; leaving twice is allowed."""
        pump = self._pump
        if self.exchange.id in pump.wire.exchanges:
            pump.wire.reset(self.exchange, code)
            pump.flush_soon()

    @property
    def _over(self) -> bool:
        return self.exchange.ended or self.exchange.failed is not None

    async def _wait(self, ready: Callable[[], bool], deadline_ns: int | None, what: str) -> None:
        try:
            await self._pump.wait(ready, deadline_ns, what)
        except Failed as failed:
            raise self.exchange.unfinished(failed) from None

    def _raise_failed(self) -> None:
        if self.exchange.failed is not None:
            raise self.exchange.unfinished(again(self.exchange.failed))


class H2Tunnel(Stream):
    """A stream of bytes inside one HTTP/2 stream (RFC 8441 §4)."""

    def __init__(self, pump: Pump, stream: H2Stream) -> None:
        self._pump = pump
        self._stream = stream
        self.address = pump.stream.address
        self.opened = stream.exchange.first or user_mark()

    @property
    def budget(self) -> Budget:
        """The budget of the connection."""
        return self._pump.stream.budget

    def tcp_info(self) -> TcpInfo | None:
        """Return the kernel's TCP_INFO of the connection."""
        return self._pump.stream.tcp_info()

    def expect_silence(self) -> None:
        """Stop requiring a minimum rate, for the whole connection."""
        self._pump.stream.expect_silence()

    async def send(self, data: bytes) -> Mark:
        """Send ``data`` as the peer's windows allow. Raises peer-closed after the stream's end."""
        if self._stream.exchange.ended:
            raise Failed(Reason.PEER_CLOSED, "the peer closed the tunnel's stream")
        before = user_mark()
        try:
            return await self._stream.send(data) or before
        except Failed as failed:
            raise again(failed) from None

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes; ``b""`` at the stream's end. Raises peer-reset after a reset."""
        try:
            return await self._stream.receive(deadline_ns)
        except Failed as failed:
            raise again(failed) from None

    async def finish(self) -> None:
        """End our side (END_STREAM); receiving continues."""
        await self._stream.send(b"", end=True)

    def close(self) -> None:
        """Reset the stream (CANCEL) unless it has ended; the connection continues."""
        self._stream.leave()
