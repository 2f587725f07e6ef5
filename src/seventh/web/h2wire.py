"""HTTP/2's client side, sans-IO (RFC 9113): bytes and their arrival in, exchanges updated.

h2 implements the grammar, the states and HPACK; :mod:`h2frames` filters its input.
"""

from __future__ import annotations

from typing import Any

import h2.connection
import h2.events
import h2.exceptions
import hpack
import msgspec
from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import h2frames, limits
from seventh.web.fieldrules import check_content, check_fields, content_length
from seventh.web.fields import request_fields, response_fields
from seventh.web.h2exchange import Exchange
from seventh.web.h2frames import (
    CANCEL,
    Frame,
    Gate,
    GoAway,
    error_name,
    parse_goaway,
    parse_settings,
)
from seventh.web.message import Fields, Informational, Request, unsendable

_CONFIG = H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=False)
""":mod:`fieldrules` validates the fields of responses."""
MAX_ALT_SVC = 16
"""The most ALTSVC frames that are kept."""
_ERRORS: tuple[tuple[type[h2.exceptions.ProtocolError], str], ...] = (
    (h2.exceptions.FlowControlError, "more data than the flow-control window allows"),
    (h2.exceptions.FrameTooLargeError, "a frame larger than allowed"),
    (h2.exceptions.FrameDataMissingError, "a frame that is too short"),
    (h2.exceptions.InvalidSettingsValueError, "a setting with an invalid value"),
    (h2.exceptions.StreamClosedError, "a frame on a closed stream"),
    (h2.exceptions.NoSuchStreamError, "a frame on an idle stream"),
    (h2.exceptions.TooManyStreamsError, "too many streams"),
    (h2.exceptions.DenialOfServiceError, "a header list larger than allowed"),
)
"""The errors of h2, subclasses first."""
_NEGOTIATION = frozenset({"HTTP_1_1_REQUIRED", "INADEQUATE_SECURITY"})


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """A PING and its acknowledgement (RFC 9113 §6.7)."""

    sent: Mark
    back: Mark

    @property
    def seconds(self) -> float:
        """The round trip."""
        return self.back.since(self.sent)


class H2Stats(msgspec.Struct, kw_only=True):
    """The peer's settings and counters."""

    settings: dict[int, int] = msgspec.field(default_factory=dict)
    """Its current settings by code (:func:`h2frames.setting_name`), without defaults."""
    settings_at: Mark | None = None
    """The arrival of its first SETTINGS."""
    settings_acked_at: Mark | None = None
    """The arrival of its acknowledgement of ours."""
    connection_window: int = 65535
    """The body bytes allowed on all streams together, including those already sent."""
    goaway: GoAway | None = None
    """The last GOAWAY."""
    pings: int = 0
    """The number of PINGs that it sent."""
    resets: int = 0
    """The number of streams that it reset."""
    alt_svc: tuple[tuple[str, str], ...] = ()
    """The origin and field value of its first ALTSVC frames; an empty origin means the stream's
    (RFC 7838 §4)."""
    streams: int = 0
    """The number of streams opened."""
    spent: str = ""
    """Why no more streams can be opened; empty while they can."""

    @property
    def named_settings(self) -> dict[str, int]:
        """The settings by their names."""
        return {h2frames.setting_name(code): value for code, value in self.settings.items()}


class H2Wire:
    """One connection. Its errors are in ``failed`` and fail every exchange."""

    __slots__ = ("_block_bytes", "_kind", "_pings", "exchanges", "failed", "gate", "h2", "stats")

    def __init__(self) -> None:
        self.h2 = h2.connection.H2Connection(_CONFIG)
        self.gate = Gate()
        self.stats = H2Stats()
        self.exchanges: dict[int, Exchange] = {}
        self.failed: Failed | None = None
        self._pings: dict[bytes, Mark | None] = {}
        self._block_bytes = 0
        self._kind = h2frames.SETTINGS
        """The kind of the last frame."""
        # Sent as initial settings: an update would need the peer's acknowledgement.
        self.h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: limits.H2_STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: limits.MAX_HEAD_BYTES,
            },
        )
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(limits.H2_CONNECTION_WINDOW - 65535)

    # -- sending ---------------------------------------------------------------------------------

    def open(self, request: Request, sent: Mark, *, end: bool) -> Exchange:
        """Open a stream with the request's head, to be sent from ``h2.data_to_send()``.

        Raises Failed (options-unusable) for what a request cannot contain.
        """
        stream_id = self.h2.get_next_available_stream_id()
        try:
            self.h2.send_headers(stream_id, request_fields(request), end_stream=end)
        except (h2.exceptions.ProtocolError, ValueError) as error:
            raise unsendable(error) from None
        # This disables h2's check of content-length, which is wrong in some cases.
        self.h2.streams[stream_id].request_method = b"HEAD"
        exchange = self.exchanges[stream_id] = Exchange(
            stream_id, sent, "CONNECT" if request.protocol else request.method
        )
        self.stats.streams += 1
        return exchange

    def ping(self, data: bytes) -> None:
        """Queue a PING with eight bytes."""
        self.h2.ping(data)
        self._pings[data] = None

    def pong(self, data: bytes) -> Mark | None:
        """Return the arrival of a PING's acknowledgement; None before."""
        return self._pings.get(data)

    def window(self, exchange: Exchange) -> int:
        """Return how many body bytes the peer accepts now on the exchange's stream."""
        try:
            return self.h2.local_flow_control_window(exchange.id)
        except h2.exceptions.ProtocolError:
            return 0

    def reset(self, exchange: Exchange, code: int = CANCEL) -> None:
        """Reset a stream, unless it has ended."""
        self.exchanges.pop(exchange.id, None)
        self.give_back(sum(flow for _, _, flow in exchange.pieces), exchange)
        exchange.pieces.clear()
        stream = self.h2.streams.get(exchange.id)
        if self.failed is None and stream is not None and not stream.closed:
            self.h2.reset_stream(exchange.id, code)

    def give_back(self, flow: int, exchange: Exchange) -> None:
        """Allow the peer to send ``flow`` more bytes after as many have been read."""
        if flow and self.failed is None:
            try:  # noqa: SIM105 - the stream may have ended
                self.h2.acknowledge_received_data(flow, exchange.id)
            except h2.exceptions.ProtocolError:
                pass

    # -- receiving -------------------------------------------------------------------------------

    def receive(self, data: bytes, mark: Mark) -> None:
        """Take the next bytes; ``b""`` when the peer has closed. Errors go to ``failed``."""
        if self.failed is not None:
            return
        try:
            if not data:
                self._closed()
                return
            for frame in self.gate.receive(data, mark):
                self._frame(frame)
                if self._over:  # a GOAWAY with an error: later frames are ignored
                    return
        except Failed as failed:
            self.fail(failed)
        except (h2.exceptions.H2Error, ValueError) as error:
            self.fail(self._broken(error))

    def _broken(self, error: Exception) -> ProtocolViolation:
        """Return the violation for an error of h2."""
        cause = error.__cause__ or error.__context__
        if isinstance(cause, hpack.HPACKError):
            what = "a header block that cannot be decoded (HPACK, RFC 7541)"
        else:
            what = next((text for kind, text in _ERRORS if isinstance(error, kind)), "")
        name = h2frames.kind_name(self._kind)
        return ProtocolViolation(
            f"the peer violates HTTP/2: {what} ({name})"
            if what
            else f"the peer violates HTTP/2: a {name} frame that is not allowed there"
        )

    @property
    def _over(self) -> bool:
        return self.failed is not None

    def _closed(self) -> None:
        goaway = self.stats.goaway
        if goaway is not None:
            raise Failed(Reason.PEER_CLOSED, f"the peer closed the connection after {goaway}")
        when = "in the middle of a frame" if self.gate.partial else (
            "without a response" if not self.gate.counts else "before the exchange was over"
        )  # fmt: skip
        raise Failed(Reason.PEER_CLOSED, f"the peer closed the connection {when}")

    def fail(self, failed: Failed) -> None:
        """End the connection and fail every exchange that has not ended."""
        self.failed = self.failed or failed
        self.stats.spent = self.stats.spent or failed.detail
        for exchange in self.exchanges.values():
            if not exchange.ended and exchange.failed is None:
                exchange.failed = failed

    def _frame(self, frame: Frame) -> None:
        kind = self._kind = frame.kind
        if kind == h2frames.GOAWAY:
            self._goaway(parse_goaway(frame))
            return
        if kind == h2frames.HEADERS:
            if frame.stream_id % 2 == 0:
                raise ProtocolViolation("the peer opened a stream, although push is disabled")
            self._block_bytes = len(frame.raw)
        elif kind == h2frames.CONTINUATION:
            self._block_bytes += len(frame.raw)
        elif kind == h2frames.SETTINGS and not frame.flags & h2frames.ACK:
            self._settings(frame)
        elif kind == h2frames.PING and not frame.flags & h2frames.ACK:
            self.stats.pings += 1
        elif kind == h2frames.WINDOW_UPDATE and not frame.stream_id:
            self.stats.connection_window += int.from_bytes(frame.payload[:4], "big") & 0x7FFFFFFF
        for event in self.h2.receive_data(frame.raw):
            self._event(event, frame)

    def _goaway(self, goaway: GoAway) -> None:
        self.stats.goaway = goaway
        self.stats.spent = str(goaway)
        failed = Failed(
            _reason(goaway.name, Reason.PEER_CLOSED), f"the peer closes with {goaway}",
            http_error=goaway.name,
        )  # fmt: skip
        if goaway.code:
            self.fail(failed)
            return
        for exchange in self.exchanges.values():
            if exchange.id > goaway.last_stream_id and not exchange.ended:
                exchange.failed = exchange.failed or failed

    def _settings(self, frame: Frame) -> None:
        stats = self.stats
        stats.settings_at = stats.settings_at or frame.ended
        for code, value in parse_settings(frame.payload):
            if code in stats.settings or len(stats.settings) < limits.MAX_SETTINGS_KEPT:
                stats.settings[code] = value

    def _event(self, event: h2.events.Event, frame: Frame) -> None:
        stream_id = getattr(event, "stream_id", None)
        exchange = self.exchanges.get(stream_id) if stream_id is not None else None
        if isinstance(event, h2.events.DataReceived):
            self._data(event, exchange, frame)
        elif isinstance(event, h2.events.PingAckReceived):
            if event.ping_data in self._pings:
                self._pings[event.ping_data] = frame.ended
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.stats.settings_acked_at = self.stats.settings_acked_at or frame.ended
        elif isinstance(event, h2.events.AlternativeServiceAvailable):
            if len(self.stats.alt_svc) < MAX_ALT_SVC:
                named = (event.origin or b"", event.field_value or b"")
                origin, value = (part.decode("latin-1")[:1024] for part in named)
                self.stats.alt_svc = (*self.stats.alt_svc, (origin, value))
        elif exchange is not None:
            self._on_stream(event, exchange, frame)

    def _on_stream(self, event: h2.events.Event, exchange: Exchange, frame: Frame) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            exchange.status, exchange.fields = _fields(event.headers)
            exchange.first = frame.begun
            exchange.head_bytes = self._block_bytes
            exchange.last = frame.ended
            exchange.length = content_length(exchange.fields)
            stream = self.h2.streams.get(exchange.id)
            if stream is not None:
                stream._expected_content_length = None
        elif isinstance(event, h2.events.InformationalResponseReceived):
            status, fields = _fields(event.headers)
            exchange.inform(Informational(status=status, headers=fields, at=frame.begun))
        elif isinstance(event, h2.events.TrailersReceived):
            exchange.trailers = _fields(event.headers, trailers=True)[1]
        elif isinstance(event, h2.events.StreamEnded):
            exchange.last = frame.ended
            self._check(exchange, ended=True)
            exchange.ended = exchange.failed is None
        elif isinstance(event, h2.events.StreamReset):
            if not exchange.ended:
                exchange.last = frame.ended
            self._was_reset(event, exchange)

    def _check(self, exchange: Exchange, *, ended: bool) -> None:
        """Fail an exchange whose content does not match its head; the others continue."""
        if exchange.status and exchange.method != "CONNECT" and exchange.failed is None:
            try:
                check_content(
                    exchange.method, exchange.status, exchange.length, exchange.received_bytes,
                    ended=ended,
                )  # fmt: skip
            except ProtocolViolation as violation:
                exchange.failed = violation

    def _data(self, event: h2.events.DataReceived, exchange: Exchange | None, frame: Frame) -> None:
        flow = event.flow_controlled_length or 0
        data = event.data or b""
        if exchange is None:  # its reader has reset it
            self.h2.acknowledge_received_data(flow, event.stream_id or 0)
            return
        exchange.last = frame.ended
        exchange.received_bytes += len(data)
        self._check(exchange, ended=False)
        if data:
            exchange.pieces.append((data, frame.ended, flow))
        else:
            self.give_back(flow, exchange)

    def _was_reset(self, event: h2.events.StreamReset, exchange: Exchange) -> None:
        if exchange.ended:
            return
        code = int(event.error_code or 0)
        if not event.remote_reset:
            exchange.failed = ProtocolViolation(
                f"the peer violates the stream's state: {error_name(code)}"
            )
            return
        self.stats.resets += 1
        name = error_name(code)
        exchange.failed = StreamReset(
            _reason(name, Reason.PEER_RESET),
            f"the peer reset the stream with {name}",
            http_error=name,
        )


class StreamReset(Failed):
    """RST_STREAM: the end of one exchange, and not of the connection."""


def _reason(name: str, otherwise: Reason) -> Reason:
    return Reason.NEGOTIATION_FAILED if name in _NEGOTIATION else otherwise


def _fields(raw: Any, *, trailers: bool = False) -> tuple[int, Fields]:
    """Return the status and fields of h2's list. Raises ProtocolViolation."""
    pairs = list(raw or ())
    found = response_fields(pairs)
    check_fields(pairs, "2", trailers=trailers)
    return found
