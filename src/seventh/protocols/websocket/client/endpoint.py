"""The door to one endpoint: connections of every version of HTTP, and handshakes through them.

A refused handshake leaves HTTP/1.1's connection as it was, so the next one goes through it, too:
most servers see three or four connections.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from seventh.model.failure import Failed
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare
from seventh.net.tls.inspect import note_handshake
from seventh.net.tls.large import shake
from seventh.net.tls.recurring import start_recurring
from seventh.protocols.websocket.client.answers import broken, failure_of, opened, refusal
from seventh.protocols.websocket.client.request import HandshakeOptions, handshake_options_of
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.wire.frames import Frames
from seventh.protocols.websocket.wire.handshake import Judged, Offer, judge, new_key, opening
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.message import Fields, Request, Response, Unfinished
from seventh.wire.address import reach
from seventh.wire.text import printable

HANDSHAKE_SECONDS = 5.0
"""How long an answer to a handshake may take."""
_IDLE_TOO_LONG = 408
"""What some servers send before they end an idle connection: it answers no request."""
BODY_CAP = 4096
"""How much of a refusal is read."""
Over = Literal["1.1", "2", "3"]


class Answered(NamedTuple):
    """What a handshake gave."""

    handshake: Handshake
    judged: Judged | None
    socket: Socket | None
    response: Response | None


class Endpoint:
    """Opens connections and sockets to the target within the talk's budget."""

    def __init__(self, ctx: ProbeContext) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(WebSocketFacts)
        self.target: Target = ctx.target
        self.handshake_options: HandshakeOptions = handshake_options_of(ctx.target, ctx.options)
        self.secure = self.target.scheme == "wss"
        self.name = ctx.options.server_name or self.target.host
        self.address: Address | None = None
        """The one that the conversation is with, once it is known."""
        self.origin: str | None = self.handshake_options.origin
        """What handshakes say as Origin unless another is given; None: they have no such field."""
        self._spare: H1Connection | None = None
        self._open = 0

    # -- connections -------------------------------------------------------------------------------

    def begin(self, address: Address) -> None:
        """The conversation is with ``address``."""
        self.address = address
        # A jump host's far end is a name; nobody knows how far that reaches.
        distance = None if self.ctx.carried else reach(address.ip)
        handshake_options = self.handshake_options
        self.notes.learn(
            secure=self.secure,
            reach=distance,
            credential_parameters=handshake_options.parameters,
            origin=printable(handshake_options.origin, 200),
            sends_cookie=handshake_options.sends_cookie,
            ambient=self._ambient(),
            subprotocols_offered=handshake_options.subprotocols,
        )

    def _ambient(self) -> tuple[str, ...]:
        certificate = self.secure and self.ctx.options.cert_file is not None
        named = {
            "HTTP authentication": self.handshake_options.authenticates,
            "a client certificate": certificate,
        }  # fmt: skip
        return tuple(what for what, given in named.items() if given)

    def leave_origin(self) -> None:
        """Send no Origin from now on, as clients that are not browsers do."""
        self.origin = None

    def take_origin(self) -> None:
        """Send the Origin again."""
        self.origin = self.handshake_options.origin

    def keep(self, http: H1Connection) -> None:
        """Keep the connection of a refused handshake for the next one, or let it go."""
        if http.reusable and self._spare is None:
            self._spare = http
        else:
            http.close()

    async def below(self) -> Stream:
        """Return one more TCP connection to the conversation's address."""
        assert self.address is not None  # noqa: S101 - begin() was called
        return await self.ctx.connect_again(self.address)

    async def shaken(
        self, below: Stream, *, alpn: str = "http/1.1", phase: str = "ws.further"
    ) -> Stream:
        """Return ``below`` ready for HTTP: inside TLS where the target is secure.

        A certificate that clients refuse is a fact here; the TLS facts tell of it.
        """
        if not self.secure:
            return below
        tls = prepare(below, self.ctx.options, self.name, alpn=(alpn,), profile="lenient")
        try:
            if phase == "tls":
                await shake(self.ctx, tls, self.below, self.name)
            else:
                await tls.handshake(Stopwatch(), phase)
        except BaseException:  # of any kind, a cancelled look too: close, and let it go on
            tls.close()
            raise
        finally:
            if phase == "tls":
                note_handshake(self.ctx, tls, self.name)
        return tls

    async def verified(self, below: Stream) -> Stream:
        """Return ``below`` inside TLS, the certificate held to: the pulse's way."""
        if not self.secure:
            return below
        return await start_recurring(self.ctx, below, self.name, alpn=("http/1.1",))

    # -- handshakes --------------------------------------------------------------------------------

    def request(
        self,
        offer: Offer,
        *,
        over: Over = "1.1",
        origin: str | None = None,
        version: int = 13,
        more: Fields = (),
    ) -> Request:
        """Return the handshake's request, as the person wants it."""
        return opening(
            self.target, offer, over=over, origin=origin or self.origin,
            fields=(*self.handshake_options.fields, *more), version=version,
        )  # fmt: skip

    def offer(self, *, deflate: bool = False, subprotocols: tuple[str, ...] | None = None) -> Offer:
        """Return a fresh key and what is offered with it."""
        names = self.handshake_options.subprotocols if subprotocols is None else subprotocols
        return Offer(key=new_key(), subprotocols=names, deflate=deflate)

    async def shake(self, http: HttpConnection, request: Request, offer: Offer) -> Answered:
        """Send a handshake through ``http`` and hold the answer against the standard.

        Raises Failed where nothing came that is an answer.
        """
        until = self.ctx.budget.within(HANDSHAKE_SECONDS)
        try:
            response, stream = await http.tunnel(request, deadline_ns=until, body_cap=BODY_CAP)
        except Unfinished as unfinished:
            response, stream = unfinished.response, None
        if stream is None:
            return Answered(self._refusal(response), None, None, response)
        judged = judge(response, offer)
        socket = Socket(stream, Frames(judged.deflate), response.first)
        return Answered(opened(response, judged), judged, socket, response)

    async def variant(
        self,
        *,
        origin: str | None = None,
        version: int = 13,
        more: Fields = (),
        upgrade: bool = True,
        deflate: bool = False,
        fresh: bool = False,
        phase: str = "ws.further",
    ) -> Answered:
        """One more handshake over HTTP/1.1; through the connection of a refused one, if it stands.

        Never raises for what the peer does.
        """
        offer = self.offer(deflate=deflate)
        request = self.request(offer, origin=origin, version=version, more=more)
        spare, self._spare = self._spare, None
        if fresh and spare is not None:
            spare.close()
            spare = None
        # Of the sockets that a later step opens, that step's own phase is enough.
        watch = Stopwatch() if fresh else self.ctx.watch
        try:
            with watch.phase(phase):
                if spare is not None and spare.reusable:
                    try:
                        answered = await self._through(spare, request, offer, upgrade=upgrade)
                        if answered.handshake.status != _IDLE_TOO_LONG:
                            return answered
                        self.close()
                    except Failed:
                        spare.close()  # it may have been closed in the meantime
                http = H1Connection(await self.shaken(await self.below()))
                return await self._through(http, request, offer, upgrade=upgrade)
        except Failed as failed:
            return Answered(broken(failed), None, None, None)

    async def _through(
        self, http: H1Connection, request: Request, offer: Offer, *, upgrade: bool
    ) -> Answered:
        if upgrade:
            answered = await self.shake(http, request, offer)
        else:
            plain = Request(
                scheme=request.scheme, authority=request.authority, path=request.path,
                headers=request.headers,
            )  # fmt: skip
            until = self.ctx.budget.within(HANDSHAKE_SECONDS)
            try:
                response = await http.request(plain, deadline_ns=until, body_cap=BODY_CAP)
            except Unfinished as unfinished:
                response = unfinished.response
            answered = Answered(self._refusal(response), None, None, response)
        if answered.socket is None:
            self.keep(http)
        return answered

    def _refusal(self, response: Response) -> Handshake:
        return refusal(response, self.handshake_options.hide)

    async def socket(self, *, deflate: bool = False) -> Socket:
        """Return one more open socket. Raises Failed where the handshake is not sound."""
        answered = await self.variant(deflate=deflate, fresh=True)
        if answered.socket is None or not answered.handshake.sound:
            if answered.socket is not None:
                answered.socket.drop()
            raise failure_of(answered.handshake, self.handshake_options.credential())
        return answered.socket

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Socket]:
        """Yield a further socket for one block, let go without a word at its end."""
        socket = await self.socket()
        self.count(1)
        try:
            yield socket
        finally:
            self.count(-1)
            socket.drop()

    def count(self, change: int) -> None:
        """Sockets have been opened, or closed; the most at once is a fact."""
        self._open += change
        known = self.notes.facts.open_sockets or 0
        if self._open > known:
            self.notes.learn(open_sockets=self._open)

    def close(self) -> None:
        """Let go of the spare connection."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None
