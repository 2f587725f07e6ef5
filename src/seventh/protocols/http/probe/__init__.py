"""One timed exchange for a pulse, all steps for a check."""

from __future__ import annotations

import functools

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import NetFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import http_on
from seventh.protocols.http.client.request import described
from seventh.protocols.http.probe.first_response import (
    exchange_in_clear,
    learn_answer,
    permit,
    timed,
)
from seventh.protocols.http.wire.url import Origin, Url, request_path
from seventh.web.connection import HttpConnection
from seventh.web.message import Request


async def pulse(ctx: ProbeContext) -> None:
    """Make one timed request.

    HTTP/1.1 unless another version is asked for. An answer other than the one that was expected,
    or a server's own error (5xx), is a failure.
    """
    template = described(ctx.options)
    permit(ctx, template)
    target, options = ctx.target, ctx.options
    url = _asked(target.scheme, options.server_name or target.host, target.port, target.path)
    origin = url.origin
    connection, ready, rtt = await _connect(ctx, origin)
    request = Request(
        method=template.method, scheme=origin.scheme, authority=origin.authority, path=url.path,
        headers=template.fields, body=template.body,
    )  # fmt: skip
    exchange = timed if origin.scheme == "https" else exchange_in_clear
    response = await exchange(ctx, connection, request, ready)
    learn_answer(ctx, url, template.method, response, rtt)
    connection.close()
    unexpected = await template.expectation.unmet(response, ctx.budget.deadline_ns)
    if unexpected is not None:
        raise unexpected


@functools.lru_cache(maxsize=2048)
def _asked(scheme: str, host: str, port: int, path: str) -> Url:
    """Return the URL of a target; a monitor uses the same again and again."""
    return Url(Origin(scheme, host, port), request_path(path))


async def _connect(ctx: ProbeContext, origin: Origin) -> tuple[HttpConnection, int, float | None]:
    """Return a verified connection of the wanted version, when it was ready, and the round trip."""
    wanted = ctx.options.of(HttpOptions).http_version or "1.1"
    if wanted == "3":
        from seventh.protocols.http.client.origin import Site

        site = Site(ctx)
        await site.resolve()
        opened = await site.connect_quic(site.address)
        return opened.connection, opened.ready_ns, opened.rtt_seconds
    stream: Stream = await ctx.connect()
    rtt = ctx.notes(NetFacts).facts.attempts[-1].rtt_seconds
    if origin.scheme != "https":
        return http_on(wanted, stream), now_ns(), rtt
    from seventh.net.tls.handshake import start_recurring

    alpn = ("h2",) if wanted == "2" else ("http/1.1",)
    tls = await start_recurring(ctx, stream, origin.host, alpn=alpn)
    if wanted == "2" and tls.alpn != "h2":
        raise Failed(Reason.NEGOTIATION_FAILED, "the server does not select h2 (ALPN)", phase="tls")
    return http_on(wanted, tls), now_ns(), rtt


async def check(ctx: ProbeContext) -> None:
    """Run the whole check: see :mod:`seventh.protocols.http.probe.visit`."""
    from seventh.protocols.http.probe.visit import Visit

    await Visit(ctx).run()
