"""The conversation with an NTS server: key establishment, then authenticated NTP."""

from __future__ import annotations

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import Certificate, TlsFacts
from seventh.net.datagram import local_ip
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, now_ns, user_mark
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.protocols.ntp.client.nts import NtsAssociation, diagnose
from seventh.protocols.ntp.client.nts_ke import (
    RECORDS,
    TLS,
    Established,
    establish,
    exchange,
    follow,
    note_failure,
    server_name,
    start_and_learn,
    start_as_client,
    state_of,
)
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import AeadOutcome, AeadTried, NtsFacts, clocks_apart
from seventh.protocols.ntp.probe.schedule import REPLY_SECONDS, plan, sample_on
from seventh.protocols.ntp.wire import nts_fields, nts_ke
from seventh.protocols.ntp.wire.nts_ke import Aead

MAX_ADDRESSES = 3
"""How many addresses of a named NTP server are asked, one after another."""
AEAD_SECONDS = 1.0
"""The most that the other AEAD algorithm's request waits for its reply."""
LEAST_SECONDS = 0.3
"""With less time than this left, no further key establishment is begun."""
DAY_SECONDS = 86400.0


# -- the pulse -------------------------------------------------------------------------------------


async def pulse(ctx: ProbeContext) -> None:
    """Keys as a client gets them, and one authenticated exchange."""
    stream = await _connect_first(ctx)
    try:
        tls = await start_as_client(ctx, stream)
        established = await establish(ctx, tls, nts_fields.supported())
    except Failed as failed:
        note_failure(ctx, failed)
        raise
    failure: Failed | None = None
    cookies = established.response.cookies
    for address in (await follow(ctx, established))[:MAX_ADDRESSES]:
        conversation = NtsAssociation(ctx, address, established, cookies)
        try:
            await conversation.exchange(ctx.budget.within(REPLY_SECONDS))
            if conversation.naks == 0 and conversation.sampler.tally.kisses:
                # The keys have changed to what this server takes.
                await conversation.exchange(ctx.budget.within(REPLY_SECONDS))
        finally:
            conversation.note_attempt()
            conversation.learn()
        failure = conversation.failure()
        if failure is None or not conversation.client.cookies:
            break
        cookies = tuple(conversation.client.cookies)
    if failure is not None:
        raise failure


async def _connect_first(ctx: ProbeContext) -> Stream:
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    nts.learn(ke_port=ctx.target.port)
    try:
        stream = await ctx.connect()
    except Failed as failed:
        nts.learn(port_state=state_of(failed))
        raise
    nts.learn(port_state="open", ke_address=stream.address.ip)
    return stream


# -- the check -------------------------------------------------------------------------------------


async def check(ctx: ProbeContext) -> None:
    """Keys, samples of the server's time, and what else the server's NTS is worth.

    A certificate that a client would refuse is the report's failure, yet the look goes on: what it
    learns shows whether the certificate is wrong or one of the two clocks.
    """
    streams = await _connect_all(ctx)
    main, others = streams[0], streams[1:]
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
        await _ask_for_time(ctx, established)
    finally:
        _judge_dates(ctx)
        if refusal is not None:
            ctx.fail(_with_clocks(ctx, refusal))


async def _connect_all(ctx: ProbeContext) -> list[Stream]:
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    nts.learn(ke_port=ctx.target.port)
    try:
        streams = await ctx.connect_all()
    except Failed as failed:
        nts.learn(port_state=state_of(failed))
        raise
    nts.learn(port_state="open", ke_address=streams[0].address.ip)
    return streams


async def _compare(ctx: ProbeContext, main: Stream, others: list[Stream]) -> None:
    """Whether the name's other addresses show the same certificate; their keys are not asked."""
    if not others:
        return
    chain = ctx.notes(TlsFacts).facts.chain
    seen = {main.address.ip: {"certificate": _fingerprint(chain)}}
    for other in others:
        tls = handshake.prepare(
            other, ctx.options, server_name(ctx), alpn=(nts_ke.ALPN,), profile="lenient"
        )
        with tls:
            try:
                await tls.handshake(ctx.watch, "tls.compared")
                chain = handshake.read_chain(tls)
                seen[other.address.ip] = {"certificate": _fingerprint(chain)}
                await tls.aclose()
            except Failed as failed:
                seen[other.address.ip] = {"failure": str(failed.reason)}
    ctx.note_drift(seen)


def _fingerprint(chain: tuple[Certificate, ...]) -> str:
    return chain[0].sha256[:16] if chain else "none"


async def _ask_for_time(ctx: ProbeContext, established: Established) -> None:
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
        await sample_on(main, planned)
        main.learn()
        if ctx.denied(1) is None:
            if main.unexplained:
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
    """The algorithm of the main conversation, before the other one."""
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    tried = AeadTried(
        number=established.aead,
        name=nts_ke.aead_name(established.aead),
        outcome=_outcome(main),
        keys=nts.facts.keys,
    )
    nts.learn(aeads=(tried, *nts.facts.aeads))


def _outcome(conversation: NtsAssociation) -> AeadOutcome:
    if conversation.sampler.tally.replies:
        return "works"
    return "nak" if conversation.sampler.tally.kisses else "no-reply"


async def _try_other_aead(
    ctx: ProbeContext, established: Established, main: NtsAssociation
) -> None:
    """Offer, alone, the algorithm that was not chosen, to see whether it works too.

    Algorithm 15 must; 30 is what chrony prefers since 4.4, and its versions up to 4.6.0 make keys
    for it that nobody else makes.
    """
    notes = ctx.notes(NtpFacts)
    other = Aead.AES_SIV_CMAC_256
    if established.aead == other:
        other = Aead.AES_128_GCM_SIV
    if other not in nts_fields.supported() or not main.answered:
        return
    if ctx.connections_left(established.address) < 1 or ctx.budget.seconds_left < LEAST_SECONDS:
        return
    facts = notes.part("nts", NtsFacts).facts
    name = nts_ke.aead_name(other)
    try:
        tried = await _try_aead(ctx, established, main, other)
    except Failed as failed:
        refused = failed.reason is Reason.NEGOTIATION_FAILED and failed.phase == RECORDS
        tried = AeadTried(
            number=other,
            name=name,
            outcome="not-chosen" if refused else "failed",
            detail=failed.detail,
        )
    # The facts of the main key establishment stand; only what the other came to is added.
    notes.learn(nts=msgspec.structs.replace(facts, aeads=(tried,)))


async def _try_aead(
    ctx: ProbeContext, established: Established, main: NtsAssociation, aead: Aead
) -> AeadTried:
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    begun = user_mark()
    try:
        stream = await ctx.connect_again(established.address, AEAD_SECONDS)
        tls = handshake.prepare(
            stream, ctx.options, server_name(ctx), alpn=(nts_ke.ALPN,), profile="lenient"
        )
        aside = Stopwatch()  # a refusal here is an answer, no phase that failed
        with tls:
            await tls.handshake(aside, TLS)
            second = await exchange(ctx, tls, (aead,), aside)
    finally:
        ctx.watch.record("nts.aead", begun.ns, user_mark(), address=established.address.ip)
    nts.learn(keys="rfc8915")
    conversation = NtsAssociation(ctx, main.address, second, second.response.cookies)
    await conversation.exchange(ctx.budget.within(AEAD_SECONDS))
    if nts.facts.keys == "chrony-4.4":
        await conversation.exchange(ctx.budget.within(AEAD_SECONDS))
    return AeadTried(
        number=aead,
        name=nts_ke.aead_name(aead),
        outcome=_outcome(conversation),
        keys=nts.facts.keys,
        detail=conversation.refused_detail,
    )


# -- a damaged cookie ------------------------------------------------------------------------------


class _Damaged(NtsAssociation):
    """A request that must be refused."""

    __slots__ = ()

    phase = "nts.bad-cookie"
    nak_answers = True


async def _send_bad_cookie(
    ctx: ProbeContext, established: Established, main: NtsAssociation
) -> None:
    """One request with a cookie that the server cannot have made: it should answer NTSN."""
    if not main.client.cookies:
        return
    cookie = main.client.cookies[-1]
    damaged = bytes([*cookie[:-1], cookie[-1] ^ 1])
    conversation = _Damaged(ctx, main.address, established, (damaged,))
    await conversation.exchange(ctx.budget.within(AEAD_SECONDS))
    tally = conversation.sampler.tally
    ctx.notes(NtpFacts).part("nts", NtsFacts).learn(
        bad_cookie="time" if tally.replies else "nak" if tally.kisses else "silent"
    )


# -- whose clock? ----------------------------------------------------------------------------------


def _judge_dates(ctx: ProbeContext) -> None:
    """Hold the certificates' dates against this machine's clock and against the server's."""
    notes = ctx.notes(NtpFacts)
    chain = [c for c in ctx.notes(TlsFacts).facts.chain if not c.problem]
    if not chain:
        return
    offset = notes.facts.offset_seconds
    notes.part("nts", NtsFacts).learn(
        certificate_valid_here=_valid(chain, 0.0),
        certificate_valid_there=None if offset is None else _valid(chain, offset / DAY_SECONDS),
    )


def _valid(chain: list[Certificate], days_ahead: float) -> bool:
    return all(c.days_left >= days_ahead and c.days_to_start <= days_ahead for c in chain)


def _with_clocks(ctx: ProbeContext, refusal: Failed) -> Failed:
    """Return the refusal, with what the server's own clock says of it."""
    notes = ctx.notes(NtpFacts)
    facts, ntp = notes.part("nts", NtsFacts).facts, notes.facts
    if facts.certificate_valid_here is False and ntp.offset_seconds is not None:
        if facts.certificate_valid_there:
            refusal.detail += (
                f"; by the server's own time, {clocks_apart(ntp.offset_seconds)}, it is valid: one "
                "of the two clocks is the reason"
            )
        else:
            refusal.detail += "; by the server's own time too"
    return refusal
