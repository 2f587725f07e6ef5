"""The check of an agent: discovery without a secret, then what the credential shows."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import AttemptOutcome
from seventh.net.address import Address
from seventh.net.connect import OUTCOMES
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import user_mark
from seventh.protocols.snmp.client.identity import (
    CommunityName,
    Identity,
    User,
    identity_of,
    version_of,
)
from seventh.protocols.snmp.client.session import RefusedError, Session
from seventh.protocols.snmp.facts import Access, Engine, SnmpFacts
from seventh.protocols.snmp.probe.access import (
    read_enterprises,
    read_sensitive,
    try_default_communities,
    try_lower_levels,
)
from seventh.protocols.snmp.probe.clock import read_clock
from seventh.protocols.snmp.probe.poll import poll, poll_uptime
from seventh.protocols.snmp.wire import engine_id
from seventh.protocols.snmp.wire.names import unnamed
from seventh.protocols.snmp.wire.usm import Cause
from seventh.wire.address import reach

MAX_ADDRESSES = 8
JUDGED = frozenset(
    {
        Cause.UNKNOWN_USER, Cause.WRONG_AUTH_KEY, Cause.WRONG_PRIV_KEY, Cause.UNSUPPORTED_LEVEL,
        Cause.TIME_WINDOW, Cause.VIEW,
    }
)  # fmt: skip
"""Causes that have a rule: the agent is up, and the rule says what to do."""


async def pulse(ctx: ProbeContext) -> None:
    """Read sysUpTime with the credential, or else only discover the engine."""
    session = await _first_answering(ctx)
    if session is not None and ctx.denied(2) is None and identity_of(ctx.options) is not None:
        await _with_credential(session, ctx, whole=False)
    _conclude(session, ctx)


async def check(ctx: ProbeContext) -> None:
    """Discover the engine, read the system group and the interfaces, and test the access."""
    session: Session | None = None
    failed: Failed | None = None
    try:
        try:
            session = await _first_answering(ctx)
        except Failed as error:
            failed = error
        if not await _has_default_community(ctx, failed) and failed is not None:
            raise failed
        if session is not None and ctx.denied(2) is None and identity_of(ctx.options) is not None:
            await _with_credential(session, ctx, whole=True)
    finally:
        _conclude(session, ctx)


async def _has_default_community(ctx: ProbeContext, failed: Failed | None) -> bool:
    """Try default communities where that is permitted; return whether one is answered."""
    silent = failed is None or failed.reason is Reason.NO_REPLY
    if not silent or ctx.denied(4) is not None:
        return False
    notes = ctx.notes(SnmpFacts)
    for address in (await ctx.addresses())[:MAX_ADDRESSES]:
        if notes.facts.address in {"", address.ip}:
            with ctx.watch.phase("snmp.access", address.ip):
                found = await try_default_communities(ctx, address)
            notes.learn(default_communities=found)
    return bool(notes.facts.default_communities)


async def _first_answering(ctx: ProbeContext) -> Session | None:
    """Return a session with the first address that answers; raises the last Failed.

    With a community, silence to discovery does not end the check: agents of version 1 and 2c alone
    drop messages of version 3.
    """
    identity = identity_of(ctx.options) if ctx.denied(2) is None else None
    failed: Failed | None = None
    session: Session | None = None
    for address in (await ctx.addresses())[:MAX_ADDRESSES]:
        session = Session(ctx, address, identity)
        failed = await _discover(session, ctx, address, identity)
        if failed is None:
            return session
    if failed is not None:
        if session is not None:
            _conclude(session, ctx)
        raise failed
    return session


async def _discover(
    session: Session, ctx: ProbeContext, address: Address, identity: Identity | None
) -> Failed | None:
    notes = ctx.notes(SnmpFacts)
    start = user_mark()
    failed: Failed | None = None
    try:
        with ctx.watch.phase("snmp.discovery", address.ip):
            await session.discover()
    except Failed as error:
        failed = error
    notes.learn(address=address.ip, reach=reach(address.ip), discovered=failed is None)
    silent = failed is not None and failed.reason is Reason.NO_REPLY
    if silent and isinstance(identity, CommunityName):
        failed = await _greet(session, ctx, address)
    outcome: AttemptOutcome = "open"
    if failed is not None:
        outcome = OUTCOMES.get(failed.reason, "unreachable")
    ctx.attempted_datagram(
        address, outcome, start.ns, user_mark(), failed.detail if failed is not None else ""
    )
    if session.engine is not None:
        found = engine_id.parse(session.engine.id)
        notes.learn(
            engine=Engine(
                id=session.engine.id.hex(), boots=session.engine.clock.boots,
                time_seconds=session.engine.clock.time,
                enterprise=found.enterprise if found is not None else None,
                enterprise_name=found.name if found is not None else "",
                format=found.format if found is not None else None,
                content=found.content if found is not None else "",
            )
        )  # fmt: skip
    return failed


async def _greet(session: Session, ctx: ProbeContext, address: Address) -> Failed | None:
    """Ask an agent without version 3 for its uptime: that it lives."""
    try:
        with ctx.watch.phase("snmp.auth", address.ip):
            await poll_uptime(session)
    except Failed as error:
        return error
    return None


async def _with_credential(session: Session, ctx: ProbeContext, *, whole: bool) -> None:
    """Try the credential, and poll with it. Raises Failed."""
    notes = ctx.notes(SnmpFacts)
    identity = identity_of(ctx.options)
    version = version_of(ctx.options)
    access = Access(version=version, outcome="unknown")
    if identity is not None and not isinstance(identity, CommunityName):
        given = identity.passwords
        access = Access(
            version=version, outcome="unknown", level=identity.level,
            auth=given.auth if given is not None else None,
            priv=given.priv if given is not None else None,
        )  # fmt: skip
    notes.learn(access=access)
    try:
        cause = await authenticate(session, ctx)
    except RefusedError as refused:
        outcome = "unknown" if refused.cause is Cause.SILENCE else "refused"
        notes.learn(access=_changed(access, outcome=outcome, cause=refused.cause))
        if refused.cause in JUDGED:
            return
        raise
    extension = session.extension if session.differs else None
    notes.learn(access=_changed(access, outcome="accepted", cause=cause, extension=extension))
    if whole and cause is None:
        await poll(session, ctx)
        _count(session, ctx)
        await _look_further(session, ctx, identity)


async def _look_further(session: Session, ctx: ProbeContext, identity: Identity | None) -> None:
    """Learn what else the credential opens, and the clock; silence leaves the rest unknown."""
    notes = ctx.notes(SnmpFacts)
    with ctx.watch.phase("snmp.access", session.exchange.address.ip):
        try:
            notes.learn(clock=await read_clock(session))
            notes.learn(sensitive=await read_sensitive(session))
            enterprises = await read_enterprises(session)
            notes.learn(enterprises=enterprises, unnamed=unnamed(enterprises))
            if isinstance(identity, User):
                notes.learn(lower=await try_lower_levels(session, identity))
        except Failed as failed:
            if failed.reason is not Reason.NO_REPLY:
                raise
            ctx.note(failed.detail)


async def authenticate(session: Session, ctx: ProbeContext) -> Cause | None:
    """Read the uptime; return VIEW if the agent shows nothing. Raises RefusedError."""
    with ctx.watch.phase("snmp.auth", session.exchange.address.ip):
        try:
            return await poll_uptime(session)
        except Failed as failed:
            cause = failed.cause if isinstance(failed, RefusedError) else None
            silent = cause is None and failed.reason is Reason.NO_REPLY
            if session.engine is None or not (silent or cause is Cause.WRONG_PRIV_KEY):
                raise
            if session.try_other_extension():
                try:
                    return await poll_uptime(session)
                except Failed as again:
                    ctx.note(again.detail)
            if cause is not None:
                raise
            raise RefusedError(await session.why_silent(), session.where) from None


def _changed(access: Access, **changes: object) -> Access:
    return replace(access, **changes)


def _conclude(session: Session | None, ctx: ProbeContext) -> None:
    if session is None:
        return
    _count(session, ctx)
    exchange = session.exchange
    ctx.notes(SnmpFacts).learn(
        rtt_seconds=exchange.rtt_seconds, stray=exchange.stray, foreign=tuple(exchange.foreign),
        malformed=exchange.malformed, deviations=tuple(sorted(exchange.deviations)),
        gain=exchange.gain,
    )  # fmt: skip


def _count(session: Session, ctx: ProbeContext) -> None:
    """Learn how much was lost, once: what follows the poll may go unanswered on purpose."""
    notes, exchange = ctx.notes(SnmpFacts), session.exchange
    if notes.facts.loss_ratio is None and exchange.requests:
        notes.learn(
            requests=exchange.requests, replies=exchange.replies,
            loss_ratio=1 - exchange.replies / exchange.requests,
        )  # fmt: skip
