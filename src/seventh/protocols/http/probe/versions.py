"""The matrix's rows: each version of HTTP cold, warm, resumed and, where offered, in 0-RTT."""

from __future__ import annotations

import contextlib

from seventh.model.failure import Failed
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import OverTcp
from seventh.protocols.http.probe import early_data
from seventh.protocols.http.probe.matrix import Matrix, cell_of

_TICKET_SECONDS = 0.3
"""How long past the answer a session ticket is waited for."""


async def tcp(matrix: Matrix, version: OverTcp) -> None:
    """Make all rows of HTTP/1.1 or 2, from a cold connection on."""
    site = matrix.site
    try:
        with matrix.ctx.watch.phase("http.cell"):
            opened = await site.connect(site.address, version)
            response = await matrix.exchange(opened)
    except Failed as failed:
        matrix.fell(version, failed)
        return
    matrix.arrived(opened, response)
    await further(matrix, opened)


async def further(matrix: Matrix, opened: Opened) -> None:
    """Make the warm, resumed and 0-RTT rows after ``opened``'s cold one."""
    await warm(matrix, opened)
    if opened.tls is None:
        return
    await _await_ticket(matrix, opened)
    if matrix.site.tls_notes.facts.tickets is None:
        from seventh.net.tls import inspect

        inspect.note_tickets(matrix.ctx, opened.tls)
    await _resumed(matrix, opened)
    await early_data.over_tls(matrix, opened)


async def warm(matrix: Matrix, opened: Opened) -> None:
    """Make a second exchange on the connection of the first."""
    if not opened.connection.reusable:
        matrix.missed(opened.version, "warm", "the connection was closed")
        return

    async def ask() -> None:
        response = await matrix.exchange(opened)
        matrix.note(cell_of(opened, "warm", response))

    await matrix.row(opened.version, "warm", ask)


async def _await_ticket(matrix: Matrix, opened: Opened) -> None:
    """Wait a moment for a ticket where none came with the response."""
    if opened.tls is not None and not opened.has_ticket:
        with contextlib.suppress(Failed):
            await opened.tls.settle(_TICKET_SECONDS)


async def _resumed(matrix: Matrix, first: Opened) -> None:
    version, tls = first.version, first.tls
    session = tls.session if tls is not None and first.has_ticket else None
    facts = matrix.site.tls_notes.facts
    if session is None:
        matrix.missed(version, "resumed", "no session ticket was received")
        if facts.resumed is None:
            matrix.site.tls_notes.learn(resumed=False)
        return

    async def ask() -> None:
        site = matrix.site
        opened = await site.connect(
            site.address, "2" if version == "2" else "1.1", session=session, phase="tls.resumed"
        )
        took = opened.tls is not None and opened.tls.resumed
        _note_resumed(matrix, took, opened)
        if not took:
            await opened.connection.aclose()
            matrix.missed(version, "resumed", "the session was not resumed")
            return
        response = await matrix.exchange(opened)
        matrix.note(cell_of(opened, "resumed", response))
        # A ticket counts once where the server guards against replay (RFC 9846 §8).
        site.pool.keep_session(opened)
        await opened.connection.aclose()

    await matrix.row(version, "resumed", ask)


def _note_resumed(matrix: Matrix, took: bool, opened: Opened) -> None:
    facts = matrix.site.tls_notes.facts
    if facts.resumed:
        return
    matrix.site.tls_notes.learn(resumed=took)
    if took and opened.tls_seconds is not None:
        full = facts.handshake_seconds
        gain = full - opened.tls_seconds if full is not None else None
        matrix.site.tls_notes.learn(
            resumed_seconds=opened.tls_seconds, resumption_gain_seconds=gain
        )


# -- HTTP/3 ----------------------------------------------------------------------------------------


async def quic_again(matrix: Matrix, first: Opened) -> None:
    """Make HTTP/3's rows with the session of ``first``: resumed, and 0-RTT."""
    quic, site = first.quic, matrix.site
    assert quic is not None  # noqa: S101 - opened by open_quic
    with contextlib.suppress(Failed):
        await quic.settle(_TICKET_SECONDS)
    session = quic.session
    if session is None:
        matrix.missed("3", "resumed", "no session ticket was received")
        matrix.missed("3", "0-rtt", "no session ticket was received")
        return
    site.pool.keep_session(first)

    async def ask() -> None:
        opened = await site.connect_quic(
            first.address, session=session, phase="quic.resumed", alternative=first.alternative
        )
        try:
            if not opened.quic or not opened.quic.engine.resumed:
                matrix.missed("3", "resumed", "the session was not resumed")
                return
            response = await matrix.exchange(opened)
            matrix.note(cell_of(opened, "resumed", response))
            with contextlib.suppress(Failed):
                await opened.quic.settle(_TICKET_SECONDS)
            site.pool.keep_session(opened)
        finally:
            opened.connection.close()

    await matrix.row("3", "resumed", ask)
    await early_data.over_quic(matrix, first)
