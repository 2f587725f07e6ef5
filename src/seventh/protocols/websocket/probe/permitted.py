"""What is done with permission only: a token's end, fan-out, limits, violations and holds."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.request import expiry_of
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Hold, Token
from seventh.protocols.websocket.probe import fanout, limits, violations
from seventh.protocols.websocket.wire.frames import Closed

TOKEN_GRACE_SECONDS = 1.0
"""How long after the end of its token a server may take to close the socket."""
LEFT_SECONDS = 0.5
"""What of the target's time is left for the end of the report."""
SECOND_SOCKET_SECONDS = 0.25
"""How much younger the second socket of a hold is, as a share of the hold, at most a second."""
TIER_4_CONNECTIONS = 16
SHOWN = 12
"""As many of the server's pings are noted one by one."""


async def with_permission(endpoint: Endpoint) -> None:
    """Every step that the person has allowed, mildest first."""
    ctx = endpoint.ctx
    if ctx.denied(3) is None and endpoint.handshake_options.template is not None:
        ctx.grant(ctx.options.of(WebSocketOptions).sockets)
        await guarded(endpoint, "fan-out", fanout.measure)
    if ctx.denied(4) is None:
        ctx.grant(TIER_4_CONNECTIONS)
        await _intrude(endpoint)
    # Last, for afterwards the token opens nothing any more.
    if ctx.denied(2) is None and endpoint.handshake_options.jwt is not None:
        ctx.grant(2)
        await guarded(endpoint, "the token's end", _token)


async def _intrude(endpoint: Endpoint) -> None:
    """The steps of tier 4."""
    for what, step in (
        ("violations", violations.commit),
        ("a long message", limits.long_message),
        ("many messages", limits.burst),
        ("a slow reader", limits.slow_reader),
    ):
        await guarded(endpoint, what, step)
    if endpoint.ctx.options.hold_seconds > 0:
        await guarded(endpoint, "hold", _hold)


async def guarded(
    endpoint: Endpoint, what: str, step: Callable[[Endpoint], Awaitable[None]]
) -> None:
    """One step; what breaks it off is noted and ends nothing."""
    if endpoint.ctx.budget.seconds_left < LEFT_SECONDS:
        endpoint.notes.unknown(what, "no time was left: --timeout")
        return
    try:
        await step(endpoint)
    except Failed as failed:
        if failed.reason is Reason.OPTIONS_UNUSABLE:
            raise
        endpoint.notes.unknown(what, failed.detail)


# -- a token's end ---------------------------------------------------------------------------------


async def _token(endpoint: Endpoint) -> None:
    """Open a socket with the token and look whether it outlives it."""
    jwt, source = endpoint.handshake_options.jwt or "", endpoint.handshake_options.jwt_source
    end = expiry_of(jwt)
    if end is None:
        endpoint.notes.learn(token=Token(source=source))
        return
    ctx = endpoint.ctx
    with ctx.watch.phase("ws.token"):
        async with endpoint.opened() as socket:
            left = end - time.time()  # the token's clock is the wall clock
            known = Token(source=source, lifetime_seconds=left)
            wait = max(0.0, left) + TOKEN_GRACE_SECONDS
            if wait > ctx.budget.seconds_left - LEFT_SECONDS:
                endpoint.notes.learn(
                    token=Token(source=source, lifetime_seconds=left, outcome="not-reached")
                )
                return
            begun = now_ns()
            until = begun + int(wait * 1e9)
            await socket.until(lambda event: isinstance(event, Closed), until)
            still = socket.alive and await socket.ping(ctx.budget.within(LEFT_SECONDS)) is not None
            ended = socket.frames.closed
            at = ended.at.ns if ended is not None else socket.silent_end and socket.silent_end.ns
            after = ((at or now_ns()) - begun) / 1e9 - max(0.0, left)
            endpoint.notes.learn(
                token=Token(
                    source=known.source,
                    lifetime_seconds=left,
                    outcome="open" if still else "closed",
                    after_seconds=after,
                    close_code=ended.code if ended is not None else None,
                )
            )


# -- silence ---------------------------------------------------------------------------------------


async def _hold(endpoint: Endpoint) -> None:
    """Hold two sockets, one a little younger: one that is cut at the same age shows a timer."""
    ctx = endpoint.ctx
    wanted = ctx.options.hold_seconds
    seconds = min(wanted, ctx.budget.seconds_left - LEFT_SECONDS)
    with ctx.watch.phase("ws.hold"):
        first = await endpoint.socket()
        endpoint.count(1)
        try:
            begun = now_ns()
            until = begun + int(seconds * 1e9)
            heard = await asyncio.gather(
                _silent(first, until), _younger(endpoint, until, min(1.0, seconds / 4))
            )
        finally:
            endpoint.count(-1)
            first.drop()
    sockets = [first, *([heard[1]] if heard[1] is not None else [])]
    gaps = [
        later.since(earlier) for earlier, later in zip(first.pings, first.pings[1:], strict=False)
    ]
    endpoint.notes.learn(
        hold=Hold(
            seconds=(now_ns() - begun) / 1e9,
            wanted_seconds=wanted,
            pings=len(first.pings),
            ping_seconds=statistics.median(gaps) if gaps else None,
            pinged_seconds=tuple(at.since(first.opened) for at in first.pings[:SHOWN]),
            sockets=len(sockets),
            cuts_seconds=tuple(
                s.silent_end.since(s.opened)
                for s in sockets
                if s.silent_end is not None and s.frames.closed is None
            ),
            closes=tuple(s.frames.closed.code for s in sockets if s.frames.closed is not None),
            messages=len(first.heard),
        )
    )


async def _younger(endpoint: Endpoint, until_ns: int, later_seconds: float) -> Socket | None:
    await asyncio.sleep(later_seconds)
    try:
        socket = await endpoint.socket()
    except Failed:
        return None
    endpoint.count(1)
    try:
        await _silent(socket, until_ns)
    finally:
        endpoint.count(-1)
        socket.drop()
    return socket


async def _silent(socket: Socket, until_ns: int) -> None:
    """Say nothing; the server's pings are answered, as any client's are."""
    socket.stream.expect_silence()
    await socket.until(lambda _: False, until_ns)
