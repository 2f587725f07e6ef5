"""An HTTP/3 server for labs, with raw faults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import FrameType, H3Connection, Setting, encode_frame
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.events import QuicEvent, StreamDataReceived, StreamReset

from seventh.labkit.ca import Issued
from seventh.labkit.web.handler import Answer, Handler, Pipe
from seventh.labkit.web.quicserver import Peer, QuicServer, QuicSetup, quic_server
from seventh.web.message import Fields, Request

H3_INTERNAL_ERROR = 0x102
_MAX_BODY = 4 * 1024 * 1024
Wire = Callable[["H3Peer", int], None]
"""Answers the request on a stream with raw bytes."""


class H3Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the HTTP/3 layer behaves; the defaults are a correct server."""

    quic: QuicSetup = QuicSetup()
    extended_connect: bool = True
    """Allow extended CONNECT (RFC 9220)."""
    settings: tuple[tuple[int, int], ...] = ()
    """Additional or changed settings."""
    control: bytes = b""
    """Raw bytes for the control stream, after SETTINGS."""
    goaway_after: int | None = None
    """Send GOAWAY after this number of requests."""
    wire: Wire | None = None
    """Answers instead of the handler."""
    close_with: int | None = None
    """Close the connection with this application error at the first request."""


class H3Peer:
    """One client's HTTP/3 connection."""

    def __init__(self, peer: Peer, handler: Handler, setup: H3Setup) -> None:
        self.peer = peer
        self.quic = peer.engine
        self._handler = handler
        self._setup = setup
        self.h3: H3Connection | None = None
        self._requests: dict[int, tuple[Request, bytearray]] = {}
        self._pipes: dict[int, _StreamPipe] = {}
        self._count = 0
        peer.on_event = self._handle

    def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Send raw bytes on a stream."""
        self.quic.send_stream_data(stream_id, data, end)

    def _begin(self) -> H3Connection:
        if self.h3 is None:
            self.h3 = _Engine(self.quic, self._setup)
            if self._setup.control:
                self.send(self.h3._local_control_stream_id or 0, self._setup.control)
        return self.h3

    def _handle(self, event: QuicEvent) -> None:
        if not isinstance(event, StreamDataReceived | StreamReset):
            if type(event).__name__ == "ProtocolNegotiated":
                self._begin()
            return
        if isinstance(event, StreamReset) and event.stream_id in self._pipes:
            self._pipes[event.stream_id].arrived.put_nowait(b"")
        for found in self._begin().handle_event(event):
            if isinstance(found, HeadersReceived):
                self._head(found)
            elif isinstance(found, DataReceived):
                self._data(found)

    def _head(self, found: HeadersReceived) -> None:
        if found.stream_id in self._requests:
            return  # trailers
        request = _request(found, early=not self.quic.handshake_complete)
        self._requests[found.stream_id] = (request, bytearray())
        if request.method == "CONNECT":
            self._pipes[found.stream_id] = _StreamPipe(self, found.stream_id)
        if found.stream_ended or request.method == "CONNECT":
            self._answer(found.stream_id)

    def _data(self, found: DataReceived) -> None:
        pipe = self._pipes.get(found.stream_id)
        if pipe is not None:
            if found.data:
                pipe.arrived.put_nowait(found.data)
            if found.stream_ended:
                pipe.arrived.put_nowait(b"")
            return
        known = self._requests.get(found.stream_id)
        if known is None:
            return
        known[1].extend(found.data[: _MAX_BODY - len(known[1])])
        if found.stream_ended:
            self._answer(found.stream_id)

    def _answer(self, stream_id: int) -> None:
        request, body = self._requests[stream_id]
        request = msgspec.structs.replace(request, body=bytes(body))
        self._count += 1
        setup = self._setup
        if setup.close_with is not None:
            self.quic.close(setup.close_with, None, "requested by the lab's setup")
            return
        if setup.wire is not None:
            setup.wire(self, stream_id)
            return
        task = asyncio.ensure_future(self._serve(stream_id, request))
        self.peer.tasks.add(task)
        task.add_done_callback(self.peer.tasks.discard)

    async def _serve(self, stream_id: int, request: Request) -> None:
        try:
            answer = await self._handler(request)
        except Exception:
            self.quic.reset_stream(stream_id, H3_INTERNAL_ERROR)
            self.peer.transmit()
            raise
        h3 = self._begin()
        for status, fields in answer.informational:
            h3.send_headers(stream_id, _fields(status, fields))
        pipe = self._pipes.get(stream_id)
        if pipe is not None and answer.tunnel is not None and 200 <= answer.status < 300:
            h3.send_headers(stream_id, _fields(answer.status, answer.headers))
            self.peer.transmit()
            await answer.tunnel(pipe)
            h3.send_data(stream_id, b"", end_stream=True)
        else:
            # aioquic raises these two when the client has reset the stream.
            with contextlib.suppress(ValueError, RuntimeError):
                await self._send_content(h3, stream_id, request, answer)
        if self._count == self._setup.goaway_after:
            self.send_goaway(stream_id + 4)
        self.peer.transmit()

    async def _send_content(
        self, h3: H3Connection, stream_id: int, request: Request, answer: Answer
    ) -> None:
        has_content = request.method != "HEAD" and answer.body != b""
        h3.send_headers(
            stream_id,
            _fields(answer.status, answer.fields()),
            end_stream=not (has_content or answer.trailers),
        )
        if has_content:
            async for piece in answer.pieces():
                h3.send_data(stream_id, piece, end_stream=False)
                self.peer.transmit()
            if not answer.trailers:
                h3.send_data(stream_id, b"", end_stream=True)
        if answer.trailers:
            raw = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in answer.trailers]
            h3.send_headers(stream_id, raw, end_stream=True)

    def send_goaway(self, stream_id: int) -> None:
        """Send GOAWAY: requests from ``stream_id`` on are not processed (RFC 9114 §5.2)."""
        h3 = self._begin()
        frame = encode_frame(FrameType.GOAWAY, encode_uint_var(stream_id))
        self.send(h3._local_control_stream_id or 0, frame)


class _Engine(H3Connection):
    def __init__(self, quic: Peer | object, setup: H3Setup) -> None:
        self._setup = setup
        super().__init__(quic)  # type: ignore[arg-type]

    def _get_local_settings(self) -> dict[int, int]:
        settings = super()._get_local_settings()
        if not self._setup.extended_connect:
            settings.pop(Setting.ENABLE_CONNECT_PROTOCOL, None)
        return {**settings, **dict(self._setup.settings)}


class _StreamPipe(Pipe):
    """The server's end of a tunnel on one stream."""

    def __init__(self, peer: H3Peer, stream_id: int) -> None:
        self._peer = peer
        self._stream_id = stream_id
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` at the client's end."""
        return await self.arrived.get()

    async def send(self, data: bytes) -> None:
        """Send bytes as one DATA frame."""
        if self._peer.h3 is not None:
            self._peer.h3.send_data(self._stream_id, data, end_stream=False)
            self._peer.peer.transmit()


def _request(found: HeadersReceived, *, early: bool) -> Request:
    pseudo: dict[str, str] = {}
    fields: list[tuple[str, str]] = []
    for raw_name, raw_value in found.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name.startswith(":"):
            pseudo[name] = value
        else:
            fields.append((name, value))
    if early:
        fields.append(("early-data", "1"))  # as an intermediary adds it (RFC 8470 §5.1)
    return Request(
        method=pseudo.get(":method", ""),
        scheme=pseudo.get(":scheme", "https"),
        authority=pseudo.get(":authority", ""),
        path=pseudo.get(":path", "/"),
        headers=tuple(fields),
        protocol=pseudo.get(":protocol"),
    )


def _fields(status: int, fields: Fields) -> list[tuple[bytes, bytes]]:
    return [
        (b":status", b"%d" % status),
        *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields),
    ]


# -- faults -----------------------------------------------------------------------------------

_LONGEST_STATIC = 85
"""The static table's longest entry, a content-security-policy (RFC 9204, appendix A)."""


def frame(kind: int, data: bytes, *, length: int | None = None) -> bytes:
    """Return a frame; ``length`` replaces its length."""
    size = len(data) if length is None else length
    return encode_uint_var(kind) + encode_uint_var(size) + data


def qpack_insert(peer: H3Peer, stream_id: int) -> None:
    """Use a dynamic table that the client has not allowed (RFC 9204 §3.2.3)."""
    h3 = peer.h3
    assert h3 is not None  # noqa: S101 - it delivered the request
    # Set Dynamic Table Capacity 4096, then an insertion with a literal name.
    table = b"\x3f\xe1\x1f" + b"\x41x" + b"\x7f\x81\x1f" + b"y" * 4096
    peer.send(h3._local_encoder_stream_id or 0, table)
    peer.send(stream_id, frame(FrameType.HEADERS, b"\x02\x00\x80"), end=True)


def _sends(data: bytes, *, end: bool = False) -> Wire:
    return lambda peer, stream_id: peer.send(stream_id, data, end=end)


_OK = frame(FrameType.HEADERS, b"\x00\x00\xd9")
"""``:status: 200`` of the static table."""
WIRE: dict[str, Wire] = {
    # A header list of about three megabytes: two bytes for each reference to a long entry.
    "qpack_bomb": _sends(
        frame(
            FrameType.HEADERS,
            b"\x00\x00\xd9" + bytes([0xFF, _LONGEST_STATIC - 63]) * 30_000,
        ),
        end=True,
    ),
    "qpack_insert": qpack_insert,
    "huge_head": _sends(frame(FrameType.HEADERS, bytes(4096), length=1 << 20)),
    "endless_informational": _sends(frame(FrameType.HEADERS, b"\x00\x00\xd8") * 2000),  # 103
    "endless_empty_frames": _sends(_OK + frame(0x21, b"") * 20_000),
    "endless_body": _sends(_OK + frame(FrameType.DATA, bytes(3 << 20), length=1 << 40)),
}
"""Raw answers by name."""


@contextlib.asynccontextmanager
async def serve_h3(
    handler: Handler,
    issued: Issued,
    setup: H3Setup | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[tuple[QuicServer, int]]:
    """Serve ``handler`` over HTTP/3; yield the server and its UDP port."""
    setup = setup or H3Setup()

    def accept(peer: Peer) -> None:
        H3Peer(peer, handler, setup)

    async with quic_server(issued, setup.quic, accept, host=host, port=port) as served:
        yield served
