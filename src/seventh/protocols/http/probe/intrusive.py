"""Requests that change something, or that no client should send: tiers 3 and 4.

Tier 3 sends the user's own request where its method is unsafe, else a short POST.
"""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.failure import Failed
from seventh.net.stopwatch import now_ns
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import REQUEST_SECONDS, Site
from seventh.protocols.http.facts.write import Ambiguous, EarlyPost, Expected, WriteFacts
from seventh.protocols.http.probe import early_data, transport, upload
from seventh.protocols.http.probe.matrix import Matrix
from seventh.protocols.http.wire.url import Url
from seventh.web.h1 import CONTINUE_SECONDS, H1Connection
from seventh.web.message import Response
from seventh.wire.text import printable

SILENT_SECONDS = 1.0
"""How long the end of our handshake waits for the answer to an unsafe request in early data."""
_BODY = b"seventh=1"
_TYPE = ("Content-Type", "application/x-www-form-urlencoded")
# Both framings end at the same byte, so nothing is left over to be taken for another's request.
_CHUNKS = b"0\r\n\r\n"


async def run(site: Site, matrix: Matrix, h3: Opened | None) -> None:
    """Run what is permitted, one step after another; none fails the check."""
    if site.ctx.denied(3) is None:
        await _expect(site)
        if h3 is not None:
            await _early_post(site, matrix, h3)
    if site.ctx.denied(4) is None:
        await _ambiguous(site)
        if site.secure:
            from seventh.protocols.http.probe import replay  # OpenSSL is for https only

            await replay.run(matrix)
        if h3 is not None:
            await transport.forge_token(site, h3)
    if site.ctx.denied(3) is None:
        await _sizes(site)  # last, for it takes the most connections


def _unsafe(site: Site) -> tuple[str, bytes]:
    template = site.template
    return ("POST", _BODY) if template.safe else (template.method, template.body)


async def _expect(site: Site) -> None:
    """Send a body that waits for 100 (RFC 9110 §10.1.1)."""
    method, body = _unsafe(site)
    body = body or _BODY
    url = Url(site.origin, site.url.path)
    headers = (("Expect", "100-continue"), *(() if site.template.body else (_TYPE,)))
    try:
        with site.ctx.watch.phase("http.look"):
            opened = await site.opened(site.origin, "1.1")
            response = await site.exchange(opened, url, method=method, headers=headers, body=body)
    except Failed as failed:
        expect = Expected(method=method, failed=printable(failed.detail, 200))
    else:
        expect = expected_of(method, response)
    site.notes.learn_part("write", WriteFacts, expect=expect)


def expected_of(method: str, response: Response) -> Expected:
    """Return what an answer to ``Expect: 100-continue`` shows."""
    continues = [i for i in response.informational if i.status == 100]
    first = continues[0].at if continues else response.first
    seconds = first.since(response.sent)
    return Expected(
        method=method,
        status=response.status,
        continued=bool(continues),
        continue_seconds=seconds,
        waited_seconds=min(seconds, CONTINUE_SECONDS),
    )


async def _sizes(site: Site) -> None:
    try:
        await upload.run(site)
    except Failed as failed:
        site.notes.unknown("content sizes", printable(failed.detail, 200))


async def _early_post(site: Site, matrix: Matrix, first: Opened) -> None:
    """Send an unsafe request as early data; a server should answer 425, or wait (RFC 8470 §3)."""
    session = site.pool.quic_session
    if session is None or not session.early_data:
        return
    method, body = _unsafe(site)
    url = Url(site.origin, site.url.path)
    headers = (*first.fields, *(() if site.template.body else (_TYPE,)))
    request = site.request(url, method=method, headers=headers, body=body, version="3")
    begun = now_ns()
    try:
        site.spend()
        response, _ = await early_data.ask_early(
            matrix, first, request, silent_seconds=SILENT_SECONDS
        )
    except Failed as failed:
        post = EarlyPost(
            method=method, version="3", accepted=False, failed=printable(failed.detail, 200)
        )
    else:
        post = EarlyPost(
            method=method, version="3", accepted=response.early, status=response.status,
            before_handshake=response.early and response.first.since(begun) < SILENT_SECONDS,
            silent_seconds=SILENT_SECONDS,
        )  # fmt: skip
    site.notes.learn_part("write", WriteFacts, early_post=post)


async def _ambiguous(site: Site) -> None:
    """Send a request with two lengths, on its own connection (RFC 9112 §6.1)."""
    url = Url(site.origin, site.url.path)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.origin.authority}\r\nUser-Agent: seventh\r\n"
        f"Content-Length: {len(_CHUNKS)}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    found = Ambiguous()
    until = site.ctx.budget.within(REQUEST_SECONDS)
    try:
        opened = await site.open(site.origin, "1.1")
        connection = opened.connection
        assert isinstance(connection, H1Connection)  # noqa: S101 - by its version
        site.spend()
        with site.ctx.watch.phase("http.look"):
            answer = await connection.raw(
                head.encode("latin-1") + _CHUNKS, method="POST", deadline_ns=until
            )
            found = replace(found, status=answer.status, closed=not connection.reusable)
            if connection.reusable:
                ended = await connection.idle(now_ns() + 50_000_000)
                found = replace(found, closed=ended is not None)
            if not found.closed:
                second = await site.exchange(opened, url)
                found = replace(found, second_status=second.status)
        connection.close()
    except Failed as failed:
        found = replace(found, failed=printable(failed.detail, 200))
    site.notes.learn_part("write", WriteFacts, ambiguous=found)
