"""0-RTT: a request that changes nothing, sent before the handshake is over (RFC 8470)."""

from __future__ import annotations

import h11

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.model.tlsfacts import TlsFacts
from seventh.net.stopwatch import now_ns
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_quic import H3Facts
from seventh.protocols.http.facts_versions import Cell
from seventh.protocols.http.matrix import Matrix
from seventh.protocols.http.opening import OPEN_SECONDS, QUIC_SECONDS, Opened, silence, speak
from seventh.protocols.http.site import REQUEST_SECONDS
from seventh.web.h1head import head_of
from seventh.web.message import Request, Response


async def over_tls(matrix: Matrix, first: Opened) -> None:
    """HTTP/1.1's 0-RTT row, where the session ticket allows early data."""
    facts = matrix.talk.learn("tls", TlsFacts)
    if not facts.max_early_data_bytes:
        matrix.missed("1.1", "0-rtt", "the session ticket allows no early data")
        return
    if matrix.tls_session is None:
        matrix.missed("1.1", "0-rtt", "no ticket was left that had not been used")
        return

    async def ask() -> None:
        site = matrix.site
        request = site.request(site.url, method=matrix.method)
        site.spend()
        # Only what HTTP/1.1 needs goes early: head_of checks it as it would any request.
        data = h11.Connection(h11.CLIENT).send(head_of(request).event) or b""
        try:
            with Cutoff(min(OPEN_SECONDS, max(0.001, site.talk.budget.seconds_left))):
                await _ask(matrix, first, data)
        except DeadlineError:
            raise Failed(Reason.PEER_SILENT, f"no answer within {OPEN_SECONDS:g} s") from None

    await matrix.row("1.1", "0-rtt", ask)


async def _ask(matrix: Matrix, first: Opened, data: bytes) -> None:
    from seventh.net.tls import handshake
    from seventh.web.h1 import H1Connection

    site, session = matrix.site, matrix.tls_session
    start = now_ns()
    below = await site.talk.connect_again(first.address)
    tls = handshake.prepare(
        below, site.talk.options, site.server_name(site.origin), alpn=("http/1.1",),
        session=session, profile="lenient",
    )  # fmt: skip
    if not tls.offer_early_data(data):
        tls.close()
        matrix.missed("1.1", "0-rtt", "this OpenSSL cannot send early data")
        return
    sent = Mark(now_ns(), "user")
    await tls.handshake(site.talk.watch, phase="tls.early")
    accepted = tls.early_data_accepted
    site.talk.learn("tls", TlsFacts, early_data_accepted=accepted)
    if not accepted:
        await tls.farewell()
        matrix.missed("1.1", "0-rtt", "the server did not take the early data")
        return
    connection = speak("1.1", tls)
    assert isinstance(connection, H1Connection)  # noqa: S101 - by its version
    response = await connection.raw(
        b"", method=matrix.method, body_cap=site.talk.options.max_body_bytes,
        deadline_ns=site.talk.budget.within(REQUEST_SECONDS),
    )  # fmt: skip
    site.remember(matrix.method, site.url, response)
    matrix.note(_cell(first, "1.1", response, sent, start, below.opened.ns, tls.handshake_seconds))
    await connection.farewell()


def _cell(
    first: Opened,
    version: str,
    response: Response,
    sent: Mark,
    start: int,
    connected: int,
    handshake: float,
) -> Cell:
    """The row; the request went with the first flight, so its time includes the handshake's."""
    ttfb = max(0, response.first.ns - sent.ns) / 1e9
    rtt = first.rtt_seconds
    return Cell(
        version=version,
        temperature="0-rtt",
        status=response.status,
        connect_seconds=max(0, connected - start) / 1e9 if version == "1.1" else None,
        tls_seconds=handshake if version == "1.1" else None,
        quic_seconds=handshake if version == "3" else None,
        request_seconds=max(0, sent.ns - connected) / 1e9,
        ttfb_seconds=ttfb,
        download_seconds=max(0, response.last.ns - response.first.ns) / 1e9,
        think_seconds=max(0.0, ttfb - rtt) if rtt is not None else None,
        total_seconds=max(0, response.last.ns - start) / 1e9,
        body_bytes=response.body_bytes,
    )


async def over_quic(matrix: Matrix, first: Opened) -> None:
    """HTTP/3's 0-RTT row, where the session ticket allows early data."""
    session = matrix.quic_session
    if session is None or not session.early_data:
        matrix.missed("3", "0-rtt", "the session ticket allows no early data")
        return

    async def ask() -> None:
        site = matrix.site
        start = now_ns()
        request = site.request(site.url, method=matrix.method, version="3")
        site.spend()
        response, confirmed = await ask_early(matrix, first, request)
        h3 = site.talk.learn("http", HttpFacts).h3 or H3Facts()
        site.talk.learn("http", HttpFacts, h3=_replace(h3, early_data=response.early))
        site.remember(matrix.method, site.url, response)
        if not response.early:
            matrix.missed("3", "0-rtt", "the server did not take the early data")
            return
        took = max(0, confirmed.ns - start) / 1e9
        matrix.note(_cell(first, "3", response, response.sent, start, start, took))

    await matrix.row("3", "0-rtt", ask)


async def ask_early(matrix: Matrix, first: Opened, request: Request) -> tuple[Response, Mark]:
    """Send ``request`` as early data over QUIC; the answer, and when the handshake was confirmed.

    The caller answers for it that the request may be replayed. Raises Failed.
    """
    from seventh.net.quic import connect
    from seventh.web.h3 import H3Connection

    site = matrix.site
    client = connect.prepare(
        site.talk, first.address, site.server_name(site.origin), session=matrix.quic_session,
        early=True, verify=site.shared.distrust is None,
    )  # fmt: skip
    connection = H3Connection(client)
    try:
        with Cutoff(min(QUIC_SECONDS, max(0.001, site.talk.budget.seconds_left))):
            response = await connection.request(request, body_cap=site.talk.options.max_body_bytes)
            await client.handshake(site.talk.watch, "quic.early")
    except DeadlineError:
        raise silence(client) from None
    finally:
        connection.close()
    return response, client.confirmed or Mark(now_ns(), "user")


def _replace(facts: H3Facts, **changes: object) -> H3Facts:
    import msgspec

    return msgspec.structs.replace(facts, **changes)
