"""What a lab's web server is given: one function from request to answer, for all versions of HTTP.

The servers of :mod:`seventh.labkit.web` (h1, h2 and h3) serve the same handler.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from seventh.web.message import Fields, Request


class Pipe(abc.ABC):
    """The server's end of a tunnel: after a 101, or on one stream after extended CONNECT."""

    @abc.abstractmethod
    async def receive(self) -> bytes:
        """Return the next bytes; ``b""`` when the client has ended its side."""

    @abc.abstractmethod
    async def send(self, data: bytes) -> None:
        """Send bytes."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What to answer. The servers add what their version needs around it, and nothing else.

    ``content-length`` is added where the body is bytes and it does not stand in the headers.
    """

    status: int = 200
    headers: Fields = ()
    body: bytes | Callable[[], AsyncIterator[bytes]] = b""
    """Or pieces, each sent as soon as it is there."""
    trailers: Fields = ()
    informational: tuple[tuple[int, Fields], ...] = ()
    """1xx responses before the final one."""
    tunnel: Callable[[Pipe], Awaitable[None]] | None = None
    """Takes over after a 101 (HTTP/1.1), or after a 2xx to CONNECT (HTTP/2 and HTTP/3)."""


Handler = Callable[[Request], Awaitable[Answer]]
