"""HTTP/3 over a QUIC connection (RFC 9114): several exchanges at once, one stopwatch.

QPACK's dynamic table is not offered (RFC 9204 §3.2.3), and no push is allowed: a server then has
little to make us work or remember with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import pylsqpack
from aioquic.h3 import connection as aioh3
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.events import StreamDataReceived, StreamReset

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.budget import Budget
from seventh.net.quic import failures, names
from seventh.net.quic.client import QuicClient
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.web import limits
from seventh.web.connection import HttpConnection
from seventh.web.fieldrules import check_fields
from seventh.web.h3exchange import Exchange, refused, request_fields
from seventh.web.h3frames import UniScan
from seventh.web.message import OnBody, Request, Response, unsendable

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

ENABLE_CONNECT_PROTOCOL = 0x8
MAX_FIELD_SECTION_SIZE = 0x6
_FLOW_NS = 1_000_000_000
"""A server whose last bytes are no older had not stopped when the time was up."""
SETTINGS_SECONDS = 2.0
"""How long to wait for the server's SETTINGS before a tunnel is asked for."""


class H3Stats(msgspec.Struct, kw_only=True):
    """What the connection told beyond its exchanges."""

    requests: int = 0
    settings: tuple[tuple[int, int], ...] | None = None
    """As sent, unknown ones too; None before they came. ``h3frames.named`` gives their names."""
    settings_at: Mark | None = None
    goaways: tuple[int, ...] = ()
    """What each GOAWAY named: the first stream that the server will not work on."""
    goaway_at: Mark | None = None

    def setting(self, key: int) -> int | None:
        """Return the value of one setting; None where it was not sent."""
        return next((value for known, value in self.settings or () if known == key), None)


class _Engine(aioh3.H3Connection):
    """aioquic's HTTP/3, more careful with memory and less strict where it errs."""

    def _init_connection(self) -> None:
        self._max_table_capacity = 0
        self._blocked_streams = 0
        self._decoder = pylsqpack.Decoder(0, 0)
        self._max_push_id = None
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        settings = super()._get_local_settings()
        # Only a server may say this one (RFC 9220 §3).
        settings.pop(aioh3.Setting.ENABLE_CONNECT_PROTOCOL, None)
        return {**settings, MAX_FIELD_SECTION_SIZE: limits.MAX_HEAD_BYTES}

    def _decode_headers(
        self, stream_id: int, frame_data: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        """Judge the fields before the engine does, whose words are not for people."""
        fields: list[tuple[bytes, bytes]] = super()._decode_headers(stream_id, frame_data)
        trailers = bool(fields) and not fields[0][0].startswith(b":")
        check_fields(fields, "3", trailers=trailers)
        return fields

    def _check_content_length(self, stream: aioh3.H3Stream) -> None:
        # The engine does not know that a response to HEAD, or a 304, may name a length and have
        # no body (RFC 9110 §8.6); an Exchange does, and checks.
        return


class H3Connection(HttpConnection):
    """A client's HTTP/3 connection on ``quic``, which it owns from here on.

    It may be made before the handshake: requests then go as early data, where ``quic`` was
    prepared for that.
    """

    version = "3"

    def __init__(self, quic: QuicClient) -> None:
        self.quic = quic
        self.address = quic.address
        self.stats = H3Stats()
        quic.start()
        self._h3 = _Engine(quic.engine)
        self._uni = UniScan()
        self._exchanges: dict[int, Exchange] = {}
        quic.listen(self._hear)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent, as far as is known now."""
        return self.quic.alive and not self.stats.goaways

    # -- requests ----------------------------------------------------------------------------------

    async def request(
        self,
        request: Request,
        *,
        deadline_ns: int | None = None,
        body_cap: int = limits.BODY_CAP,
        on_body: OnBody | None = None,
    ) -> Response:
        """See :meth:`HttpConnection.request`."""
        exchange = self._send(request, body_cap, on_body)
        try:
            await self._finish(exchange, lambda: exchange.done, deadline_ns)
            return exchange.response()
        finally:
            self._forget(exchange)

    async def tunnel(
        self, request: Request, *, deadline_ns: int | None = None, body_cap: int = limits.BODY_CAP
    ) -> tuple[Response, Stream | None]:
        """See :meth:`HttpConnection.tunnel`: extended CONNECT (RFC 9220), or a plain CONNECT."""
        if request.protocol is not None:
            await self.settings()
            if self.stats.setting(ENABLE_CONNECT_PROTOCOL) != 1:
                raise Failed(
                    Reason.NEGOTIATION_FAILED,
                    "the server has not enabled extended CONNECT over HTTP/3 "
                    "(SETTINGS_ENABLE_CONNECT_PROTOCOL)",
                )
        request = msgspec.structs.replace(request, method="CONNECT", body=b"")
        exchange = self._send(request, body_cap, None, open_end=True)
        kept = False
        try:
            exchange.tunnel = True
            await self._finish(
                exchange, lambda: exchange.status is not None or exchange.done, deadline_ns
            )
            status = exchange.status or 0
            if 200 <= status < 300 and exchange.failed is None:
                kept = True
                return exchange.response(), _Tunnel(self, exchange)
            exchange.tunnel = False
            for data, at in exchange.waiting:
                exchange.data(data, at, ended=False)
            await self._finish(exchange, lambda: exchange.done, deadline_ns)
            return exchange.response(), None
        finally:
            if not kept:
                self._forget(exchange)

    async def settings(self, seconds: float = SETTINGS_SECONDS) -> tuple[tuple[int, int], ...]:
        """Return the server's settings, waited for; empty when none came in time."""
        await self.quic.until(
            lambda: self.stats.settings is not None, self.quic.budget.within(seconds)
        )
        return self.stats.settings or ()

    async def ping(self) -> float:
        """Return the round trip of a QUIC PING, in seconds."""
        return await self.quic.ping()

    async def idle(self, seconds: float) -> None:
        """Hold the connection open; raises Failed when it ends in that time."""
        await self.quic.idle(seconds)

    async def aclose(self) -> None:
        """Say goodbye and let go."""
        self.close()

    def close(self) -> None:
        """Say goodbye and let go; closing twice is fine."""
        self.quic.close()

    def _send(
        self, request: Request, body_cap: int, on_body: OnBody | None, *, open_end: bool = False
    ) -> Exchange:
        self.quic.check()
        if self.stats.goaways:
            raise Failed(Reason.PEER_CLOSED, "no request can be sent: the server said GOAWAY")
        engine = self.quic.engine
        stream_id = engine.get_next_available_stream_id()
        try:
            fields = request_fields(request, protocol=request.protocol if open_end else None)
        except ValueError as error:
            raise unsendable(error) from None
        early = engine.early_offered and not engine.complete
        self._h3.send_headers(stream_id, fields, end_stream=not (request.body or open_end))
        if request.body:
            self._h3.send_data(stream_id, request.body, end_stream=True)
        exchange = Exchange(stream_id, request.method, Mark(now_ns(), "user"), body_cap, on_body)
        exchange.early = early
        self._exchanges[stream_id] = exchange
        exchange.sent = self.quic.flush()
        self.stats.requests += 1
        return exchange

    async def _finish(
        self, exchange: Exchange, ready: Callable[[], bool], until: int | None
    ) -> None:
        try:
            there = await self.quic.until(ready, until)
        except Failed as failed:
            raise exchange.broke_off(failed) from None
        if exchange.failed is not None:
            raise exchange.broke_off(failures.again(exchange.failed))
        if not there:
            waited = (now_ns() - exchange.sent.ns) / 1e9
            if exchange.flowing and now_ns() - exchange.last.ns < _FLOW_NS:
                raise exchange.broke_off(
                    Failed(
                        Reason.BUDGET_EXCEEDED,
                        f"the time is up after {exchange.body_bytes} bytes of body, and the "
                        "server sends on",
                    )
                )
            said = f" after {exchange.body_bytes} bytes of body" if exchange.status else ""
            raise exchange.broke_off(
                Failed(Reason.PEER_SILENT, f"the server went silent{said}; {waited:.1f} s")
            )
        exchange.early = exchange.early and self.quic.engine.early_data_accepted

    def _forget(self, exchange: Exchange) -> None:
        """Take no more of an exchange; the server is told where it would go on sending."""
        self._exchanges.pop(exchange.stream_id, None)
        if not exchange.ended and exchange.failed is None and self.quic.alive:
            self._stop(exchange)

    def _stop(self, exchange: Exchange) -> None:
        engine = self.quic.engine
        try:
            engine.reset_stream(exchange.stream_id, names.H3_REQUEST_CANCELLED)
            engine.stop_stream(exchange.stream_id, names.H3_REQUEST_CANCELLED)
        except engine.ERRORS:
            return  # the stream has gone by itself
        self.quic.flush()

    # -- what comes --------------------------------------------------------------------------------

    def _hear(self, event: QuicEvent, at: Mark) -> None:
        """Take an event of the QUIC connection; raises ProtocolViolation, which ends it."""
        if isinstance(event, StreamDataReceived):
            self._look(event, at)
        elif isinstance(event, StreamReset):
            exchange = self._exchanges.get(event.stream_id)
            if exchange is not None and not exchange.done:
                exchange.failed = refused(names.h3_error(event.error_code))
        try:
            found = self._h3.handle_event(event)
        except self.quic.engine.ERRORS:
            raise ProtocolViolation(
                "the peer breaks HTTP/3's rules: what it sent cannot be read"
            ) from None
        for piece in found:
            self._take(piece, at)

    def _look(self, event: StreamDataReceived, at: Mark) -> None:
        """Look at a stream's bytes before the engine keeps them."""
        stream_id = event.stream_id
        if stream_id % 4 == 3:
            self._uni.feed(stream_id, event.data)
            control, stats = self._uni.control, self.stats
            if control.settings is not None and stats.settings is None:
                stats.settings, stats.settings_at = control.settings, at
            if len(control.goaways) > len(stats.goaways):
                stats.goaways, stats.goaway_at = tuple(control.goaways), at
        elif stream_id % 4 == 1:
            raise ProtocolViolation("the server opened a bidirectional stream (RFC 9114 §6.1)")
        elif (exchange := self._exchanges.get(stream_id)) is not None:
            exchange.arrived(at)
            exchange.scan.feed(event.data)

    def _take(self, piece: H3Event, at: Mark) -> None:
        if not isinstance(piece, HeadersReceived | DataReceived):
            return
        exchange = self._exchanges.get(piece.stream_id)
        if exchange is None:
            return
        if isinstance(piece, HeadersReceived):
            exchange.headers(piece.headers, at, ended=piece.stream_ended)
        else:
            exchange.data(piece.data, at, ended=piece.stream_ended)


class _Tunnel(Stream):
    """One stream of the connection, as the two sides use it after a CONNECT."""

    def __init__(self, connection: H3Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self.address = connection.address
        self.opened = exchange.first or exchange.sent
        self._closed = False

    @property
    def budget(self) -> Budget:
        """What the peer may cost."""
        return self._connection.quic.budget

    async def send(self, data: bytes) -> Mark:
        """Send ``data`` as one DATA frame."""
        connection = self._connection
        if self._closed or not connection.quic.alive or self._exchange.failed is not None:
            raise self._exchange.failed or Failed(Reason.PEER_CLOSED, "the tunnel is closed")
        connection._h3.send_data(self._exchange.stream_id, data, end_stream=False)
        return connection.quic.flush()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes; ``b""`` when the peer has ended its side."""
        exchange, quic = self._exchange, self._connection.quic
        there = await quic.until(lambda: bool(exchange.waiting) or exchange.done, deadline_ns)
        if exchange.waiting:
            return exchange.taken()
        if exchange.failed is not None:
            raise failures.again(exchange.failed)
        if not there:
            raise Failed(Reason.PEER_SILENT, "the peer said nothing in the tunnel")
        return b"", quic.last_received

    def close(self) -> None:
        """Reset the stream; the connection lives on."""
        if not self._closed:
            self._closed = True
            self._connection._forget(self._exchange)
