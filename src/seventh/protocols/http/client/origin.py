"""The site: every request of a check goes through it, within one budget.

It holds the state of a check: connections and sessions (its pool), which version is used and where,
whether the origin is trusted, how many requests are left. Others read that state and call its
methods; only the site assigns it. Credentials go to the target's own origin alone, and only while
its certificate is trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import Opened, is_stale, over_quic, over_tcp
from seventh.protocols.http.client.notice import notice
from seventh.protocols.http.client.pool import Pool
from seventh.protocols.http.client.request import SAFE, described
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.wire.url import Origin, Url, bare, request_path
from seventh.web.message import Fields, OnBody, Request, Response

if TYPE_CHECKING:
    from seventh.net.quic.client import Session as QuicSession
    from seventh.net.tls.session import Session

V = Literal["1.1", "2", "3"]
OverTcp = Literal["1.1", "2"]
MAX_REQUESTS = 40
MAX_THINKS = 16
MAX_CONNECTION_BYTES = 64 * 1024 * 1024
_IDLE_TOO_LONG = 408
"""What some servers send before they close an idle connection: it answers no request."""
REQUEST_SECONDS = 4.0
"""How long one further exchange may take."""
ALPN: dict[str, tuple[str, ...]] = {"2": ("h2",), "1.1": ("http/1.1",)}


class Site:
    """The target as a site. Methods that send something raise Failed."""

    def __init__(self, ctx: ProbeContext) -> None:
        target, options = ctx.target, ctx.options
        self.ctx = ctx
        self.notes = ctx.notes(HttpFacts)
        """What was learnt of it."""
        self.tls_notes = ctx.notes(TlsFacts)
        self.origin = Origin(target.scheme, options.server_name or target.host, target.port)
        """The target's own origin."""
        self.template = described(options)
        """The request that the user described."""
        self.url = Url(self.origin, request_path(target.path))
        """What the user asked for."""
        self.base_url = self.url
        """Where redirects led; :meth:`get` requests that."""
        self.base: Response | None = None
        """What it serves; None before it was requested."""
        self.addresses: tuple[Address, ...] = ()
        """The target's, the one of the conversation first."""
        self.best: V = "1.1"
        """The version that a client would use."""
        self.alpn: tuple[str, ...] = ("h2", "http/1.1")
        """What is offered where the version is free."""
        self.requests = 0
        """How many were sent."""
        self.pool = Pool(self.origin)
        self._quic_address: Address | None = None
        self._trusted = True
        self._broken: set[str] = set()
        self._round_trips: dict[str, float] = {}
        ctx.budget.allow_bytes(MAX_CONNECTION_BYTES)

    # -- where it is -------------------------------------------------------------------------------

    @property
    def secure(self) -> bool:
        """Whether the target is https."""
        return self.origin.scheme == "https"

    @property
    def name(self) -> str:
        """The name to ask for in TLS and to verify the certificate against.

        It is the origin's wherever a connection leads: an alternative service has to show that it
        may serve the origin (RFC 7838 §2.1).
        """
        return self.origin.host

    @property
    def address(self) -> Address:
        """The address that the conversation is with."""
        return self.addresses[0]

    async def resolve(self) -> None:
        """Find the target's addresses."""
        self.addresses = await self.ctx.addresses()

    def prefer(self, address: Address) -> None:
        """Use ``address``, the first one that accepts, before the others."""
        self.addresses = (address, *(a for a in self.addresses if a != address))

    def move_to(self, address: Address) -> None:
        """Use ``address`` only: the target's own do not accept TCP."""
        self.addresses = (address,)

    def settle(self, url: Url, response: Response) -> None:
        """Set the content to check: what ``url`` serves."""
        self.base_url, self.base = url, response

    # -- how it is reached -------------------------------------------------------------------------

    @property
    def trusted(self) -> bool:
        """Whether nothing was found wrong with the origin's certificate."""
        return self._trusted

    def distrust(self) -> None:
        """Send no credential from now on: the certificate is not trusted."""
        self._trusted = False

    def offer_no_alpn(self) -> None:
        """Offer no protocol (ALPN) from now on: the server rejects all that we know."""
        self.alpn = ()

    def use(self, version: V) -> None:
        """Prefer ``version``: it was negotiated, or is what the newer one falls back to."""
        self.best = version

    def take_over(self, opened: Opened) -> None:
        """Send HTTP/3 where ``opened`` leads, and all requests where no TCP works."""
        self._quic_address = opened.address
        if self.pool.last("1.1") is None:
            self.best = "3"

    def mark_broken(self, version: str) -> None:
        """Note that ``version`` cannot be used."""
        self._broken.add(version)

    def learn_think(self, response: Response) -> None:
        """Note how long a response to the target's request took beyond the round trip."""
        rtt = self._round_trips.get(self.address.ip)
        known = self.notes.facts.thinks_seconds
        if rtt is not None and response.status == 200 and len(known) < MAX_THINKS:
            ttfb = response.first.since(response.sent)
            self.notes.learn(thinks_seconds=(*known, max(0.0, ttfb - rtt)))

    def learn_round_trip(self, opened: Opened) -> None:
        """Keep the least round trip to a connection's address."""
        seen, ip = opened.rtt_seconds, opened.address.ip
        if seen:
            self._round_trips[ip] = min(seen, self._round_trips.get(ip, seen))

    # -- requests ----------------------------------------------------------------------------------

    @property
    def requests_left(self) -> int:
        """How many more requests this look may send."""
        return MAX_REQUESTS - self.requests

    def request(
        self,
        url: Url,
        *,
        method: str = "GET",
        headers: Fields = (),
        body: bytes = b"",
        version: str = "1.1",
    ) -> Request:
        """Return a request for ``url`` with ``headers``, and the user's fields where permitted."""
        own = url.origin == self.origin and self.trusted
        return self.template.request(url, method, headers, body, version, own=own)

    async def get(
        self,
        path: str | None = None,
        *,
        method: str = "GET",
        headers: Fields = (),
        body: bytes = b"",
        body_cap: int | None = None,
    ) -> Response:
        """Request ``path`` of the base's origin (the base's own unless given), by the best version.

        A method that is not GET, HEAD or OPTIONS needs tier 3, which is looked up here. Content
        codings of the answer are not undone. Raises Failed, budget-exceeded among it, and the
        failures of connecting and of :meth:`HttpConnection.request`.
        """
        url = self.base_url if path is None else Url(self.base_url.origin, request_path(path))
        opened = await self.opened(url.origin, None)
        return await self.exchange(
            opened, url, method=method, headers=headers, body=body, body_cap=body_cap
        )

    async def get_at(self, address: Address, *, headers: Fields = ()) -> Response:
        """Request the base at another of the target's addresses, on a new connection."""
        version = None
        if self.base_url.origin == self.origin:
            # HTTP/3 was found at one address: elsewhere it is tried where TCP is known to fail.
            by_tcp = self.best == "3" and "1.1" not in self._broken
            version = "1.1" if by_tcp else self.best
        opened = await self.open(self.base_url.origin, version, by=address)
        try:
            return await self.exchange(opened, self.base_url, headers=headers)
        finally:
            opened.connection.close()

    async def exchange(
        self,
        opened: Opened,
        url: Url,
        *,
        method: str = "GET",
        headers: Fields = (),
        body: bytes = b"",
        body_cap: int | None = None,
        on_body: OnBody | None = None,
        deadline_ns: int | None = None,
    ) -> Response:
        """Make and count one exchange on an open connection."""
        self._may(method)
        request = self.request(
            url, method=method, headers=(*headers, *opened.fields), body=body,
            version=opened.version,
        )  # fmt: skip

        async def send() -> Response:
            self.spend()
            return await opened.connection.request(
                request,
                deadline_ns=deadline_ns or self.ctx.budget.within(REQUEST_SECONDS),
                body_cap=body_cap or self.ctx.options.of(HttpOptions).max_body_bytes,
                on_body=on_body,
            )

        response: Response | None = None
        try:
            response = await send()
        except Failed as failed:
            if not (opened.used and method in SAFE and is_stale(failed)):
                raise
        if response is None or (opened.used and response.status == _IDLE_TOO_LONG):
            await self._renew(opened, url)
            response = await send()
        self.carried(opened, url, method, response)
        return response

    async def _renew(self, opened: Opened, url: Url) -> None:
        """Replace a kept connection that the server had closed.

        That is no fault: either side may end an idle connection at any time (RFC 9112 §9.5).
        """
        self._notice(opened, url)
        opened.connection.close()
        if opened.version == "3":
            fresh = await self.connect_quic(
                opened.address, origin=url.origin, alternative=opened.alternative
            )
        else:
            fresh = await self.connect(
                opened.address, "2" if opened.version == "2" else "1.1", origin=url.origin,
                alternative=opened.alternative,
            )  # fmt: skip
        opened.renew(fresh)

    def carried(self, opened: Opened, url: Url, method: str, response: Response) -> None:
        """Count a completed exchange, and note what its connection shows."""
        opened.carried(method, response)
        self._notice(opened, url)

    def _notice(self, opened: Opened, url: Url) -> None:
        if url.origin == self.origin:
            notice(self.notes, opened.connection, bare(url))

    def _may(self, method: str) -> None:
        if method in SAFE:
            return
        why = self.ctx.denied(3)
        if why is not None:
            raise Failed(Reason.OPTIONS_UNUSABLE, f"{method} is not sent: {why}")

    def spend(self) -> None:
        """Count one request. Raises Failed (budget-exceeded) where too many were sent."""
        if self.requests_left <= 0:
            raise Failed(
                Reason.BUDGET_EXCEEDED, f"limit of {MAX_REQUESTS} requests to a site reached"
            )
        self.requests += 1

    # -- connecting --------------------------------------------------------------------------------

    async def opened(self, origin: Origin, version: V | None, *, fresh: bool = False) -> Opened:
        """Return a connection to ``origin``: a kept one unless ``fresh``, else a new one.

        Another origin than the target's is reached only where its addresses pass the policy for
        what a peer names.
        """
        wanted = version or (self.best if origin == self.origin else None)
        if not fresh:
            for known in (wanted,) if wanted is not None else ("2", "1.1"):
                if (opened := self.pool.reusable(known, origin)) is not None:
                    return opened
        opened = await self.open(origin, wanted)
        self.pool.keep(origin, opened)
        return opened

    async def open(
        self, origin: Origin, version: V | None = None, *, by: Address | None = None
    ) -> Opened:
        """Return a new connection that is not kept; ``by`` another of the target's addresses."""
        if version != "3":
            return await self.connect(await self.address_of(origin, by), version, origin=origin)
        own = self._quic_address if by is None and origin == self.origin else None
        return await self.connect_quic(own or await self.address_of(origin, by), origin=origin)

    async def connect(
        self,
        address: Address,
        version: OverTcp | None = None,
        *,
        origin: Origin | None = None,
        stream: Stream | None = None,
        session: Session | None = None,
        phase: str = "tls.compared",
        alternative: str = "",
    ) -> Opened:
        """Return a new connection to ``address`` over TCP, on ``stream`` if given."""
        origin = origin or self.origin
        return await over_tcp(
            self.ctx, origin, address, self.alpn if version is None else ALPN[version],
            stream=stream, session=session, phase=phase, prior=version == "2",
            verify=self.trusted or origin != self.origin, alternative=alternative,
        )  # fmt: skip

    async def connect_quic(
        self,
        address: Address,
        *,
        origin: Origin | None = None,
        session: QuicSession | None = None,
        phase: str = "quic",
        alternative: str = "",
        log: bool = False,
    ) -> Opened:
        """Return a new connection of HTTP/3 to ``address``; ``log`` records it for a qlog file."""
        return await over_quic(
            self.ctx, origin or self.origin, address, session=session, phase=phase,
            verify=self.trusted, path_rtt_seconds=self._round_trips.get(address.ip),
            alternative=alternative, log=log,
        )  # fmt: skip

    async def address_of(self, origin: Origin, by: Address | None = None) -> Address:
        """Return an address of ``origin``. Raises Failed (address-policy)."""
        own = by or self.address
        if (origin.host, origin.port) == (self.origin.host, self.origin.port):
            return own
        if origin.host == self.origin.host:
            return Address(ip=own.ip, port=origin.port, scope=own.scope)
        named = await self.ctx.addresses_named(own.ip, origin.host, origin.port)
        return named[0]
