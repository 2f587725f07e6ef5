"""One POP3 connection: commands and their responses, over any stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net import mail, mailbox_session
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Timer
from seventh.net.stream import Stream
from seventh.protocols.pop3.wire.responses import Responses, Status, status
from seventh.wire.sasl import Client, decode, encode, initial
from seventh.wire.text import quoted

T = TypeVar("T")
MAX_COMMAND = 255
"""The most octets of a command with its end (RFC 2449 §4)."""
_SHOWN = 120


class Session(mailbox_session.Session[Responses]):
    """A connection: :meth:`greet` first, then commands, one at a time."""

    def __init__(self, ctx: ProbeContext, stream: Stream) -> None:
        super().__init__(ctx, stream, Responses)

    async def greet(self) -> bytes:
        """Return the greeting's text. Raises Failed: another protocol's, or a refusal."""
        until = mail.greeting_deadline(self.stream)
        while (line := self._responses.line()) is None:
            try:
                await self._receive(None if self._first else until)
            except Failed as failed:
                if failed.reason is not Reason.PEER_SILENT or self._first:
                    raise
                raise await mail.provoke(self.ctx, self.stream, failed, b"CAPA\r\n") from None
            if len(self._first) >= 4 and not self._first.startswith((b"+OK", b"-ERR")):
                raise self._other("a POP3 greeting")
        try:
            greeting = status(line)
        except ProtocolViolation:
            raise self._other("a POP3 greeting") from None
        if not greeting.ok:
            raise Failed(
                Reason.PEER_CLOSED,
                f"the server refused the connection: {quoted(greeting.text, _SHOWN)}",
            )
        return greeting.text

    async def _read(self, take: Callable[[], T | None]) -> T:
        while (found := take()) is None:
            await self._receive()
        return found

    # -- commands ----------------------------------------------------------------------------------

    async def command(self, text: bytes, timer: Timer | None = None) -> Status:
        """Send a command and return its status. Raises Failed."""
        mark = await self.stream.send(text + b"\r\n")
        if timer is not None:
            timer.begin(mark)
        found = status(await self._read(self._responses.line))
        if timer is not None:
            timer.stop(self.last)
        return found

    async def response(self) -> Status:
        """Return the next status, of a command that is sent already. Raises Failed."""
        return status(await self._read(self._responses.line))

    async def list(self, text: bytes, timer: Timer) -> tuple[bytes, ...] | None:
        """Send a command that is answered by a list; None where it is refused. Raises Failed."""
        if not (await self.command(text, timer)).ok:
            return None
        items = await self._read(self._responses.items)
        timer.stop(self.last)
        return items

    # -- the login ---------------------------------------------------------------------------------

    async def authenticate(self, client: Client, timer: Timer) -> Status:
        """Log in by SASL (RFC 5034). Raises Failed. No part of it is in a transcript."""
        line, first = f"AUTH {client.mechanism}".encode(), client.first
        if first is not None:
            whole = b"%s %s" % (line, initial(first))
            if len(whole) + 2 <= MAX_COMMAND:
                line, first = whole, None
        timer.begin(await self._send_secret(line))
        refused: Failed | None = None
        while (answer := await self._read(self._responses.line)).startswith(
            b"+ "
        ) or answer == b"+":
            if refused is not None:
                raise refused
            try:
                if first is not None:
                    message, first = first, None
                else:
                    message = client.answer(decode(answer[2:]))
                await self._send_secret(encode(message))
            except Failed as failed:
                refused = failed
                await self._send_secret(b"*")  # cancels the exchange; the result follows
        found = status(answer)
        timer.stop(self.last)
        if refused is not None:
            raise refused
        if found.ok:
            client.finish()
        return found

    async def log_in(self, user: bytes, password: bytes, timer: Timer) -> Status:
        """Log in by USER and PASS. Raises Failed. No part of it is in a transcript."""
        timer.begin(await self._send_secret(b"USER " + user))
        found = await self.response()
        if found.ok:
            await self._send_secret(b"PASS " + password)
            found = await self.response()
        timer.stop(self.last)
        return found
