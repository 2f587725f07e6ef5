"""Requests of Seventh itself, such as to a webhook: one over HTTP/1.1, without redirects."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.http.wire.url import Origin, request_path
from seventh.web.h1 import H1Connection
from seventh.web.message import Request, Response

_BODY_CAP = 64 * 1024


async def send(ctx: ProbeContext, request: Request) -> Response:
    """Send ``request`` to the target, whose scheme, authority and path it gets. Raises Failed."""
    target = ctx.target
    stream: Stream = await ctx.connect()
    with on_failure(stream.close):
        if target.scheme == "https":
            from seventh.net.tls import handshake

            stream = await handshake.start_tls(
                stream, ctx.options, ctx.options.server_name or target.host, watch=ctx.watch,
                alpn=("http/1.1",), profile="lenient",
            )  # fmt: skip
    connection = H1Connection(stream)
    try:
        return await connection.request(
            replace(
                request, scheme=target.scheme, path=request_path(target.path),
                authority=Origin(target.scheme, target.host, target.port).authority,
            ),
            body_cap=_BODY_CAP,
        )  # fmt: skip
    finally:
        connection.close()
