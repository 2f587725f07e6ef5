"""The conversation with a TLS server: a verified handshake, or everything that TLS tells."""

from __future__ import annotations

import contextlib

from seventh.model.failure import Failed
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls.handshake import start_recurring
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls, resumes
from seventh.net.tls.session import Session

ALPN = ("h2", "http/1.1")
"""What most servers behind TLS speak; others ignore the offer or do without."""


async def pulse(ctx: ProbeContext) -> None:
    """Connect and shake hands as a client would; a certificate it would refuse is a failure."""
    name = server_name(ctx)
    stream = await ctx.connect()
    tls = await start_recurring(ctx, stream, name)
    await tls.aclose()


async def check(ctx: ProbeContext) -> None:
    """Learn all of TLS's facts from the first address, and compare the others with it."""
    name = server_name(ctx)
    streams = await ctx.connect_all()
    first, others = streams[0], streams[1:]
    waiting: list[Stream] = [first]

    async def open_stream() -> Stream:
        return waiting.pop() if waiting else await ctx.connect_again(first.address)

    failed: Failed | None = None
    session: Session | None = None
    try:
        session = await inspect_tls(ctx, open_stream, name, ALPN)
    except Failed as error:
        failed = error
    if others:
        await _compare(ctx, first, others, name)
    if session is not None:
        await _take_up_elsewhere(ctx, others, name, session)
    if failed is not None:
        raise failed
    refusal = certificate_failure(ctx.notes(TlsFacts).facts)
    if refusal is not None:
        ctx.fail(refusal)


async def _compare(ctx: ProbeContext, first: Stream, others: list[Stream], name: str) -> None:
    async def look(stream: Stream) -> dict[str, str]:
        fresh = await ctx.connect_again(stream.address) if stream is first else stream
        return await identity(ctx, fresh, name)

    await ctx.compare([first, *others], look)


async def _take_up_elsewhere(
    ctx: ProbeContext, others: list[Stream], name: str, session: Session
) -> None:
    """Nodes behind one name should share their ticket keys: clients change between them."""
    alone: list[str] = []
    for other in others:
        with contextlib.suppress(Failed):
            below = await ctx.connect_again(other.address)
            if not await resumes(ctx, below, name, session):
                alone.append(other.address.ip)
    ctx.notes(TlsFacts).learn(not_resumed_at=tuple(alone))


def server_name(ctx: ProbeContext) -> str:
    """Return the name to ask for and to hold the certificate against."""
    return ctx.options.server_name or ctx.target.host
