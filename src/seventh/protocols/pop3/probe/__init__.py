"""The check of a POP3 server."""

from __future__ import annotations

from seventh.model.mailfacts import Withheld
from seventh.net import mailbox_server
from seventh.net.address import Address
from seventh.net.mailbox_server import Tried
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Timer
from seventh.protocols.pop3.client.session import Session
from seventh.protocols.pop3.facts import Pop3Facts, argument
from seventh.protocols.pop3.wire.responses import has_timestamp
from seventh.wire.address import reach
from seventh.wire.sasl import Credentials
from seventh.wire.text import printable

_SHOWN = 200
_CAPABILITIES_SHOWN = 64


async def pulse(ctx: ProbeContext) -> None:
    """Read the greeting and the capabilities, through TLS where it is to be had, and quit."""
    await Endpoint(ctx).pulse()


async def check(ctx: ProbeContext) -> None:
    """Learn all facts from the first address, and compare the certificates of the others."""
    await Endpoint(ctx).check()


class Endpoint(mailbox_server.Endpoint[Session, Pop3Facts]):
    """POP3's way to TLS, and what it shows."""

    SERVICE = "pop3"
    STARTTLS = "STLS"
    RECORDS = ("_pop3s", "_imaps")
    PULSE_ASKS = False
    LOGIN = "pop3.auth"
    NOT_THE_CREDENTIAL = frozenset({"IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM"})

    def __init__(self, ctx: ProbeContext) -> None:
        super().__init__(ctx, Pop3Facts, Session)

    def use(self, address: Address) -> None:
        """Set the address of all further connections, and learn from where it can be reached."""
        super().use(address)
        self.notes.learn(reach=None if self.ctx.carried else reach(address.ip))

    async def hear(self, session: Session) -> tuple[dict[str, object], None]:
        """Return the facts of the greeting, which has no capabilities. Raises Failed."""
        greeting = await session.greet()
        shown = {"greeting": printable(greeting, _SHOWN), "apop": has_timestamp(greeting)}
        return shown, None

    async def list_capabilities(self, session: Session) -> tuple[str, ...] | None:
        """Send CAPA. Raises Failed."""
        with self.ctx.watch.phase("pop3.capa") as timer:
            lines = await session.list(b"CAPA", timer)
        self.notes.learn(has_capa=lines is not None)
        return None if lines is None else shown(lines)

    def lists_starttls(self) -> bool | None:
        """Return whether CAPA has STLS; None without CAPA."""
        facts = self.notes.facts
        listed = argument(facts.clear_capabilities or (), "STLS") is not None
        return listed if facts.has_capa else None

    async def request_tls(self, session: Session, timer: Timer | None = None) -> tuple[bool, bytes]:
        """Send STLS. Raises Failed."""
        answer = await session.command(b"STLS", timer)
        return answer.ok, answer.text

    async def look(self, session: Session, *, encrypted: bool) -> None:
        """Log in where a credential permits it, and count the messages. Raises Failed."""
        from seventh.protocols.pop3.probe import maildrop  # a pulse needs none of it

        await maildrop.run(self, session, encrypted=encrypted)

    async def log_out(self, session: Session) -> None:
        """Send QUIT. Raises Failed."""
        with self.ctx.watch.phase("pop3.quit") as timer:
            await session.command(b"QUIT", timer)

    async def inject(self, session: Session) -> bool:
        """Send STLS and an unknown command in one segment. Raises Failed."""
        await session.stream.send(b"STLS\r\nXINJECTED\r\n")
        return (await session.response()).ok

    async def has_answered(self, session: Session) -> bool:
        """Return whether its error comes before the answer to QUIT, which is positive."""
        return not (await session.command(b"QUIT")).ok

    async def try_login(
        self, session: Session, credentials: Credentials, timer: Timer
    ) -> Tried | Withheld:
        """Log in by SASL, or else by USER and PASS. Raises Failed."""
        from seventh.protocols.pop3.probe import maildrop

        return await maildrop.try_login(self, session, credentials, timer)


def shown(lines: tuple[bytes, ...]) -> tuple[str, ...]:
    """Return CAPA's lines as facts."""
    kept = lines[:_CAPABILITIES_SHOWN]
    return tuple(printable(line.upper(), _SHOWN) for line in kept if line.strip())
