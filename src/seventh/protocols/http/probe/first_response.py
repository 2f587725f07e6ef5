"""The target's first answer: whether it may be asked for, its phases, and what it tells."""

from __future__ import annotations

import functools

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.tls.instead import may_be_tls, tls_instead
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.request import Template
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.wire.url import Url, bare
from seventh.web.connection import HttpConnection
from seventh.web.message import Request, Response, Unfinished
from seventh.wire.text import printable


def permit(ctx: ProbeContext, template: Template) -> None:
    """Failed (options-unusable) where the person's request needs a permission that is missing."""
    why = ctx.denied(3) if not template.safe else None
    if why is not None:
        raise Failed(
            Reason.OPTIONS_UNUSABLE, f"--method {template.method}: {why}", phase="http.request"
        )


async def exchange_in_clear(
    ctx: ProbeContext, connection: HttpConnection, request: Request, ready_ns: int
) -> Response:
    """:func:`timed`; protocol-mismatch where it comes to nothing because the port has TLS.

    Several servers answer 400 there, which is no answer of the service. A hello proves it.
    """
    failed: Failed | None = None
    response: Response | None = None
    try:
        response = await timed(ctx, connection, request, ready_ns)
    except Failed as error:
        failed = error
    if may_be_tls(failed, response.status if response is not None else None):
        connection.close()
        name = ctx.options.server_name or ctx.target.host
        phase = failed.phase if failed is not None else "http.ttfb"
        instead = await tls_instead(ctx, connection.address, name, "https", phase)
        if instead is not None:
            raise instead
    if response is None:
        assert failed is not None  # noqa: S101 - one of the two is always there
        raise failed
    return response


async def timed(
    ctx: ProbeContext, connection: HttpConnection, request: Request, ready_ns: int
) -> Response:
    """One exchange, its phases recorded: ``http.request``, ``http.ttfb``, ``http.download``."""
    watch, ip = ctx.watch, connection.address.ip
    start = now_ns()
    try:
        response = await connection.request(
            request, body_cap=ctx.options.of(HttpOptions).max_body_bytes
        )
    except Failed as failed:
        broke = failed.response if isinstance(failed, Unfinished) else None
        failed.phase = failed.phase or ("http.download" if broke else "http.ttfb")
        begun = broke.first.ns if broke is not None else start
        watch.record(failed.phase, begun, user_now(), ok=False, address=ip)
        raise
    record(ctx, ip, response, ready_ns)
    return response


def record(ctx: ProbeContext, ip: str, response: Response, ready_ns: int) -> None:
    """Record the phases of an exchange that has been made."""
    sent, first = response.sent, response.first
    ctx.watch.record("http.request", ready_ns, sent, address=ip)
    ctx.watch.record("http.ttfb", sent.ns, first, address=ip)
    ctx.watch.record("http.download", first.ns, response.last, address=ip)


def user_now() -> Mark:
    """Return this instant, by this process's clock."""
    return Mark(now_ns(), "user")


def learn_answer(
    ctx: ProbeContext, url: Url, method: str, response: Response, rtt: float | None
) -> None:
    """Note the target's first answer, over a path of that round trip."""
    ttfb = max(0, response.first.ns - response.sent.ns) / 1e9
    ctx.notes(HttpFacts).learn(
        url=_shown(url),
        rtt_seconds=rtt,
        secure=url.origin.scheme == "https",
        method=method,
        version=response.version,
        status=response.status,
        reason=printable(response.reason, 100),
        server=printable(response.get("server") or "", 120),
        content_type=printable(response.get("content-type") or "", 120),
        ttfb_seconds=ttfb,
        think_seconds=max(0.0, ttfb - rtt) if rtt is not None else None,
        download_seconds=max(0, response.last.ns - response.first.ns) / 1e9,
        body_bytes=response.body_bytes,
    )


_shown = functools.lru_cache(maxsize=2048)(bare)
