"""The check of an NTS server: key establishment, then authenticated NTP."""

from __future__ import annotations

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import Certificate, TlsFacts
from seventh.net.datagram import local_ip
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, now_ns, user_mark
from seventh.net.stream import Stream
from seventh.net.tls import chain as tlschain
from seventh.protocols.ntp.client.nts import NtsAssociation, diagnose
from seventh.protocols.ntp.client.nts_ke import (
    RECORDS,
    TLS,
    Established,
    establish,
    exchange,
    follow,
    note_failure,
    nts_notes,
    prepare,
    start_and_learn,
    start_as_client,
    state_of,
)
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import AeadOutcome, AeadTried, clock_difference
from seventh.protocols.ntp.probe.schedule import REPLY_SECONDS, plan, take_samples
from seventh.protocols.ntp.wire import nts_fields, nts_ke
from seventh.protocols.ntp.wire.nts_ke import Aead

MAX_ADDRESSES = 3
"""How many addresses of a named NTP server are tried, one after another."""
AEAD_SECONDS = 1.0
"""The longest wait for a reply with the other AEAD algorithm."""
LEAST_SECONDS = 0.3
"""With less time left, no further key establishment is started."""
DAY_SECONDS = 86400.0


# -- the pulse -------------------------------------------------------------------------------------


async def pulse(ctx: ProbeContext) -> None:
    """Establish keys as a client does, and exchange one authenticated request."""
    (stream,) = await _connect(ctx)
    try:
        tls = await start_as_client(ctx, stream)
        established = await establish(ctx, tls, nts_fields.supported())
    except Failed as failed:
        note_failure(ctx, failed)
        raise
    failure: Failed | None = None
    cookies = established.response.cookies
    for address in (await follow(ctx, established))[:MAX_ADDRESSES]:
        association = NtsAssociation(ctx, address, established, cookies)
        try:
            await association.exchange(ctx.budget.within(REPLY_SECONDS))
            if association.naks == 0 and association.sampler.tally.kisses:
                # The keys were changed to those that this server accepts.
                await association.exchange(ctx.budget.within(REPLY_SECONDS))
        finally:
            association.note_attempt()
            association.learn()
        failure = association.failure()
        if failure is None or not association.client.cookies:
            break
        cookies = tuple(association.client.cookies)
    if failure is not None:
        raise failure


async def _connect(ctx: ProbeContext, *, every: bool = False) -> list[Stream]:
    """Connect to the first address that accepts, or to ``every`` one."""
    nts = nts_notes(ctx)
    nts.learn(ke_port=ctx.target.port)
    try:
        streams = await ctx.connect_all() if every else [await ctx.connect()]
    except Failed as failed:
        nts.learn(port_state=state_of(failed))
        raise
    nts.learn(port_state="open", ke_address=streams[0].address.ip)
    return streams


# -- the check -------------------------------------------------------------------------------------


async def check(ctx: ProbeContext) -> None:
    """Establish keys, take samples of the server's time, and test its algorithms and cookies.

    A certificate that a client would refuse is the report's failure, but the check continues: the
    result shows whether the certificate is wrong, or one of the two clocks.
    """
    main, *others = await _connect(ctx, every=True)
    refusal: Failed | None = None
    try:
        tls, refusal = await start_and_learn(ctx, main)
        established = await establish(ctx, tls, nts_fields.supported())
    except Failed as failed:
        note_failure(ctx, failed)
        if refusal is not None:
            ctx.fail(refusal)
        raise
    finally:
        await _compare(ctx, main, others)
    try:
        await _measure(ctx, established)
    finally:
        _judge_dates(ctx)
        if refusal is not None:
            ctx.fail(_with_clocks(ctx, refusal))


async def _compare(ctx: ProbeContext, main: Stream, others: list[Stream]) -> None:
    """Compare the certificates of the name's addresses; keys are requested from one only."""
    if not others:
        return
    chain = ctx.notes(TlsFacts).facts.chain
    seen = {main.address.ip: {"certificate": _fingerprint(chain)}}
    for other in others:
        with prepare(ctx, other) as tls:
            try:
                await tls.handshake(ctx.watch, "tls.compared")
                chain = tlschain.read_chain(tls.certificates)
                seen[other.address.ip] = {"certificate": _fingerprint(chain)}
                await tls.aclose()
            except Failed as failed:
                seen[other.address.ip] = {"failure": str(failed.reason)}
    ctx.note_drift(seen)


def _fingerprint(chain: tuple[Certificate, ...]) -> str:
    return chain[0].sha256[:16] if chain else "none"


async def _measure(ctx: ProbeContext, established: Established) -> None:
    """Take the samples, then run the permitted tiers; Failed without authenticated time."""
    addresses = (await follow(ctx, established))[:MAX_ADDRESSES]
    planned = plan(ctx)
    first_ns = planned.reply_ns
    if planned.samples > 1:
        first_ns = min(first_ns, planned.interval_ns)
    main = NtsAssociation(ctx, addresses[0], established, established.response.cookies)
    try:
        for address in addresses:
            if main.address != address:
                main.note_attempt()
                main = NtsAssociation(ctx, address, established, main.client.cookies)
            await main.exchange(min(now_ns() + first_ns, planned.end_ns))
            if main.answered or not main.client.cookies:
                break
        main.learn()
        await take_samples(main, planned)
        main.learn()
        if ctx.denied(1) is None:
            if main.silent:
                await diagnose(main, ctx)
            await _try_other_aead(ctx, established, main)
        if main.sampler.tally.replies and ctx.denied(4) is None:
            await _send_bad_cookie(ctx, established, main)
    finally:
        main.learn()
        main.note_attempt()
        ctx.notes(NtpFacts).learn(local_address=local_ip(main.address) or "")
        _note_aead(ctx, established, main)
    if (failed := main.failure()) is not None:
        raise failed


# -- the AEAD algorithms ---------------------------------------------------------------------------


def _note_aead(ctx: ProbeContext, established: Established, main: NtsAssociation) -> None:
    """Store the result of the main algorithm, before that of the other one."""
    nts = nts_notes(ctx)
    tried = AeadTried(
        number=established.aead,
        name=nts_ke.aead_name(established.aead),
        outcome=_outcome(main),
        keys=nts.facts.keys,
    )
    nts.learn(aeads=(tried, *nts.facts.aeads))


def _outcome(association: NtsAssociation) -> AeadOutcome:
    if association.sampler.tally.replies:
        return "works"
    return "nak" if association.sampler.tally.kisses else "no-reply"


async def _try_other_aead(
    ctx: ProbeContext, established: Established, main: NtsAssociation
) -> None:
    """Offer only the algorithm that was not chosen, to test whether it works, too.

    Algorithm 15 is mandatory. Algorithm 30 is preferred by chrony since 4.4, whose versions up to
    4.6.0 export keys for it in a way of their own.
    """
    other = Aead.AES_SIV_CMAC_256
    if established.aead == other:
        other = Aead.AES_128_GCM_SIV
    if other not in nts_fields.supported() or not main.answered:
        return
    if ctx.connections_left(established.address) < 1 or ctx.budget.seconds_left < LEAST_SECONDS:
        return
    facts = nts_notes(ctx).facts
    try:
        tried = await _try_aead(ctx, established, main, other)
    except Failed as failed:
        refused = failed.reason is Reason.NEGOTIATION_FAILED and failed.phase == RECORDS
        tried = AeadTried(
            number=other,
            name=nts_ke.aead_name(other),
            outcome="not-chosen" if refused else "failed",
            detail=failed.detail,
        )
    # The facts of the main key establishment remain; only the other result is added.
    ctx.notes(NtpFacts).learn(nts=msgspec.structs.replace(facts, aeads=(tried,)))


async def _try_aead(
    ctx: ProbeContext, established: Established, main: NtsAssociation, aead: Aead
) -> AeadTried:
    nts = nts_notes(ctx)
    started = user_mark()
    try:
        stream = await ctx.connect_again(established.address, AEAD_SECONDS)
        unrecorded = Stopwatch()  # a refusal here is a result, not a phase that failed
        with prepare(ctx, stream) as tls:
            await tls.handshake(unrecorded, TLS)
            second = await exchange(ctx, tls, (aead,), unrecorded)
    finally:
        ctx.watch.record("nts.aead", started.ns, user_mark(), address=established.address.ip)
    nts.learn(keys="rfc8915")
    association = NtsAssociation(ctx, main.address, second, second.response.cookies)
    await association.exchange(ctx.budget.within(AEAD_SECONDS))
    if nts.facts.keys == "chrony-4.4":
        await association.exchange(ctx.budget.within(AEAD_SECONDS))
    return AeadTried(
        number=aead,
        name=nts_ke.aead_name(aead),
        outcome=_outcome(association),
        keys=nts.facts.keys,
        detail=association.refused_detail,
    )


# -- a damaged cookie ------------------------------------------------------------------------------


class _Damaged(NtsAssociation):
    """Requests that the server must refuse."""

    __slots__ = ()

    phase = "nts.bad-cookie"
    nak_answers = True


async def _send_bad_cookie(
    ctx: ProbeContext, established: Established, main: NtsAssociation
) -> None:
    """Send one request with a cookie that the server cannot have made; it should answer NTSN."""
    if not main.client.cookies:
        return
    cookie = main.client.cookies[-1]
    damaged = bytes([*cookie[:-1], cookie[-1] ^ 1])
    association = _Damaged(ctx, main.address, established, (damaged,))
    await association.exchange(ctx.budget.within(AEAD_SECONDS))
    tally = association.sampler.tally
    nts_notes(ctx).learn(
        bad_cookie="time" if tally.replies else "nak" if tally.kisses else "silent"
    )


# -- which clock is wrong --------------------------------------------------------------------------


def _judge_dates(ctx: ProbeContext) -> None:
    """Check the certificates' validity period by this machine's clock and by the server's."""
    chain = [c for c in ctx.notes(TlsFacts).facts.chain if not c.problem]
    if not chain:
        return
    offset = ctx.notes(NtpFacts).facts.offset_seconds
    nts_notes(ctx).learn(
        certificate_valid_here=_valid(chain, 0.0),
        certificate_valid_there=None if offset is None else _valid(chain, offset / DAY_SECONDS),
    )


def _valid(chain: list[Certificate], days_ahead: float) -> bool:
    return all(c.days_left >= days_ahead and c.days_to_start <= days_ahead for c in chain)


def _with_clocks(ctx: ProbeContext, refusal: Failed) -> Failed:
    """Return the refusal, with whether the certificate is valid by the server's own clock."""
    facts, offset = nts_notes(ctx).facts, ctx.notes(NtpFacts).facts.offset_seconds
    if facts.certificate_valid_here is False and offset is not None:
        if facts.certificate_valid_there:
            refusal.detail += (
                f"; it is valid by the server's clock (difference: {clock_difference(offset)}), so "
                "one of the two clocks is wrong"
            )
        else:
            refusal.detail += "; it is not valid by the server's clock either"
    return refusal
