"""An HTTP/1.1 server for labs, on h11, with raw faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11

from seventh.labkit.web.handler import NO_CONTENT, Answer, Handler, Pipe
from seventh.labkit.web.peer import H1Setup, Peer, linger
from seventh.web.message import Fields, Request

Fault = Callable[[Peer, H1Setup], Awaitable[None]]
_REASONS = {100: b"Continue", 101: b"Switching Protocols", 103: b"Early Hints", 200: b"OK"}


async def serve_h1(
    peer: Peer, handler: Handler, setup: H1Setup | None = None, scheme: str = "http"
) -> None:
    """Serve one connection until it ends."""
    await _Server(peer, handler, setup or H1Setup(), scheme).run()


class _Server:
    def __init__(self, peer: Peer, handler: Handler, setup: H1Setup, scheme: str) -> None:
        self.peer = peer
        self.handler = handler
        self.setup = setup
        self.scheme = scheme
        self.h11 = h11.Connection(h11.SERVER)
        self.served = 0

    async def run(self) -> None:
        """Serve requests one after another."""
        greet = _GREETINGS.get(self.setup.fault)
        if greet is not None:
            await greet(self.peer, self.setup)
            return
        while (request := await self._request()) is not None:
            self.served += 1
            fault = FAULTS.get(self.setup.fault)
            if fault is not None:
                await fault(self.peer, self.setup)
                return
            await self._answer(request, await self.handler(request))
            if self.h11.our_state is not h11.DONE or self.h11.their_state is not h11.DONE:
                return
            self.h11.start_next_cycle()

    async def _event(self) -> object:
        """Return the next event; ConnectionClosed also for malformed data and a timeout."""
        while True:
            try:
                event = self.h11.next_event()
            except h11.RemoteProtocolError:
                await self.peer.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                return h11.ConnectionClosed()
            if event is not h11.NEED_DATA:
                return event
            await self._continue()
            try:
                async with asyncio.timeout(self.setup.keep_alive_seconds if self.served else None):
                    data = await self.peer.receive()
            except TimeoutError:
                return h11.ConnectionClosed()
            self.h11.receive_data(data)

    async def _continue(self) -> None:
        """Send 100 Continue, or refuse, if the client waits for it."""
        if self.h11.they_are_waiting_for_100_continue and self.setup.fault != "expect-stall":
            if self.setup.fault == "expect-refused":
                await self._send(h11.Response(status_code=417, headers=[("Content-Length", "0")]))
                await self._send(h11.EndOfMessage())
                return
            await self._send(
                h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            )

    async def _send(self, event: h11.Event) -> None:
        data = self.h11.send(event)
        if data:
            await self.peer.send(bytes(data))

    async def _request(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        body = b""
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in head.headers]
        named = dict(fields)
        most = self.setup.max_content_bytes
        if most is not None and int(named.get("content-length", "0")) > most:
            refusal = [("Content-Length", "0"), ("Connection", "close")]
            await self._send(h11.Response(status_code=413, headers=refusal))
            return None
        upgrade = "upgrade" in named.get("connection", "").lower()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return None
            body += event.data
        return Request(
            method=head.method.decode("ascii"),
            scheme=self.scheme,
            authority=named.get("host", ""),
            path=head.target.decode("latin-1"),
            headers=tuple(fields),
            body=body,
            protocol=named.get("upgrade") if upgrade else None,
        )

    # -- answers -----------------------------------------------------------------------------------

    async def _answer(self, request: Request, answer: Answer) -> None:
        for status, fields in answer.informational:
            await self._send(
                h11.InformationalResponse(
                    status_code=status, headers=_raw(fields), reason=_REASONS.get(status, b"")
                )
            )
        if answer.tunnel is not None and (request.protocol or request.method == "CONNECT"):
            await self._tunnel(request, answer)
            return
        await self._send(
            h11.Response(
                status_code=answer.status,
                headers=_raw(self._fields(answer)),
                reason=_REASONS.get(answer.status, b""),
            )
        )
        if request.method != "HEAD" and answer.status not in NO_CONTENT:
            async for piece in answer.pieces():
                await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage(headers=_raw(answer.trailers)))

    def _fields(self, answer: Answer) -> Fields:
        fields = list(answer.fields())
        if answer.trailers:
            fields = [*answer.headers, ("Transfer-Encoding", "chunked")]
        setup, left = self.setup, None
        if setup.keep_alive_requests is not None:
            left = setup.keep_alive_requests - self.served
        if left is not None and left <= 0:
            fields.append(("Connection", "close"))
        elif setup.keep_alive_seconds is not None:
            more = "" if left is None else f", max={left}"
            fields.append(("Keep-Alive", f"timeout={setup.keep_alive_seconds:g}{more}"))
        return tuple(fields)

    async def _tunnel(self, request: Request, answer: Answer) -> None:
        if request.method == "CONNECT":
            await self._send(h11.Response(status_code=200, headers=_raw(answer.headers)))
        else:
            given = {name.lower() for name, _ in answer.headers}
            fields = list(answer.headers)
            if "upgrade" not in given:
                fields += [("Upgrade", request.protocol or ""), ("Connection", "Upgrade")]
            await self._send(
                h11.InformationalResponse(
                    status_code=101, headers=_raw(tuple(fields)), reason=_REASONS[101]
                )
            )
        assert answer.tunnel is not None  # noqa: S101 - asked by the caller
        await answer.tunnel(_Pipe(self.peer, self.h11.trailing_data[0]))


class _Pipe(Pipe):
    def __init__(self, peer: Peer, rest: bytes) -> None:
        self._peer = peer
        self._rest = rest

    async def receive(self) -> bytes:
        """Return bytes received with the request, then further ones."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        return await self._peer.receive()

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await self._peer.send(data)


def _raw(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]


# -- faults ------------------------------------------------------------------------------------

_OK = b"HTTP/1.1 200 OK\r\n"


def _always(data: bytes, *, then: str = "close") -> Fault:
    """Return a fault that answers with ``data``, then closes or keeps silent."""

    async def fault(peer: Peer, setup: H1Setup) -> None:
        await peer.send(data)
        if then == "silence":
            await linger(peer)

    return fault


async def _silence(peer: Peer, _: H1Setup) -> None:
    await linger(peer)


async def _close(_: Peer, __: H1Setup) -> None:
    return


async def _raw_answer(peer: Peer, setup: H1Setup) -> None:
    await peer.send(setup.raw)
    await linger(peer)


async def _slow_head(peer: Peer, setup: H1Setup) -> None:
    await peer.send(_OK)
    await asyncio.sleep(setup.seconds)
    await peer.send(b"Content-Length: 0\r\n\r\n")
    await linger(peer)


async def _slow_body(peer: Peer, setup: H1Setup) -> None:
    await peer.send(_OK + b"Content-Length: 10\r\n\r\nhello")
    await asyncio.sleep(setup.seconds)
    await peer.send(b"world")
    await linger(peer)


def _flood(start: bytes, piece: bytes, end: bytes = b"") -> Fault:
    """Return a fault that sends ``start``, then ``piece`` repeatedly, then ``end``."""

    async def fault(peer: Peer, setup: H1Setup) -> None:
        await peer.send(start)
        at_once = max(1, 16384 // len(piece))
        for sent in range(0, setup.count, at_once):
            await peer.send(piece * min(at_once, setup.count - sent))
        await peer.send(end)
        await linger(peer)

    return fault


_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"

_GREETINGS: dict[str, Fault] = {
    "greets": _raw_answer,
    "closes-at-once": _close,
}
"""Faults before the first request."""

FAULTS: dict[str, Fault] = {
    **_GREETINGS,
    "raw": _raw_answer,
    "silent": _silence,
    "no-answer": _close,
    "slow-head": _slow_head,
    "slow-body": _slow_body,
    "cut-head": _always(_OK + b"Content-Le"),
    "cut-body": _always(_OK + b"Content-Length: 100\r\n\r\nhalf"),
    "cut-chunk": _always(_CHUNKED + b"a\r\nhalf"),
    "endless-body": _flood(_OK + b"\r\n", b"x" * 1024),
    "endless-chunks": _flood(_CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"),
    "tiny-chunks": _flood(_CHUNKED, b"1\r\nx\r\n", b"0\r\n\r\n"),
    "chunk-extensions": _flood(_CHUNKED, b"1;" + b"e" * 512 + b"\r\nx\r\n", b"0\r\n\r\n"),
    "chunk-garbage": _always(_CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", then="silence"),
    "header-flood": _flood(_OK, b"X-Flood: y\r\n", b"\r\n"),
    "long-header": _flood(_OK + b"X-Long: ", b"y" * 1024, b"\r\n\r\n"),
    "informational-flood": _flood(
        b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", _OK + b"Content-Length: 0\r\n\r\n"
    ),
    "trailer-flood": _flood(_CHUNKED + b"0\r\n", b"X-Flood: y\r\n", b"\r\n"),
    "two-lengths": _always(_OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "bad-length": _always(_OK + b"Content-Length: -1\r\n\r\n", then="silence"),
    "unsolicited": _always((_OK + b"Content-Length: 2\r\n\r\nok") * 2, then="silence"),
    "folded": _always(
        _OK + b"Content-Length: 2\r\nX-Folded: one\r\n two\r\n\r\nok", then="silence"
    ),
    "bare-lf": _always(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", then="silence"),
    "http-1.0": _always(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold"),
    "unasked-101": _always(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", then="silence"
    ),
    "http2-frames": _always(bytes.fromhex("000000040000000000"), then="silence"),
}
"""Faults by name, besides ``expect-stall`` and ``expect-refused`` for ``Expect: 100-continue``."""
