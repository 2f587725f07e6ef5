"""HTTP/1.1 over a stream (RFC 9112): one exchange after another, never pipelined."""

from __future__ import annotations

import contextlib
import functools
import re

import h11
import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.web import limits
from seventh.web.connection import HttpConnection
from seventh.web.h1head import Head, head_of, upgrade_of
from seventh.web.h1lenient import Deviation
from seventh.web.h1plain import plain_answer, plain_switch
from seventh.web.h1wire import Exchange, Framing
from seventh.web.message import OnBody, Request, Response
from seventh.web.resumed import Resumed

CONTINUE_SECONDS = 1.0
"""How long the body of an ``Expect: 100-continue`` waits for the server's word. A client must not
wait for ever, for the server may not know the field (RFC 9110 §10.1.1)."""
_KEEP_ALIVE = re.compile(r"(timeout|max)\s*=\s*\"?(\d{1,9})", re.IGNORECASE | re.ASCII)
_END = h11.EndOfMessage()


class LeftOver(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that came after a response's content had ended."""

    bytes: int
    """How many were seen; more may have followed."""
    method: str
    status: int
    """Of the response that they came behind."""


class H1Stats(msgspec.Struct, kw_only=True):
    """What the exchanges so far told of the connection."""

    requests: int = 0
    """How many were sent."""
    keep_alive_seconds: int | None = None
    """How long the server says that it keeps an idle connection (Keep-Alive: timeout=)."""
    keep_alive_requests: int | None = None
    """How many more requests it says that it takes (Keep-Alive: max=)."""
    framing: Framing | None = None
    """How the last response's body ended."""
    deviations: frozenset[Deviation] = frozenset()
    """Where any head departed from the grammar."""
    codings: tuple[str, ...] = ()
    """The transfer codings beside ``chunked`` that the last response named."""
    unsolicited_bytes: int = 0
    """What came without having been asked for."""
    left_over: LeftOver | None = None
    """The first of it that was no response of its own, but content beyond its end."""
    spent: str = ""
    """Why no more requests can follow; empty while they can."""


class H1Connection(HttpConnection):
    """A client's HTTP/1.1 connection on ``stream``, which it owns from here on."""

    version = "1.1"
    __slots__ = ("_last", "_machine", "address", "stats", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.address = stream.address
        self.stats = H1Stats()
        self._machine: h11.Connection | None = None
        self._last = ("", 0)
        """The method and the status of the last exchange."""

    @property
    def _h11(self) -> h11.Connection:
        """The grammar's machine for one exchange, made where that needs it."""
        if self._machine is None:
            self._machine = h11.Connection(
                h11.CLIENT, max_incomplete_event_size=limits.MAX_HEAD_BYTES
            )
        return self._machine

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent, as far as is known now."""
        return not self.stats.spent

    async def request(
        self,
        request: Request,
        *,
        deadline_ns: int | None = None,
        body_cap: int = limits.BODY_CAP,
        on_body: OnBody | None = None,
    ) -> Response:
        """See :meth:`HttpConnection.request`. A 101 is given as it is; use :meth:`tunnel` then.

        A connection whose last exchange says so is closed when that is over (RFC 9112 §9.6).
        """
        head = head_of(request)
        await self._begin()
        asks = request.method == "GET" and head.stays and not request.body
        if asks and on_body is None:
            return await self._plainly(head, deadline_ns, body_cap)
        out = self._h11.send(head.event)
        if request.body and request.get("expect") is not None:
            exchange = await self._expect(request, out, deadline_ns, body_cap, on_body)
        else:
            if request.body:
                out += self._h11.send(h11.Data(data=request.body))
            if request.body or not head.stays:  # an end without bytes says nothing
                out += self._h11.send(_END)
            exchange = await self._send(
                out, request.method, body_cap, on_body, may_fail=bool(request.body)
            )
        await self._read(exchange, deadline_ns)
        await self._end(head)
        return exchange.response()

    async def tunnel(
        self, request: Request, *, deadline_ns: int | None = None, body_cap: int = limits.BODY_CAP
    ) -> tuple[Response, Stream | None]:
        """See :meth:`HttpConnection.tunnel`: Upgrade (RFC 9110 §7.8) or CONNECT (§9.3.6)."""
        if self._machine is None and not self.stats.requests:
            plain = upgrade_of(request)
            if plain is not None:
                return await self._upgrade(request, plain, deadline_ns, body_cap)
        response = await self.request(request, deadline_ns=deadline_ns, body_cap=body_cap)
        return self._tunnelled(response)

    async def _end(self, head: Head) -> None:
        """The exchange is over; so is a connection that no further one can use.

        A server with one worker waits for that end, and so does whoever asks next.
        """
        stats = self.stats
        if head.closes and not stats.spent:
            stats.spent = "our request ended the connection"
        switched = self._machine is not None and self._machine.their_state is h11.SWITCHED_PROTOCOL
        if stats.spent and not switched:
            if stats.framing in {"content-length", "none"} and stats.left_over is None:
                with contextlib.suppress(Failed):
                    self._came_unasked((await self.stream.receive(now_ns()))[0])
            with contextlib.suppress(Failed):
                await self.stream.aclose()

    def _came_unasked(self, data: bytes) -> None:
        """Count what came between two exchanges; a response of its own (408) is no left-over."""
        stats = self.stats
        stats.unsolicited_bytes += len(data)
        if data and not data.lstrip(b"\r\n").upper().startswith(b"HTTP/"):
            method, status = self._last
            stats.left_over = stats.left_over or LeftOver(
                bytes=len(data), method=method, status=status
            )

    def _tunnelled(self, response: Response) -> tuple[Response, Stream | None]:
        if self._h11.their_state is not h11.SWITCHED_PROTOCOL:
            return response, None
        rest = self._h11.trailing_data[0]
        return response, Resumed(self.stream, rest, response.last) if rest else self.stream

    async def _upgrade(
        self, request: Request, plain: bytes, deadline_ns: int | None, body_cap: int
    ) -> tuple[Response, Stream | None]:
        """A connection's first request is a handshake, and its answer most often a plain 101."""
        await self._begin()
        sent = await self.stream.send(plain)
        try:
            data, at = await self.stream.receive(deadline_ns)
        except Failed:
            self.stats.spent = "the last exchange broke off"
            raise
        found = plain_switch(data, sent, at)
        if found is None:
            head = head_of(request)
            self._h11.send(head.event)
            exchange = Exchange(self._h11, sent, body_cap=body_cap)
            await self._read(exchange, deadline_ns, (data, at))
            await self._end(head)
            return self._tunnelled(exchange.response())
        response, rest = found
        self.stats.spent = "the connection has changed its protocol"
        return response, Resumed(self.stream, rest, at) if rest else self.stream

    async def raw(
        self,
        data: bytes,
        *,
        method: str = "GET",
        deadline_ns: int | None = None,
        body_cap: int = limits.BODY_CAP,
    ) -> Response:
        """Send ``data`` as it is and take what comes as the response to ``method``.

        For requests that no library would write, such as one with two framings.
        """
        head = head_of(Request(method=method, authority="raw"))
        await self._begin()
        self._h11.send(head.event)
        exchange = await self._send(data, method, body_cap, None)
        await self._read(exchange, deadline_ns)
        await self._end(head)
        return exchange.response()

    async def idle(self, until_ns: int) -> Mark | None:
        """Stay silent until ``until_ns``; when the server ended the connection, or None.

        A server that says something (a 408, say) ends it, too.
        """
        self.stream.expect_silence()
        try:
            data, mark = await self.stream.receive(until_ns)
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT and self.stream.budget.deadline_ns > until_ns:
                return None
            if failed.reason is not Reason.PEER_RESET:
                raise
            data, mark = b"", Mark(now_ns(), "user")
        self._came_unasked(data)
        self.stats.spent = "the server ended the idle connection"
        return mark

    async def aclose(self) -> None:
        """Let go the way TLS has for it: a server may drop the session of one that just goes."""
        self.stats.spent = self.stats.spent or "closed"
        await self.stream.aclose()

    def close(self) -> None:
        """Let go at once."""
        self.stats.spent = self.stats.spent or "closed"
        self.stream.close()

    # -- one exchange ----------------------------------------------------------------------------

    async def _plainly(self, head: Head, deadline_ns: int | None, body_cap: int) -> Response:
        """A plain GET: its answer is mostly an ordinary one, and then h11 is not asked at all."""
        sent = await self.stream.send(head.data)
        try:
            data, at = await self.stream.receive(deadline_ns)
        except Failed:
            self.stats.spent = "the last exchange broke off"
            raise
        response = plain_answer(data, sent, at, body_cap)
        if response is None:
            self._h11.send(head.event)
            exchange = Exchange(self._h11, sent, body_cap=body_cap)
            await self._read(exchange, deadline_ns, (data, at))
            response = exchange.response()
        else:
            self._settle(response)
        await self._end(head)
        return response

    def _settle(self, response: Response) -> None:
        """What an ordinary answer tells of its connection."""
        stats = self.stats
        stats.framing = "content-length"
        self._last = ("GET", response.status)
        named = response.get("keep-alive")
        if named is not None:
            stats.keep_alive_seconds, stats.keep_alive_requests = _keep_alive(named)
        stats.spent = ""
        if "close" in response.listed("connection"):
            stats.spent = "the server ends the connection after its answer"

    async def _begin(self) -> None:
        stats = self.stats
        if stats.requests and not stats.spent:
            await self._look_before()
        if stats.spent:
            raise Failed(Reason.PEER_CLOSED, f"no request can be sent: {stats.spent}")
        # Of the exchange before nothing is left over, or it had spent the connection.
        self._machine = None
        stats.requests += 1
        stats.spent = "an exchange is under way, or broke off"

    async def _look_before(self) -> None:
        """See whether the connection still stands, and in step, before it is used again.

        What has come since the last exchange is no answer to the next request (RFC 9112 §9.4).
        """
        try:
            data, _ = await self.stream.receive(now_ns())
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT:
                return
            data = b""
        self._came_unasked(data)
        self.stats.spent = (
            "more came than was asked for" if data else "the server ended the idle connection"
        )
        self.stream.close()

    async def _send(
        self,
        out: bytes,
        method: str,
        body_cap: int,
        on_body: OnBody | None,
        *,
        may_fail: bool = False,
    ) -> Exchange:
        """Send a request. Where a server answers before it has read a body, sending may fail."""
        before = Mark(now_ns(), "user")
        try:
            sent = await self.stream.send(out)
        except Failed as failed:
            if not may_fail or failed.reason is not Reason.PEER_RESET:
                raise
            sent = before
        return Exchange(self._h11, sent, method=method, body_cap=body_cap, on_body=on_body)

    async def _expect(
        self,
        request: Request,
        head: bytes,
        deadline_ns: int | None,
        body_cap: int,
        on_body: OnBody | None,
    ) -> Exchange:
        """Send the head, wait a moment for a 100, then send the body unless it is not wanted."""
        exchange = await self._send(head, request.method, body_cap, on_body)
        exchange.unsent = True
        until = self.stream.budget.within(CONTINUE_SECONDS)
        if deadline_ns is not None:
            until = min(until, deadline_ns)
        try:
            while not (exchange.continued or exchange.headed):
                exchange.receive(*await self.stream.receive(until))
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT or now_ns() >= (deadline_ns or _NEVER):
                raise
        if not exchange.headed:
            body = self._h11.send(h11.Data(data=request.body)) + self._h11.send(_END)
            await self.stream.send(body)
            exchange.unsent = False
        return exchange

    async def _read(
        self,
        exchange: Exchange,
        deadline_ns: int | None,
        begun: tuple[bytes, Mark] | None = None,
    ) -> None:
        """Read a response to its end; ``begun`` is what has come of it already."""
        receive = self.stream.receive
        try:
            if begun is not None:
                exchange.receive(*begun)
            while not exchange.done:
                data, mark = await receive(deadline_ns)
                exchange.receive(data, mark)
        except Failed as failed:
            self.stats.spent = "the last exchange broke off"
            raise exchange.unfinished(failed) from None
        self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        stats, connection = self.stats, self._h11
        stats.framing = exchange.framing
        stats.deviations |= exchange.deviations
        stats.codings = exchange.codings
        self._last = exchange.method, exchange.status
        named = exchange.field("keep-alive")
        if named is not None:
            stats.keep_alive_seconds, stats.keep_alive_requests = _keep_alive(named)
        stats.spent = ""
        rest = connection.trailing_data[0] if not (exchange.switched or exchange.truncated) else b""
        self._came_unasked(rest)
        if exchange.switched:
            stats.spent = "the connection has changed its protocol"
        elif exchange.truncated:
            stats.spent = "the last body was left before its end"
        elif exchange.closes:
            stats.spent = "the server ends the connection after its answer"
        elif exchange.unsent:
            stats.spent = "the last request's body was not sent"
        elif rest:
            stats.spent = "more came than was asked for"


_NEVER = 1 << 63


@functools.lru_cache(maxsize=64)
def _keep_alive(value: str) -> tuple[int | None, int | None]:
    """Return what a Keep-Alive field says: seconds and requests."""
    said = {k.lower(): int(v) for k, v in _KEEP_ALIVE.findall(value)}
    return said.get("timeout"), said.get("max")
