"""One SMTP session: commands and their replies, timed, over a stream that may become TLS."""

from __future__ import annotations

import contextlib

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.in_clear import after_go_ahead, our_name
from seventh.protocols.smtp.facts import Extensions
from seventh.protocols.smtp.wire.extensions import read_extensions
from seventh.protocols.smtp.wire.replies import Replies, Reply
from seventh.wire.text import quoted

CLOSING = 421
"""The reply with which a server may end the session at any time (RFC 5321 §3.8)."""
_NO_ESMTP = frozenset({500, 501, 502, 504, 550})
_SHOWN = 120
_QUIT_SECONDS = 2.0


class Session:
    """A session on ``stream``, whose phases ``watch`` records."""

    def __init__(self, stream: Stream, watch: Stopwatch) -> None:
        self.stream = stream
        self.watch = watch
        self.replies = Replies()
        self.secure = False
        self.extensions = Extensions()
        """Those of the last EHLO."""
        self.ehlo_text = b""
        """The first line of the last reply to EHLO."""
        self.arrived: Mark = stream.opened
        """When bytes came last."""

    # -- replies -----------------------------------------------------------------------------------

    async def receive(self, until_ns: int | None = None) -> Reply:
        """Return the next reply, which must begin by ``until_ns``.

        Raises Failed: peer-closed where the server ends the session.
        """
        self.stream.expect_silence()  # a reply may take minutes; once begun, it must not drip
        while (reply := self.replies.next()) is None:
            data, self.arrived = await self.stream.receive(until_ns)
            if not data:
                raise Failed(Reason.PEER_CLOSED, "the server closed the connection without a reply")
            self.replies.feed(data)
            self.stream.expect_answers()
            until_ns = None
        if reply.code == CLOSING:
            raise EndedError(reply)
        return reply

    async def command(self, line: bytes, phase: str, until_ns: int | None = None) -> Reply:
        """Send one command, and return its reply."""
        with self.watch.phase(phase, self.stream.address.ip) as timer:
            timer.begin(await self.stream.send(line + b"\r\n"))
            reply = await self.receive(until_ns)
            timer.stop(self.arrived)
        return reply

    # -- the steps of every session ----------------------------------------------------------------

    async def greet(self, *, at_once: bool = True, until_ns: int | None = None) -> Reply:
        """Wait for the greeting.

        The phase begins with the connection, or now unless ``at_once``. Raises Failed where the
        server refuses the session or serves another protocol.
        """
        with self.watch.phase("smtp.greeting", self.stream.address.ip) as timer:
            if at_once:
                timer.begin(self.stream.opened)
            reply = await self.receive(until_ns)
            if reply.code >= 400:
                raise Failed(
                    Reason.PEER_CLOSED,
                    f"the server refuses the session: {quoted(_line(reply), _SHOWN)}",
                )
            timer.stop(self.arrived)
        return reply

    async def hello(self) -> None:
        """Send EHLO, or HELO to a server without extensions, and note what the reply lists."""
        phase = "smtp.ehlo2" if self.secure else "smtp.ehlo"
        name = our_name().encode("ascii")
        reply = await self.command(b"EHLO " + name, phase)
        self.extensions = read_extensions(reply)
        if reply.code in _NO_ESMTP:
            reply = await self.command(b"HELO " + name, phase)
            self.extensions = Extensions()
        if reply.code != 250:
            raise Failed(
                Reason.PEER_CLOSED,
                f"the server refuses EHLO: {quoted(_line(reply), _SHOWN)}",
                phase=phase,
            )
        self.ehlo_text = reply.texts[0]

    async def request_tls(self) -> bytes:
        """Send STARTTLS; return what came in clear behind the go-ahead, which is discarded.

        Raises Failed (starttls-refused) without a go-ahead.
        """
        reply = await self.command(b"STARTTLS", "smtp.starttls")
        if reply.code != 220:
            raise RefusedTlsError(reply)
        return await after_go_ahead(self.stream, self.replies.rest())

    def go_on_in(self, tls: Stream) -> None:
        """Continue inside TLS: nothing that was read in clear counts any more."""
        self.stream, self.secure = tls, True
        self.arrived = tls.opened
        self.replies.rest()

    def close(self) -> None:
        """Close the connection without a word."""
        self.stream.close()

    async def quit(self) -> None:
        """Send QUIT, wait shortly for the reply, and close; nothing is raised."""
        with contextlib.suppress(Failed):
            await self.command(b"QUIT", "smtp.quit", self.stream.budget.within(_QUIT_SECONDS))
        await self.stream.aclose()


class EndedError(Failed):
    """The server ends the session by a reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(
            Reason.PEER_CLOSED, f"the server ends the session: {quoted(_line(reply), _SHOWN)}"
        )


class RefusedTlsError(Failed):
    """The server offers STARTTLS, and refuses it."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(
            Reason.STARTTLS_REFUSED,
            f"the server refused STARTTLS: {quoted(_line(reply), _SHOWN)}; its log has the cause",
            phase="smtp.starttls",
        )


def _line(reply: Reply) -> bytes:
    return b"%d %s" % (reply.code, reply.texts[0])
