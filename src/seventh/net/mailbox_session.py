"""What the sessions of IMAP and POP3 have in common: a stream, and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net import mail
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.wire.identify import identify
from seventh.wire.text import quoted

_SHOWN = 120
_FIRST_BYTES = 64


class Responses(Protocol):
    """A reader of what a server sends."""

    @property
    def bare(self) -> int:
        """The number of lines so far that ended with LF alone."""

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""

    def rest(self) -> bytes:
        """Take all that has arrived and was not read."""


R = TypeVar("R", bound=Responses)


class Session(Generic[R]):
    """A connection, and what reads it."""

    def __init__(self, ctx: ProbeContext, stream: Stream, reader: Callable[[], R]) -> None:
        self.ctx = ctx
        self.stream = stream
        self._reader = reader
        self._responses = reader()
        self._first = b""
        self._bare_in_clear = 0
        self.last: Mark = stream.opened
        """When bytes came last."""

    @property
    def bare(self) -> int:
        """The number of lines that ended with LF alone."""
        return self._bare_in_clear + self._responses.bare

    def rest(self) -> bytes:
        """Take what has arrived and was not read."""
        return self._responses.rest()

    def secure(self, stream: Stream) -> None:
        """Continue inside TLS; nothing that came in clear stays."""
        self._bare_in_clear = self._responses.bare
        self._responses = self._reader()
        self.stream = stream

    async def _receive(self, until_ns: int | None = None) -> None:
        """Wait for more to read. Raises Failed."""
        data, self.last = await self.stream.receive(until_ns)
        if not data:
            raise Failed(Reason.PEER_CLOSED, "the peer closed the connection")
        self._first += data[: _FIRST_BYTES - len(self._first)]
        self._responses.feed(data)

    def _other(self, greeting: str) -> Failed:
        """Return the failure of first bytes that are no ``greeting``: ``a POP3 greeting``."""
        served = identify(self._first) or ""
        if not served or served in greeting:
            what = f"the first bytes are not {greeting}: {quoted(self._first, _SHOWN)}"
        else:
            what = f"the port serves {served}, not {greeting.split()[1]}"
        return Failed(Reason.PROTOCOL_MISMATCH, what, served=served)

    async def _send_secret(self, line: bytes) -> Mark:
        return await mail.send_secret(self.ctx, self.stream, line)
