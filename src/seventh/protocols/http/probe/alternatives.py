"""Trying what is announced: each place at each of its addresses, as a client does.

Names and addresses from a peer must pass the address policy. A place must show a certificate for
the origin's own name (RFC 7838 §2.1), and gets the same request as the origin.
"""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import OverTcp, Site
from seventh.protocols.http.facts.alternatives import Alternative
from seventh.protocols.http.probe import discover
from seventh.protocols.http.probe.discover import Place
from seventh.protocols.http.probe.matrix import Matrix
from seventh.protocols.http.wire.url import PORTS
from seventh.web.message import Response
from seventh.wire.address import check_peer_named
from seventh.wire.text import printable

MAX_ASKED = 8
"""How many places and addresses are tried."""
MISDIRECTED = 421
_OVER_TCP: dict[str, OverTcp] = {"h2": "2", "http/1.1": "1.1"}
_SUPPORTED = frozenset({"h3", *_OVER_TCP})
_OUR_OWN_REASONS = frozenset(
    {Reason.ADDRESS_POLICY, Reason.BUDGET_EXCEEDED, Reason.OPTIONS_UNUSABLE, Reason.LOCAL_RESOURCE}
)
"""Failures that show nothing about the place."""


class Candidate(msgspec.Struct, frozen=True):
    """A place at one of its addresses."""

    place: Place
    address: Address
    by: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True):
    """The result of a candidate: connection and response where it works."""

    alternative: Alternative
    opened: Opened | None = None
    response: Response | None = None
    failed: Failed | None = None

    def close(self) -> None:
        """Close the connection."""
        if self.opened is not None:
            self.opened.connection.close()


class Following:
    """The announced places of one site, and the results of trying them."""

    def __init__(self, matrix: Matrix, addresses: tuple[Address, ...]) -> None:
        self.matrix = matrix
        self.site: Site = matrix.site
        self.addresses = addresses
        """The origin's own that are reachable."""
        self.candidates: list[Candidate] = []

    # -- candidates --------------------------------------------------------------------------------

    async def find(self, places: tuple[Place, ...]) -> None:
        """Find the candidates; a place that cannot be tried is noted with the reason."""
        for place in places:
            why = self._unusable(place)
            if why:
                self.note(_of(place, detail=why))
                continue
            try:
                found = await self._candidates(place)
            except Failed as failed:
                self.note(failed_alternative(place, None, failed))
                continue
            for candidate in found:
                if self._is_known(candidate):
                    continue
                if len(self.candidates) < MAX_ASKED:
                    self.candidates.append(candidate)
                else:
                    detail = f"not tried: limit of {MAX_ASKED} places"
                    self.note(_of(place, address=candidate.address.ip, detail=detail))

    def _unusable(self, place: Place) -> str:
        if place.protocol not in _SUPPORTED:
            return f"{place.protocol} is not supported by this check"
        if place.stale:
            return "its lifetime is 0 s: clients discard it at once"
        return ""

    def _is_known(self, candidate: Candidate) -> bool:
        """Return whether it is known; what else announces it is added to it."""
        place, ip = candidate.place, candidate.address.ip
        known = self.site.notes.facts.alternatives
        same = [
            one
            for one in known
            if (one.protocol, one.host, one.port, one.address)
            == (place.protocol, place.host, place.port, ip)
        ]
        for one in same:
            by = tuple(dict.fromkeys((*one.by, *candidate.by)))
            kept = tuple(replace(each, by=by) if each is one else each for each in known)
            self.site.notes.learn(alternatives=kept)
        return bool(same)

    async def _candidates(self, place: Place) -> list[Candidate]:
        """Return the place's addresses, and the hints that are not among them."""
        site = self.site
        own = not place.host
        if own:
            known = tuple(replace(a, port=place.port) for a in self.addresses)
        else:
            known = await self._named(place)
        ips = {address.ip for address in known}
        if own:
            ips |= {address.ip for address in site.addresses}
        found = [Candidate(place, address, place.by) for address in known]
        if own and place.port == site.origin.port and place.protocol in _OVER_TCP:
            found = []  # the ladder's own rungs
        for ip in place.hints:
            if ip not in ips and self._of_family(ip):
                try:
                    check_peer_named(site.address.ip, ip)
                except Failed as failed:
                    self.note(failed_alternative(place, ip, failed, by=(discover.HINTS,)))
                    continue
                address = Address(ip=ip, port=place.port)
                found.append(Candidate(place, address, (discover.HINTS,)))
        return found

    async def _named(self, place: Place) -> tuple[Address, ...]:
        asked = self.site.address.ip
        return await self.site.ctx.addresses_named(asked, place.host, place.port)

    def _of_family(self, ip: str) -> bool:
        family = "ipv6" if ":" in ip else "ipv4"
        return self.site.ctx.options.family in {"any", family}

    # -- trying ------------------------------------------------------------------------------------

    async def first_h3(self, *, log: bool = False) -> Outcome | None:
        """Try HTTP/3 at the first candidate, and at all others where that fails.

        What was tried is noted and no candidate any more. Returns None without a candidate.
        """
        wanted = [c for c in self.candidates if c.place.protocol == "h3"]
        if not wanted:
            return None
        first, *rest = wanted
        self.candidates.remove(first)
        asked = await self.ask(first, phase="quic", log=log)
        self.note(asked.alternative)
        if asked.opened is not None:
            return asked
        self.candidates = [c for c in self.candidates if c not in rest]
        others = await asyncio.gather(*(self.ask(c, log=log) for c in rest))
        for other in others:
            self.note(other.alternative)
        works = [other for other in others if other.opened is not None]
        for other in works[1:]:
            other.close()
        return works[0] if works else asked

    async def all_others(self) -> None:
        """Try the candidates that are left, all at once, and note the results."""
        left, self.candidates = self.candidates, []

        async def one(candidate: Candidate) -> None:
            asked = await self.ask(candidate)
            asked.close()
            self.note(asked.alternative)

        await asyncio.gather(*map(one, left))

    async def ask(
        self, candidate: Candidate, *, phase: str = "quic.compared", log: bool = False
    ) -> Outcome:
        """Connect to the candidate and make the matrix's request. Never raises Failed."""
        place, address = candidate.place, candidate.address
        try:
            opened = await self._open(candidate, phase, log)
        except Failed as failed:
            gone = failed_alternative(place, address.ip, failed, by=candidate.by)
            return Outcome(gone, failed=failed)
        try:
            with self.site.ctx.watch.phase("http.cell" if phase == "quic" else "http.look"):
                response = await self.matrix.exchange(opened)
            if response.status == MISDIRECTED:
                raise Failed(Reason.UNEXPECTED_ANSWER, "421: it does not serve this origin")
        except Failed as failed:
            opened.connection.close()
            gone = failed_alternative(place, address.ip, failed, by=candidate.by)
            return Outcome(gone, failed=failed)
        return Outcome(_works(candidate, opened, response), opened, response)

    async def _open(self, candidate: Candidate, phase: str, log: bool) -> Opened:
        place, address = candidate.place, candidate.address
        alternative = self._authority(place)
        if place.protocol == "h3":
            return await self.site.connect_quic(
                address, phase=phase, alternative=alternative, log=log
            )
        version = _OVER_TCP[place.protocol]
        opened = await self.site.connect(address, version, alternative=alternative)
        if version == "1.1" != opened.version:
            raise Failed(Reason.NEGOTIATION_FAILED, "the server does not select http/1.1 (ALPN)")
        return opened

    def _authority(self, place: Place) -> str:
        """Return the value of Alt-Used; empty at the origin's own place."""
        origin = self.site.origin
        if not place.host and place.port == origin.port:
            return ""
        host = place.host or origin.host
        host = f"[{host}]" if ":" in host else host
        return host if place.port == PORTS["https"] else f"{host}:{place.port}"

    # -- noting ------------------------------------------------------------------------------------

    def note(self, alternative: Alternative) -> None:
        """Add what was learnt of one place."""
        notes = self.site.notes
        notes.learn(alternatives=(*notes.facts.alternatives, alternative))


def _of(place: Place, **more: object) -> Alternative:
    made = Alternative(by=place.by, protocol=place.protocol, host=place.host, port=place.port)
    return replace(made, **more)


def failed_alternative(
    place: Place, ip: str | None, failed: Failed, *, by: tuple[str, ...] = ()
) -> Alternative:
    """Return a place that failed, or was not tried for a reason of our own."""
    return _of(
        place,
        by=by or place.by,
        address=ip or "",
        outcome="untried" if failed.reason in _OUR_OWN_REASONS else "failed",
        reason=failed.reason.value,
        detail=printable(failed.detail, 300),
    )


def _works(candidate: Candidate, opened: Opened, response: Response) -> Alternative:
    return _of(
        candidate.place,
        by=candidate.by,
        address=candidate.address.ip,
        outcome="works",
        version=response.version,
        status=response.status,
        content_type=printable(response.get("content-type") or "", 80),
        connect_seconds=opened.connect_seconds,
        handshake_seconds=opened.quic_seconds or opened.tls_seconds,
        ttfb_seconds=response.first.since(response.sent),
    )
