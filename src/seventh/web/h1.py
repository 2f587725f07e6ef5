"""HTTP/1.1 over a stream (RFC 9112): one exchange after another, never pipelined."""

from __future__ import annotations

import contextlib
import functools
import re

import h11
import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.stream import Stream
from seventh.web import limits
from seventh.web.connection import HttpConnection
from seventh.web.h1head import Head, head_of
from seventh.web.h1lenient import Deviation
from seventh.web.h1plain import plain_handshake, plain_response
from seventh.web.h1wire import Exchange, Framing
from seventh.web.message import OnBody, Request, Response
from seventh.web.resumed import Resumed

CONTINUE_SECONDS = 1.0
"""How long a body waits for 100 Continue: a server may not support Expect (RFC 9110 §10.1.1)."""
_KEEP_ALIVE = re.compile(r"(timeout|max)\s*=\s*\"?(\d{1,9})", re.IGNORECASE | re.ASCII)
_END = h11.EndOfMessage()
_FAILED = "the last exchange failed"
_SWITCHED = "the connection switched protocols"
_CLOSING = "the server closes the connection after its response"
_IDLE_END = "the server closed the idle connection"
_UNSOLICITED = "unsolicited bytes were received"


class LeftOver(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes after the end of a response's content."""

    bytes: int
    """The number of bytes read; more may have followed."""
    method: str
    status: int
    """The status of the response before them."""


class H1Stats(msgspec.Struct, kw_only=True):
    """What the exchanges so far show of the connection."""

    requests: int = 0
    """The number of requests sent."""
    keep_alive_seconds: int | None = None
    """The idle time that the server declares (Keep-Alive: timeout=)."""
    keep_alive_requests: int | None = None
    """The number of further requests that it declares (Keep-Alive: max=)."""
    framing: Framing | None = None
    """How the last response's body ended."""
    deviations: frozenset[Deviation] = frozenset()
    """The deviations of all heads from the grammar."""
    codings: tuple[str, ...] = ()
    """The last response's transfer codings besides ``chunked``."""
    unsolicited_bytes: int = 0
    """The number of bytes that belong to no request."""
    left_over: LeftOver | None = None
    """The first of them that are not a response, but surplus content."""
    spent: str = ""
    """Why no more requests can be sent; empty while they can."""

    @property
    def closed_by_server(self) -> bool:
        """Whether the server closes the connection after its response."""
        return self.spent == _CLOSING


class H1Connection(HttpConnection):
    """A client's HTTP/1.1 connection; it owns ``stream``."""

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
        """The h11 connection of the current exchange, made on demand."""
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
        """See :meth:`HttpConnection.request`; use :meth:`tunnel` where a 101 is expected.

        Closes the connection after the exchange if either side asks for it (RFC 9112 §9.6).
        """
        head = head_of(request)
        plain = request.method == "GET" and head.stays and not request.body
        if plain and on_body is None:
            return (await self._ask(head.data, request, deadline_ns, body_cap))[0]
        await self._begin()
        out = self._h11.send(head.event)
        if request.body and request.get("expect") is not None:
            exchange = await self._expect(request, out, deadline_ns, body_cap, on_body)
        else:
            out += self._h11.send(h11.Data(data=request.body)) + self._h11.send(_END)
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
            plain = plain_handshake(request)
            if plain is not None:
                return await self._ask(plain, request, deadline_ns, body_cap)
        response = await self.request(request, deadline_ns=deadline_ns, body_cap=body_cap)
        return self._tunnelled(response)

    async def _end(self, head: Head) -> None:
        """End the exchange, and close the connection if no other can follow.

        A server with one worker waits for that.
        """
        stats = self.stats
        if head.closes and not stats.spent:
            stats.spent = "our request closed the connection"
        switched = self._machine is not None and self._machine.their_state is h11.SWITCHED_PROTOCOL
        if stats.spent and not switched:
            if stats.framing in {"content-length", "none"} and stats.left_over is None:
                with contextlib.suppress(Failed):
                    self._count_unsolicited((await self.stream.receive(now_ns()))[0])
            with contextlib.suppress(Failed):
                await self.stream.aclose()

    def _count_unsolicited(self, data: bytes) -> None:
        """Count bytes between two exchanges; a whole response (408) is not a left-over."""
        stats = self.stats
        stats.unsolicited_bytes += len(data)
        if data and not data.lstrip(b"\r\n").upper().startswith(b"HTTP/"):
            method, status = self._last
            stats.left_over = stats.left_over or LeftOver(
                bytes=len(data), method=method, status=status
            )

    def _tunnelled(self, response: Response) -> tuple[Response, Stream | None]:
        machine = self._machine
        if machine is None or machine.their_state is not h11.SWITCHED_PROTOCOL:
            return response, None
        rest = machine.trailing_data[0]
        return response, Resumed(self.stream, rest, response.last) if rest else self.stream

    async def raw(
        self,
        data: bytes,
        *,
        method: str = "GET",
        deadline_ns: int | None = None,
        body_cap: int = limits.BODY_CAP,
    ) -> Response:
        """Send ``data`` as it is, and read a response to ``method``.

        For requests that h11 refuses to write, such as one with two framings.
        """
        head = head_of(Request(method=method, authority="raw"))
        await self._begin()
        self._h11.send(head.event)
        exchange = await self._send(data, method, body_cap, None)
        await self._read(exchange, deadline_ns)
        await self._end(head)
        return exchange.response()

    async def idle(self, until_ns: int) -> Mark | None:
        """Send nothing until ``until_ns``; return when the server closed the connection, or None.

        Data from the server, such as a 408, counts as its end.
        """
        self.stream.expect_silence()
        try:
            data, mark = await self.stream.receive(until_ns)
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT and self.stream.budget.deadline_ns > until_ns:
                return None
            if failed.reason is not Reason.PEER_RESET:
                raise
            data, mark = b"", user_mark()
        self._count_unsolicited(data)
        self.stats.spent = _IDLE_END
        return mark

    async def aclose(self) -> None:
        """Close with TLS's close_notify, without which a server may drop the session."""
        self.stats.spent = self.stats.spent or "closed"
        await self.stream.aclose()

    def close(self) -> None:
        """Close without waiting."""
        self.stats.spent = self.stats.spent or "closed"
        self.stream.close()

    # -- one exchange ----------------------------------------------------------------------------

    async def _ask(
        self, out: bytes, request: Request, deadline_ns: int | None, body_cap: int
    ) -> tuple[Response, Stream | None]:
        """Send a request that :mod:`h1plain` covers; h11 reads a response that is not plain."""
        await self._begin()
        switching = request.protocol is not None
        sent = await self.stream.send(out)
        try:
            data, at = await self.stream.receive(deadline_ns)
        except Failed:
            self.stats.spent = _FAILED
            raise
        plain = plain_response(data, sent, at, body_cap, switching=switching)
        if plain is not None and switching:
            response, rest = plain
            self.stats.spent = _SWITCHED
            return response, Resumed(self.stream, rest, at) if rest else self.stream
        head = head_of(request)
        if plain is not None:
            response = plain[0]
            self._learn_plain(response)
        else:
            self._h11.send(head.event)
            exchange = Exchange(self._h11, sent, body_cap=body_cap)
            await self._read(exchange, deadline_ns, (data, at))
            response = exchange.response()
        await self._end(head)
        return self._tunnelled(response)

    def _learn_plain(self, response: Response) -> None:
        """Update the stats after a plain response."""
        stats = self.stats
        stats.framing = "content-length"
        self._last = ("GET", response.status)
        named = response.get("keep-alive")
        if named is not None:
            stats.keep_alive_seconds, stats.keep_alive_requests = _keep_alive(named)
        stats.spent = _CLOSING if "close" in response.listed("connection") else ""

    async def _begin(self) -> None:
        stats = self.stats
        if stats.requests and not stats.spent:
            await self._check_idle()
        if stats.spent:
            raise Failed(Reason.PEER_CLOSED, f"cannot send a request: {stats.spent}")
        # The last exchange left no bytes, or the connection would be spent.
        self._machine = None
        stats.requests += 1
        stats.spent = "an exchange is in progress or has failed"

    async def _check_idle(self) -> None:
        """Check that the connection is open and idle before it is used again.

        Bytes since the last exchange do not answer the next request (RFC 9112 §9.4).
        """
        try:
            data, _ = await self.stream.receive(now_ns())
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT:
                return
            data = b""
        self._count_unsolicited(data)
        self.stats.spent = _UNSOLICITED if data else _IDLE_END
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
        """Send a request; ``may_fail`` ignores a reset, as by a response before the body."""
        before = user_mark()
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
        """Send the head, wait for 100 Continue, then send the body unless a final response came."""
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
        """Read a response to its end; ``begun`` are the bytes received already."""
        receive = self.stream.receive
        try:
            if begun is not None:
                exchange.receive(*begun)
            while not exchange.done:
                data, mark = await receive(deadline_ns)
                exchange.receive(data, mark)
        except Failed as failed:
            self.stats.spent = _FAILED
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
        self._count_unsolicited(rest)
        if exchange.switched:
            stats.spent = _SWITCHED
        elif exchange.truncated:
            stats.spent = "the last body was not read to its end"
        elif exchange.closes:
            stats.spent = _CLOSING
        elif exchange.unsent:
            stats.spent = "the last request's body was not sent"
        elif rest:
            stats.spent = _UNSOLICITED


_NEVER = 1 << 63


@functools.lru_cache(maxsize=64)
def _keep_alive(value: str) -> tuple[int | None, int | None]:
    """Return the seconds and requests of a Keep-Alive field."""
    named = {k.lower(): int(v) for k, v in _KEEP_ALIVE.findall(value)}
    return named.get("timeout"), named.get("max")
