"""Connections to the reference server, for the tests of HTTP's clients."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.labkit.web.handler import Answer, Pipe
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import web_server
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.connect import open_tcp
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.web.h1 import H1Connection
from seventh.web.h2 import H2Connection
from seventh.web.message import Fields, Request

HOST = "lab.test"


def ask(path: str = "/", method: str = "GET", headers: Fields = (), **more: object) -> Request:
    """A request to the reference server."""
    return Request(
        method=method, scheme="http", authority=HOST, path=path, headers=headers,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


async def shout(pipe: Pipe) -> None:
    """Say back in upper case, until the client ends its side."""
    await pipe.send(b"hello")
    while data := await pipe.receive():
        await pipe.send(data.upper())


async def handler(request: Request) -> Answer:
    """Serve what most tests request."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"piece {number}\n".encode()

    match request.path:
        case "/echo":
            return Answer(body=request.body, headers=(("X-Method", request.method),))
        case "/big":
            return Answer(body=b"0123456789abcdef" * 200_000)
        case "/pieces":
            return Answer(body=pieces, trailers=(("X-Sum", "3"),))
        case "/hints":
            return Answer(body=b"hinted", informational=((103, (("link", "</a>; rel=preload"),)),))
        case "/refused":
            return Answer(status=403, body=b"no")
        case "/empty":
            return Answer(status=204)
        case "/same":
            return Answer(status=304, headers=(("ETag", '"x"'),))
        case "/shout" if request.protocol == "shout" or request.method == "CONNECT":
            return Answer(status=101, tunnel=shout)
        case _:
            return Answer(
                headers=(("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Case", "Kept")),
                body=f"hello {request.authority}".encode(),
            )


async def tcp(port: int, seconds: float = 10.0) -> Stream:
    """A connection to a port of this machine."""
    budget = Budget(seconds)
    opened = await open_tcp(Address(ip="127.0.0.1", port=port), budget, budget.deadline_ns)
    assert opened.stream is not None
    return opened.stream


async def tls(port: int, ca_file: str, *alpn: str) -> Stream:
    """The same in TLS."""
    stream = handshake.prepare(await tcp(port), Options(ca_file=ca_file), HOST, alpn=alpn)
    await stream.handshake(Stopwatch())
    return stream


@contextlib.asynccontextmanager
async def h1(setup: H1Setup | None = None, seconds: float = 10.0) -> AsyncIterator[H1Connection]:
    """An HTTP/1.1 connection to a server with ``setup``."""
    async with web_server(handler, versions=("1.1",), h1=setup) as port:
        connection = H1Connection(await tcp(port, seconds))
        try:
            yield connection
        finally:
            connection.close()


@contextlib.asynccontextmanager
async def h2(setup: H1Setup | None = None, seconds: float = 10.0) -> AsyncIterator[H2Connection]:
    """An HTTP/2 connection to a server with ``setup``."""
    async with web_server(handler, versions=("2",), h2=setup) as port:
        connection = H2Connection(await tcp(port, seconds))
        try:
            yield connection
        finally:
            connection.close()
