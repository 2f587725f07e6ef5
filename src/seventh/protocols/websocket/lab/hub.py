"""The reference hub: it echoes, broadcasts, pings and keeps limits, or does one of them wrong.

The library websockets writes and reads its frames; frames that it would not write are in
:mod:`wrong`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from urllib.parse import parse_qsl

from websockets.exceptions import InvalidState
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from seventh.labkit.web.handler import Answer, Pipe
from seventh.protocols.websocket.lab.setup import Setup
from seventh.web.message import Fields, Request
from seventh.wire.jwt import expiry_of
from seventh.wire.websocket_key import VERSION, accept_of, is_valid_key

SUBPROTOCOL = "hub.v1"
PUBLISH = "publish "
STALE, POLICY = 4401, 1008
LINGER_SECONDS = 0.5
RATE_LIMIT = ("RateLimit-Policy", '"messages";q=100;w=1')


class Hub:
    """All sockets of one server."""

    def __init__(self, setup: Setup, origins: tuple[str, ...] = ()) -> None:
        self.setup = setup
        self.origins = origins
        """The server's own origins, known once it listens."""
        self.members: list[Member] = []
        self.handshakes = 0

    async def handle(self, request: Request) -> Answer:
        """Answer one request of any version of HTTP."""
        setup = self.setup
        fields = {name.lower(): value for name, value in request.headers}
        self.handshakes += 1
        if setup.answers is not None:
            return setup.answers
        refused = self._refusal(request, fields)
        if refused is not None:
            return refused
        if setup.expect_seconds and "expect" in fields:
            await asyncio.sleep(setup.expect_seconds)
        expiry = self._expiry(request, fields)
        if expiry is not None and expiry <= time.time() and setup.expires:
            return Answer(status=401, headers=(("WWW-Authenticate", "Bearer"),))
        deflate, head = self._head(request, fields)

        async def serve(pipe: Pipe) -> None:
            if setup.tunnel is not None:
                await setup.tunnel(pipe)
                return
            await Member(self, pipe, deflate, expiry).run()

        return Answer(
            status=200,
            headers=head,
            informational=((100, ()),) if setup.continues else (),
            tunnel=serve,
        )

    def _refusal(self, request: Request, fields: dict[str, str]) -> Answer | None:
        setup = self.setup
        listed = (("Sec-WebSocket-Version", str(VERSION)),)
        upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
        if request.protocol is None or request.protocol.lower() != "websocket":
            return Answer(
                status=426, headers=(*upgrade, *listed), body=b"this is a WebSocket endpoint\n"
            )
        origin = fields.get("origin")
        allowed = self.origins if setup.origins == "own" else ()
        if setup.origins != "any" and origin is not None and origin not in allowed:
            return Answer(status=403, body=b"origin not allowed\n")
        if fields.get("sec-websocket-version") != str(VERSION) and setup.version != "any":
            if setup.version == "unlisted":
                return Answer(status=400)
            return Answer(status=426, headers=(*upgrade, *listed))
        by_key = request.method == "GET"
        if by_key and not is_valid_key(fields.get("sec-websocket-key", "")):
            return Answer(status=400, body=b"no key\n")
        return None

    def _head(
        self, request: Request, fields: dict[str, str]
    ) -> tuple[PerMessageDeflate | None, Fields]:
        """Return the extension in use, and the response's fields."""
        setup = self.setup
        head: list[tuple[str, str]] = []
        if request.method == "GET" and setup.accept != "missing":
            right = accept_of(fields["sec-websocket-key"])
            wrong = accept_of("AAAAAAAAAAAAAAAAAAAAAA==")
            head.append(("Sec-WebSocket-Accept", right if setup.accept == "right" else wrong))
        if setup.upgrade:
            head += [("Upgrade", setup.upgrade), ("Connection", "Upgrade")]
        offered = [n.strip() for n in fields.get("sec-websocket-protocol", "").split(",")]
        if setup.subprotocol or SUBPROTOCOL in offered:
            head.append(("Sec-WebSocket-Protocol", setup.subprotocol or SUBPROTOCOL))
        deflate: PerMessageDeflate | None = None
        if setup.extension:
            head.append(("Sec-WebSocket-Extensions", setup.extension))
        elif "permessage-deflate" in fields.get("sec-websocket-extensions", ""):
            forgets = setup.deflate == "forgets"
            deflate = PerMessageDeflate(forgets, forgets, 15, 15)
            flags = "; server_no_context_takeover; client_no_context_takeover" if forgets else ""
            head.append(("Sec-WebSocket-Extensions", f"permessage-deflate{flags}"))
        if setup.declares:
            head.append(RATE_LIMIT)
        if setup.cookie:
            head.append(("Set-Cookie", "session=0123456789abcdef; HttpOnly; Secure; SameSite=None"))
        return deflate, tuple(head)

    def _expiry(self, request: Request, fields: dict[str, str]) -> float | None:
        bearer = fields.get("authorization", "").removeprefix("Bearer ")
        query = dict(parse_qsl(request.path.partition("?")[2]))
        token = query.get("access_token", bearer)
        return expiry_of(token) if token else None

    async def publish(self, text: bytes) -> None:
        """Send a text to every member."""
        setup = self.setup
        await asyncio.sleep(setup.broadcast_seconds)
        await asyncio.gather(
            *(
                member.send_text(text)
                for number, member in enumerate(self.members, start=1)
                if not setup.loses or number % setup.loses
            )
        )


class Member:
    """The server's side of one socket."""

    def __init__(
        self, hub: Hub, pipe: Pipe, deflate: PerMessageDeflate | None, expiry: float | None
    ) -> None:
        self.hub = hub
        self.pipe = pipe
        self.expiry = expiry
        self.protocol = Protocol(SERVER, state=OPEN, max_size=hub.setup.max_bytes)
        self.protocol.extensions = [deflate] if deflate is not None else []
        self.pieces: list[bytes] = []
        self.text = False
        self.second = 0.0
        self.count = 0
        self.unsent: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until one side closes."""
        hub = self.hub
        hub.members.append(self)
        helpers = [asyncio.create_task(self._ping())]
        if self.expiry is not None and hub.setup.expires:
            helpers.append(asyncio.create_task(self._expire(self.expiry)))
        try:
            with contextlib.suppress(TimeoutError):
                await self._serve()
        finally:
            hub.members.remove(self)
            for task in (*helpers, *self.unsent):
                task.cancel()

    async def _serve(self) -> None:
        setup = self.hub.setup
        while True:
            async with asyncio.timeout(setup.idle_seconds):
                data = await self.pipe.receive()
            if not data:
                return
            self.protocol.receive_data(data)
            for frame in self.protocol.events_received():
                assert isinstance(frame, Frame)  # noqa: S101 - there is no handshake in here
                if frame.opcode is Opcode.CLOSE and setup.closing != "echo":
                    await self._close_badly()
                    return
                await self._take(frame)
            if self.protocol.parser_exc is not None and setup.drops_long:
                return
            if await self._flush():
                if self.protocol.close_rcvd is None:
                    await self._linger()
                return

    async def _linger(self) -> None:
        """Read until the client closes: closing at once would reset the connection."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self.pipe.receive():
                    pass

    async def _close_badly(self) -> None:
        self.protocol.data_to_send()
        if self.hub.setup.closing == "no-code":
            await self.pipe.send(Frame(Opcode.CLOSE, b"").serialize(mask=False))

    async def _take(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.PING, Opcode.PONG, Opcode.CLOSE}:
            if frame.opcode is Opcode.PING and not self.hub.setup.pongs:
                self.protocol.data_to_send()
            return
        if frame.opcode is not Opcode.CONT:
            self.text = frame.opcode is Opcode.TEXT
        self.pieces.append(bytes(frame.data))
        if not frame.fin:
            return
        data, self.pieces = b"".join(self.pieces), []
        try:
            text = data.decode() if self.text else ""
        except UnicodeDecodeError:
            self._fail(1007)
            return
        if self._too_fast():
            self._fail(POLICY)
            return
        if text.startswith(PUBLISH):
            await self._flush()
            await self.hub.publish(data)
        elif self.text:
            await self.send_text(data)
        else:
            self.protocol.send_binary(data)
            await self._flush()

    def _too_fast(self) -> bool:
        limit = self.hub.setup.max_per_second
        now = time.monotonic()
        if now - self.second >= 1:
            self.second, self.count = now, 0
        self.count += 1
        return limit is not None and self.count > limit

    def _fail(self, code: int) -> None:
        if self.protocol.state is OPEN:
            self.protocol.fail(code)

    async def send_text(self, text: bytes) -> None:
        """Send a text, unless the socket is closing."""
        try:
            self.protocol.send_text(text)
        except InvalidState:
            return
        await self._flush()

    async def _flush(self) -> bool:
        """Send what is queued; return whether the connection ends now."""
        writes = self.protocol.data_to_send()
        out = b"".join(writes)
        if out and self.hub.setup.waits:
            await self.pipe.send(out)
        elif out:
            task = asyncio.create_task(self.pipe.send(out))
            self.unsent.add(task)
            task.add_done_callback(self.unsent.discard)
        return b"" in writes

    async def _ping(self) -> None:
        every = self.hub.setup.ping_seconds
        while every is not None:
            await asyncio.sleep(every)
            try:
                self.protocol.send_ping(b"hub")
            except InvalidState:
                return
            await self._flush()

    async def _expire(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.time()))
        with contextlib.suppress(InvalidState):
            self.protocol.send_close(STALE, "the token expired")
            await self._flush()
