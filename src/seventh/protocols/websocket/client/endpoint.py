"""The door to one endpoint: connections of every version of HTTP, and handshakes through them.

A refused handshake leaves HTTP/1.1's connection as it was, so the next one goes through it, too:
most servers see three or four connections.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Literal, NamedTuple

from seventh.model.failure import Failed, Reason
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.talk import Talk
from seventh.net.tls.handshake import prepare
from seventh.net.tls.inspect import note_handshake
from seventh.net.tls.large import shake
from seventh.net.tls.recurring import start_recurring
from seventh.protocols.websocket.client.request import Asking, asking_of
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
BODY_CAP = 4096
"""How much of a refusal is read."""
_PROXY_FIELDS = ("via", "cf-ray", "x-amz-cf-id", "x-cache", "x-served-by", "x-varnish",
                 "fly-request-id", "x-azure-ref", "x-envoy-upstream-service-time")  # fmt: skip
Over = Literal["1.1", "2", "3"]


class Answered(NamedTuple):
    """What a handshake gave."""

    handshake: Handshake
    judged: Judged | None
    socket: Socket | None
    response: Response | None


class Door:
    """Opens connections and sockets to the target within the talk's budget."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.notes = talk.notes(WebSocketFacts)
        self.target: Target = talk.target
        self.asking: Asking = asking_of(talk.target, talk.options)
        self.secure = self.target.scheme == "wss"
        self.name = talk.options.server_name or self.target.host
        self.address: Address | None = None
        """The one that the conversation is with, once it is known."""
        self._spare: H1Connection | None = None
        self._open = 0

    # -- connections -------------------------------------------------------------------------------

    def begin(self, address: Address) -> None:
        """The conversation is with ``address``."""
        self.address = address
        # A jump host's far end is a name; nobody knows how far that reaches.
        distance = None if self.talk.carried else reach(address.ip)
        asking = self.asking
        self.notes.learn(
            secure=self.secure,
            reach=distance,
            credential_parameters=asking.parameters,
            origin=printable(asking.origin, 200),
            sends_cookie=asking.sends_cookie,
            subprotocols_offered=asking.subprotocols,
        )

    async def below(self) -> Stream:
        """One more TCP connection to the conversation's address."""
        assert self.address is not None  # noqa: S101 - begin() was called
        return await self.talk.connect_again(self.address)

    async def shaken(
        self, below: Stream, *, alpn: str = "http/1.1", phase: str = "ws.further"
    ) -> Stream:
        """``below`` ready for HTTP: inside TLS where the target is secure.

        A certificate that clients refuse is a fact here; the TLS facts tell of it.
        """
        if not self.secure:
            return below
        tls = prepare(below, self.talk.options, self.name, alpn=(alpn,), profile="lenient")
        try:
            if phase == "tls":
                await shake(self.talk, tls, self.below, self.name)
            else:
                await tls.handshake(Stopwatch(), phase)
        except BaseException:  # of any kind, a cancelled look too: close, and let it go on
            tls.close()
            raise
        finally:
            if phase == "tls":
                note_handshake(self.talk, tls, self.name)
        return tls

    async def verified(self, below: Stream) -> Stream:
        """``below`` inside TLS, the certificate held to: the pulse's way."""
        if not self.secure:
            return below
        return await start_recurring(self.talk, below, self.name, alpn=("http/1.1",))

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
        """The handshake's request, as the person wants it."""
        return opening(
            self.target, offer, over=over, origin=origin or self.asking.origin,
            fields=(*self.asking.fields, *more), version=version,
        )  # fmt: skip

    def offer(self, *, deflate: bool = False, subprotocols: tuple[str, ...] | None = None) -> Offer:
        """A fresh key and what is offered with it."""
        names = self.asking.subprotocols if subprotocols is None else subprotocols
        return Offer(key=new_key(), subprotocols=names, deflate=deflate)

    async def shake(self, http: HttpConnection, request: Request, offer: Offer) -> Answered:
        """Send a handshake through ``http`` and hold the answer against the standard.

        Raises Failed where nothing came that is an answer.
        """
        until = self.talk.budget.within(HANDSHAKE_SECONDS)
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
        watch = Stopwatch() if fresh else self.talk.watch
        try:
            with watch.phase(phase):
                if spare is not None and spare.reusable:
                    try:
                        return await self._through(spare, request, offer, upgrade=upgrade)
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
            until = self.talk.budget.within(HANDSHAKE_SECONDS)
            try:
                response = await http.request(plain, deadline_ns=until, body_cap=BODY_CAP)
            except Unfinished as unfinished:
                response = unfinished.response
            answered = Answered(self._refusal(response), None, None, response)
        if answered.socket is None:
            if http.reusable:
                self._spare = http
            else:
                http.close()
        return answered

    def _refusal(self, response: Response) -> Handshake:
        return refusal(response, self.asking.hide)

    async def socket(self, *, deflate: bool = False) -> Socket:
        """One more open socket. Raises Failed where the handshake is not sound."""
        answered = await self.variant(deflate=deflate, fresh=True)
        if answered.socket is None or not answered.handshake.sound:
            if answered.socket is not None:
                answered.socket.drop()
            raise failure_of(answered.handshake, self.asking.credential())
        return answered.socket

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Socket]:
        """A further socket for one block, let go without a word at its end."""
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


# -- answers into facts ----------------------------------------------------------------------------


def opened(response: Response, judged: Judged) -> Handshake:
    """A switch of protocols."""
    return Handshake(
        outcome="open",
        status=response.status,
        version=response.version,
        seconds=max(0, response.first.ns - response.sent.ns) / 1e9,
        accept=judged.accept,
        subprotocol=judged.subprotocol,
        foreign_subprotocol=judged.foreign_subprotocol,
        extensions=judged.extensions,
        foreign_extensions=judged.foreign_extensions,
        problems=judged.problems,
        oddities=judged.oddities,
        server=printable(response.get("server") or "", 120),
        via=_via(response),
        versions=_versions(response),
    )


def refusal(response: Response, hide: Callable[[str], str] = str) -> Handshake:
    """An answer of HTTP that stays with HTTP; ``hide`` takes our secrets out of what it says."""
    # Before the cut: half of a secret is still one.
    body = printable(hide(response.body.decode("utf-8", "backslashreplace")).strip(), 160)
    return Handshake(
        outcome="refused",
        status=response.status,
        version=response.version,
        seconds=max(0, response.first.ns - response.sent.ns) / 1e9,
        server=printable(response.get("server") or "", 120),
        via=_via(response),
        versions=_versions(response),
        asks_upgrade="websocket" in response.listed("upgrade"),
        location=hide(_site(response.get("location"))),
        wants=_schemes(response),
        retry_after=printable(response.get("retry-after") or "", 40),
        detail=body if "text/html" not in (response.get("content-type") or "") else "",
    )


def broken(failed: Failed) -> Handshake:
    """No answer at all."""
    return Handshake(outcome="failed", detail=failed.detail)


def failure_of(seen: Handshake, sent: str = "") -> Failed:
    """Why a client gives up on this answer; ``sent`` says which credential it had been sent."""
    if seen.outcome == "failed":
        return Failed(Reason.NEGOTIATION_FAILED, seen.detail)
    if seen.outcome == "open":
        return Failed(Reason.PROTOCOL_VIOLATION, "; ".join(seen.breaches))
    status = seen.status or 0
    server = f" ({seen.server})" if seen.server else ""
    says = f": {seen.detail}" if seen.detail else ""
    answer = f"HTTP {status} to the handshake{server}"
    if status in {401, 407}:
        who = "a proxy" if status == 407 else "the server"
        wants = f" ({seen.wants})" if seen.wants else ""
        if sent and status == 401:
            return Failed(Reason.AUTH_REJECTED, f"{answer}: it does not take {sent}{wants}{says}")
        return Failed(Reason.AUTH_REQUIRED, f"{answer}: {who} wants a credential{wants}{says}")
    if seen.refused_by_envoy:
        return Failed(
            Reason.NEGOTIATION_FAILED,
            "HTTP 403 to the handshake from Envoy itself: no upgrade_configs lets websocket "
            "through, or a filter or a route refuses",
        )
    if status == 403:
        return Failed(
            Reason.AUTH_REJECTED, f"{answer}: the origin or the credential is refused{says}"
        )
    if 300 <= status < 400:
        where = f" to {seen.location}" if seen.location else ""
        return Failed(
            Reason.NEGOTIATION_FAILED, f"{answer}: a redirect{where}, which is not followed"
        )
    later = f"; again after {seen.retry_after}" if seen.retry_after else ""
    if status == 429:
        return Failed(Reason.NEGOTIATION_FAILED, f"{answer}: too many requests{later}{says}")
    if status >= 500:
        return Failed(Reason.NEGOTIATION_FAILED, f"{answer}{later}{says}")
    if status in {404, 410}:
        return Failed(Reason.PROTOCOL_MISMATCH, f"{answer}: no WebSocket at this path{says}")
    return Failed(
        Reason.PROTOCOL_MISMATCH, f"the server speaks HTTP, not WebSocket: {answer}{says}"
    )


def _versions(response: Response) -> tuple[str, ...]:
    return tuple(printable(v, 20) for v in response.listed("sec-websocket-version")[:8])


def _via(response: Response) -> str:
    said = (
        f"{name}: {printable(value, 60)}" if name == "via" else name
        for name in _PROXY_FIELDS
        if (value := response.get(name))
    )
    return ", ".join(said)


def _schemes(response: Response) -> str:
    """The names of the authentication schemes that a refusal asks for, without their parameters."""
    asked = (*response.every("www-authenticate"), *response.every("proxy-authenticate"))
    names = (value.split(maxsplit=1)[0].rstrip(",") for value in asked[:4] if value.strip())
    return ", ".join(dict.fromkeys(printable(name, 20) for name in names))


def _site(location: str | None) -> str:
    """A redirect's scheme and host, or its path: the rest may carry what nobody should read."""
    if not location:
        return ""
    scheme, colon, rest = location.partition("://")
    if not colon:
        return printable(location.partition("?")[0].partition("#")[0], 120) or "another query"
    return printable(f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}", 120)
