"""The site: the one place through which every part asks, within one budget.

It opens connections of each version, keeps them, counts requests and remembers what was asked.
Credentials go to the target's own origin alone, and only once its certificate was found good.
"""

from __future__ import annotations

import contextlib
from typing import Literal

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.talk import Talk
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import open_quic, open_stream
from seventh.protocols.http.client.request import SECRETS, Shape, shape_of
from seventh.protocols.http.client.standing import Asked, Opened, Standing
from seventh.protocols.http.wire.url import Origin, Url, request_path
from seventh.web.message import Fields, OnBody, Request, Response

V = Literal["1.1", "2", "3"]
MAX_REQUESTS = 40
MAX_CONNECTION_BYTES = 64 * 1024 * 1024
REQUEST_SECONDS = 4.0
"""How long one exchange beside the first may take."""


class Site(Standing):
    """The target as a site. Every method raises Failed."""

    def __init__(self, talk: Talk, *, url: Url | None = None) -> None:
        target, options = talk.target, talk.options
        named = options.server_name or target.host
        super().__init__(talk, Origin(target.scheme, named, target.port))
        self.shape: Shape = shape_of(options)
        self.url = url or Url(self.origin, request_path(target.path))
        """What the person asked for."""
        self.base_url = self.url
        """Where redirects led; :meth:`get` asks there."""
        self.base: Response | None = None
        """The representation that was found there; None before it was."""
        self.addresses: tuple[Address, ...] = ()
        self._pool: dict[tuple[Origin, str], Opened] = {}
        self.ended: Opened | None = None
        """The first kept connection to the target that the server ended with its answer."""
        self.best: V = "1.1"
        """The version that a client would use."""
        self.quic_address: Address | None = None
        """Where HTTP/3 answers, if that is not the conversation's own address and port."""
        self.alpn: tuple[str, ...] = ("h2", "http/1.1")
        """What is offered where the version is free."""
        talk.budget.max_bytes = max(talk.budget.max_bytes, MAX_CONNECTION_BYTES)

    # -- what is known -----------------------------------------------------------------------------

    @property
    def secure(self) -> bool:
        """Whether the target is https."""
        return self.origin.scheme == "https"

    @property
    def requests_left(self) -> int:
        """How many more requests this look may send."""
        return MAX_REQUESTS - self.shared.requests

    @property
    def requests(self) -> int:
        """How many it has sent."""
        return self.shared.requests

    @property
    def asked(self) -> list[Asked]:
        """What was asked so far."""
        return self.shared.asked

    @property
    def address(self) -> Address:
        """The address that the conversation is with."""
        return self.addresses[0]

    def distrust(self, failed: Failed) -> None:
        """The certificate is not to be trusted: no credential goes there from now on."""
        self.shared.distrust = failed

    def mark_broken(self, version: str, failed: Failed) -> None:
        """``version`` cannot be used."""
        self.shared.broken[version] = failed

    # -- requests ----------------------------------------------------------------------------------

    def request(
        self,
        url: Url,
        *,
        method: str = "GET",
        headers: Fields = (),
        body: bytes = b"",
        version: str = "1.1",
    ) -> Request:
        """A request for ``url`` with the person's fields where they may go, and ``headers``."""
        own = url.origin == self.origin and self.trusted
        fields = self.shape.fields if own else self.shape.plain
        named = {name.lower() for name, _ in headers}
        fields = (*(f for f in fields if f[0].lower() not in named), *headers)
        if not own:
            fields = tuple(f for f in fields if f[0].lower() not in SECRETS)
        if version == "1.1":
            # As browsers do: some servers tell only then for how long they keep it (Apache).
            fields = (*fields, ("Connection", "keep-alive"))
        if version != "1.1":
            fields = tuple((name.lower(), value) for name, value in fields)
        return Request(
            method=method,
            scheme=url.origin.scheme,
            authority=url.origin.authority,
            path=url.path,
            headers=fields,
            body=body,
        )

    async def get(
        self,
        path: str | None = None,
        *,
        method: str = "GET",
        headers: Fields = (),
        version: V | None = None,
        fresh: bool = False,
        body: bytes = b"",
        body_cap: int | None = None,
        on_body: OnBody | None = None,
        deadline_ns: int | None = None,
    ) -> Response:
        """Ask the base's origin for ``path`` (the base's own unless given), over ``version``.

        Without a version the best that works; ``fresh`` asks for a new connection. A method that
        is not GET, HEAD or OPTIONS needs tier 3, which is looked up here. Content codings of the
        answer are not undone. Raises Failed, budget-exceeded among it, and the failures of
        connecting and of :meth:`HttpConnection.request`.
        """
        url = self.base_url if path is None else Url(self.base_url.origin, request_path(path))
        opened = await self.opened(url.origin, version, fresh=fresh)
        return await self.exchange(
            opened, url, method=method, headers=headers, body=body, body_cap=body_cap,
            on_body=on_body, deadline_ns=deadline_ns,
        )  # fmt: skip

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
        """One exchange on a connection that is open; counted and remembered."""
        self._may(method)
        request = self.request(
            url, method=method, headers=(*headers, *opened.fields), body=body,
            version=opened.version,
        )  # fmt: skip
        self.spend()
        until = deadline_ns or self.talk.budget.within(REQUEST_SECONDS)
        response = await opened.connection.request(
            request,
            deadline_ns=until,
            body_cap=body_cap or self.talk.options.of(HttpOptions).max_body_bytes,
            on_body=on_body,
        )
        opened.used += 1
        opened.ordinary = method in {"GET", "HEAD"} and response.status < 400
        opened.idle_since_ns = response.last.ns
        self.remember(method, url, response)
        return response

    def _may(self, method: str) -> None:
        if method in {"GET", "HEAD", "OPTIONS"}:
            return
        why = self.talk.denied(3)
        if why is not None:
            raise Failed(Reason.OPTIONS_UNUSABLE, f"{method} is not sent: {why}")

    def spend(self) -> None:
        """Count one request; Failed (budget-exceeded) where too many were sent."""
        if self.requests_left <= 0:
            raise Failed(
                Reason.BUDGET_EXCEEDED, f"the budget of {MAX_REQUESTS} requests to a site is spent"
            )
        self.shared.requests += 1

    def remember(self, method: str, url: Url, response: Response) -> None:
        """Note an exchange."""
        path = url.path.partition("?")[0]
        self.shared.asked.append(
            Asked(method=method, path=path, version=response.version, status=response.status)
        )

    # -- connections -------------------------------------------------------------------------------

    def keep(self, origin: Origin, opened: Opened) -> None:
        """Keep a connection for later requests."""
        before = self._pool.get((origin, opened.version))
        if before is not None and before.ended_by_server and origin == self.origin:
            self.ended = self.ended or before
        self._pool[origin, opened.version] = opened

    def pooled(self, version: str, origin: Origin | None = None) -> Opened | None:
        """The connection of that version that is kept, where it can carry another request."""
        opened = self._pool.get((origin or self.origin, version))
        return opened if opened is not None and opened.connection.reusable else None

    def pooled_any(self, version: str) -> Opened | None:
        """The connection of that version to the target that was kept, even if it is spent."""
        return self._pool.get((self.origin, version))

    async def opened(self, origin: Origin, version: V | None, *, fresh: bool = False) -> Opened:
        """A connection to ``origin``: a kept one unless ``fresh``, else a new one, kept from now.

        Another origin than the target's is reached only where its addresses pass the policy for
        what a peer names.
        """
        wanted = version or (self.best if origin == self.origin else None)
        if not fresh:
            for known in (wanted,) if wanted is not None else ("2", "1.1"):
                if (opened := self.pooled(known, origin)) is not None:
                    return opened
        opened = await self.open(origin, wanted)
        self.keep(origin, opened)
        return opened

    async def open(
        self, origin: Origin, version: V | None = None, *, address: Address | None = None
    ) -> Opened:
        """A new connection that is nobody's yet."""
        if version == "3" and address is None and origin == self.origin:
            address = self.quic_address
        if address is None:
            address = await self.address_of(origin)
        if version == "3":
            return await open_quic(self, origin, address)
        alpn = {"1.1": ("http/1.1",), "2": ("h2",), None: self.alpn}[version]
        return await open_stream(self, origin, address, alpn, prior=version == "2")

    async def address_of(self, origin: Origin) -> Address:
        """An address of ``origin``; the policy's word on one that a peer named."""
        own = (origin.host, origin.port) == (self.origin.host, self.origin.port)
        if own:
            return self.address
        if origin.host == self.origin.host:
            ip = self.address
            return Address(ip=ip.ip, port=origin.port, scope=ip.scope)
        named = await self.talk.addresses_named(self.address.ip, origin.host, origin.port)
        return named[0]

    async def at(self, address: Address) -> Site:
        """The same site as one of its addresses has it; requests count together."""
        other = Site(self.talk, url=self.url)
        other.shared = self.shared
        other.base_url, other.base = self.base_url, self.base
        other.addresses = (address,)
        other.best = "1.1" if self.best == "3" and "1.1" not in self.shared.broken else self.best
        other.alpn = self.alpn
        if self.addresses and address == self.addresses[0]:
            other._pool = self._pool
        return other

    async def farewell(self) -> None:
        """End all connections the polite way."""
        for opened in self._pool.values():
            with contextlib.suppress(Failed):
                await opened.connection.farewell()
        self._pool.clear()
