"""The login: the methods, the time of each step, and whether a session lasts.

One connection logs in, and another requests the methods for root. Failures are noted, and what the
check has learnt before stays.
"""

from __future__ import annotations

import itertools
import statistics
import time

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.stream import Stream
from seventh.net.wait import all_of
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.auth import UserAuth, gssapi_only, log_in
from seventh.protocols.ssh.client.authenticate_host import keyscan, learn_trust, open_session
from seventh.protocols.ssh.client.credentials import Credentials, read_credentials
from seventh.protocols.ssh.client.known_hosts import KnownHosts, read_known_hosts
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.certificates import SshCertificate
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.probe import session as session_probe
from seventh.protocols.ssh.probe.further import greeted
from seventh.protocols.ssh.probe.idle import hold_sessions
from seventh.protocols.ssh.probe.learn import learn_deviations
from seventh.wire.text import printable

ROOT = "root"
REKEY_SHARE = 0.4
"""The share of the remaining time after which a key exchange counts as stalled."""
MAX_REKEY_SECONDS = 5.0
RESERVE_SECONDS = 1.0
"""What a hold leaves of the target's time for the disconnect."""


async def check(ctx: ProbeContext, first: Stream) -> None:
    """Log in as --user, test the session, and disconnect.

    Raises UsageError for credentials that cannot be used; every other failure is noted.
    """
    notes = ctx.notes(SshFacts)
    options = ctx.options
    user = options.user
    credential = options.of(SshOptions).identities or options.password_file
    if user is None and credential and not options.via:
        raise UsageError(
            f"credential for {ctx.target} given without a user: add --user NAME, or write "
            f"ssh://USER@{ctx.target.host}"
        )
    if user is None:
        # The credential may be for the jump hosts only.
        notes.unknown(Topic.LOGIN, "no user given (--user)")
        return
    known = read_known_hosts(options.of(SshOptions).known_hosts)
    credentials = await read_credentials(options, user)
    notes.part("login", Login).learn(
        user=printable(user, 64), certificates=_certificates(credentials, user)
    )
    try:
        session = await _log_in(ctx, first, known, credentials)
    except Failed as failed:
        failed.phase = failed.phase or "ssh.auth"
        ctx.fail(failed)
        session = None
    try:
        if session is not None:
            await _in_session(ctx, session)
        if user != ROOT:
            await _ask_root(ctx, first, known)
        if session is not None:
            await _hold_all(ctx, session, first, known, credentials)
    finally:
        if session is not None:
            await _leave(ctx, session)


# -- the login -------------------------------------------------------------------------------------


def _certificates(credentials: Credentials, user: str) -> tuple[SshCertificate, ...]:
    """Return the certificates of the user's keys, judged for this user."""
    return tuple(
        identity.certificate.facts("user", user, time.time(), identity.source)
        for identity in credentials.identities
        if identity.certificate is not None
    )


async def _log_in(
    ctx: ProbeContext, first: Stream, known: KnownHosts, credentials: Credentials
) -> Session | None:
    """Return the session of a successful login; None if there was no credential."""
    login = ctx.notes(SshFacts).part("login", Login)
    begun = now_ns()
    session = await _enter(ctx, first, known)
    auth = UserAuth(session, credentials.user)
    try:
        credentials = credentials.for_host(session.trust)
        if credentials.empty:
            await _request_methods(ctx, auth, session, credentials)
            return session if session.opened is not None else None
        admission = await auth.log_in(credentials, ctx.watch, first.address.ip)
        total = admission.at.since(begun)
        login.learn(outcome="granted", method=admission.method, total_seconds=total)
    except Failed as failed:
        if failed.reason is Reason.AUTH_REJECTED:
            login.learn(outcome="rejected", still_wanted=auth.methods or ())
        raise
    finally:
        _learn_steps(ctx, auth)
        if session.opened is None:
            await session.aclose()
    return session


async def _enter(ctx: ProbeContext, first: Stream, known: KnownHosts) -> Session:
    conversation = await greeted(ctx, first.address)
    try:
        session, trust = await open_session(conversation, known, ctx.target.host, ctx.target.port)
    finally:
        learn_deviations(ctx, conversation)
    session.trust = trust
    learn_trust(ctx, session.conversation)
    return session


async def _request_methods(
    ctx: ProbeContext, auth: UserAuth, session: Session, credentials: Credentials
) -> None:
    """Request the list of methods, because no credential may be used or none is there."""
    notes = ctx.notes(SshFacts)
    login = notes.part("login", Login)
    await auth.begin(ctx.watch)
    if await auth.ask_methods(ctx.watch):
        login.learn(outcome="granted", method="none")
        return
    login.learn(outcome="untried")
    why = "; ".join(filter(None, (credentials.withheld, *credentials.notes)))
    if session.trust.status == "unknown" and credentials.withheld:
        host, port = ctx.target.host, ctx.target.port
        raise Failed(
            Reason.HOST_KEY_UNTRUSTED,
            f"{credentials.withheld}; compare {session.trust.key} with the key on the machine, "
            f"then run: "
            f"{keyscan(host, port)}",
            phase="ssh.auth",
        )
    if auth.only_gssapi:
        why = gssapi_only(auth.methods or ()).detail
    notes.unknown(Topic.LOGIN, why or "no private key, ssh-agent key or password to log in with")


def _learn_steps(ctx: ProbeContext, auth: UserAuth) -> None:
    """Note the steps of a login, successful or not."""
    notes = ctx.notes(SshFacts)
    login = notes.part("login", Login)
    tried = [step for step in auth.steps if step.method != "none"]
    seconds = [step.seconds for step in tried if step.seconds is not None]
    banner = b"\n".join(auth.session.banners)
    changes: dict[str, object] = {}
    if seconds:
        changes["auth_seconds"] = sum(seconds)
    if any(step.method == "none" and step.outcome == "granted" for step in auth.steps):
        changes["none_accepted"] = (printable(auth.user, 64),)
    login.learn(
        service_seconds=auth.service_seconds,
        none_seconds=auth.none_seconds,
        methods=auth.first_methods,
        steps=tuple(auth.steps),
        banner=printable(banner, 2000),
        partial=auth.partial,
        **changes,
    )
    if auth.user == ROOT:
        login.learn(root_methods=auth.first_methods, root_source="wire")
    names = auth.session.extensions
    if names and notes.facts.extensions is None:
        notes.learn(extensions=tuple(printable(name, 64) for name in names))


# -- in the session --------------------------------------------------------------------------------


async def _in_session(ctx: ProbeContext, session: Session) -> None:
    """Test the session's channels, a ping, and a key re-exchange."""
    login = ctx.notes(SshFacts).part("login", Login)
    try:
        await session_probe.check(ctx, session)
        if session.can_ping:
            with ctx.watch.phase("ssh.ping", session.stream.address.ip):
                login.learn(ping_seconds=await session.ping())
        await _rekey(ctx, session)
    except Failed as failed:
        ctx.fail(failed)
    finally:
        login.learn(rekeys=session.rekeys, peer_rekeys=session.peer_rekeys)


async def _rekey(ctx: ProbeContext, session: Session) -> None:
    """Start a key exchange. Its failure is a finding, and the end of the session."""
    login = ctx.notes(SshFacts).part("login", Login)
    timeout = min(MAX_REKEY_SECONDS, REKEY_SHARE * ctx.budget.seconds_left)
    try:
        with ctx.watch.phase("ssh.rekey", session.stream.address.ip) as timer:
            seconds = await session.rekey(timeout, timer)
        login.learn(rekey_seconds=seconds)
    except Failed as failed:
        login.learn(rekey_error=f"{failed.reason}: {failed.detail}")


async def _hold_all(
    ctx: ProbeContext, session: Session, first: Stream, known: KnownHosts, credentials: Credentials
) -> None:
    """Keep the login's channel idle for keepalives, and further ones for the path's timers."""
    if not ctx.holds:
        await _hold(ctx, session)
        return

    async def log_in_again() -> Session:
        other = await _enter(ctx, first, known)
        with on_failure(other.stream.close):
            await log_in(other, credentials.for_host(other.trust))
        return other

    ctx.extend()
    await all_of((_hold(ctx, session), hold_sessions(ctx, log_in_again)))


async def _hold(ctx: ProbeContext, session: Session) -> None:
    """Stay idle for --hold seconds and count the server's keepalives (tier 4)."""
    notes = ctx.notes(SshFacts)
    wanted = ctx.options.hold_seconds
    if wanted <= 0:
        return
    if (why := ctx.denied(4)) is not None:
        notes.unknown(Topic.KEEPALIVES, why)
        return
    begun = user_mark()
    until = ctx.budget.within(min(wanted, ctx.budget.seconds_left - RESERVE_SECONDS))
    before = len(session.keepalives)
    session.stream.expect_silence()
    try:
        with ctx.watch.phase("ssh.hold", session.stream.address.ip):
            await _read_until(session, until)
    except Failed as failed:
        notes.unknown(Topic.KEEPALIVES, f"the session ended while held open: {failed.detail}")
        if isinstance(failed, ProtocolViolation):
            ctx.fail(failed)
        return
    marks = [begun, *session.keepalives[before:]]
    gaps = [later.since(earlier) for earlier, later in itertools.pairwise(marks)]
    notes.part("login", Login).learn(
        held_seconds=user_mark().since(begun),
        keepalives=len(gaps),
        keepalive_seconds=statistics.median(gaps) if gaps else None,
        keepalive_source="wire",
    )


async def _read_until(session: Session, until: int) -> None:
    """Read and discard messages until then."""
    try:
        while True:
            await session.next_message(until)
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT:
            raise


async def _leave(ctx: ProbeContext, session: Session) -> None:
    if session.opened is not None:
        ctx.notes(SshFacts).part("login", Login).learn(
            session_seconds=user_mark().since(session.opened),
            rekeys=session.rekeys,
            peer_rekeys=session.peer_rekeys,
        )
    learn_deviations(ctx, session.conversation)
    await session.aclose()


# -- root ------------------------------------------------------------------------------------------


async def _ask_root(ctx: ProbeContext, first: Stream, known: KnownHosts) -> None:
    """Request the methods for root, on a connection of its own (RFC 4252 §5 ties one to a user)."""
    notes = ctx.notes(SshFacts)
    login = notes.part("login", Login)
    if ctx.connections_left(first.address) <= 0:
        notes.unknown(Topic.ROOT_METHODS, "connection limit for this target reached")
        return
    try:
        session = await _enter(ctx, first, known)
    except Failed as failed:
        notes.unknown(Topic.ROOT_METHODS, failed.detail)
        return
    auth = UserAuth(session, ROOT)
    try:
        Credentials(user=ROOT).for_host(session.trust)
        await auth.begin()
        if await auth.ask_methods():
            login.learn(none_accepted=(*login.facts.none_accepted, ROOT))
        login.learn(root_methods=auth.first_methods, root_source="wire")
    except Failed as failed:
        notes.unknown(Topic.ROOT_METHODS, failed.detail)
    finally:
        await session.aclose()
