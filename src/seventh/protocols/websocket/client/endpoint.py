"""Connections to one endpoint over every version of HTTP, and handshakes through them.

A refused handshake leaves an HTTP/1.1 connection usable, so the next handshake reuses it: most
servers receive three or four connections.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from seventh.model.failure import Failed
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare, start_recurring
from seventh.net.tls.inspect import note_handshake
from seventh.net.tls.large_hello import shake
from seventh.protocols.websocket.client.failure import failure_of
from seventh.protocols.websocket.client.request import handshake_options_of
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts import Ambient, Handshake, WebSocketFacts
from seventh.protocols.websocket.wire.deflate import Deflate
from seventh.protocols.websocket.wire.handshake import (
    Offer,
    handshake_request,
    handshake_response,
    refusal,
)
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.message import Fields, Request, Response, Unfinished
from seventh.wire.address import reach
from seventh.wire.text import printable
from seventh.wire.websocket_frames import Frames
from seventh.wire.websocket_key import VERSION, new_key

HANDSHAKE_SECONDS = 5.0
"""How long a response to a handshake may take."""
_IDLE_TOO_LONG = 408
"""The status with which some servers close an idle connection: it answers no request."""
BODY_CAP = 4096
"""How much of a refusal's content is read."""
Over = Literal["1.1", "2", "3"]


class Attempt(NamedTuple):
    """The result of one handshake."""

    handshake: Handshake
    response: Response | None = None
    socket: Socket | None = None
    deflate: Deflate | None = None


class Endpoint:
    """The target: its connections and sockets, within the budget of the check."""

    def __init__(self, ctx: ProbeContext) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(WebSocketFacts)
        self.target = ctx.target
        self.handshake_options = handshake_options_of(ctx.target, ctx.options)
        self.secure = self.target.scheme == "wss"
        self.name = ctx.options.server_name or self.target.host
        self._address: Address | None = None
        self.origin: str | None = self.handshake_options.origin
        """The Origin of handshakes that name no other; None omits the field."""
        self._spare: H1Connection | None = None
        self._open = 0

    # -- connections -------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """The address that :meth:`use` has set."""
        assert self._address is not None  # noqa: S101 - the contract above
        return self._address

    def use(self, address: Address) -> None:
        """Set the address of all connections, and learn what the check itself decides."""
        self._address = address
        own = self.handshake_options
        credentials: dict[Ambient, bool] = {
            "http-authentication": own.authenticates,
            "client-certificate": self.secure and self.ctx.options.cert_file is not None,
        }
        self.notes.learn(
            secure=self.secure,
            # Through a jump host or a proxy the address may be only a name.
            reach=None if self.ctx.carried else reach(address.ip),
            credential_parameters=own.parameters,
            origin=printable(own.origin, 200),
            sends_cookie=own.sends_cookie,
            ambient=tuple(code for code, given in credentials.items() if given),
            subprotocols_offered=own.subprotocols,
        )

    def keep(self, http: H1Connection) -> None:
        """Keep the connection of a refused handshake for the next one, or close it."""
        if http.reusable and self._spare is None:
            self._spare = http
        else:
            http.close()

    async def connect(self) -> Stream:
        """Return a new TCP connection."""
        return await self.ctx.connect_again(self.address)

    async def start_tls(
        self, below: Stream, *, alpn: str = "http/1.1", phase: str = "ws.further"
    ) -> Stream:
        """Return ``below`` inside TLS if the target is secure.

        Accepts any certificate: the TLS facts hold its errors.
        """
        if not self.secure:
            return below
        tls = prepare(below, self.ctx.options, self.name, alpn=(alpn,), profile="lenient")
        try:
            with on_failure(tls.close):
                if phase == "tls":
                    await shake(self.ctx, tls, self.connect, self.name)
                else:
                    await tls.handshake(Stopwatch(), phase)
        finally:
            if phase == "tls":
                note_handshake(self.ctx, tls, self.name)
        return tls

    async def start_verified_tls(self, below: Stream) -> Stream:
        """Return ``below`` inside TLS if the target is secure; the certificate must be valid."""
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
        version: int = VERSION,
        more: Fields = (),
    ) -> Request:
        """Return the handshake's request, with the fields of the options."""
        return handshake_request(
            self.target, offer, over=over, origin=origin or self.origin,
            fields=(*self.handshake_options.fields, *more), version=version,
        )  # fmt: skip

    def offer(self, *, deflate: bool = False) -> Offer:
        """Return an offer with a fresh key."""
        subprotocols = self.handshake_options.subprotocols
        return Offer(key=new_key(), subprotocols=subprotocols, deflate=deflate)

    async def attempt(
        self, http: HttpConnection, request: Request, offer: Offer, *, upgrade: bool = True
    ) -> Attempt:
        """Send a handshake, or the same request without Upgrade, and check the response.

        Raises Failed if there is none.
        """
        until = self.ctx.budget.within(HANDSHAKE_SECONDS)
        stream: Stream | None = None
        try:
            if upgrade:
                response, stream = await http.tunnel(request, deadline_ns=until, body_cap=BODY_CAP)
            else:
                response = await http.request(request, deadline_ns=until, body_cap=BODY_CAP)
        except Unfinished as unfinished:
            response = unfinished.response
        if stream is None:
            return Attempt(refusal(response, self.handshake_options.hide), response)
        handshake, deflate = handshake_response(response, offer)
        socket = Socket(stream, Frames(deflate), response.first)
        return Attempt(handshake, response, socket, deflate)

    async def variant(
        self,
        *,
        origin: str | None = None,
        version: int = VERSION,
        more: Fields = (),
        upgrade: bool = True,
        deflate: bool = False,
        fresh: bool = False,
        phase: str = "ws.further",
    ) -> Attempt:
        """Make one more handshake over HTTP/1.1, through the kept connection unless ``fresh``.

        Returns a failed handshake where :meth:`attempt` raises Failed.
        """
        offer = self.offer(deflate=deflate)
        request = self.request(offer, origin=origin, version=version, more=more)
        if not upgrade:
            request = Request(
                scheme=request.scheme, authority=request.authority, path=request.path,
                headers=request.headers,
            )  # fmt: skip
        if fresh:
            self.close()
        spare, self._spare = self._spare, None
        # A fresh socket belongs to a step that has a phase of its own.
        watch = Stopwatch() if fresh else self.ctx.watch
        try:
            with watch.phase(phase):
                if spare is not None and spare.reusable:
                    try:
                        result = await self._through(spare, request, offer, upgrade=upgrade)
                        if result.handshake.status != _IDLE_TOO_LONG:
                            return result
                        self.close()
                    except Failed:
                        spare.close()  # the server may have closed it in the meantime
                http = H1Connection(await self.start_tls(await self.connect()))
                return await self._through(http, request, offer, upgrade=upgrade)
        except Failed as failed:
            return Attempt(Handshake(outcome="failed", detail=failed.detail))

    async def _through(
        self, http: H1Connection, request: Request, offer: Offer, *, upgrade: bool
    ) -> Attempt:
        result = await self.attempt(http, request, offer, upgrade=upgrade)
        if result.socket is None:
            self.keep(http)
        return result

    async def socket(self) -> Socket:
        """Return a new socket. Raises Failed if the handshake is not sound."""
        result = await self.variant(fresh=True)
        if result.socket is None or not result.handshake.sound:
            if result.socket is not None:
                result.socket.abort()
            raise failure_of(result.handshake, self.handshake_options.credential())
        return result.socket

    @contextlib.asynccontextmanager
    async def counted(self, socket: Socket) -> AsyncIterator[Socket]:
        """Count ``socket`` as open for one block; the block's end aborts it."""
        self.count(1)
        try:
            yield socket
        finally:
            self.count(-1)
            socket.abort()

    def count(self, change: int) -> None:
        """Count sockets that have been opened or closed, and learn the most open at once."""
        self._open += change
        known = self.notes.facts.open_sockets or 0
        if self._open > known:
            self.notes.learn(open_sockets=self._open)

    def close(self) -> None:
        """Close the kept connection."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None
