"""INBOX for a round trip: one message is awaited by IDLE or NOOP, and only that one is removed."""

from __future__ import annotations

import asyncio
import contextlib

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net import mailbox
from seventh.net.mailbox import Letter, has_message_id
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.imap.client.session import Answer, Session
from seventh.protocols.imap.facts import ImapFacts
from seventh.protocols.imap.probe import Endpoint
from seventh.protocols.imap.probe.mailbox import log_in
from seventh.protocols.imap.wire.responses import Response
from seventh.wire.text import quoted

_SHOWN = 120
RELOOK_SECONDS = 10.0
"""After how much silence in IDLE the mailbox is searched: some servers do not tell all."""
_REMOVERS = {"UIDPLUS", "IMAP4REV2"}
"""The capabilities that bring UID EXPUNGE; a plain EXPUNGE removes other messages, too."""


async def open_mailbox(ctx: ProbeContext) -> Mailbox:
    """Log in, and open INBOX read-only. Raises Failed."""
    with on_failure(ctx.close):
        return await _open(ctx)


async def _open(ctx: ProbeContext) -> Mailbox:
    endpoint = Endpoint(ctx)
    session, encrypted = await endpoint.open()
    if not await log_in(endpoint, session, encrypted=encrypted):
        login = endpoint.notes.facts.login
        why = login.withheld if login is not None else None
        raise ctx.failure or Failed(Reason.AUTH_REQUIRED, f"no login at the mailbox: {why}")
    opened = await _ok(session, "EXAMINE INBOX")
    return Mailbox(ctx, session, _first_new(opened))


def _first_new(opened: Answer) -> int:
    """Return the UID from which messages are new; 1 where the server does not say it."""
    for each in opened.named("OK"):
        if each.code == "UIDNEXT" and each.arguments and each.arguments[0].isdigit():
            return int(each.arguments[0])
    return 1


async def _ok(session: Session, command: str) -> Answer:
    """Return the result of a command. Raises Failed unless it is OK."""
    answer = await session.command(command.encode())
    if not answer.ok:
        what = " ".join(command.split()[:2])
        raise Failed(
            Reason.UNEXPECTED_ANSWER, f"{what} was refused: {quoted(answer.status.text, _SHOWN)}"
        )
    return answer


class Mailbox(mailbox.Mailbox):
    """INBOX over one session."""

    def __init__(self, ctx: ProbeContext, session: Session, first_new: int) -> None:
        facts = ctx.notes(ImapFacts).facts
        self._known = {
            each.upper() for each in facts.login_capabilities or facts.capabilities or ()
        }
        self._ctx, self._session, self._first_new = ctx, session, first_new
        self.how = "idle" if "IDLE" in self._known else "poll"
        self._has_grown = False

    async def arrival(self, message_id: str, until_ns: int) -> tuple[Letter, ...]:
        """Wait for messages with that Message-ID; return none at the deadline."""
        at: Mark | None = None
        has_waited = False
        while not (letters := await self._look(message_id, at)):
            if now_ns() >= until_ns:
                return ()
            if self._has_grown:  # told with the search's answer: IDLE does not tell it again
                continue
            at = await (self._idle(until_ns) if self.how == "idle" else self._poll())
            has_waited = True
        if has_waited and at is None:
            self.how = "poll"
        return letters

    async def look(self, message_id: str) -> tuple[Letter, ...]:
        """Return the messages with that Message-ID."""
        await _ok(self._session, "NOOP")
        return await self._look(message_id, None)

    async def _look(self, message_id: str, at: Mark | None) -> tuple[Letter, ...]:
        search = f'UID SEARCH UID {self._first_new}:* HEADER Message-ID "{message_id}"'
        answer = await _ok(self._session, search)
        self._has_grown = bool(answer.named("EXISTS"))
        found: list[Letter] = []
        for value in [value for each in answer.named("SEARCH") for value in each.values]:
            if not isinstance(value, bytes) or not value.isdigit():
                continue
            uid = value.decode()
            fetched = await _ok(self._session, f"UID FETCH {uid} (BODY.PEEK[HEADER])")
            # A search finds parts of a field's value, too.
            found += [
                Letter(uid=uid, header=header, at=at or answer.at)
                for header in (_part(b"HEADER", each) for each in fetched.named("FETCH"))
                if has_message_id(header, message_id)
            ]
        return tuple(found)

    async def _idle(self, until_ns: int) -> Mark | None:
        """Stay in IDLE until a message comes; return when, or None after a long silence."""
        session = self._session
        until_ns = min(until_ns, now_ns() + round(RELOOK_SECONDS * 1e9))
        tag = session.tag()
        await session.stream.send(f"{tag} IDLE\r\n".encode())
        arrived: Mark | None = None
        session.stream.expect_silence()
        try:
            while (found := await session.response(until_ns=until_ns)).name != "EXISTS":
                if found.tag == tag or found.name == "BYE":
                    raise Failed(Reason.UNEXPECTED_ANSWER, "the server ended IDLE")
            arrived = session.last
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT:
                raise
        finally:
            session.stream.expect_answers()
        await session.stream.send(b"DONE\r\n")
        await session.result(tag, lambda _: b"")
        return arrived

    async def _poll(self) -> Mark:
        await asyncio.sleep(mailbox.POLL_SECONDS)
        return (await _ok(self._session, "NOOP")).at

    async def fetch(self, letter: Letter, message_id: str) -> bytes:
        """Return the whole message, without marking it as read."""
        answer = await _ok(self._session, f"UID FETCH {letter.uid} (BODY.PEEK[])")
        for data in (_part(b"", each) for each in answer.named("FETCH")):
            if has_message_id(data.partition(b"\r\n\r\n")[0] + b"\r\n", message_id):
                return data
        raise Failed(Reason.UNEXPECTED_ANSWER, "the server did not return the message")

    async def remove(self, letter: Letter, message_id: str) -> None:
        """Remove that message, and only if it is still the one that has the Message-ID."""
        if not _REMOVERS & self._known:
            raise Failed(
                Reason.UNEXPECTED_ANSWER,
                "the server does not offer UIDPLUS, without which other messages would be removed",
            )
        await _ok(self._session, "SELECT INBOX")
        if [each.uid for each in await self._look(message_id, None)] != [letter.uid]:
            raise Failed(Reason.UNEXPECTED_ANSWER, "the message is no longer the only one")
        await _ok(self._session, f"UID STORE {letter.uid} +FLAGS.SILENT (\\Deleted)")
        await _ok(self._session, f"UID EXPUNGE {letter.uid}")

    async def aclose(self) -> None:
        """Leave and close; nothing is raised."""
        with contextlib.suppress(Failed):
            await self._session.log_out()
        self._ctx.close()


def _part(section: bytes, response: Response) -> bytes:
    """Return a section of the message in a FETCH response; empty without it."""
    for values in response.values[:1]:
        items = values if isinstance(values, tuple) else ()
        for name, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(name, bytes) and name.upper() == b"BODY[" + section + b"]":
                return value if isinstance(value, bytes) else b""
    return b""
