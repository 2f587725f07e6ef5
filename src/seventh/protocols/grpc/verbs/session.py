"""The connection of a verb."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.net.work import Work
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.endpoint import Endpoint


@contextlib.asynccontextmanager
async def connected(work: Work, *, most_bytes: int = 0) -> AsyncIterator[tuple[Endpoint, Channel]]:
    """Yield the endpoint and a channel whose certificate is valid. Raises Failed."""
    ctx = work.ctx
    ctx.budget.allow_bytes(most_bytes)
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.use(below.address)
    channel = await endpoint.open_verified(below)
    try:
        yield endpoint, channel
        await channel.aclose()
    finally:
        channel.close()


def deadline(work: Work, given: float | None) -> float:
    """Return the deadline of a call: what is given, or what is left of --timeout."""
    left = work.ctx.budget.seconds_left
    return max(0.001, left if given is None else min(given, left))
