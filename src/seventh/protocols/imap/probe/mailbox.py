"""What a user may see: the login, then INBOX, read-only. Each step needs the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seventh.model.failure import Failed, Reason
from seventh.model.mailfacts import Withheld
from seventh.net import mail
from seventh.net.mailbox_server import Tried
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.tls.channel_binding import channel_binding
from seventh.net.tls.stream import TlsStream
from seventh.protocols.imap import ImapOptions
from seventh.protocols.imap.facts import Idle, ImapFacts, Quota, mechanisms_in
from seventh.protocols.imap.wire.responses import Response, quote
from seventh.web.given import first_line
from seventh.wire.sasl import Credentials, choose
from seventh.wire.text import printable

if TYPE_CHECKING:
    from seventh.net.stopwatch import Timer
    from seventh.protocols.imap.client.session import Answer, Session
    from seventh.protocols.imap.probe import Endpoint

_SHOWN = 120
SPARE_SECONDS = 2.0
"""What IDLE leaves of the target's time to the rest."""


async def run(endpoint: Endpoint, session: Session, *, encrypted: bool) -> None:
    """Send ID, log in where a credential permits it, and read. Raises Failed."""
    ctx, notes = endpoint.ctx, endpoint.notes
    known = notes.facts.capabilities or ()
    if "ID" in known and ctx.denied(1) is None:
        await _identify(ctx, session)
    if ctx.denied(2) is not None:
        return
    if notes.facts.preauth:
        # In clear anything may have said so: a client ends the session (RFC 9051 §7.1.4).
        may_look = encrypted
    else:
        may_look = await log_in(endpoint, session, encrypted=encrypted)
    if may_look:
        await _look(ctx, session)


# -- ID --------------------------------------------------------------------------------------------


async def _identify(ctx: ProbeContext, session: Session) -> None:
    with ctx.watch.phase("imap.id") as timer:
        answer = await session.command(b"ID NIL", timer)
    if not answer.ok:
        return
    pairs: list[tuple[bytes, bytes]] = []
    for response in answer.named("ID"):
        for value in response.values[:1]:
            items = [each for each in value or () if isinstance(value, tuple)]
            words = [each if isinstance(each, bytes) else b"" for each in items]
            pairs += zip(words[::2], words[1::2], strict=False)
    shown = tuple(f"{printable(k, 30)}: {printable(v, 60)}" for k, v in pairs[:16] if v)
    ctx.notes(ImapFacts).learn(
        id_fields=shown,
        version_shown=any(key.lower() in {b"version", b"os-version"} and v for key, v in pairs),
    )


# -- the login -------------------------------------------------------------------------------------


async def log_in(endpoint: Endpoint, session: Session, *, encrypted: bool) -> bool:
    """Log in where it is safe; return whether the server accepted it. Raises Failed."""
    file = endpoint.ctx.options.token_file
    token = first_line(file) if file is not None else None
    if not await endpoint.log_in(session, token, encrypted=encrypted):
        return False
    if endpoint.notes.facts.login_capabilities is None:
        again = await session.command(b"CAPABILITY")
        endpoint.notes.learn(login_capabilities=again.capabilities)
    return True


async def try_login(
    endpoint: Endpoint, session: Session, credentials: Credentials, timer: Timer
) -> Tried | Withheld:
    """Log in by SASL, or else by LOGIN; learn what the result lists. Raises Failed."""
    tried = await _try(endpoint.ctx, session, credentials, timer)
    if isinstance(tried, str):
        return tried
    mechanism, answer = tried
    if answer.ok:
        endpoint.notes.learn(login_capabilities=answer.capabilities)
    status = answer.status
    return Tried(mechanism=mechanism, ok=answer.ok, code=status.code, text=status.text)


async def _try(
    ctx: ProbeContext, session: Session, credentials: Credentials, timer: Timer
) -> tuple[str, Answer] | Withheld:
    """Return the mechanism and its result, or why none was tried. Raises Failed."""
    known = ctx.notes(ImapFacts).facts.capabilities or ()
    stream = session.stream
    binding = channel_binding(stream) if isinstance(stream, TlsStream) else None
    tried: tuple[str, Answer] | None = None
    while client := choose(
        mechanisms_in(known), credentials,
        host=mail.server_name(ctx), port=ctx.target.port, binding=binding,
    ):  # fmt: skip
        answer = await session.authenticate(client, has_initial="SASL-IR" in known, timer=timer)
        tried = client.mechanism, answer
        if answer.ok or not client.binds:
            break
        binding = None
    if tried is not None:
        return tried
    if "LOGINDISABLED" in known:
        return "disabled"
    try:
        user, password = quote(credentials.user), quote(credentials.password.decode())
    except ValueError:
        return "no-mechanism"
    if credentials.token:
        return "no-mechanism"
    return "LOGIN command", await session.log_in(user, password, timer)


# -- INBOX -----------------------------------------------------------------------------------------


async def _look(ctx: ProbeContext, session: Session) -> None:
    notes = ctx.notes(ImapFacts)
    known = notes.facts.login_capabilities or notes.facts.capabilities or ()
    with ctx.watch.phase("imap.examine") as timer:
        answer = await session.command(b"EXAMINE INBOX", timer)
    if answer.ok:
        exists = [each.number for each in answer.named("EXISTS") if each.number is not None]
        count = exists[-1] if exists else None
        notes.learn(examine_seconds=timer.seconds_until(answer.at), messages=count)
        if count:
            await _fetch(ctx, session, count)
    if "QUOTA" in known:
        with ctx.watch.phase("imap.quota") as timer:
            answer = await session.command(b"GETQUOTAROOT INBOX", timer)
        if answer.ok:
            quotas = [each for r in answer.named("QUOTA") for each in quotas_in(r)]
            fullest = max(quotas, key=lambda quota: quota.ratio, default=None)
            notes.learn(quota_roots=len(answer.named("QUOTA")), quota=fullest)
    if not {"IDLE", "IMAP4REV2"}.isdisjoint(known) and notes.facts.examine_seconds is not None:
        await _idle(ctx, session)


async def _fetch(ctx: ProbeContext, session: Session, number: int) -> None:
    """Time the newest message's Date field; nothing of it is kept."""
    with ctx.watch.phase("imap.fetch") as timer:
        command = f"FETCH {number} (BODY.PEEK[HEADER.FIELDS (DATE)])"
        answer = await session.command(command.encode(), timer)
    if answer.ok and answer.named("FETCH"):
        ctx.notes(ImapFacts).learn(fetch_seconds=timer.seconds_until(answer.at))


def quotas_in(response: Response) -> list[Quota]:
    """Return the resources of a QUOTA response (RFC 9208 §4.2.1)."""
    found: list[Quota] = []
    for values in response.values[1:2]:
        words = [each for each in values or () if isinstance(values, tuple)]
        for name, used, limit in zip(words[::3], words[1::3], words[2::3], strict=False):
            if isinstance(name, bytes) and _is_number(used) and _is_number(limit):
                found.append(
                    Quota(resource=printable(name.upper(), 30), used=int(used), limit=int(limit))  # type: ignore[arg-type]
                )
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, bytes) and value.isdigit() and len(value) <= 20


# -- IDLE ------------------------------------------------------------------------------------------


async def _idle(ctx: ProbeContext, session: Session) -> None:
    """Enter IDLE, stay as long as requested, and leave. Its end by the server is no failure."""
    notes = ctx.notes(ImapFacts)
    wanted = ctx.options.of(ImapOptions).idle_seconds
    seconds = min(wanted, max(0.0, ctx.budget.seconds_left - SPARE_SECONDS))
    with ctx.watch.phase("imap.idle") as timer:
        tag = session.tag()
        timer.begin(await session.stream.send(f"{tag} IDLE\r\n".encode()))
        if not await session.may_continue(tag):
            notes.learn(idle=Idle(accepted=False))
            return
        timer.stop(session.last)
        heard, cut = _Heard(session.last.ns), False
        try:
            if seconds:
                await _stay(session, heard, seconds)
        except Failed as failed:
            if failed.reason not in {Reason.PEER_CLOSED, Reason.PEER_RESET}:
                raise
            cut = True
        notes.learn(idle=heard.until(now_ns(), cut=cut) if seconds else Idle(accepted=True))
        if not cut:
            await session.stream.send(b"DONE\r\n")
            await session.result(tag)


class _Heard:
    """What the server sends in one IDLE; times in nanoseconds."""

    def __init__(self, begun: int) -> None:
        self.begun = self._last = begun
        self._first: int | None = None
        self._lines = self._quiet = 0

    def line(self, at: int) -> None:
        """Note a line."""
        if self._first is None:
            self._first = at
        self._lines += 1
        self._quiet = max(self._quiet, at - self._last)
        self._last = at

    def until(self, end: int, *, cut: bool) -> Idle:
        """Return the whole, which the server or we have ended."""
        held = (end - self.begun) / 1e9
        return Idle(
            accepted=True, held_seconds=held, cut_seconds=held if cut else None, lines=self._lines,
            notified_seconds=None if self._first is None else (self._first - self.begun) / 1e9,
            quiet_seconds=max(self._quiet, end - self._last) / 1e9,
        )  # fmt: skip


async def _stay(session: Session, heard: _Heard, seconds: float) -> None:
    """Wait, and note each line of the server."""
    until = heard.begun + int(seconds * 1e9)
    session.stream.expect_silence()
    try:
        while True:
            found = await session.response(until_ns=until)
            heard.line(session.last.ns)
            if found.name == "BYE":
                raise Failed(Reason.PEER_CLOSED, "the server ended the session")
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT:
            raise
    finally:
        session.stream.expect_answers()
