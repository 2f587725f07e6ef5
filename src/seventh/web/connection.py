"""A client's connection of any HTTP version."""

from __future__ import annotations

import abc

from seventh.net.address import Address
from seventh.net.stream import Stream
from seventh.web.limits import BODY_CAP
from seventh.web.message import OnBody, Request, Response, Version


class HttpConnection(abc.ABC):
    """One connection to one server. Every method raises only Failed.

    HTTP/1.1 carries one exchange at a time; HTTP/2 and HTTP/3 carry several, each awaited in a task
    of its own. Settings, windows and keep-alive are in the ``stats`` of each version.
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
        """Send ``request`` and return its response, with at most ``body_cap`` bytes of body.

        The exchange ends at the cap, or when ``on_body`` returns False: the response is then
        ``truncated``, and an HTTP/1.1 connection is spent. ``deadline_ns`` is an instant of the
        monotonic clock, in addition to the budget's.

        Raises Failed: peer-silent, peer-closed, peer-reset, budget-exceeded, protocol-mismatch;
        ProtocolViolation for malformed data and exceeded limits; :class:`message.Unfinished` after
        the head.
        """

    @abc.abstractmethod
    async def tunnel(
        self, request: Request, *, deadline_ns: int | None = None, body_cap: int = BODY_CAP
    ) -> tuple[Response, Stream | None]:
        """Request a switch to ``request.protocol``, or with CONNECT a plain tunnel.

        The returned stream is the connection itself after a 101 of HTTP/1.1, and one stream of the
        connection in HTTP/2 and HTTP/3, where closing it resets it (CANCEL). If the server does not
        switch, the stream is None and the response is complete. Raises Failed like
        :meth:`request`, and negotiation-failed if the peer has not enabled extended CONNECT
        (RFC 8441 §3, RFC 9220 §3).
        """

    async def aclose(self) -> None:
        """Close the connection with the version's goodbye, if it has one."""
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Close without waiting; closing twice is allowed."""
