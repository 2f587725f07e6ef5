"""HTTP/3 over a QUIC connection (RFC 9114): several exchanges at once.

QPACK's dynamic table (RFC 9204 §3.2.3) and push are disabled, which limits what a server can cost.
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
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.stream import Stream
from seventh.web import limits
from seventh.web.connection import HttpConnection
from seventh.web.fieldrules import check_fields
from seventh.web.fields import request_fields
from seventh.web.h3exchange import Exchange, reset
from seventh.web.h3frames import UniScan
from seventh.web.message import OnBody, Request, Response, unsendable

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

ENABLE_CONNECT_PROTOCOL = 0x8
MAX_FIELD_SECTION_SIZE = 0x6
_FLOW_NS = 1_000_000_000
"""The largest age of a server's last bytes if it is still sending."""
SETTINGS_SECONDS = 2.0
"""The longest wait for the server's SETTINGS."""


class H3Stats(msgspec.Struct, kw_only=True):
    """The server's settings and GOAWAYs."""

    requests: int = 0
    settings: tuple[tuple[int, int], ...] | None = None
    """All settings in order; None before they arrived. :func:`h3frames.named` names them."""
    settings_at: Mark | None = None
    goaways: tuple[int, ...] = ()
    """The stream of each GOAWAY: the first that the server will not process."""
    goaway_at: Mark | None = None

    def setting(self, key: int) -> int | None:
        """Return the value of one setting; None if it was not sent."""
        return next((value for known, value in self.settings or () if known == key), None)


class _Engine(aioh3.H3Connection):
    """aioquic's HTTP/3 with less memory and our own validation."""

    def _init_connection(self) -> None:
        self._max_table_capacity = 0
        self._blocked_streams = 0
        self._decoder = pylsqpack.Decoder(0, 0)
        self._max_push_id = None
        super()._init_connection()

    def _get_local_settings(self) -> dict[int, int]:
        settings = super()._get_local_settings()
        # Only a server sends this setting (RFC 9220 §3).
        settings.pop(aioh3.Setting.ENABLE_CONNECT_PROTOCOL, None)
        return {**settings, MAX_FIELD_SECTION_SIZE: limits.MAX_HEAD_BYTES}

    def _decode_headers(
        self, stream_id: int, frame_data: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        """Decode the fields and validate them with our messages."""
        fields: list[tuple[bytes, bytes]] = super()._decode_headers(stream_id, frame_data)
        trailers = bool(fields) and not fields[0][0].startswith(b":")
        check_fields(fields, "3", trailers=trailers)
        return fields

    def _check_content_length(self, stream: aioh3.H3Stream) -> None:
        # aioquic is wrong for responses to HEAD and for 304 (RFC 9110 §8.6); Exchange checks.
        return


class H3Connection(HttpConnection):
    """A client's HTTP/3 connection; it owns ``quic``.

    Before the handshake, requests are sent as early data if ``quic`` was prepared for it.
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
        quic.listen(self._handle)

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
                    "the server does not announce SETTINGS_ENABLE_CONNECT_PROTOCOL: "
                    f"{request.protocol} over HTTP/3 is not supported",
                )
        request = msgspec.structs.replace(request, method="CONNECT", body=b"")
        exchange = self._send(request, body_cap, None, open_end=True)
        kept = False
        try:
            exchange.tunnel = True
            await self._finish(exchange, lambda: exchange.status > 0 or exchange.done, deadline_ns)
            if 200 <= exchange.status < 300 and exchange.failed is None:
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
        """Wait for the server's settings and return them; empty if none arrive in time."""
        await self.quic.until(
            lambda: self.stats.settings is not None, self.quic.budget.within(seconds)
        )
        return self.stats.settings or ()

    async def ping(self) -> float:
        """Return the round trip of a QUIC PING, in seconds."""
        return await self.quic.ping()

    async def idle(self, seconds: float) -> None:
        """Keep the connection open for ``seconds``. Raises Failed if it ends."""
        await self.quic.idle(seconds)

    async def aclose(self) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; closing twice is allowed."""
        self.quic.close()

    def _send(
        self, request: Request, body_cap: int, on_body: OnBody | None, *, open_end: bool = False
    ) -> Exchange:
        self.quic.check()
        if self.stats.goaways:
            raise Failed(Reason.PEER_CLOSED, "cannot send a request: the server sent GOAWAY")
        engine = self.quic.engine
        stream_id = engine.get_next_available_stream_id()
        try:
            fields = request_fields(request)
        except ValueError as error:
            raise unsendable(error) from None
        early = engine.early_offered and not engine.complete
        self._h3.send_headers(stream_id, fields, end_stream=not (request.body or open_end))
        if request.body:
            self._h3.send_data(stream_id, request.body, end_stream=True)
        exchange = Exchange(stream_id, request.method, user_mark(), body_cap, on_body)
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
            raise exchange.unfinished(failed) from None
        if exchange.failed is not None:
            raise exchange.unfinished(failures.again(exchange.failed))
        if not there:
            waited = user_mark().since(exchange.sent)
            if exchange.flowing and now_ns() - exchange.last.ns < _FLOW_NS:
                raise exchange.unfinished(
                    Failed(
                        Reason.BUDGET_EXCEEDED,
                        f"timed out after {exchange.body_bytes} bytes of body while the server "
                        "was still sending",
                    )
                )
            where = f" after {exchange.body_bytes} bytes of body" if exchange.status else ""
            raise exchange.unfinished(
                Failed(Reason.PEER_SILENT, f"no data from the server for {waited:.1f} s{where}")
            )
        exchange.early = exchange.early and self.quic.engine.early_data_accepted

    def _forget(self, exchange: Exchange) -> None:
        """Drop an exchange, and cancel its stream if the server would continue sending."""
        self._exchanges.pop(exchange.stream_id, None)
        if not exchange.ended and exchange.failed is None and self.quic.alive:
            self._stop(exchange)

    def _stop(self, exchange: Exchange) -> None:
        engine = self.quic.engine
        try:
            engine.reset_stream(exchange.stream_id, names.H3_REQUEST_CANCELLED)
            engine.stop_stream(exchange.stream_id, names.H3_REQUEST_CANCELLED)
        except engine.ERRORS:
            return  # the stream has already ended
        self.quic.flush()

    # -- receiving ---------------------------------------------------------------------------------

    def _handle(self, event: QuicEvent, at: Mark) -> None:
        """Handle a QUIC event. Raises ProtocolViolation, which ends the connection."""
        if isinstance(event, StreamDataReceived):
            self._scan(event, at)
        elif isinstance(event, StreamReset):
            exchange = self._exchanges.get(event.stream_id)
            if exchange is not None and not exchange.done:
                exchange.failed = reset(names.h3_error(event.error_code))
        try:
            found = self._h3.handle_event(event)
        except self.quic.engine.ERRORS:
            raise ProtocolViolation(
                "the peer violates HTTP/3: its data cannot be decoded"
            ) from None
        for piece in found:
            self._take(piece, at)

    def _scan(self, event: StreamDataReceived, at: Mark) -> None:
        """Check a stream's bytes before the engine buffers them."""
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
    """One stream of the connection after CONNECT."""

    def __init__(self, connection: H3Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self.address = connection.address
        self.opened = exchange.first or exchange.sent
        self._closed = False

    @property
    def budget(self) -> Budget:
        """The budget of the connection."""
        return self._connection.quic.budget

    async def send(self, data: bytes) -> Mark:
        """Send ``data`` as one DATA frame."""
        connection = self._connection
        if self._closed or not connection.quic.alive or self._exchange.failed is not None:
            raise self._exchange.failed or Failed(Reason.PEER_CLOSED, "the tunnel is closed")
        connection._h3.send_data(self._exchange.stream_id, data, end_stream=False)
        return connection.quic.flush()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes; ``b""`` at the stream's end."""
        exchange, quic = self._exchange, self._connection.quic
        there = await quic.until(lambda: bool(exchange.waiting) or exchange.done, deadline_ns)
        if exchange.waiting:
            return exchange.taken()
        if exchange.failed is not None:
            raise failures.again(exchange.failed)
        if not there:
            raise Failed(Reason.PEER_SILENT, "no data received in the tunnel")
        return b"", quic.last_received

    def close(self) -> None:
        """Reset the stream; the connection continues."""
        if not self._closed:
            self._closed = True
            self._connection._forget(self._exchange)
