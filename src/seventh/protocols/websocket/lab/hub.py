"""The reference hub: it echoes, broadcasts, pings and keeps limits; or does one of them wrong.

The frames are those of the library websockets, on the server's side; what no library would send or
overlook is in :mod:`lab_wrong`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import parse_qsl

import msgspec
from websockets.exceptions import InvalidState
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from seventh.labkit.web.handler import Answer, Pipe
from seventh.protocols.websocket.client.request import expiry_of
from seventh.protocols.websocket.wire.handshake import VERSION, accept_of, key_is_sound
from seventh.web.message import Fields, Request

SUBPROTOCOL = "hub.v1"
PUBLISH = "publish "
MAX_BYTES = 128 * 1024
MAX_PER_SECOND = 100
STALE, POLICY = 4401, 1008
LINGER_SECONDS = 0.5
RATE_LIMIT = ("RateLimit-Policy", '"messages";q=100;w=1')
Takes = Callable[[Pipe], Awaitable[None]]


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """How the hub behaves; the defaults are a hub in perfect order."""

    origins: Literal["own", "any", "none"] = "own"
    """Which pages it takes: its own site's, any, or no page at all but programs."""
    cookie: bool = False
    """Whether its answer sets one."""
    answers: Answer | None = None
    """What every request is answered with, instead of anything else."""
    accept: Literal["right", "wrong", "missing"] = "right"
    upgrade: str = ""
    """Another value of the response's Upgrade."""
    subprotocol: str = ""
    """Chosen whatever is offered."""
    extension: str = ""
    """Switched on whatever is offered."""
    version: Literal["listed", "unlisted", "any"] = "listed"
    """How it takes a version that it does not know."""
    deflate: Literal["forgets", "keeps"] = "forgets"
    declares: bool = True
    """Whether it tells its limits."""
    continues: bool = False
    """Whether a 100 comes before its answer."""
    expect_seconds: float = 0.0
    """How long it waits when there is an Expect."""
    expires: bool = True
    """Whether a socket ends with its token."""
    pongs: bool = True
    ping_seconds: float | None = 0.2
    idle_seconds: float | None = None
    """After so long without a word the connection just ends."""
    max_bytes: int | None = MAX_BYTES
    drops_long: bool = False
    """Whether a message that is too long just ends the connection."""
    max_per_second: int | None = MAX_PER_SECOND
    closing: Literal["echo", "no-code", "drop"] = "echo"
    broadcast_seconds: float = 0.0
    loses: int = 0
    """Every socket of that number (every third, say) gets no broadcast."""
    waits: bool = True
    """Whether it waits for a slow reader; otherwise what is unread piles up."""
    tunnel: Takes | None = None
    """Takes over after the handshake, instead of the hub."""


class Hub:
    """All sockets of one server."""

    def __init__(self, manners: Manners, origins: tuple[str, ...] = ()) -> None:
        self.manners = manners
        self.origins = origins
        """Where pages may come from; the server's own address is known only once it listens."""
        self.members: list[Member] = []
        self.handshakes = 0

    async def handle(self, request: Request) -> Answer:
        """Answer one request of any version of HTTP."""
        manners = self.manners
        fields = {name.lower(): value for name, value in request.headers}
        self.handshakes += 1
        if manners.answers is not None:
            return manners.answers
        refused = self._refusal(request, fields)
        if refused is not None:
            return refused
        if manners.expect_seconds and "expect" in fields:
            await asyncio.sleep(manners.expect_seconds)
        expiry = self._expiry(request, fields)
        if expiry is not None and expiry <= time.time() and manners.expires:
            return Answer(status=401, headers=(("WWW-Authenticate", "Bearer"),))
        deflate, head = self._head(request, fields)

        async def serve(pipe: Pipe) -> None:
            if manners.tunnel is not None:
                await manners.tunnel(pipe)
                return
            await Member(self, pipe, deflate, expiry).run()

        return Answer(
            status=200,
            headers=head,
            informational=((100, ()),) if manners.continues else (),
            tunnel=serve,
        )

    def _refusal(self, request: Request, fields: dict[str, str]) -> Answer | None:
        manners = self.manners
        listed = (("Sec-WebSocket-Version", str(VERSION)),)
        upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"))
        if request.protocol is None or request.protocol.lower() != "websocket":
            return Answer(status=426, headers=(*upgrade, *listed), body=b"a WebSocket lives here\n")
        origin = fields.get("origin")
        allowed = self.origins if manners.origins == "own" else ()
        if manners.origins != "any" and origin is not None and origin not in allowed:
            return Answer(status=403, body=b"not from that site\n")
        if fields.get("sec-websocket-version") != str(VERSION) and manners.version != "any":
            if manners.version == "unlisted":
                return Answer(status=400)
            return Answer(status=426, headers=(*upgrade, *listed))
        by_key = request.method == "GET"
        if by_key and not key_is_sound(fields.get("sec-websocket-key", "")):
            return Answer(status=400, body=b"no key\n")
        return None

    def _head(
        self, request: Request, fields: dict[str, str]
    ) -> tuple[PerMessageDeflate | None, Fields]:
        """Return the response's fields, and the extension that they agree on."""
        manners = self.manners
        head: list[tuple[str, str]] = []
        if request.method == "GET" and manners.accept != "missing":
            right = accept_of(fields["sec-websocket-key"])
            wrong = accept_of("AAAAAAAAAAAAAAAAAAAAAA==")
            head.append(("Sec-WebSocket-Accept", right if manners.accept == "right" else wrong))
        if manners.upgrade:
            head += [("Upgrade", manners.upgrade), ("Connection", "Upgrade")]
        offered = [n.strip() for n in fields.get("sec-websocket-protocol", "").split(",")]
        if manners.subprotocol or SUBPROTOCOL in offered:
            head.append(("Sec-WebSocket-Protocol", manners.subprotocol or SUBPROTOCOL))
        deflate: PerMessageDeflate | None = None
        if manners.extension:
            head.append(("Sec-WebSocket-Extensions", manners.extension))
        elif "permessage-deflate" in fields.get("sec-websocket-extensions", ""):
            forgets = manners.deflate == "forgets"
            deflate = PerMessageDeflate(forgets, forgets, 15, 15)
            said = "; server_no_context_takeover; client_no_context_takeover" if forgets else ""
            head.append(("Sec-WebSocket-Extensions", f"permessage-deflate{said}"))
        if manners.declares:
            head.append(RATE_LIMIT)
        if manners.cookie:
            head.append(("Set-Cookie", "session=0123456789abcdef; HttpOnly; Secure; SameSite=None"))
        return deflate, tuple(head)

    def _expiry(self, request: Request, fields: dict[str, str]) -> float | None:
        bearer = fields.get("authorization", "").removeprefix("Bearer ")
        query = dict(parse_qsl(request.path.partition("?")[2]))
        token = query.get("access_token", bearer)
        return expiry_of(token) if token else None

    async def publish(self, text: bytes) -> None:
        """Send a text to every member."""
        manners = self.manners
        await asyncio.sleep(manners.broadcast_seconds)
        lost = [
            member
            for number, member in enumerate(self.members)
            if manners.loses and number % manners.loses == manners.loses - 1
        ]
        await asyncio.gather(
            *(member.send_text(text) for member in self.members if member not in lost)
        )


class Member:
    """One socket, seen from the server."""

    def __init__(
        self, hub: Hub, pipe: Pipe, deflate: PerMessageDeflate | None, expiry: float | None
    ) -> None:
        self.hub = hub
        self.pipe = pipe
        self.expiry = expiry
        self.protocol = Protocol(SERVER, state=OPEN, max_size=hub.manners.max_bytes)
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
        if self.expiry is not None and hub.manners.expires:
            helpers.append(asyncio.create_task(self._expire(self.expiry)))
        try:
            with contextlib.suppress(TimeoutError):
                await self._serve()
        finally:
            hub.members.remove(self)
            for task in (*helpers, *self.unsent):
                task.cancel()

    async def _serve(self) -> None:
        manners = self.hub.manners
        while True:
            async with asyncio.timeout(manners.idle_seconds):
                data = await self.pipe.receive()
            if not data:
                return
            self.protocol.receive_data(data)
            for frame in self.protocol.events_received():
                assert isinstance(frame, Frame)  # noqa: S101 - there is no handshake in here
                if frame.opcode is Opcode.CLOSE and manners.closing != "echo":
                    await self._close_badly()
                    return
                await self._take(frame)
            if self.protocol.parser_exc is not None and manners.drops_long:
                return
            if await self._flush():
                if self.protocol.close_rcvd is None:
                    await self._linger()
                return

    async def _linger(self) -> None:
        """Read on until the client goes: ending at once would reset what it is still sending."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self.pipe.receive():
                    pass

    async def _close_badly(self) -> None:
        self.protocol.data_to_send()
        if self.hub.manners.closing == "no-code":
            await self.pipe.send(Frame(Opcode.CLOSE, b"").serialize(mask=False))

    async def _take(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.PING, Opcode.PONG, Opcode.CLOSE}:
            if frame.opcode is Opcode.PING and not self.hub.manners.pongs:
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
        limit = self.hub.manners.max_per_second
        now = time.monotonic()
        if now - self.second >= 1:
            self.second, self.count = now, 0
        self.count += 1
        return limit is not None and self.count > limit

    def _fail(self, code: int) -> None:
        if self.protocol.state is OPEN:
            self.protocol.fail(code)

    async def send_text(self, text: bytes) -> None:
        """Say a text, unless the socket is closing."""
        try:
            self.protocol.send_text(text)
        except InvalidState:
            return
        await self._flush()

    async def _flush(self) -> bool:
        """Send what waits; whether the connection is to end now."""
        writes = self.protocol.data_to_send()
        out = b"".join(writes)
        if out and self.hub.manners.waits:
            await self.pipe.send(out)
        elif out:
            task = asyncio.create_task(self.pipe.send(out))
            self.unsent.add(task)
            task.add_done_callback(self.unsent.discard)
        return b"" in writes

    async def _ping(self) -> None:
        every = self.hub.manners.ping_seconds
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
            self.protocol.send_close(STALE, "the token has ended")
            await self._flush()
