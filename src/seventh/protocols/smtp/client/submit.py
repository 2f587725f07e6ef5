"""One mail transaction (RFC 5321 §3.3), with pipelining (RFC 2920) and chunks (RFC 3030)."""

from __future__ import annotations

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import user_mark
from seventh.protocols.smtp.client.session import Session
from seventh.protocols.smtp.facts.mail import Answer, Tried
from seventh.protocols.smtp.wire.message import Envelope, stuffed
from seventh.protocols.smtp.wire.replies import Reply

_GO_ON = 354


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message."""

    recipients: tuple[Tried, ...]
    """Each recipient; where MAIL FROM was refused, with that reply."""
    answer: Answer | None = None
    """The reply to the message, or to DATA where that was refused; None without a recipient."""

    @property
    def is_queued(self) -> bool:
        """Whether the server took the message, for at least one recipient."""
        return self.answer is not None and self.answer.accepts

    @property
    def is_complete(self) -> bool:
        """Whether it took the message for all recipients."""
        return self.is_queued and all(each.answer.accepts for each in self.recipients)


async def submit(session: Session, envelope: Envelope, message: bytes) -> Submitted:
    """Send ``message``; of pipelined commands, each phase begins where the one before ended.

    Raises Failed: negotiation-failed for an address that the server cannot take, and what a
    connection can do.
    """
    offers = session.extensions.offers
    chunked = offers("CHUNKING")
    commands = _Commands(session)
    commands.add(_mail_from(session, envelope, message), "smtp.mail")
    for recipient in envelope.recipients:
        commands.add(f"RCPT TO:<{recipient}>", "smtp.rcpt")
    if not chunked:
        commands.add("DATA", "smtp.data")
    await commands.begin(together=offers("PIPELINING"))

    mail = (await commands.reply()).answer
    if not mail.accepts:
        await commands.skip()
        refused = tuple(
            Tried(recipient=each, command="mail", answer=mail) for each in envelope.recipients
        )
        return Submitted(recipients=refused)
    tried = [
        Tried(recipient=each, command="rcpt", answer=(await commands.reply()).answer)
        for each in envelope.recipients
    ]
    if not any(each.answer.accepts for each in tried):
        await commands.skip()
        return Submitted(recipients=tuple(tried))
    if not chunked and (go_on := await commands.reply()).code != _GO_ON:
        return Submitted(recipients=tuple(tried), answer=go_on.answer)
    sent = b"BDAT %d LAST\r\n%s" % (len(message), message) if chunked else stuffed(message)
    return Submitted(recipients=tuple(tried), answer=await _send(session, sent))


def _mail_from(session: Session, envelope: Envelope, message: bytes) -> str:
    offers = session.extensions.offers
    words = [f"MAIL FROM:<{envelope.sender}>"]
    if offers("SIZE"):
        words.append(f"SIZE={len(message)}")
    if not message.isascii():
        words.append("BODY=8BITMIME")
    if envelope.needs_utf8:
        if not offers("SMTPUTF8"):
            raise Failed(
                Reason.NEGOTIATION_FAILED,
                "an address is not ASCII, and the server does not offer SMTPUTF8",
                phase="smtp.mail",
            )
        words.append("SMTPUTF8")
    return " ".join(words)


async def _send(session: Session, message: bytes) -> Answer:
    ip = session.stream.address.ip
    with session.watch.phase("smtp.message", ip):
        await session.stream.send(message)
    with session.watch.phase("smtp.queued", ip) as timer:
        timer.begin(user_mark())
        reply = await session.receive()
        timer.stop(session.arrived)
    return reply.answer


class _Commands:
    """The commands before the message, sent together or one by one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: list[tuple[bytes, str]] = []
        self._since = session.arrived
        self._together = False

    def add(self, line: str, phase: str) -> None:
        self._waiting.append((line.encode(), phase))

    async def begin(self, *, together: bool) -> None:
        """Send all commands, if they go together."""
        self._together = together
        if together:
            lines = b"".join(line + b"\r\n" for line, _ in self._waiting)
            self._since = await self._session.stream.send(lines)

    async def reply(self) -> Reply:
        """Return the reply to the next command."""
        line, phase = self._waiting.pop(0)
        session = self._session
        if not self._together:
            return await session.command(line, phase)
        with session.watch.phase(phase, session.stream.address.ip) as timer:
            timer.begin(self._since)
            reply = await session.receive()
            timer.stop(session.arrived)
        self._since = session.arrived
        return reply

    async def skip(self) -> None:
        """Read the replies that are left; nothing more is sent, but for the end of no message.

        A server may answer DATA with 354 where it refused every recipient (RFC 2920 §3.1).
        """
        while self._together and self._waiting:
            if (await self.reply()).code == _GO_ON:
                await self._session.command(b".", "smtp.queued")
