"""One IMAP connection: commands and their responses, over any stream."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net import mail, mailbox_session
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Timer
from seventh.net.stream import Stream
from seventh.protocols.imap.wire.responses import Response, Responses, words_of
from seventh.wire.sasl import Client, decode, encode, initial
from seventh.wire.text import printable, quoted

MAX_UNTAGGED = 10_000
"""The most responses to one command."""
_SHOWN = 120
_GREETING = "an IMAP greeting"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a command, and the responses before it."""

    status: Response
    untagged: tuple[Response, ...]
    at: Mark
    """When the result arrived."""

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.status.name == "OK"

    def named(self, name: str) -> tuple[Response, ...]:
        """Return the responses of that name."""
        return tuple(each for each in self.untagged if each.name == name)

    @property
    def capabilities(self) -> tuple[str, ...] | None:
        """The capabilities that it lists, in a response or in a code; None for none."""
        found: tuple[str, ...] | None = None
        for each in (*self.untagged, self.status):
            found = capabilities_in(each) or found
        return found


def _foreign(response: Response) -> ProtocolViolation:
    return ProtocolViolation(
        f"a response with the tag {printable(response.tag, 40)} that must not come"
    )


def capabilities_in(response: Response) -> tuple[str, ...] | None:
    """Return the capabilities that a response lists; None if it lists none."""
    if response.name == "CAPABILITY":
        return words_of(response)
    if response.code == "CAPABILITY":
        return tuple(dict.fromkeys(word.upper() for word in response.arguments))
    return None


class Session(mailbox_session.Session[Responses]):
    """A connection: :meth:`greet` first, then commands, one at a time."""

    def __init__(self, ctx: ProbeContext, stream: Stream) -> None:
        super().__init__(ctx, stream, Responses)
        self._number = 0

    async def greet(self) -> Response:
        """Return the greeting. Raises Failed: another protocol's, or the server refuses us."""
        until = mail.greeting_deadline(self.stream)
        try:
            greeting = await self.response(first=True, until_ns=until)
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT or self._first:
                raise
            raise await mail.provoke(self.ctx, self.stream, failed, b"s0 CAPABILITY\r\n") from None
        if greeting.tag != "*" or greeting.name not in {"OK", "PREAUTH", "BYE"}:
            raise self._other(_GREETING)
        if greeting.name == "BYE":
            raise Failed(
                Reason.PEER_CLOSED,
                f"the server refused the connection: {quoted(greeting.text, _SHOWN)}",
            )
        return greeting

    async def response(self, *, first: bool = False, until_ns: int | None = None) -> Response:
        """Return the next response. Raises Failed.

        Of the ``first``, only the beginning is expected until ``until_ns``: then it is no silence.
        """
        while True:
            try:
                found = self._responses.next()
            except ProtocolViolation:
                if first:
                    raise self._other(_GREETING) from None
                raise
            if found is not None:
                return found
            waiting = None if first and self._first else until_ns
            await self._receive(waiting)
            if first and len(self._first) >= 2 and not self._first.startswith(b"* "):
                raise self._other(_GREETING)

    # -- commands ----------------------------------------------------------------------------------

    def tag(self) -> str:
        """Return the next command's tag."""
        self._number += 1
        return f"s{self._number}"

    async def command(self, text: bytes, timer: Timer | None = None) -> Answer:
        """Send a command and return its result, which may be NO or BAD. Raises Failed."""
        tag = self.tag()
        mark = await self.stream.send(b"%s %s\r\n" % (tag.encode(), text))
        if timer is not None:
            timer.begin(mark)
        answer = await self.result(tag)
        if timer is not None:
            timer.stop(answer.at)
        return answer

    async def result(
        self, tag: str, on_continuation: Callable[[bytes], bytes] | None = None
    ) -> Answer:
        """Return the result of the command ``tag``; ``on_continuation`` answers requests for more.

        Raises Failed: peer-closed after BYE, protocol-violation for what must not come.
        """
        untagged: list[Response] = []
        while True:
            found = await self._until(tag, untagged)
            if found.tag == tag:
                return Answer(status=found, untagged=tuple(untagged), at=self.last)
            if on_continuation is None:
                raise _foreign(found)
            await self._send_secret(on_continuation(found.text))

    async def may_continue(self, tag: str) -> bool:
        """Return whether the server waits for the rest of ``tag``; if not, it is completed.

        Raises Failed, as :meth:`result` does.
        """
        return (await self._until(tag, [])).tag == "+"

    async def _until(self, tag: str, untagged: list[Response]) -> Response:
        """Return the next result or request for more, and add what comes before to ``untagged``."""
        while (found := await self.response()).tag == "*":
            if found.name == "BYE" and not self._leaving:
                raise Failed(
                    Reason.PEER_CLOSED,
                    f"the server ended the session: {quoted(found.text, _SHOWN)}",
                )
            untagged.append(found)
            if len(untagged) > MAX_UNTAGGED:
                raise ProtocolViolation(f"more than {MAX_UNTAGGED} responses to one command")
        if found.tag not in {tag, "+"}:
            raise _foreign(found)
        return found

    _leaving = False

    async def log_out(self, timer: Timer | None = None) -> None:
        """Send LOGOUT and wait for its result. Raises Failed."""
        self._leaving = True
        await self.command(b"LOGOUT", timer)

    # -- the login ---------------------------------------------------------------------------------

    async def authenticate(self, client: Client, *, has_initial: bool, timer: Timer) -> Answer:
        """Log in by SASL (RFC 9051 §6.2.2); ``has_initial``: SASL-IR. Raises Failed.

        No part of it is in a transcript.
        """
        tag, first = self.tag(), client.first
        line = f"{tag} AUTHENTICATE {client.mechanism}".encode()
        if has_initial and first is not None:
            line, first = b"%s %s" % (line, initial(first)), None
        refused: list[Failed] = []

        def answer(challenge: bytes) -> bytes:
            nonlocal first
            try:
                if first is not None:
                    message, first = first, None
                else:
                    message = client.answer(decode(challenge))
            except Failed as failed:
                if refused:
                    raise
                refused.append(failed)
                return b"*"  # cancels the exchange; the result follows
            return encode(message)

        timer.begin(await self._send_secret(line))
        result = await self.result(tag, answer)
        timer.stop(result.at)
        if refused:
            raise refused[0]
        if result.ok:
            client.finish()
        return result

    async def log_in(self, user: bytes, password: bytes, timer: Timer) -> Answer:
        """Log in by the LOGIN command; both are quoted strings. Raises Failed."""
        tag = self.tag()
        timer.begin(await self._send_secret(b"%s LOGIN %s %s" % (tag.encode(), user, password)))
        result = await self.result(tag)
        timer.stop(result.at)
        return result
