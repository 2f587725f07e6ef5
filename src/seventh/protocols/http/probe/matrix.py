"""The matrix of one site: a row for each version of HTTP at each temperature, and the ladder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.versions import Cell, Rung, RungState, Temperature
from seventh.protocols.http.probe.first_response import times
from seventh.web.message import Response
from seventh.wire.text import printable

_NOT_OFFERED = frozenset({Reason.NEGOTIATION_FAILED, Reason.CONNECT_REFUSED, Reason.NO_REPLY})


def cell_of(
    opened: Opened, temperature: Temperature, response: Response, *, resolve: float | None = None
) -> Cell:
    """Return an exchange as a row of the matrix."""
    fresh = temperature != "warm"
    return Cell(
        version=opened.version,
        temperature=temperature,
        resolve_seconds=resolve,
        connect_seconds=opened.connect_seconds if fresh else None,
        tls_seconds=opened.tls_seconds if fresh else None,
        quic_seconds=opened.quic_seconds if fresh else None,
        request_seconds=response.sent.since(opened.ready_ns) if fresh else None,
        **times(response, opened.rtt_seconds),
    ).summed()


class Matrix:
    """Fills the matrix of one site; every row is noted as soon as it is there."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.ctx = site.ctx
        self.notes = site.notes
        method = site.template.method
        self.method = method if method in {"GET", "HEAD"} else "GET"
        self.responses: dict[str, Response] = {}
        """The first answer of each version."""

    # -- noting ------------------------------------------------------------------------------------

    def note(self, cell: Cell) -> None:
        """Add a row."""
        self.notes.learn(cells=(*self.notes.facts.cells, cell))

    def missed(
        self, version: str, temperature: Temperature, why: str, *, failed: bool = False
    ) -> None:
        """Add a row that has no exchange."""
        cell = Cell(version=version, temperature=temperature, outcome="untried", why=why)
        self.note(replace(cell, outcome="failed") if failed else cell)

    def rung(
        self, version: str, state: RungState, detail: str = "", *, error: str = "", field: str = ""
    ) -> None:
        """Note the state of a version, newest first."""
        made = Rung(version=version, state=state, detail=detail, error=error, field=field)
        if (response := self.responses.get(version)) is not None:
            content_type = printable(response.get("content-type") or "", 80)
            made = replace(made, status=response.status, content_type=content_type)
        others = [rung for rung in self.notes.facts.ladder if rung.version != version]
        ladder = sorted([*others, made], key=lambda rung: rung.version, reverse=True)
        self.notes.learn(ladder=tuple(ladder))

    def absent(self, version: str, state: RungState, why: str) -> None:
        """Note a version without an exchange."""
        self.missed(version, "cold", why)
        self.rung(version, state, why)

    def fell(self, version: str, failed: Failed) -> None:
        """Note a version whose first exchange failed: not offered, or broken."""
        self.missed(version, "cold", f"{failed.reason}: {failed.detail}", failed=True)
        announced = self.notes.facts.advertised
        silent = failed.reason in _NOT_OFFERED
        if version == "3" and silent and announced is not None and announced.h3:
            silent = False
        if not silent:
            self.site.mark_broken(version)
        state: RungState = "not-offered" if silent else "broken"
        self.rung(version, state, failed.detail, error=failed.http_error, field=failed.http_field)

    # -- exchanges ---------------------------------------------------------------------------------

    async def exchange(self, opened: Opened) -> Response:
        """Make the matrix's request on an open connection."""
        return await self.site.exchange(opened, self.site.url, method=self.method)

    async def row(
        self, version: str, temperature: Temperature, ask: Callable[[], Awaitable[None]]
    ) -> bool:
        """Make one further row; a failure is noted in it."""
        try:
            with self.ctx.watch.phase("http.cell"):
                await ask()
        except Failed as failed:
            reason = f"{failed.reason}: {failed.detail}"
            self.missed(version, temperature, reason, failed=True)
            return False
        return True

    def arrived(self, opened: Opened, response: Response, *, resolve: float | None = None) -> None:
        """Note a version's first exchange."""
        self.site.learn_round_trip(opened)
        self.site.pool.keep(self.site.origin, opened)
        self.responses[opened.version] = response
        self.note(cell_of(opened, "cold", response, resolve=resolve))
        self.rung(opened.version, "works")
