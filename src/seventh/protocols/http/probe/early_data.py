"""0-RTT: a safe request, sent before the handshake is complete (RFC 8470)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import h11
from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import user_mark
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import OPEN_SECONDS, QUIC_SECONDS, Opened, silence
from seventh.protocols.http.client.origin import REQUEST_SECONDS
from seventh.protocols.http.facts.quic import H3Facts
from seventh.protocols.http.facts.versions import Cell
from seventh.protocols.http.probe.first_response import times
from seventh.protocols.http.probe.matrix import Matrix
from seventh.web.h1head import head_of
from seventh.web.message import Request, Response

if TYPE_CHECKING:
    from seventh.net.quic.client import QuicClient
    from seventh.net.tls.stream import TlsStream
    from seventh.web.connection import HttpConnection

Answer = Callable[[], Awaitable[Response]]
_ALPN = {"1.1": "http/1.1", "2": "h2"}


async def over_tls(matrix: Matrix, first: Opened) -> None:
    """Make the 0-RTT row of HTTP/1.1 or 2, where the session ticket allows early data."""
    version = first.version
    if not matrix.site.tls_notes.facts.max_early_data_bytes:
        matrix.missed(version, "0-rtt", "the session ticket allows no early data")
        return
    if matrix.site.pool.tls_session(version) is None:
        matrix.missed(version, "0-rtt", "no unused session ticket was left")
        return
    seconds = OPEN_SECONDS + REQUEST_SECONDS

    async def ask() -> None:
        try:
            async with Cutoff(min(seconds, max(0.001, matrix.ctx.budget.seconds_left))):
                await _ask(matrix, first)
        except DeadlineError:
            raise Failed(Reason.PEER_SILENT, f"no answer within {seconds:g} s") from None

    await matrix.row(version, "0-rtt", ask)


async def _ask(matrix: Matrix, first: Opened) -> None:
    from seventh.net.tls import handshake

    site, version = matrix.site, first.version
    request = site.request(site.url, method=matrix.method, version=version)
    site.spend()
    below = await site.ctx.connect_again(first.address)
    tls = handshake.prepare(
        below, site.ctx.options, site.name, alpn=(_ALPN[version],),
        session=site.pool.tls_session(version), profile="lenient",
    )  # fmt: skip
    connection, data, answer = begin(matrix, tls, version, request, OPEN_SECONDS + REQUEST_SECONDS)
    if not tls.offer_early_data(data):
        tls.close()
        matrix.missed(version, "0-rtt", "this OpenSSL version cannot send early data")
        return
    sent = user_mark()
    await tls.handshake(site.ctx.watch, phase="tls.early")
    accepted = tls.early_data_accepted
    site.tls_notes.learn(early_data_accepted=accepted)
    if not accepted:
        await tls.aclose()
        matrix.missed(version, "0-rtt", "the server rejected the early data")
        return
    response = await answer()
    cell = _cell(first, response, sent, below.opened.ns)
    took = tls.handshake_seconds
    cell = replace(cell, connect_seconds=below.connect_seconds, tls_seconds=took)
    matrix.note(cell.summed())
    await connection.aclose()


def begin(
    matrix: Matrix, tls: TlsStream, version: str, request: Request, seconds: float
) -> tuple[HttpConnection, bytes, Answer]:
    """Return a connection on ``tls``, its first request's bytes, and how to await the response."""
    until = matrix.ctx.budget.within(seconds)
    cap = matrix.ctx.options.of(HttpOptions).max_body_bytes
    if version == "2":
        from seventh.web.h2 import H2Connection

        h2 = H2Connection(tls)
        data, stream = h2.begin(request)
        return h2, data, lambda: stream.response(until, cap)
    from seventh.web.h1 import H1Connection

    h1 = H1Connection(tls)
    # Only what HTTP/1.1 needs goes early: head_of checks it as it would any request.
    data = h11.Connection(h11.CLIENT).send(head_of(request).event) or b""
    return h1, data, lambda: h1.raw(b"", method=matrix.method, body_cap=cap, deadline_ns=until)


def _cell(first: Opened, response: Response, sent: Mark, connected_ns: int) -> Cell:
    """Return the row; its time includes the handshake: the request was in the first flight."""
    return Cell(
        version=first.version,
        temperature="0-rtt",
        request_seconds=sent.since(connected_ns),
        **times(response, first.rtt_seconds, sent),
    )


async def over_quic(matrix: Matrix, first: Opened) -> None:
    """Make HTTP/3's 0-RTT row, where the session ticket allows early data."""
    session = matrix.site.pool.quic_session
    if session is None or not session.early_data:
        matrix.missed("3", "0-rtt", "the session ticket allows no early data")
        return

    async def ask() -> None:
        site = matrix.site
        request = site.request(site.url, method=matrix.method, headers=first.fields, version="3")
        site.spend()
        response, quic = await ask_early(matrix, first, request)
        site.notes.learn_part("h3", H3Facts, early_data=response.early)
        if not response.early:
            matrix.missed("3", "0-rtt", "the server rejected the early data")
            return
        cell = _cell(first, response, response.sent, response.sent.ns)
        matrix.note(replace(cell, quic_seconds=quic.handshake_seconds).summed())

    await matrix.row("3", "0-rtt", ask)


async def ask_early(
    matrix: Matrix, first: Opened, request: Request, *, silent_seconds: float = 0.0
) -> tuple[Response, QuicClient]:
    """Send ``request`` as early data over QUIC; return the response and the closed client.

    The handshake is confirmed by then; with ``silent_seconds`` our end of it waits that long for
    the response. The caller must make sure that the request may be replayed. Raises Failed.
    """
    from seventh.net.quic import connect
    from seventh.web.h3 import H3Connection

    site = matrix.site
    client = connect.prepare(
        site.ctx, first.address, site.name, session=site.pool.quic_session,
        early=True, verify=site.trusted,
    )  # fmt: skip
    connection = H3Connection(client)
    timer: asyncio.TimerHandle | None = None
    if silent_seconds:
        client.pause_sending()
        timer = asyncio.get_running_loop().call_later(silent_seconds, client.resume_sending)
    seconds = QUIC_SECONDS + REQUEST_SECONDS
    try:
        async with Cutoff(min(seconds, max(0.001, site.ctx.budget.seconds_left))):
            response = await connection.request(
                request, body_cap=site.ctx.options.of(HttpOptions).max_body_bytes
            )
            client.resume_sending()
            await client.handshake(site.ctx.watch, "quic.early")
    except DeadlineError:
        raise silence(client) from None
    finally:
        if timer is not None:
            timer.cancel()
        connection.close()
    return response, client
