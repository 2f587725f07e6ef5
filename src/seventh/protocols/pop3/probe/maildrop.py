"""What a user may see: the login, then the counts and ids of the messages, never one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seventh.model.mailfacts import Withheld
from seventh.net import mail
from seventh.net.mailbox_server import Tried
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Timer
from seventh.net.tls.channel_binding import channel_binding
from seventh.net.tls.stream import TlsStream
from seventh.protocols.pop3.facts import Pop3Facts, argument
from seventh.protocols.pop3.probe import shown
from seventh.protocols.pop3.wire.responses import Status
from seventh.web.given import first_line
from seventh.wire.sasl import Credentials, choose

if TYPE_CHECKING:
    from seventh.protocols.pop3.client.session import Session
    from seventh.protocols.pop3.probe import Endpoint


async def run(endpoint: Endpoint, session: Session, *, encrypted: bool) -> None:
    """Log in where a credential permits it, and count. Raises Failed."""
    ctx, notes = endpoint.ctx, endpoint.notes
    if ctx.denied(2) is not None or not await log_in(endpoint, session, encrypted=encrypted):
        return
    if notes.facts.has_capa:
        with ctx.watch.phase("pop3.capa") as timer:
            lines = await session.list(b"CAPA", timer)
        if lines is not None:
            notes.learn(login_capabilities=shown(lines))
    with ctx.watch.phase("pop3.stat") as timer:
        counts = (await session.command(b"STAT", timer)).text.split()[:2]
    if len(counts) == 2 and all(each.isdigit() and len(each) < 20 for each in counts):
        notes.learn(messages=int(counts[0]), size_bytes=int(counts[1]))
    with ctx.watch.phase("pop3.uidl") as timer:
        notes.learn(uidl=await session.list(b"UIDL", timer) is not None)


async def log_in(endpoint: Endpoint, session: Session, *, encrypted: bool) -> bool:
    """Log in where it is safe; return whether the server accepted it. Raises Failed."""
    file = endpoint.ctx.options.token_file
    token = first_line(file) if file is not None else None
    return await endpoint.log_in(session, token, encrypted=encrypted)


async def try_login(
    endpoint: Endpoint, session: Session, credentials: Credentials, timer: Timer
) -> Tried | Withheld:
    """Log in by SASL, or else by USER and PASS. Raises Failed."""
    tried = await _try(endpoint.ctx, session, credentials, timer)
    if tried is None:
        return "no-mechanism"
    mechanism, status = tried
    return Tried(mechanism=mechanism, ok=status.ok, code=status.code, text=status.text)


async def _try(
    ctx: ProbeContext, session: Session, credentials: Credentials, timer: Timer
) -> tuple[str, Status] | None:
    """Return the mechanism and its result; None where there is none. Raises Failed."""
    known = ctx.notes(Pop3Facts).facts.capabilities
    stream = session.stream
    binding = channel_binding(stream) if isinstance(stream, TlsStream) else None
    tried: tuple[str, Status] | None = None
    while client := choose(
        argument(known or (), "SASL") or (), credentials,
        host=mail.server_name(ctx), port=ctx.target.port, binding=binding,
    ):  # fmt: skip
        found = await session.authenticate(client, timer)
        tried = client.mechanism, found
        if found.ok or not client.binds:
            break
        binding = None
    if tried is not None:
        return tried
    # Without CAPA, USER is what every server has.
    has_user = known is None or argument(known, "USER") is not None
    user, password = credentials.user.encode(), credentials.password
    if credentials.token or not has_user or {b"\r", b"\n", b" "} & {bytes([c]) for c in user}:
        return None
    return "USER", await session.log_in(user, password, timer)
