"""The target's first response: whether it may be requested, its phases, and its facts."""

from __future__ import annotations

import functools
from typing import Any

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.tls.plaintext import detect_tls, may_be_tls
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.request import Template
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.wire.url import Url, bare
from seventh.web.connection import HttpConnection
from seventh.web.message import Request, Response, Unfinished
from seventh.wire.text import printable

_SOFTWARE = {
    "x-powered-by": "X-Powered-By", "x-aspnet-version": "X-AspNet-Version",
    "x-aspnetmvc-version": "X-AspNetMvc-Version", "x-generator": "X-Generator",
}  # fmt: skip


def permit(ctx: ProbeContext, template: Template) -> None:
    """Raise Failed (options-unusable) where the request's method is not permitted."""
    why = ctx.denied(3) if not template.safe else None
    if why is not None:
        raise Failed(
            Reason.OPTIONS_UNUSABLE, f"--method {template.method}: {why}", phase="http.request"
        )


async def exchange_in_clear(
    ctx: ProbeContext, connection: HttpConnection, request: Request, ready_ns: int
) -> Response:
    """Run :func:`timed`; raise protocol-mismatch where it fails because the port has TLS.

    Several servers answer 400 there, which is not the service's response. A hello proves it.
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
        instead = await detect_tls(ctx, connection.address, name, "https", phase)
        if instead is not None:
            raise instead
    if response is None:
        assert failed is not None  # noqa: S101 - one of the two is always there
        raise failed
    return response


async def timed(
    ctx: ProbeContext, connection: HttpConnection, request: Request, ready_ns: int
) -> Response:
    """Make one exchange; record ``http.request``, ``http.ttfb``, ``http.download``."""
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
        watch.record(failed.phase, begun, user_mark(), ok=False, address=ip)
        raise
    record(ctx, ip, response, ready_ns)
    return response


def record(ctx: ProbeContext, ip: str, response: Response, ready_ns: int) -> None:
    """Record the phases of an exchange."""
    sent, first = response.sent, response.first
    ctx.watch.record("http.request", ready_ns, sent, address=ip)
    ctx.watch.record("http.ttfb", sent.ns, first, address=ip)
    ctx.watch.record("http.download", first.ns, response.last, address=ip)


def times(response: Response, rtt: float | None, sent: Mark | None = None) -> dict[str, Any]:
    """Return an exchange's fields of facts and cells, over a path of that round trip."""
    ttfb = response.first.since(sent or response.sent)
    return {
        "status": response.status,
        "ttfb_seconds": ttfb,
        "think_seconds": max(0.0, ttfb - rtt) if rtt is not None else None,
        "download_seconds": response.last.since(response.first),
        "body_bytes": response.body_bytes,
    }


def learn_answer(
    ctx: ProbeContext, url: Url, method: str, response: Response, rtt: float | None
) -> None:
    """Learn the target's first response, over a path of that round trip."""
    ctx.notes(HttpFacts).learn(
        url=_shown(url),
        rtt_seconds=rtt,
        secure=url.origin.scheme == "https",
        method=method,
        version=response.version,
        reason=printable(response.reason, 100),
        server=printable(response.get("server") or "", 120),
        software={
            shown: printable(value, 120)
            for name, shown in _SOFTWARE.items()
            if (value := response.get(name))
        },
        content_type=printable(response.get("content-type") or "", 120),
        **times(response, rtt),
    )


_shown = functools.lru_cache(maxsize=2048)(bare)
