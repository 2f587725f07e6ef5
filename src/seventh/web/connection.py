"""What a client connection of any HTTP version can do."""

from __future__ import annotations

import abc

from seventh.net.address import Address
from seventh.net.stream import Stream
from seventh.web.limits import BODY_CAP
from seventh.web.message import OnBody, Request, Response, Version


class HttpConnection(abc.ABC):
    """One connection to one server. Errors of every method are Failed, never another kind.

    HTTP/1.1 carries one exchange at a time; HTTP/2 and HTTP/3 carry several, each awaited in a task
    of its own. What a version tells beyond its exchanges (settings, windows, keep-alive) is in its
    ``stats``.
    """

    version: Version
    address: Address

    @property
    @abc.abstractmethod
    def reusable(self) -> bool:
        """Whether another request may be sent, as far as is known now."""

    @abc.abstractmethod
    async def request(
        self,
        request: Request,
        *,
        deadline_ns: int | None = None,
        body_cap: int = BODY_CAP,
        on_body: OnBody | None = None,
    ) -> Response:
        """Send ``request`` and take its response, with at most ``body_cap`` bytes of body.

        At the cap, or when ``on_body`` says so, the exchange ends there: the response says
        ``truncated``, and HTTP/1.1's connection is spent. ``deadline_ns`` is an instant of the
        monotonic clock, besides the budget's own. ``on_body`` gets each piece and its arrival.

        Raises Failed: peer-silent, peer-closed, peer-reset, budget-exceeded, protocol-mismatch;
        ProtocolViolation for broken grammar or limits; :class:`message.Unfinished` where the head
        had come.
        """

    @abc.abstractmethod
    async def tunnel(
        self, request: Request, *, deadline_ns: int | None = None, body_cap: int = BODY_CAP
    ) -> tuple[Response, Stream | None]:
        """Ask to leave HTTP for ``request.protocol`` (or, with CONNECT, for a plain tunnel).

        The stream is what the two sides now share: of HTTP/1.1 the connection itself after a 101,
        beginning with what came together with it; of HTTP/2 and HTTP/3 one stream of the
        connection, which lives on. Where the server stays with HTTP the stream is None and the
        response is complete, its body too. Closing the stream resets it (CANCEL) where the
        connection goes on. Raises Failed as :meth:`request` does; negotiation-failed where the
        peer has not enabled extended CONNECT (RFC 8441 §3, RFC 9220 §3).
        """

    async def aclose(self) -> None:
        """End the connection the polite way, where the version has one; then :meth:`close`."""
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Let go at once; closing twice is fine."""
