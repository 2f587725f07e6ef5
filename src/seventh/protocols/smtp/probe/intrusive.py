"""Tier 4: a command behind STARTTLS, ends that only lenient servers accept, and VRFY."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.stopwatch import Stopwatch
from seventh.net.tls.in_clear import after_go_ahead
from seventh.protocols.smtp import SmtpOptions
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.client.session import Session
from seventh.protocols.smtp.facts.mail import Cause, Injection, Smuggling, Verified, WrongEnd
from seventh.protocols.smtp.wire.extensions import is_qualified

QUIET_SECONDS = 1.0
"""How long a server may take for a reply that it should not send."""
_ENDED = frozenset(
    {Reason.PEER_CLOSED, Reason.PEER_RESET, Reason.TLS_HANDSHAKE, Reason.TLS_VERSION}
)
"""How a server refuses what came in clear: it ends the connection, or reads it as TLS."""
_UNKNOWN_COMMAND = b"XSEVENTH"
"""A command that no server has: its reply differs from NOOP's."""
_MESSAGE = (
    b"From: <>\r\nTo: <%s>\r\nSubject: Seventh: this server accepts bare line feeds\r\n\r\n"
    b"This message was sent by a check for SMTP smuggling. That it was delivered shows\r\n"
    b"that the server accepts an end of data that the standard does not permit.\r\n"
)
_ENDS: tuple[tuple[WrongEnd, bytes], ...] = (
    ("lf-dot-crlf", b"\n.\r\n"),
    ("lf-dot-lf", b"\n.\n"),
)


async def run(endpoint: Endpoint, address: Address) -> None:
    """Run each step; what one meets does not end the others."""
    if endpoint.ctx.denied(4) is not None:
        return
    await _step(endpoint, "injection", lambda: _inject(endpoint, address))
    await _step(endpoint, "VRFY", lambda: _verify(endpoint, address))
    await _step(endpoint, "line endings", lambda: _smuggle(endpoint, address))


async def _step(endpoint: Endpoint, name: str, run: Callable[[], Awaitable[None]]) -> None:
    try:
        await run()
    except Failed as failed:
        endpoint.notes.unknown(name, failed.detail)


async def _inject(endpoint: Endpoint, address: Address) -> None:
    """Send a command in one segment with STARTTLS; a reply inside TLS means that it was kept."""
    if endpoint.notes.facts.starttls != "started":
        return
    session = Session(await endpoint.ctx.connect_again(address), Stopwatch())
    try:
        await session.greet()
        await session.hello()
        reply = await session.command(b"STARTTLS\r\n" + _UNKNOWN_COMMAND, "smtp.starttls")
        if reply.code != 220:
            endpoint.notes.learn(injection=Injection(outcome="refused", answer=reply.answer))
            return
        try:
            await after_go_ahead(session.stream, session.replies.rest())
            session.go_on_in(await endpoint.quietly(session.stream))
        except Failed as failed:
            if failed.reason not in _ENDED:
                raise
            endpoint.notes.learn(injection=Injection(outcome="refused"))
            return
        reply = await session.command(b"NOOP", "smtp.noop")
        answered = reply.code >= 400 and await _another(session)
        endpoint.notes.learn(
            injection=Injection(
                outcome="answered" if answered else "discarded",
                answer=reply.answer if answered else None,
            )
        )
    finally:
        session.stream.close()


async def _another(session: Session) -> bool:
    """Return whether one more reply comes without a command."""
    try:
        await session.receive(session.stream.budget.within(QUIET_SECONDS))
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT:
            raise
        return False
    return True


async def _verify(endpoint: Endpoint, address: Address) -> None:
    """Ask for postmaster and for a random user, both in the server's domain where it has one."""
    own = endpoint.ctx.options.of(SmtpOptions).mail_to or ""
    name = own.partition("@")[2] or endpoint.notes.facts.name or ""
    at = f"@{name}".encode() if is_qualified(name) else b""
    session = await endpoint.again(address)
    try:
        random = secrets.token_hex(8).encode()
        existing = await session.command(b"VRFY postmaster" + at, "smtp.vrfy")
        unknown = await session.command(b"VRFY seventh-" + random + at, "smtp.vrfy")
        endpoint.notes.learn(verified=Verified(existing=existing.answer, random=unknown.answer))
    finally:
        await session.quit()


async def _smuggle(endpoint: Endpoint, address: Address) -> None:
    """End a message only as the standard forbids, and close the connection if that is ignored."""
    own = endpoint.ctx.options.of(SmtpOptions).mail_to
    if own is None or endpoint.is_submission:
        return
    if (why := endpoint.ctx.denied(3)) is not None:
        endpoint.notes.unknown("line endings", why)
        return
    session = await endpoint.again(address)
    try:
        for line in (b"MAIL FROM:<>", b"RCPT TO:<%s>" % own.encode(), b"DATA"):
            reply = await session.command(line, "smtp.data")
            if reply.code >= 400:
                endpoint.notes.unknown("line endings", f"{own} is refused: {reply.answer}")
                return
        await session.stream.send(_MESSAGE % own.encode())
        if (found := await _ended_by(session)) is None:
            endpoint.notes.unknown("line endings", "the message was refused for another reason")
        endpoint.notes.learn(smuggling=found)
    finally:
        session.stream.close()


async def _ended_by(session: Session) -> Smuggling | None:
    """Send each wrong end until one is answered; None where the reply proves nothing."""
    for name, end in _ENDS:
        await session.stream.send(b"x" + end)
        try:
            reply = await session.receive(session.stream.budget.within(QUIET_SECONDS))
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT:
                continue
            raise
        if reply.answer.accepts:
            return Smuggling(accepted=name, answer=reply.answer)
        # Another refusal may be of the content, after the end was accepted.
        refused = reply.answer.cause is Cause.SYNTAX
        return Smuggling(answer=reply.answer) if refused else None
    return Smuggling()
