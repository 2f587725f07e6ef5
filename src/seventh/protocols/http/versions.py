"""The matrix: each version of HTTP cold, warm, resumed and, where it is offered, in 0-RTT."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http import early
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_versions import Cell, Rung, RungState, Temperature
from seventh.protocols.http.opening import Opened, open_quic, open_stream
from seventh.protocols.http.site import Site, V
from seventh.web.message import Response
from seventh.wire.text import printable
from seventh.wire.tlsnames import NEW_SESSION_TICKET, TLS13

if TYPE_CHECKING:
    from seventh.net.quic.client import Session as QuicSession
    from seventh.net.tls.stream import Session

ALPN: dict[str, tuple[str, ...]] = {"2": ("h2",), "1.1": ("http/1.1",)}
_NOT_OFFERED = frozenset({Reason.NEGOTIATION_FAILED, Reason.CONNECT_REFUSED, Reason.NO_REPLY})
_TICKET_SECONDS = 0.3
"""How long past the answer a session ticket is waited for."""


def cell_of(
    opened: Opened, temperature: Temperature, response: Response, *, resolve: float | None = None
) -> Cell:
    """An exchange as a row of the matrix."""
    ready = opened.idle_since_ns if temperature == "warm" else opened.ready_ns
    first_of_connection = temperature != "warm"
    start = opened.start_ns if first_of_connection else response.sent.ns
    ttfb = max(0, response.first.ns - response.sent.ns) / 1e9
    rtt = opened.rtt_seconds
    return Cell(
        version=opened.version,
        temperature=temperature,
        status=response.status,
        resolve_seconds=resolve,
        connect_seconds=opened.connect_seconds if first_of_connection else None,
        tls_seconds=opened.tls_seconds if first_of_connection else None,
        quic_seconds=opened.quic_seconds if first_of_connection else None,
        # With 0-RTT the request goes before the handshake is over: nothing lies between.
        request_seconds=max(0, response.sent.ns - ready) / 1e9 if first_of_connection else None,
        ttfb_seconds=ttfb,
        download_seconds=max(0, response.last.ns - response.first.ns) / 1e9,
        think_seconds=max(0.0, ttfb - rtt) if rtt is not None and temperature != "0-rtt" else None,
        total_seconds=max(0, response.last.ns - start) / 1e9,
        body_bytes=response.body_bytes,
    )


class Matrix:
    """Fills the matrix of one site; every row is noted as soon as it is there."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.talk = site.talk
        method = site.shape.method
        self.method = method if method in {"GET", "HEAD"} else "GET"
        self.quic_session: QuicSession | None = None
        self.tls_session: Session | None = None
        """The newest session of TLS over TCP that was not taken up yet."""
        self.responses: dict[str, Response] = {}
        """The first answer of each version."""

    # -- noting ------------------------------------------------------------------------------------

    def note(self, cell: Cell) -> None:
        """Add a row."""
        facts = self.talk.learn("http", HttpFacts)
        self.talk.learn("http", HttpFacts, cells=(*facts.cells, cell))

    def missed(
        self, version: str, temperature: Temperature, why: str, *, failed: bool = False
    ) -> None:
        """Add a row that has no exchange."""
        self.note(
            Cell(
                version=version,
                temperature=temperature,
                outcome="failed" if failed else "untried",
                why=why,
            )
        )

    def rung(self, version: str, state: RungState, detail: str = "") -> None:
        """Note how a version stands on the ladder, newest first."""
        response = self.responses.get(version)
        made = Rung(
            version=version,
            state=state,
            detail=detail,
            status=response.status if response is not None else None,
            content_type=printable(response.get("content-type") or "", 80)
            if response is not None
            else "",
        )
        facts = self.talk.learn("http", HttpFacts)
        others = [rung for rung in facts.ladder if rung.version != version]
        ladder = sorted([*others, made], key=lambda rung: rung.version, reverse=True)
        self.talk.learn("http", HttpFacts, ladder=tuple(ladder))

    def fell(self, version: str, failed: Failed) -> None:
        """A version whose first exchange failed: not offered, or broken."""
        self.missed(version, "cold", f"{failed.reason}: {failed.detail}", failed=True)
        announced = self.talk.learn("http", HttpFacts).advertised
        silent = failed.reason in _NOT_OFFERED
        if version == "3" and silent and announced is not None and announced.h3:
            silent = False
        if not silent:
            self.site.mark_broken(version, failed)
        self.rung(version, "not-offered" if silent else "broken", failed.detail)

    # -- exchanges ---------------------------------------------------------------------------------

    async def exchange(self, opened: Opened) -> Response:
        """The matrix's request on an open connection."""
        return await self.site.exchange(opened, self.site.url, method=self.method)

    async def row(
        self, version: str, temperature: Temperature, ask: Callable[[], Awaitable[None]]
    ) -> bool:
        """Run one further row; a failure is noted in it and goes no further."""
        try:
            with self.talk.watch.phase("http.cell"):
                await ask()
        except Failed as failed:
            said = f"{failed.reason}: {failed.detail}"
            self.missed(version, temperature, said, failed=True)
            return False
        return True

    async def tcp(self, version: V) -> None:
        """All rows of HTTP/1.1 or 2, from a cold connection on."""
        site = self.site
        try:
            with self.talk.watch.phase("http.cell"):
                opened = await open_stream(site, site.origin, site.address, ALPN[version])
                response = await self.exchange(opened)
        except Failed as failed:
            self.fell(version, failed)
            return
        self.arrived(opened, response)
        await self.further(opened)

    def arrived(self, opened: Opened, response: Response, *, resolve: float | None = None) -> None:
        """A version's first exchange has come to its end."""
        self.site.keep(self.site.origin, opened)
        self.responses[opened.version] = response
        self.note(cell_of(opened, "cold", response, resolve=resolve))
        self.rung(opened.version, "works")

    async def further(self, opened: Opened) -> None:
        """Warm and resumed, and 0-RTT where the ticket allows it, after ``opened``'s cold row."""
        version = opened.version
        await self._warm(opened)
        if opened.tls is None:
            return
        await self._await_ticket(opened)
        await self._resumed(opened)
        if version == "1.1":
            await early.over_tls(self, opened)

    async def _warm(self, opened: Opened) -> None:
        if not opened.connection.reusable:
            self.missed(opened.version, "warm", "the connection could not be used again")
            return

        async def ask() -> None:
            response = await self.exchange(opened)
            self.note(cell_of(opened, "warm", response))

        await self.row(opened.version, "warm", ask)

    async def _await_ticket(self, opened: Opened) -> None:
        """Tickets come after the handshake, mostly before the answer; else wait a moment."""
        tls = opened.tls
        if tls is not None and not has_ticket(opened):
            with contextlib.suppress(Failed):
                await tls.settle(_TICKET_SECONDS)

    async def _resumed(self, first: Opened) -> None:
        version, tls = first.version, first.tls
        session = tls.session if tls is not None and has_ticket(first) else None
        facts = self.talk.learn("tls", TlsFacts)
        if session is None:
            self.missed(version, "resumed", "no session ticket came")
            if facts.resumed is None:
                self.talk.learn("tls", TlsFacts, resumed=False)
            return

        async def ask() -> None:
            site = self.site
            opened = await open_stream(
                site, site.origin, site.address, ALPN[version], session=session,
                phase="tls.resumed",
            )  # fmt: skip
            took = opened.tls is not None and opened.tls.resumed
            self._note_resumed(took, opened)
            if not took:
                await opened.connection.farewell()
                self.missed(version, "resumed", "the session was not taken up")
                return
            response = await self.exchange(opened)
            self.note(cell_of(opened, "resumed", response))
            # A ticket counts once where the server guards against replay (RFC 9846 §8).
            if opened.tls is not None and opened.tls.tap.first(NEW_SESSION_TICKET) is not None:
                self.tls_session = opened.tls.session
            await opened.connection.farewell()

        await self.row(version, "resumed", ask)

    def _note_resumed(self, took: bool, opened: Opened) -> None:
        facts = self.talk.learn("tls", TlsFacts)
        if facts.resumed:
            return
        self.talk.learn("tls", TlsFacts, resumed=took)
        if took and opened.tls_seconds is not None:
            full = facts.handshake_seconds
            gain = full - opened.tls_seconds if full is not None else None
            self.talk.learn(
                "tls", TlsFacts, resumed_seconds=opened.tls_seconds, resumption_gain_seconds=gain
            )

    # -- HTTP/3 ------------------------------------------------------------------------------------

    async def quic_cold(self, port: int, *, log: bool) -> Opened | None:
        """HTTP/3's cold and warm rows; the connection, or None where there is none."""
        site = self.site
        address = msgspec.structs.replace(site.address, port=port)
        try:
            opened = await open_quic(site, site.origin, address, log=log)
            with self.talk.watch.phase("http.cell"):
                response = await self.exchange(opened)
        except Failed as failed:
            self.fell("3", failed)
            return None
        self.arrived(opened, response)
        await self._warm(opened)
        return opened

    async def quic_again(self, first: Opened) -> None:
        """HTTP/3 with the session of ``first``, and once more in 0-RTT."""
        quic, site = first.quic, self.site
        assert quic is not None  # noqa: S101 - opened by open_quic
        with contextlib.suppress(Failed):
            await quic.settle(_TICKET_SECONDS)
        session = quic.session
        if session is None:
            self.missed("3", "resumed", "no session ticket came")
            self.missed("3", "0-rtt", "no session ticket came")
            return
        self.quic_session = session

        async def ask() -> None:
            opened = await open_quic(
                site, site.origin, first.address, session=session, phase="quic.resumed"
            )
            try:
                if not opened.quic or not opened.quic.engine.resumed:
                    self.missed("3", "resumed", "the session was not taken up")
                    return
                response = await self.exchange(opened)
                self.note(cell_of(opened, "resumed", response))
                with contextlib.suppress(Failed):
                    await opened.quic.settle(_TICKET_SECONDS)
                self.quic_session = opened.quic.session or session
            finally:
                opened.connection.close()

        await self.row("3", "resumed", ask)
        await early.over_quic(self, first)


def has_ticket(opened: Opened) -> bool:
    """Whether a session of the connection can be taken up again."""
    tls = opened.tls
    if tls is None:
        return False
    return tls.version < TLS13 or tls.tap.first(NEW_SESSION_TICKET) is not None
