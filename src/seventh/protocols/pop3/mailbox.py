"""The maildrop for a round trip: sessions look for one message, and the last one removes it.

A session sees the messages that were there when it began, so each look is a new one.
"""

from __future__ import annotations

import asyncio
import contextlib

from seventh.model.failure import Failed, Reason
from seventh.net import mailbox
from seventh.net.mailbox import Letter, has_message_id
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, now_ns
from seventh.protocols.pop3.client.session import Session
from seventh.protocols.pop3.probe import Endpoint
from seventh.protocols.pop3.probe.maildrop import log_in
from seventh.wire.text import quoted

_SHOWN = 120


async def open_mailbox(ctx: ProbeContext) -> Mailbox:
    """Log in, and note which messages are there. Raises Failed."""
    made = Mailbox(ctx)
    with on_failure(ctx.close):
        made.old = frozenset((await made.messages()).values())
        await made.leave()
    return made


class Mailbox(mailbox.Mailbox):
    """The maildrop, over one session after another."""

    how = "poll"

    def __init__(self, ctx: ProbeContext) -> None:
        self._ctx = ctx
        self._session: Session | None = None
        self.old: frozenset[str] = frozenset()
        """The unique ids of messages that were there at first."""

    async def messages(self) -> dict[str, str]:
        """Begin a session, and return the unique ids by the messages' numbers."""
        ctx = self._ctx
        ctx.grant(1)
        endpoint = Endpoint(ctx)
        session, encrypted = await endpoint.open()
        self._session = session
        if not await log_in(endpoint, session, encrypted=encrypted):
            login = endpoint.notes.facts.login
            why = login.withheld if login is not None else None
            raise ctx.failure or Failed(Reason.AUTH_REQUIRED, f"no login at the mailbox: {why}")
        lines = await _list(session, "UIDL")
        pairs = [line.decode("ascii", "replace").split() for line in lines]
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0].isdigit()}

    async def leave(self) -> None:
        """End the session, which carries out what it deleted. Raises Failed."""
        if self._session is not None:
            session, self._session = self._session, None
            status = await session.command(b"QUIT")
            session.stream.close()
            if not status.ok:
                raise Failed(
                    Reason.UNEXPECTED_ANSWER, f"QUIT was refused: {quoted(status.text, _SHOWN)}"
                )

    async def arrival(self, message_id: str, until_ns: int) -> tuple[Letter, ...]:
        """Wait for messages with that Message-ID; return none at the deadline."""
        while not (letters := await self.look(message_id)):
            if now_ns() + int(mailbox.POLL_SECONDS * 1e9) >= until_ns:
                return ()
            await asyncio.sleep(mailbox.POLL_SECONDS)
        return letters

    async def look(self, message_id: str) -> tuple[Letter, ...]:
        """Return the messages with that Message-ID."""
        return tuple((await self._look(message_id)).values())

    async def _look(self, message_id: str) -> dict[str, Letter]:
        """Begin a session, and return the messages by their numbers in it."""
        await self.leave()
        found: dict[str, Letter] = {}
        for number, uid in (await self.messages()).items():
            if uid in self.old or self._session is None:
                continue
            header = b"\r\n".join(await _list(self._session, f"TOP {number} 0")) + b"\r\n"
            if has_message_id(header, message_id):
                found[number] = Letter(uid=uid, header=header, at=self._session.last)
        return found

    async def fetch(self, letter: Letter, message_id: str) -> bytes:
        """Return the whole message."""
        found = await self._look(message_id)
        number = next((key for key, each in found.items() if each.uid == letter.uid), None)
        if number is None or self._session is None:
            raise Failed(Reason.UNEXPECTED_ANSWER, "the message is no longer there")
        return b"\r\n".join(await _list(self._session, f"RETR {number}")) + b"\r\n"

    async def remove(self, letter: Letter, message_id: str) -> None:
        """Remove that message, and only if it is still the one that has the Message-ID."""
        found = await self._look(message_id)
        if [each.uid for each in found.values()] != [letter.uid] or self._session is None:
            raise Failed(Reason.UNEXPECTED_ANSWER, "the message is no longer the only one")
        status = await self._session.command(f"DELE {next(iter(found))}".encode())
        if not status.ok:
            raise Failed(
                Reason.UNEXPECTED_ANSWER, f"DELE was refused: {quoted(status.text, _SHOWN)}"
            )
        await self.leave()

    async def aclose(self) -> None:
        """Leave and close; nothing is raised."""
        with contextlib.suppress(Failed):
            await self.leave()
        self._ctx.close()


async def _list(session: Session, command: str) -> tuple[bytes, ...]:
    with Stopwatch().phase(f"pop3.{command[:4].lower()}") as timer:
        lines = await session.list(command.encode(), timer)
    if lines is None:
        raise Failed(Reason.UNEXPECTED_ANSWER, f"the server refused {command[:4].strip()}")
    return lines
