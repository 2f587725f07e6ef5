"""A lab's HTTP/3 server and a talk with it, for the tests of QUIC and of what stands on it."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator

import msgspec

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit
from seventh.labkit.web.h3 import H3Setup, serve_h3
from seventh.labkit.web.handler import Answer, Handler, Pipe
from seventh.labkit.web.quicserver import QuicServer, QuicSetup
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.web.message import Request

NAME = "localhost"
DAY = dt.timedelta(days=1)


async def echo(request: Request) -> Answer:
    """Says what it was asked; a tunnel echoes."""
    if request.method == "CONNECT":

        async def back(pipe: Pipe) -> None:
            while data := await pipe.receive():
                await pipe.send(data)

        return Answer(tunnel=back)
    early = request.get("early-data") or "0"
    text = f"{request.method} {request.path} early={early} body={len(request.body)}"
    return Answer(headers=(("content-type", "text/plain"),), body=text.encode())


class Lab(msgspec.Struct, frozen=True):
    """A running server and how to reach it."""

    server: QuicServer
    address: Address
    ctx: ProbeContext

    def request(self, path: str = "/", method: str = "GET", body: bytes = b"") -> Request:
        """A request to it."""
        return Request(method=method, authority=NAME, path=path, body=body)


def context_for(port: int, options: Options, host: str = "127.0.0.1") -> ProbeContext:
    """A talk with what serves on ``port``."""
    return ProbeContext(Target(scheme="https", host=host, port=port), options, connections=16)


@contextlib.asynccontextmanager
async def lab(
    kit: Kit,
    quic: QuicSetup | None = None,
    h3: H3Setup | None = None,
    *,
    handler: Handler = echo,
    issued: Issued | None = None,
    seconds: float = 5.0,
    host: str = "127.0.0.1",
    ca: bool = True,
) -> AsyncIterator[Lab]:
    """Serve, and talk."""
    setup = h3 or H3Setup()
    if quic is not None:
        setup = msgspec.structs.replace(setup, quic=quic)
    issued = issued or kit.authority.issue()
    options = Options(timeout_seconds=seconds, ca_file=str(kit.authority.ca_file) if ca else None)
    async with serve_h3(handler, issued, setup, host=host) as (server, port):
        ctx = context_for(port, options, host)
        try:
            yield Lab(server, Address(ip=host, port=port), ctx)
        finally:
            ctx.close()
