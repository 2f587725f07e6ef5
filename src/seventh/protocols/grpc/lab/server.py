"""gRPC's server side for labs, on h2: streams of messages, trailers, deadlines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import h2.connection
import h2.events
import h2.exceptions
from h2.config import H2Configuration
from h2.settings import Settings

from seventh.labkit.web.h2faults import FAULTS
from seventh.labkit.web.peer import Peer, linger
from seventh.protocols.grpc.lab.setup import Setup
from seventh.protocols.grpc.wire.compression import decompress
from seventh.protocols.grpc.wire.framing import Messages, MessageTooLong, frame
from seventh.protocols.grpc.wire.status import Code, encode_message
from seventh.protocols.grpc.wire.timeout import decode_timeout
from seventh.web.message import Fields

_HEAD = (":status", "200"), ("content-type", "application/grpc")
_ACCEPTS = "identity,gzip,deflate"
Method = Callable[["ServerCall"], Awaitable[None]]


class ResetError(Exception):
    """The client has reset the stream, or the connection has ended."""


class ServerCall:
    """The server's side of one call."""

    def __init__(self, server: GrpcServer, stream_id: int, fields: Fields) -> None:
        self._server = server
        self.id = stream_id
        self.path = dict(fields).get(":path", "")
        self.fields = fields
        self.deadline = decode_timeout(dict(fields).get("grpc-timeout", ""))
        limit = server.setup.max_bytes
        self._reader = Messages(limit if limit is not None else 1 << 30)
        self._encoding = dict(fields).get("grpc-encoding", "")
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.reset = False
        self.begun = self.ended = False

    def feed(self, data: bytes) -> None:
        """Take bytes of the request."""
        try:
            for message in self._reader.feed(data):
                plain = message.data
                if message.compressed:
                    plain = decompress(plain, self._encoding, self._reader.limit)
                self._queue.put_nowait(plain)
        except MessageTooLong as error:
            self._queue.put_nowait(error)

    def feed_end(self, *, reset: bool = False) -> None:
        """Note the end of the request."""
        self.reset = reset
        self._queue.put_nowait(None)

    async def receive(self) -> bytes | None:
        """Return the next message; None at the end. Raises MessageTooLong."""
        found = await self._queue.get()
        if isinstance(found, Exception):
            raise found
        return found

    async def begin(self, *more: tuple[str, str]) -> None:
        """Send the head of the response."""
        if not self.begun:
            self.begun = True
            accepts = _ACCEPTS if self._server.setup.gzip else "identity"
            named = ("x-backend", self._server.backend())
            fields = [*_HEAD, ("grpc-accept-encoding", accepts), named, *more]
            self._server.h2.send_headers(self.id, fields)
            await self._server.flush()

    async def send(self, message: bytes) -> None:
        """Send a message as the client's windows allow."""
        await self.begin()
        await self.send_raw(frame(message))

    async def send_raw(self, data: bytes) -> None:
        """Send bytes of the response."""
        await self._server.send(self, data)

    async def end(self, code: int = 0, message: str = "", *more: tuple[str, str]) -> None:
        """Send the status."""
        if self.ended:
            return
        self.ended = True
        fields = [("grpc-status", str(code)), *more]
        if message:
            fields.append(("grpc-message", encode_message(message)))
        if not self.begun:
            fields = [*_HEAD, *fields]
        self._server.h2.send_headers(self.id, fields, end_stream=True)
        await self._server.flush()

    async def only(self, fields: list[tuple[str, str]], body: bytes = b"") -> None:
        """Send a response with these header fields and ``body``, without trailers."""
        self.ended = True
        self._server.h2.send_headers(self.id, fields, end_stream=not body)
        if body:
            self._server.h2.send_data(self.id, body, end_stream=True)
        await self._server.flush()

    async def cut(self) -> None:
        """End the response without trailers."""
        self.ended = True
        self._server.h2.end_stream(self.id)
        await self._server.flush()

    async def abort(self, code: int = 2) -> None:
        """Reset the stream with an error code of HTTP/2."""
        self.ended = True
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._server.h2.reset_stream(self.id, code)
        await self._server.flush()


class GrpcServer:
    """One connection."""

    def __init__(self, peer: Peer, setup: Setup, method: Callable[[str], Method]) -> None:
        self.peer = peer
        self.setup = setup
        self._method = method
        self.h2 = h2.connection.H2Connection(
            H2Configuration(client_side=False, header_encoding="latin-1")
        )
        self._calls: dict[int, ServerCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._grown = asyncio.Event()
        self._turn = 0

    async def run(self) -> None:
        """Serve until the client closes, or a fault takes over."""
        initial = dict(self.setup.settings)
        self.h2.local_settings = Settings(client=False, initial_values=initial)  # type: ignore[arg-type]
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window((1 << 22) - 65535)
        await self.flush()
        try:
            while data := await self.peer.receive():
                try:
                    events = self.h2.receive_data(data)
                except h2.exceptions.ProtocolError:
                    await self.flush()
                    return
                for event in events:
                    begun = self._event(event)
                    if begun and self.setup.h2 is not None:
                        await self.flush()
                        await FAULTS[self.setup.h2.fault](self.peer, self.setup.h2, begun)
                        return
                await self.flush()
        finally:
            for task in list(self._tasks):
                task.cancel()

    def backend(self) -> str:
        """Return the value of x-backend of the next response."""
        names = self.setup.backends
        self._turn += 1
        return names[self._turn % len(names)]

    def _event(self, event: h2.events.Event) -> int | None:
        stream_id = getattr(event, "stream_id", None) or 0
        if isinstance(event, h2.events.RequestReceived):
            fields = tuple((str(n), str(v)) for n, v in event.headers or ())
            call = self._calls[stream_id] = ServerCall(self, stream_id, fields)
            task = asyncio.get_running_loop().create_task(self._serve(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return stream_id
        found = self._calls.get(stream_id)
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._wake()
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)
            if found is not None:
                found.feed(event.data or b"")
        elif found is not None and isinstance(event, h2.events.StreamEnded):
            found.feed_end()
        elif found is not None and isinstance(event, h2.events.StreamReset):
            found.feed_end(reset=True)
            self._wake()
        return None

    async def _serve(self, call: ServerCall) -> None:
        limit = call.deadline if self.setup.deadlines else None
        with contextlib.suppress(h2.exceptions.ProtocolError, OSError, ResetError):
            try:
                async with asyncio.timeout(limit):
                    await self._method(call.path)(call)
                await call.end()
            except TimeoutError:
                await call.end(Code.DEADLINE_EXCEEDED, "deadline exceeded")
            except MessageTooLong as error:
                if self.setup.drops_long:
                    await call.abort()
                else:
                    await call.end(Code.RESOURCE_EXHAUSTED, error.detail)
        self._calls.pop(call.id, None)

    async def flush(self) -> None:
        """Send what is queued."""
        out = self.h2.data_to_send()
        if out:
            await self.peer.send(out)

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def send(self, call: ServerCall, data: bytes) -> None:
        """Send bytes of a response as the client's windows allow."""
        rest = memoryview(data)
        while rest:
            if call.reset:
                raise ResetError
            room = min(self.h2.local_flow_control_window(call.id), self.h2.max_outbound_frame_size)
            if room <= 0:
                if not self.setup.patient:
                    await call.abort()
                    raise ResetError
                await self._grown.wait()
                continue
            self.h2.send_data(call.id, bytes(rest[:room]))
            rest = rest[room:]
            await self.flush()


async def serve_http1(peer: Peer, raw: bytes) -> None:
    """Answer with ``raw`` whatever comes, as an HTTP/1.1 server does."""
    await peer.receive()
    await peer.send(raw)
    await linger(peer)
