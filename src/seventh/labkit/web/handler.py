"""The handler of a lab's web servers: one function from request to answer, for h1, h2 and h3."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from seventh.web.message import Fields, Request

NO_CONTENT = frozenset({204, 304})
"""Statuses of responses without content (RFC 9110 §6.4.1)."""


class Pipe(abc.ABC):
    """The server's end of a tunnel: after a 101, or on one stream after extended CONNECT."""

    @abc.abstractmethod
    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` at the client's end."""

    @abc.abstractmethod
    async def send(self, data: bytes) -> None:
        """Send bytes."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response. The servers add what their version requires.

    ``content-length`` is added if the body is bytes and the headers do not have it.
    """

    status: int = 200
    headers: Fields = ()
    body: bytes | Callable[[], AsyncIterator[bytes]] = b""
    """The body, or an iterator of pieces that are sent one by one."""
    trailers: Fields = ()
    informational: tuple[tuple[int, Fields], ...] = ()
    """1xx responses before the final one."""
    tunnel: Callable[[Pipe], Awaitable[None]] | None = None
    """Serves the connection after a 101 (HTTP/1.1) or a 2xx to CONNECT (HTTP/2 and HTTP/3)."""

    def fields(self) -> Fields:
        """Return the headers, with content-length if the body may have one."""
        given = {name.lower() for name, _ in self.headers}
        if not isinstance(self.body, bytes) or self.status in NO_CONTENT:
            return self.headers
        if given & {"content-length", "transfer-encoding"}:
            return self.headers
        return (*self.headers, ("Content-Length", str(len(self.body))))

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body; an empty one yields nothing."""
        if not isinstance(self.body, bytes):
            async for piece in self.body():
                yield piece
        elif self.body:
            yield self.body


Handler = Callable[[Request], Awaitable[Answer]]
