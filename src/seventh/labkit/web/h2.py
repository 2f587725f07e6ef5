"""An HTTP/2 server for labs, on h2; faults are in :mod:`seventh.labkit.web.h2faults`."""

from __future__ import annotations

import asyncio
import contextlib

import h2.connection
import h2.events
import h2.exceptions
from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings

from seventh.labkit.web.h2faults import FAULTS, frame
from seventh.labkit.web.handler import NO_CONTENT, Answer, Handler, Pipe
from seventh.labkit.web.peer import H1Setup, Peer, linger
from seventh.web import h2frames
from seventh.web.message import Fields, Request


async def serve_h2(
    peer: Peer, handler: Handler, setup: H1Setup | None = None, scheme: str = "http"
) -> None:
    """Serve one connection until it ends."""
    setup = setup or H1Setup()
    if setup.fault == "raw":
        await peer.send(setup.raw)
        await linger(peer)
        return
    server = _Server(peer, handler, setup, scheme)
    try:
        await server.run()
    finally:
        for task in list(server.tasks):
            task.cancel()


class _Stream:
    """The received part of one stream."""

    def __init__(self, fields: list[tuple[bytes, bytes]]) -> None:
        self.fields = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in fields)
        self.body = bytearray()
        self.queue: asyncio.Queue[bytes] | None = None
        self.reset = False


class _Server:
    def __init__(self, peer: Peer, handler: Handler, setup: H1Setup, scheme: str) -> None:
        self.peer = peer
        self.handler = handler
        self.setup = setup
        self.scheme = scheme
        self.h2 = h2.connection.H2Connection(
            H2Configuration(client_side=False, header_encoding=None)
        )
        self.streams: dict[int, _Stream] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.grown = asyncio.Event()

    async def run(self) -> None:
        """Serve until the client closes, or a fault takes over."""
        known = {SettingCodes.MAX_CONCURRENT_STREAMS: 100, SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}
        # A setting may have any code; the library's types allow only the registered ones.
        known.update(self.setup.settings)  # type: ignore[arg-type]
        self.h2.local_settings = Settings(client=False, initial_values=known)
        self.h2.initiate_connection()
        for origin, value in self.setup.alt_svc:
            self.h2.advertise_alternative_service(value.encode(), origin.encode())
        await self.flush()
        while data := await self.peer.receive():
            try:
                events = self.h2.receive_data(data)
            except h2.exceptions.ProtocolError:
                await self.flush()
                return
            for event in events:
                begun = self._event(event)
                if begun and self.setup.fault in FAULTS:
                    await self.flush()
                    await FAULTS[self.setup.fault](self.peer, self.setup, begun)
                    return
            await self.flush()

    async def flush(self) -> None:
        """Send what is queued."""
        out = self.h2.data_to_send()
        if out:
            await self.peer.send(out)

    def _event(self, event: h2.events.Event) -> int | None:
        """Handle an event; return the stream's ID if it is a new request."""
        stream_id = getattr(event, "stream_id", None) or 0
        stream = self.streams.get(stream_id)
        if isinstance(event, h2.events.RequestReceived):
            stream = self.streams[stream_id] = _Stream(list(event.headers or ()))
            if any(name == ":method" and value == "CONNECT" for name, value in stream.fields):
                stream.queue = asyncio.Queue()
                self._begin(stream_id, stream)
            return stream_id
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self.grown.set()
        elif stream is None:
            return None
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)
            if stream.queue is not None:
                stream.queue.put_nowait(event.data or b"")
            else:
                stream.body += event.data or b""
        elif isinstance(event, h2.events.StreamEnded):
            if stream.queue is not None:
                stream.queue.put_nowait(b"")
            else:
                self._begin(stream_id, stream)
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = True
            self.grown.set()
            if stream.queue is not None:
                stream.queue.put_nowait(b"")
        return None

    def _begin(self, stream_id: int, stream: _Stream) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(stream_id, stream))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, stream_id: int, stream: _Stream) -> None:
        pseudo = {name: value for name, value in stream.fields if name.startswith(":")}
        request = Request(
            method=pseudo.get(":method", ""),
            scheme=pseudo.get(":scheme", self.scheme),
            authority=pseudo.get(":authority", ""),
            path=pseudo.get(":path", ""),
            headers=tuple((n, v) for n, v in stream.fields if not n.startswith(":")),
            body=bytes(stream.body),
            protocol=pseudo.get(":protocol"),
        )
        with contextlib.suppress(h2.exceptions.ProtocolError, OSError):
            answer = await self.handler(request)
            if self.setup.fault == "goaway-first":
                await self._send_goaway(stream_id)
            await self._answer(stream_id, stream, request, answer)
        self.streams.pop(stream_id, None)

    async def _send_goaway(self, stream_id: int) -> None:
        """Send a graceful GOAWAY, after which only this stream continues (RFC 9113 §6.8)."""
        await self.flush()
        payload = stream_id.to_bytes(4, "big") + bytes(4) + self.setup.raw
        await self.peer.send(frame(h2frames.GOAWAY, 0, 0, payload))

    async def _answer(
        self, stream_id: int, stream: _Stream, request: Request, answer: Answer
    ) -> None:
        send = self.h2.send_headers
        for status, fields in answer.informational:
            send(stream_id, [(":status", str(status)), *fields])
        if answer.tunnel is not None and request.method == "CONNECT":
            send(stream_id, [(":status", "200"), *_lower(answer.headers)])
            await self.flush()
            await answer.tunnel(_Pipe(self, stream_id, stream))
        else:
            silent = request.method == "HEAD" or answer.status in NO_CONTENT
            head = [(":status", str(answer.status)), *_lower(answer.fields())]
            send(stream_id, head, end_stream=silent)
            await self.flush()
            if silent:
                return
            async for piece in answer.pieces():
                await self.send(stream_id, stream, piece)
        if answer.trailers:
            send(stream_id, _lower(answer.trailers), end_stream=True)
        else:
            self.h2.end_stream(stream_id)
        await self.flush()

    async def send(self, stream_id: int, stream: _Stream, data: bytes) -> None:
        """Send body as the client's windows allow."""
        while data:
            room = min(
                self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size
            )
            if room <= 0:
                self.grown.clear()
                await self.grown.wait()
                if stream.reset:
                    raise h2.exceptions.StreamClosedError(stream_id)
                continue
            self.h2.send_data(stream_id, data[:room])
            data = data[room:]
            await self.flush()


class _Pipe(Pipe):
    def __init__(self, server: _Server, stream_id: int, stream: _Stream) -> None:
        self._server = server
        self._id = stream_id
        self._stream = stream

    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` after the stream's end or reset."""
        assert self._stream.queue is not None  # noqa: S101 - created with the CONNECT
        return await self._stream.queue.get()

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await self._server.send(self._id, self._stream, data)


def _lower(fields: Fields) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in fields]
