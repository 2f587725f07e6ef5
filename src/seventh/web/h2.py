"""HTTP/2 over a stream (RFC 9113): several exchanges at once, and tunnels (RFC 8441).

There is no background task: a waiting caller reads for all, and PING, SETTINGS and windows are
answered meanwhile.
"""

from __future__ import annotations

import contextlib
import os

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.on_failure import on_failure
from seventh.net.stopwatch import user_mark
from seventh.net.stream import Stream
from seventh.web import limits
from seventh.web.connection import HttpConnection
from seventh.web.h2pump import Pump, again
from seventh.web.h2stream import H2Stream, H2Tunnel
from seventh.web.h2wire import H2Stats, Ping
from seventh.web.message import OnBody, Request, Response

ENABLE_CONNECT_PROTOCOL = 8


class H2Connection(HttpConnection):
    """A client's HTTP/2 connection; it owns ``stream``.

    The preface and our SETTINGS are sent with the first request, which saves a round trip.
    """

    version = "2"

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.address = stream.address
        self._pump = Pump(stream)
        self._wire = self._pump.wire

    @property
    def stats(self) -> H2Stats:
        """The peer's settings and counters."""
        return self._wire.stats

    @property
    def frames(self) -> dict[int, int]:
        """The number of received frames by kind; acknowledgements count as kind + 256."""
        return dict(self._wire.gate.counts)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent, as far as is known now."""
        return not self.stats.spent

    async def request(
        self,
        request: Request,
        *,
        deadline_ns: int | None = None,
        body_cap: int = limits.BODY_CAP,
        on_body: OnBody | None = None,
    ) -> Response:
        """See :meth:`HttpConnection.request`."""
        stream = await self.open(request, end=not request.body, deadline_ns=deadline_ns)
        try:
            if request.body:
                await stream.send(request.body, end=True, deadline_ns=deadline_ns)
            return await stream.response(deadline_ns, body_cap, on_body)
        finally:
            stream.leave()

    async def open(
        self,
        request: Request,
        *,
        data: bytes = b"",
        end: bool = False,
        deadline_ns: int | None = None,
    ) -> H2Stream:
        """Send the head of ``request`` on a new stream, and ``data``; ``end`` if nothing follows.

        What the windows allow of ``data`` is sent together with the head. Waits while the peer's
        MAX_CONCURRENT_STREAMS are open. Raises Failed.
        """
        self._check()
        wire = self._wire
        h2 = wire.h2
        if h2.open_outbound_streams >= h2.remote_settings.max_concurrent_streams:
            await self._pump.wait(
                lambda: h2.open_outbound_streams < h2.remote_settings.max_concurrent_streams,
                deadline_ns,
                "a free stream",
            )
            self._check()
        exchange = wire.open(request, user_mark(), end=end and not data)
        room = max(0, min(wire.window(exchange), h2.max_outbound_frame_size))
        if data and room:
            h2.send_data(exchange.id, data[:room], end_stream=end and len(data) <= room)
        mark = await self._pump.flush()
        if mark is not None:
            exchange.sent = mark
        stream = H2Stream(self._pump, exchange)
        if data[room:]:
            with on_failure(stream.leave):
                await stream.send(data[room:], end=end, deadline_ns=deadline_ns)
        return stream

    def begin(self, request: Request) -> tuple[bytes, H2Stream]:
        """Return the connection's first bytes with ``request``, which has no body, and its stream.

        The caller sends them as early data. Raises Failed (options-unusable).
        """
        exchange = self._wire.open(request, user_mark(), end=True)
        return self._wire.h2.data_to_send(), H2Stream(self._pump, exchange)

    async def tunnel(
        self, request: Request, *, deadline_ns: int | None = None, body_cap: int = limits.BODY_CAP
    ) -> tuple[Response, Stream | None]:
        """See :meth:`HttpConnection.tunnel`: extended CONNECT (RFC 8441), or plain CONNECT."""
        if request.protocol is not None:
            settings = await self.settings(deadline_ns)
            if settings.get(ENABLE_CONNECT_PROTOCOL) != 1:
                raise Failed(
                    Reason.NEGOTIATION_FAILED,
                    "the peer does not announce SETTINGS_ENABLE_CONNECT_PROTOCOL: "
                    f"{request.protocol} over HTTP/2 is not supported",
                )
        stream = await self.open(request, deadline_ns=deadline_ns)
        with on_failure(stream.leave):
            await stream.head(deadline_ns)
            if 200 <= stream.status < 300:
                return stream.exchange.response(), H2Tunnel(self._pump, stream)
            await stream.send(b"", end=True)
            return await stream.response(deadline_ns, body_cap), None

    async def settings(self, deadline_ns: int | None = None) -> dict[int, int]:
        """Wait for the peer's settings and return them by code (RFC 9113 §6.5)."""
        stats = self.stats
        await self._pump.flush()
        await self._pump.wait(lambda: stats.settings_at is not None, deadline_ns, "SETTINGS")
        return stats.settings

    async def ping(self, deadline_ns: int | None = None) -> Ping:
        """Send a PING and wait for its acknowledgement. Raises Failed."""
        self._check()
        wire, data = self._wire, os.urandom(8)
        wire.ping(data)
        sent = await self._pump.flush() or user_mark()
        await self._pump.wait(
            lambda: wire.pong(data) is not None, deadline_ns, "the acknowledgement of a PING"
        )
        back = wire.pong(data)
        assert back is not None  # noqa: S101 - just awaited
        return Ping(sent=sent, back=back)

    def allow_short_frames(self) -> None:
        """Do not limit the number of small DATA frames: a stream of short messages has many."""
        self._wire.gate.streaming = True

    async def idle(self, until_ns: int) -> Mark | None:
        """Open nothing until ``until_ns``; return when the peer closed the connection, or None.

        It closes with GOAWAY or the end of the stream below. PING and SETTINGS are answered.
        """
        stats, wire = self.stats, self._wire
        self.stream.expect_silence()
        try:
            await self._pump.wait(lambda: stats.goaway is not None, until_ns, "GOAWAY")
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT and wire.failed is None:
                return None
            if failed.reason not in {Reason.PEER_CLOSED, Reason.PEER_RESET}:
                raise
        return stats.goaway.at if stats.goaway is not None else user_mark()

    @property
    def failure(self) -> Failed | None:
        """How the connection ended, unless by GOAWAY."""
        return self._wire.failed

    async def aclose(self) -> None:
        """Send GOAWAY and close."""
        if self._wire.failed is None:
            with contextlib.suppress(Failed):
                self._wire.h2.close_connection()
                await self._pump.flush()
                await self.stream.aclose()
        self.close()

    def close(self) -> None:
        """Close without waiting; open exchanges fail."""
        self._wire.fail(Failed(Reason.PEER_CLOSED, "the connection was closed on this side"))
        self.stream.close()
        self._pump.wake()

    def _check(self) -> None:
        if self._wire.failed is not None:
            raise again(self._wire.failed)
        if self.stats.spent:
            raise Failed(Reason.PEER_CLOSED, f"cannot open a stream: {self.stats.spent}")
