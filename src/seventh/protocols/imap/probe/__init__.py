"""The check of an IMAP server."""

from __future__ import annotations

from seventh.model.mailfacts import Withheld
from seventh.net import mailbox_server
from seventh.net.mailbox_server import Tried
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Timer
from seventh.protocols.imap.client.session import Session, capabilities_in
from seventh.protocols.imap.facts import ImapFacts
from seventh.wire.sasl import Credentials
from seventh.wire.text import printable

_SHOWN = 200
_INJECTED = "injected"
"""The tag of the command behind STARTTLS."""


async def pulse(ctx: ProbeContext) -> None:
    """Read the greeting and the capabilities, through TLS where it is to be had, and log out."""
    await Endpoint(ctx).pulse()


async def check(ctx: ProbeContext) -> None:
    """Learn all facts from the first address, and compare the certificates of the others."""
    await Endpoint(ctx).check()


class Endpoint(mailbox_server.Endpoint[Session, ImapFacts]):
    """IMAP's way to TLS, and what it shows."""

    SERVICE = "imap"
    STARTTLS = "STARTTLS"
    RECORDS = ("_imaps", "_imap")
    PULSE_ASKS = True
    LOGIN = "imap.login"
    NOT_THE_CREDENTIAL = frozenset({"UNAVAILABLE", "LIMIT", "INUSE"})

    def __init__(self, ctx: ProbeContext) -> None:
        super().__init__(ctx, ImapFacts, Session)

    async def hear(self, session: Session) -> tuple[dict[str, object], tuple[str, ...] | None]:
        """Return the facts and the capabilities of the greeting. Raises Failed."""
        greeting = await session.greet()
        shown = {
            "greeting": printable(greeting.text, _SHOWN), "preauth": greeting.name == "PREAUTH"
        }  # fmt: skip
        return shown, capabilities_in(greeting)

    async def list_capabilities(self, session: Session) -> tuple[str, ...] | None:
        """Send CAPABILITY. Raises Failed."""
        with self.ctx.watch.phase("imap.capability") as timer:
            return (await session.command(b"CAPABILITY", timer)).capabilities

    def lists_starttls(self) -> bool:
        """Return whether the capabilities have STARTTLS."""
        return "STARTTLS" in (self.notes.facts.clear_capabilities or ())

    async def offered(self, session: Session) -> bool:
        """Send STARTTLS where it is offered and permitted. Raises Failed."""
        if self.notes.facts.preauth:
            self.notes.learn(starttls="not-permitted")
            return False
        return await super().offered(session)

    async def request_tls(self, session: Session, timer: Timer | None = None) -> tuple[bool, bytes]:
        """Send STARTTLS. Raises Failed."""
        answer = await session.command(b"STARTTLS", timer)
        return answer.ok, answer.status.text

    async def look(self, session: Session, *, encrypted: bool) -> None:
        """Send ID, log in where a credential permits it, and read INBOX. Raises Failed."""
        from seventh.protocols.imap.probe import mailbox  # a pulse needs none of it

        await mailbox.run(self, session, encrypted=encrypted)

    async def log_out(self, session: Session) -> None:
        """Send LOGOUT. Raises Failed."""
        with self.ctx.watch.phase("imap.logout") as timer:
            await session.log_out(timer)

    async def inject(self, session: Session) -> bool:
        """Send STARTTLS and NOOP in one segment. Raises Failed."""
        tag = session.tag()
        await session.stream.send(f"{tag} STARTTLS\r\n{_INJECTED} NOOP\r\n".encode())
        return (await session.result(tag)).ok

    async def has_answered(self, session: Session) -> bool:
        """Return whether NOOP is answered before a command that follows. Raises Failed."""
        await session.stream.send(b"after NOOP\r\n")
        while (found := await session.response()).tag == "*":
            pass
        return found.tag == _INJECTED

    async def try_login(
        self, session: Session, credentials: Credentials, timer: Timer
    ) -> Tried | Withheld:
        """Log in by SASL, or else by LOGIN. Raises Failed."""
        from seventh.protocols.imap.probe import mailbox

        return await mailbox.try_login(self, session, credentials, timer)
