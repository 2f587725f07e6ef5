"""A server of mailboxes, IMAP or POP3: its pulse and its check, and a login."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.mailfacts import Login, MailboxFacts, MailFacts, Withheld
from seventh.model.tlsfacts import TlsFacts
from seventh.net import mail
from seventh.net.address import Address
from seventh.net.mailbox_session import Session
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, Timer
from seventh.net.stream import Stream
from seventh.net.tls import large_hello
from seventh.net.tls.handshake import prepare, start_recurring
from seventh.net.tls.in_clear import after_go_ahead
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls, note_handshake
from seventh.net.tls.stream import TlsStream
from seventh.wire.sasl import Credentials
from seventh.wire.text import printable, quoted

RESERVED = 3
"""The connections that the TLS inspection leaves."""
_SHOWN = 120
_ENDED = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """The server's answer to a login."""

    mechanism: str
    ok: bool
    code: str
    text: bytes


S = TypeVar("S", bound=Session[Any])
F = TypeVar("F", bound=MailboxFacts)


class Endpoint(abc.ABC, Generic[S, F]):
    """The target: how a conversation with it begins and ends, and what it shows."""

    SERVICE: ClassVar[Literal["imap", "pop3"]]
    """The protocol's name, which is the scheme in clear."""
    STARTTLS: ClassVar[str]
    """The command that starts TLS."""
    RECORDS: ClassVar[tuple[str, ...]]
    """The services whose SRV records name the host."""
    PULSE_ASKS: ClassVar[bool]
    """Whether a pulse asks for the capabilities inside TLS, too."""
    LOGIN: ClassVar[str]
    """The login's phase."""
    NOT_THE_CREDENTIAL: ClassVar[frozenset[str]]
    """The codes of refusals that do not concern the credential."""

    def __init__(
        self, ctx: ProbeContext, facts: type[F], session: Callable[[ProbeContext, Stream], S]
    ) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(facts)
        self.secure = ctx.target.scheme != self.SERVICE
        """Whether TLS starts with the connection."""
        self.name = mail.server_name(ctx)
        self._session = session
        self._address: Address | None = None

    # -- what differs ------------------------------------------------------------------------------

    @abc.abstractmethod
    async def hear(self, session: S) -> tuple[dict[str, object], tuple[str, ...] | None]:
        """Return the facts and the capabilities of the greeting. Raises Failed."""

    @abc.abstractmethod
    async def list_capabilities(self, session: S) -> tuple[str, ...] | None:
        """Ask for the capabilities; None where they are not listed. Raises Failed."""

    @abc.abstractmethod
    def lists_starttls(self) -> bool | None:
        """Return whether the capabilities have STARTTLS; None where there is no list."""

    @abc.abstractmethod
    async def request_tls(self, session: S, timer: Timer | None = None) -> tuple[bool, bytes]:
        """Return whether the server gives the go-ahead, and its text. Raises Failed."""

    @abc.abstractmethod
    async def look(self, session: S, *, encrypted: bool) -> None:
        """Log in where a credential permits it, and read. Raises Failed."""

    @abc.abstractmethod
    async def log_out(self, session: S) -> None:
        """End the session. Raises Failed."""

    @abc.abstractmethod
    async def inject(self, session: S) -> bool:
        """Send a command behind STARTTLS in one segment; return whether TLS may start."""

    @abc.abstractmethod
    async def has_answered(self, session: S) -> bool:
        """Return whether that command is answered inside TLS. Raises Failed."""

    @abc.abstractmethod
    async def try_login(
        self, session: S, credentials: Credentials, timer: Timer
    ) -> Tried | Withheld:
        """Return the result of a login, or why none was tried. Raises Failed."""

    # -- the conversation --------------------------------------------------------------------------

    async def pulse(self) -> None:
        """Read the greeting and the capabilities, through TLS where it is to be had, and leave."""
        stream = await self.ctx.connect()
        session, encrypted = await self._begin(stream, self._recurring)
        if encrypted and not self.secure and self.PULSE_ASKS:
            await self._ask(session)
        await self._leave(session)
        await session.stream.aclose()

    async def open(self) -> tuple[S, bool]:
        """Begin a session of its own; return it, and whether it is inside TLS. Raises Failed."""
        stream = await self.ctx.connect()
        self.use(stream.address)
        return await self._enter(stream)

    async def _enter(self, stream: Stream) -> tuple[S, bool]:
        """Begin a session, with the capabilities before the login. Raises Failed."""
        session, encrypted = await self._begin(stream, self.start_tls)
        if encrypted and not self.secure:
            with on_failure(lambda: self._end(session)):
                await self._ask(session)
        return session, encrypted

    async def _begin(
        self, stream: Stream, start_tls: Callable[[Stream], Awaitable[TlsStream]]
    ) -> tuple[S, bool]:
        """Greet, and start TLS where it is to be had; return whether it did. Raises Failed."""
        session = self._session(self.ctx, await start_tls(stream) if self.secure else stream)
        with on_failure(lambda: self._end(session)):
            await self._greet(session)
            if self.secure or not await self.offered(session):
                return session, self.secure
            session.secure(await start_tls(session.stream))
        return session, True

    def _end(self, session: S) -> None:
        self.notes.learn(bare_lines=session.bare)
        session.stream.close()

    async def _greet(self, session: S) -> None:
        with self.ctx.watch.phase(f"{self.SERVICE}.greeting") as timer:
            if not self.secure:
                timer.begin(session.stream.opened)
            shown, capabilities = await self.hear(session)
            timer.stop(session.last)
        self.notes.learn(
            secure=self.secure, greeting_seconds=timer.seconds_until(session.last), **shown
        )
        if capabilities is None:
            await self._ask(session)
        else:
            self._learn(capabilities)

    async def _ask(self, session: S) -> None:
        if (capabilities := await self.list_capabilities(session)) is not None:
            self._learn(capabilities)

    def _learn(self, capabilities: tuple[str, ...]) -> None:
        if not self.secure and self.notes.facts.starttls is None:
            self.notes.learn(clear_capabilities=capabilities)
        self.notes.learn(capabilities=capabilities)

    async def offered(self, session: S) -> bool:
        """Request TLS unless it is not listed; return whether it starts. Raises Failed."""
        listed = self.lists_starttls()
        if listed is False:
            self.notes.learn(starttls="not-offered")
            return False
        with self.ctx.watch.phase(f"{self.SERVICE}.{self.STARTTLS.lower()}") as timer:
            ok, text = await self.request_tls(session, timer)
            if not ok:
                self.notes.learn(starttls="refused" if listed else "not-offered")
                if not listed:
                    return False
                raise self._refused_tls(text)
            in_clear = await after_go_ahead(session.stream, session.rest())
        mail.note_starttls(self.ctx, self.SERVICE, self.notes.facts.greeting, in_clear)
        self.notes.learn(starttls="accepted", capabilities=None)
        return True

    def _refused_tls(self, text: bytes) -> Failed:
        shown = quoted(text, 60)
        return Failed(
            Reason.STARTTLS_REFUSED,
            f"the server refused {self.STARTTLS}: {shown}; its log has the cause",
        )

    async def _leave(self, session: S) -> None:
        """Log out; a server that only closes the connection does no harm."""
        try:
            await self.log_out(session)
        except Failed as failed:
            if failed.reason not in _ENDED:
                raise

    # -- the check ---------------------------------------------------------------------------------

    async def check(self) -> None:
        """Learn all facts from the first address, and compare the certificates of the others."""
        first, *others = await self.ctx.connect_all()
        for other in others:
            other.close()
        self.use(first.address)
        same_host = first.own_ip() == first.address.ip
        self.notes.learn(secure=self.secure, same_host=same_host)
        failed: Failed | None = None
        try:
            await self._converse(first)
        except Failed as error:
            failed = error
        encrypted = self.secure or self.notes.facts.starttls == "accepted"
        if encrypted and (failed is None or failed.reason not in NO_TLS_AT_ALL):
            await self._inspect()
        if not self.secure and self.notes.facts.greeting_seconds is not None:
            state = await mail.look_at_implicit(self.ctx, self.address, self.SERVICE)
            self.notes.learn(implicit_port=mail.implicit_port(self.ctx), implicit_state=state)
        if failed is None:
            await mail.look_up_services(self.ctx, *self.RECORDS)
            if self.ctx.denied(4) is None:
                await self._try_injection()
        if others and encrypted and failed is None:
            await self.ctx.compare([first, *others], self._traits)
        if failed is not None:
            raise failed
        refused = certificate_failure(self.ctx.notes(TlsFacts).facts) if encrypted else None
        if refused is not None:
            self.ctx.fail(refused)

    async def _converse(self, below: Stream) -> None:
        """Run the one conversation that is timed."""
        session, encrypted = await self._enter(below)
        try:
            await self.look(session, encrypted=encrypted)
            await self._leave(session)
        finally:
            self._end(session)

    # -- TLS ---------------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """The address that :meth:`use` has set."""
        assert self._address is not None  # noqa: S101 - the contract above
        return self._address

    def use(self, address: Address) -> None:
        """Set the address of all further connections."""
        self._address = address
        self.ctx.notes(MailFacts).learn(service=self.SERVICE, implicit=self.secure)

    async def _recurring(self, below: Stream) -> TlsStream:
        return await start_recurring(self.ctx, below, self.name)

    async def start_tls(self, below: Stream) -> TlsStream:
        """Return ``below`` inside TLS, whatever its certificate, which is noted. Raises Failed."""
        tls = prepare(below, self.ctx.options, self.name, profile="lenient")
        try:
            with on_failure(tls.close):
                await large_hello.shake(self.ctx, tls, self._again, self.name)
        finally:
            note_handshake(self.ctx, tls, self.name)
        mail.note_port(self.ctx, self.SERVICE, self.ctx.target.port, tls, implicit=self.secure)
        return tls

    async def _again(self) -> Stream:
        """Return a further stream on which the server expects a ClientHello. Raises Failed."""
        return await self._ready(self.address)

    async def _ready(self, address: Address) -> Stream:
        stream = await self.ctx.connect_again(address)
        if not self.secure:
            session = self._session(self.ctx, stream)
            await self.hear(session)
            ok, text = await self.request_tls(session)
            if not ok:
                raise self._refused_tls(text)
            await after_go_ahead(stream, session.rest())
        return stream

    async def _traits(self, stream: Stream) -> dict[str, str]:
        """Return what the servers of one name may differ in."""
        return await identity(self.ctx, await self._ready(stream.address), self.name)

    async def _inspect(self) -> None:
        """Learn the rest of the TLS facts, and leave some connections to the rest of the check."""

        async def connect() -> Stream:
            if self.ctx.connections_left(self.address) <= RESERVED:
                raise Failed(Reason.BUDGET_EXCEEDED, "the remaining connections are reserved")
            return await self._again()

        with contextlib.suppress(Failed):  # the main handshake has shown the cause already
            await inspect_tls(self.ctx, connect, self.name)

    async def _try_injection(self) -> None:
        """Learn whether a command in clear behind STARTTLS is answered inside TLS."""
        if self.notes.facts.starttls != "accepted":
            return
        outcome = "ignored"
        with self.ctx.watch.phase(f"{self.SERVICE}.injection"):
            try:
                if await self._was_answered():
                    outcome = "answered"
            except Failed as failed:
                refused = failed.reason in _ENDED or failed.reason is Reason.STARTTLS_REFUSED
                outcome = "refused" if refused else "failed"
        self.ctx.notes(MailFacts).learn(injection=outcome, injected_into=self.SERVICE)

    async def _was_answered(self) -> bool:
        session = self._session(self.ctx, await self.ctx.connect_again(self.address))
        try:
            await self.hear(session)
            if not await self.inject(session):
                raise Failed(Reason.STARTTLS_REFUSED, f"{self.STARTTLS} was refused")
            tls = prepare(session.stream, self.ctx.options, self.name, profile="lenient")
            session.secure(tls)
            await tls.handshake(Stopwatch(), "injection")
            return await self.has_answered(session)
        finally:
            session.stream.close()

    # -- the login ---------------------------------------------------------------------------------

    async def log_in(self, session: S, token: str | None, *, encrypted: bool) -> bool:
        """Log in where it is safe; return whether the server accepted it. Raises Failed."""
        ctx, notes = self.ctx, self.notes
        credentials = mail.credentials_of(ctx, token)
        kept: Withheld | None = mail.withheld(ctx, encrypted=encrypted)
        if credentials is None:
            kept = "no-credential"
        if kept is not None or credentials is None:
            notes.learn(login=Login(outcome="withheld", withheld=kept))
            return False
        with ctx.watch.phase(self.LOGIN) as timer:
            tried = await self.try_login(session, credentials, timer)
        if not isinstance(tried, Tried):
            notes.learn(login=Login(outcome="withheld", withheld=tried))
            return False
        code = "" if tried.ok else printable(tried.code, 40)
        notes.learn(
            login=Login(
                outcome="accepted" if tried.ok else "refused",
                mechanism=tried.mechanism,
                code=code,
                detail="" if tried.ok else printable(tried.text, _SHOWN),
                seconds=timer.seconds_until(session.last),
            )
        )
        if not tried.ok:
            other = tried.code in self.NOT_THE_CREDENTIAL
            said = f"[{code}] {quoted(tried.text, _SHOWN)}" if code else quoted(tried.text, _SHOWN)
            ctx.fail(
                Failed(
                    Reason.UNEXPECTED_ANSWER if other else Reason.AUTH_REJECTED,
                    f"the login of {ctx.options.user} was refused: {said}",
                    phase=self.LOGIN,
                )
            )
        return tried.ok
