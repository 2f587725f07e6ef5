"""The way into a server: greeting, EHLO, STARTTLS where it is offered, TLS, EHLO again."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net import mail
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, now_ns
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare, start_recurring, verify_or_fail
from seventh.net.tls.inspect import note_handshake
from seventh.net.tls.large_hello import shake
from seventh.net.tls.stream import TlsStream
from seventh.protocols.smtp.client.auth import log_in
from seventh.protocols.smtp.client.session import EndedError, RefusedTlsError, Session
from seventh.protocols.smtp.facts import Refusal, SmtpFacts
from seventh.protocols.smtp.wire.extensions import first_word
from seventh.wire.address import reach
from seventh.wire.sasl import Credentials
from seventh.wire.text import printable

_SHOWN = 200


class Endpoint:
    """One target: how sessions with it begin, and the facts that the first one shows."""

    def __init__(self, ctx: ProbeContext) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(SmtpFacts)
        self.name = mail.server_name(ctx)
        self.implicit = ctx.target.scheme == "smtps"
        self.is_submission = ctx.target.scheme != "smtp"

    def use(self, address: Address) -> None:
        """Learn what the target itself decides."""
        usual = {"smtp": 25, "submission": 587, "smtps": 465}[self.ctx.target.scheme]
        self.notes.learn(
            role="submission" if self.is_submission else "transfer",
            implicit_tls=self.implicit,
            usual_port=address.port == usual,
            # Through a jump host or a proxy the address may be only a name.
            reach=None if self.ctx.carried else reach(address.ip),
        )

    # -- the first session, from which is learnt ---------------------------------------------------

    async def enter(self, stream: Stream, *, recurring: bool = False) -> Session:
        """Begin the session that is measured.

        Raises Failed; with ``recurring``, also for a certificate that clients would refuse: mail
        servers verify none unless MTA-STS or DANE demands it.
        """
        session = Session(stream, self.ctx.watch)
        try:
            with on_failure(session.close):
                if self.implicit:
                    session.go_on_in(await self._secure(stream, recurring=recurring))
                await self._greet(session)
                await session.hello()
                self._learn_hello(session)
                if not self.implicit:
                    await self._start_tls(session, recurring=recurring)
        finally:
            self._learn_form(session)
        return session

    async def _greet(self, session: Session) -> None:
        began = now_ns() if self.implicit else session.stream.opened.ns
        try:
            until = mail.greeting_deadline(session.stream)
            reply = await session.greet(at_once=not self.implicit, until_ns=until)
        except Failed as failed:
            if failed.reason is not Reason.PEER_SILENT or session.replies.heard:
                raise
            waited = (now_ns() - began) / 1e9
            found = await mail.provoke(self.ctx, session.stream, failed, b"NOOP\r\n", "SMTP")
            if found.reason is not Reason.PROTOCOL_MISMATCH:
                self.notes.learn(greeting_wait_seconds=waited)
            found.phase = "smtp.greeting"
            raise found from None
        phase = self.ctx.watch.phases[-1]
        self.notes.learn(greeting=printable(reply.texts[0], _SHOWN), greeting_seconds=phase.seconds)

    def _learn_hello(self, session: Session) -> None:
        listed = session.extensions
        greeting = self.notes.facts.greeting.encode()
        name = first_word(session.ehlo_text) or first_word(greeting)
        if session.secure:
            self.notes.learn(inside_tls=listed, name=name)
        else:
            self.notes.learn(in_clear=listed, name=name)

    def _learn_form(self, session: Session) -> None:
        if session.replies.count:
            self.notes.learn(
                deviations=session.replies.deviations, longest_line_bytes=session.replies.longest
            )

    async def _start_tls(self, session: Session, *, recurring: bool) -> None:
        """Go on inside TLS where STARTTLS is offered."""
        if not session.extensions.offers("STARTTLS"):
            masked = session.extensions.masked
            self.notes.learn(starttls="masked" if masked else "not-offered")
            return
        try:
            in_clear = await session.request_tls()
            mail.note_starttls(self.ctx, "smtp", self.notes.facts.greeting, in_clear)
            tls = await self._secure(session.stream, recurring=recurring)
        except (RefusedTlsError, EndedError) as refused:
            answer = refused.reply.answer
            self.notes.learn(
                starttls="refused", refusal=Refusal(code=answer.code, detail=answer.text)
            )
            raise
        except Failed as failed:
            self.notes.learn(starttls="handshake-failed", refusal=Refusal(detail=failed.detail))
            raise
        self.notes.learn(starttls="started")
        session.go_on_in(tls)
        await session.hello()
        self._learn_hello(session)

    async def _secure(self, below: Stream, *, recurring: bool) -> TlsStream:
        """Start TLS on the first session."""
        if recurring and self.is_submission:
            return await start_recurring(self.ctx, below, self.name)
        tls = prepare(below, self.ctx.options, self.name, profile="lenient")
        try:
            with on_failure(tls.close):
                if recurring:
                    await tls.handshake(self.ctx.watch)
                    return tls
                await shake(self.ctx, tls, lambda: self.to_tls(below.address), self.name)
        finally:
            note_handshake(self.ctx, tls, self.name)
        if self.is_submission:
            port = self.ctx.target.port
            mail.note_port(self.ctx, "submission", port, tls, implicit=self.implicit)
        return tls

    def refused_certificate(self, session: Session) -> Failed | None:
        """Return why no secret may be sent in ``session``; None where one may."""
        if not isinstance(session.stream, TlsStream):
            if self.ctx.options.allow_plaintext:
                return None
            return Failed(
                Reason.STARTTLS_NOT_OFFERED,
                "no password is sent without TLS: --allow-plaintext permits it",
                phase="smtp.auth",
            )
        try:
            verify_or_fail(session.stream, self.name)
        except Failed as failed:
            failed.phase = "tls"
            return failed
        return None

    async def require_tls(self, session: Session) -> None:
        """Raise Failed where a submission server has no TLS: clients are configured to require it.

        The session is ended then.
        """
        if self.is_submission and not session.secure and not self.ctx.options.allow_plaintext:
            await session.quit()
            raise Failed(
                Reason.STARTTLS_NOT_OFFERED,
                "submission without TLS: the reply to EHLO does not list STARTTLS",
                phase="smtp.ehlo",
            )

    async def log_in(self, session: Session, credentials: Credentials) -> None:
        """Log in where the password is safe; raises Failed unless the server accepts it."""
        if (unsafe := self.refused_certificate(session)) is not None:
            self.notes.unknown("login", unsafe.detail)
            raise unsafe
        login = await log_in(self.ctx, session, credentials, self.name)
        self.notes.learn(login=login)
        if login.outcome != "accepted":
            raise Failed(
                Reason.AUTH_REJECTED,
                f"{login.mechanism} as {credentials.user!r}: {login}",
                phase="smtp.auth",
            )

    # -- further sessions --------------------------------------------------------------------------

    async def to_tls(self, address: Address) -> Stream:
        """Return a new stream on which the server expects a ClientHello."""
        stream = await self.ctx.connect_again(address)
        if self.implicit:
            return stream
        session = Session(stream, Stopwatch())
        with on_failure(stream.close):
            await session.greet()
            await session.hello()
            if not session.extensions.offers("STARTTLS"):
                raise Failed(
                    Reason.STARTTLS_NOT_OFFERED, "STARTTLS is not offered on this connection"
                )
            await session.request_tls()
        return stream

    async def again(self, address: Address, watch: Stopwatch | None = None) -> Session:
        """Begin a further session, inside TLS where that is offered; nothing is learnt from it."""
        stream = await self.ctx.connect_again(address)
        session = Session(stream, watch or Stopwatch())
        quiet, session.watch = session.watch, Stopwatch()
        with on_failure(session.close):
            if self.implicit:
                session.go_on_in(await self.quietly(stream))
            await session.greet(at_once=not self.implicit)
            await session.hello()
            if not self.implicit and session.extensions.offers("STARTTLS"):
                await session.request_tls()
                session.go_on_in(await self.quietly(session.stream))
                await session.hello()
        session.watch = quiet
        return session

    async def quietly(self, below: Stream) -> TlsStream:
        """Start TLS on a further session, whatever the certificate."""
        tls = prepare(below, self.ctx.options, self.name, profile="lenient")
        with on_failure(tls.close):
            await tls.handshake(Stopwatch())
        return tls
