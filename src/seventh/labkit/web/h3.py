"""An HTTP/3 server for labs: any handler over QUIC, and ways to answer that no standard allows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Literal

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
_NO_LENGTH = frozenset({204, 304})
Wire = Callable[["H3Peer", int], None]
"""Answers the request on a stream in its own way: with raw bytes."""


class H3Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the HTTP/3 layer behaves; the defaults are a server in perfect order."""

    quic: QuicSetup = QuicSetup()
    extended_connect: bool = True
    """Allow extended CONNECT (RFC 9220)."""
    settings: tuple[tuple[int, int], ...] = ()
    """More settings, or other values."""
    control: bytes = b""
    """Raw bytes for the control stream, behind the SETTINGS."""
    goaway_after: int | None = None
    """Say GOAWAY after so many requests."""
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
        self._knobs = setup
        self.h3: H3Connection | None = None
        self._requests: dict[int, tuple[Request, bytearray]] = {}
        self._pipes: dict[int, _StreamPipe] = {}
        self._count = 0
        peer.on_event = self._hear

    def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Raw bytes on a stream."""
        self.quic.send_stream_data(stream_id, data, end)

    def _begin(self) -> H3Connection:
        if self.h3 is None:
            self.h3 = _Engine(self.quic, self._knobs)
            if self._knobs.control:
                self.send(self.h3._local_control_stream_id or 0, self._knobs.control)
        return self.h3

    def _hear(self, event: QuicEvent) -> None:
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
        request = _request(found, early=not self.quic.shaken)
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
        setup = self._knobs
        if setup.close_with is not None:
            self.quic.close(setup.close_with, None, "as the lab was told")
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
        body = b"" if request.method == "HEAD" else answer.body
        pipe = self._pipes.get(stream_id)
        goes_on = bool(body) or bool(answer.trailers) or (pipe is not None and answer.tunnel)
        h3.send_headers(
            stream_id, _fields(answer.status, _with_length(answer)), end_stream=not goes_on
        )
        if pipe is not None and answer.tunnel is not None and 200 <= answer.status < 300:
            self.peer.transmit()
            await answer.tunnel(pipe)
            h3.send_data(stream_id, b"", end_stream=True)
        elif goes_on:
            # A client that has left the stream takes no more of it; aioquic says so by these two.
            with contextlib.suppress(ValueError, RuntimeError):
                await self._body(h3, stream_id, body, answer.trailers)
        if self._count == self._knobs.goaway_after:
            self.say_goaway(stream_id + 4)
        self.peer.transmit()

    async def _body(
        self,
        h3: H3Connection,
        stream_id: int,
        body: bytes | Callable[[], AsyncIterator[bytes]],
        trailers: Fields,
    ) -> None:
        if isinstance(body, bytes):
            if body:
                h3.send_data(stream_id, body, end_stream=not trailers)
        else:
            async for piece in body():
                h3.send_data(stream_id, piece, end_stream=False)
                self.peer.transmit()
            if not trailers:
                h3.send_data(stream_id, b"", end_stream=True)
        if trailers:
            raw = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in trailers]
            h3.send_headers(stream_id, raw, end_stream=True)

    def say_goaway(self, stream_id: int) -> None:
        """Say that requests from ``stream_id`` on will not be worked on (RFC 9114 §5.2)."""
        h3 = self._begin()
        frame = encode_frame(FrameType.GOAWAY, encode_uint_var(stream_id))
        self.send(h3._local_control_stream_id or 0, frame)


class _Engine(H3Connection):
    def __init__(self, quic: Peer | object, setup: H3Setup) -> None:
        self._knobs = setup
        super().__init__(quic)  # type: ignore[arg-type]

    def _get_local_settings(self) -> dict[int, int]:
        settings = super()._get_local_settings()
        if not self._knobs.extended_connect:
            settings.pop(Setting.ENABLE_CONNECT_PROTOCOL, None)
        return {**settings, **dict(self._knobs.settings)}


class _StreamPipe(Pipe):
    """The server's end of a tunnel on one stream."""

    def __init__(self, peer: H3Peer, stream_id: int) -> None:
        self._peer = peer
        self._stream_id = stream_id
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` when the client has ended its side."""
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
        fields.append(("early-data", "1"))  # as an intermediary says it (RFC 8470 §5.1)
    return Request(
        method=pseudo.get(":method", ""),
        scheme=pseudo.get(":scheme", "https"),
        authority=pseudo.get(":authority", ""),
        path=pseudo.get(":path", "/"),
        headers=tuple(fields),
        protocol=pseudo.get(":protocol"),
    )


def _with_length(answer: Answer) -> Fields:
    known = any(name.lower() == "content-length" for name, _ in answer.headers)
    if known or not isinstance(answer.body, bytes) or answer.status in _NO_LENGTH:
        return answer.headers
    if answer.tunnel is not None:
        return answer.headers
    return (*answer.headers, ("content-length", str(len(answer.body))))


def _fields(status: int, fields: Fields) -> list[tuple[bytes, bytes]]:
    return [
        (b":status", b"%d" % status),
        *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields),
    ]


# -- what no standard allows -------------------------------------------------------------------

_LONGEST_STATIC = 85
"""The static table's longest entry: content-security-policy with its value (RFC 9204, A)."""


def header_block(lines: int) -> bytes:
    """A QPACK field section of ``lines`` references to one long static entry: two bytes each."""
    reference = bytes([0xFF, _LONGEST_STATIC - 63])
    return b"\x00\x00" + b"\xd9" + reference * lines  # 0xd9: ":status: 200" of the static table


def frame(kind: int, data: bytes, *, length: int | None = None) -> bytes:
    """Return a frame; ``length`` says another length than it has."""
    size = len(data) if length is None else length
    return encode_uint_var(kind) + encode_uint_var(size) + data


def qpack_bomb(peer: H3Peer, stream_id: int) -> None:
    """A header list of some three megabytes in a frame of 60 KiB."""
    peer.send(stream_id, frame(FrameType.HEADERS, header_block(30_000)), end=True)


def qpack_insert(peer: H3Peer, stream_id: int) -> None:
    """Use of a dynamic table that the client has not allowed (RFC 9204 §3.2.3)."""
    h3 = peer.h3
    assert h3 is not None  # noqa: S101 - a request has come through it
    # Set Dynamic Table Capacity 4096, then an insertion with a literal name.
    table = b"\x3f\xe1\x1f" + b"\x41x" + b"\x7f\x81\x1f" + b"y" * 4096
    peer.send(h3._local_encoder_stream_id or 0, table)
    peer.send(stream_id, frame(FrameType.HEADERS, b"\x02\x00\x80"), end=True)


def huge_head(peer: H3Peer, stream_id: int) -> None:
    """A HEADERS frame that says it is a megabyte long."""
    peer.send(stream_id, frame(FrameType.HEADERS, bytes(4096), length=1 << 20))


def endless_informational(peer: H3Peer, stream_id: int) -> None:
    """1xx responses without end."""
    head = frame(FrameType.HEADERS, b"\x00\x00" + b"\xd8")  # ":status: 103"
    peer.send(stream_id, head * 2000)


def endless_empty_frames(peer: H3Peer, stream_id: int) -> None:
    """A good head, then frames of an unknown type that bring nothing."""
    good = frame(FrameType.HEADERS, b"\x00\x00\xd9")
    peer.send(stream_id, good + frame(0x21, b"") * 20_000)


def endless_body(peer: H3Peer, stream_id: int) -> None:
    """A good head, then more body than anyone asked for."""
    good = frame(FrameType.HEADERS, b"\x00\x00\xd9")
    peer.send(stream_id, good + frame(FrameType.DATA, bytes(3 << 20), length=1 << 40))


WireFault = Literal[
    "qpack_bomb", "qpack_insert", "huge_head", "endless_informational", "endless_empty_frames",
    "endless_body",
]  # fmt: skip
WIRE: dict[WireFault, Wire] = {
    "qpack_bomb": qpack_bomb,
    "qpack_insert": qpack_insert,
    "huge_head": huge_head,
    "endless_informational": endless_informational,
    "endless_empty_frames": endless_empty_frames,
    "endless_body": endless_body,
}


@contextlib.asynccontextmanager
async def serve_h3(
    handler: Handler,
    issued: Issued,
    setup: H3Setup | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[tuple[QuicServer, int]]:
    """Serve ``handler`` over HTTP/3; gives the server and its UDP port."""
    setup = setup or H3Setup()

    def accept(peer: Peer) -> None:
        H3Peer(peer, handler, setup)

    async with quic_server(issued, setup.quic, accept, host=host, port=port) as served:
        yield served
