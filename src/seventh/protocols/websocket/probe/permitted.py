"""The steps that need permission: fan-out, limits, violations, idle sockets, a token's expiry."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

from seventh.model.failure import Failed, Reason
from seventh.net import idle
from seventh.net.stopwatch import now_ns
from seventh.net.wait import all_of
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Hold, Token
from seventh.protocols.websocket.probe import fanout, limits, violations
from seventh.protocols.websocket.probe.step import step
from seventh.wire.jwt import expiry_of

LEFT_SECONDS = 0.5
"""The time that is reserved for the end of the report."""
TOKEN_GRACE_SECONDS = 1.0
"""How long a server may take to close the socket after its token expired."""
TIER_4_CONNECTIONS = 16
SHOWN = 12
"""The most pings of the server that are listed."""


async def with_permission(endpoint: Endpoint) -> None:
    """Run every permitted step, the least intrusive first."""
    ctx = endpoint.ctx
    if ctx.denied(3) is None and endpoint.handshake_options.template is not None:
        ctx.grant(ctx.options.of(WebSocketOptions).sockets)
        await _run(endpoint, "fan-out", fanout.measure)
    if ctx.denied(4) is None:
        ctx.grant(TIER_4_CONNECTIONS)
        await _run(endpoint, "violations", violations.send_violations)
        await _run(endpoint, "a long message", limits.long_message)
        await _run(endpoint, "many messages", limits.burst)
        await _run(endpoint, "a slow reader", limits.slow_reader)
        if ctx.holds:
            ctx.extend()
            await all_of(
                (
                    _run(endpoint, "hold", hold),
                    idle.measure(ctx, "tcp", lambda: _held(endpoint)),
                )
            )
    # Last, because the token then opens no more sockets.
    if ctx.denied(2) is None and endpoint.handshake_options.jwt is not None:
        ctx.grant(2)
        await _run(endpoint, "the token's expiry", _token)


async def _run(endpoint: Endpoint, name: str, run: Callable[[Endpoint], Awaitable[None]]) -> None:
    """Run a step if time is left."""
    if endpoint.ctx.budget.seconds_left < LEFT_SECONDS:
        endpoint.notes.unknown(name, "no time left: give a longer --timeout")
    else:
        await step(endpoint, name, run)


async def _token(endpoint: Endpoint) -> None:
    """Open a socket with the token and learn whether it outlives the token."""
    own, budget = endpoint.handshake_options, endpoint.ctx.budget
    expiry = expiry_of(own.jwt or "")
    if expiry is None:
        endpoint.notes.learn(token=Token(source=own.jwt_source))
        return
    with endpoint.ctx.watch.phase("ws.token"):
        async with endpoint.counted(await endpoint.socket()) as socket:
            left = expiry - time.time()  # exp is wall-clock time
            wait = max(0.0, left) + TOKEN_GRACE_SECONDS
            if wait > budget.seconds_left - LEFT_SECONDS:
                endpoint.notes.learn(
                    token=Token(source=own.jwt_source, lifetime_seconds=left, outcome="not-reached")
                )
                return
            begun = now_ns()
            await socket.until_closed(begun + int(wait * 1e9))
            still = socket.alive and await socket.ping(budget.within(LEFT_SECONDS)) is not None
            closed = socket.frames.closed
            end = closed.at if closed is not None else socket.ended_at
            ended_ns = end.ns if end is not None else now_ns()
            endpoint.notes.learn(
                token=Token(
                    source=own.jwt_source,
                    lifetime_seconds=left,
                    outcome="open" if still else "closed",
                    after_seconds=(ended_ns - begun) / 1e9 - max(0.0, left),
                    close_code=socket.close_code,
                )
            )


async def hold(endpoint: Endpoint) -> None:
    """Keep two sockets idle, one opened later: if both end at the same age, a timer cut them."""
    ctx = endpoint.ctx
    wanted = ctx.options.hold_seconds
    seconds = min(wanted, ctx.budget.seconds_left - LEFT_SECONDS)
    with ctx.watch.phase("ws.hold"):
        async with endpoint.counted(await endpoint.socket()) as first:
            begun = now_ns()
            until = begun + int(seconds * 1e9)
            _, second = await asyncio.gather(
                _idle(first, until), _hold_later(endpoint, until, min(1.0, seconds / 4))
            )
    sockets = [first, second] if second is not None else [first]
    gaps = [later.since(earlier) for earlier, later in pairwise(first.pings)]
    endpoint.notes.learn(
        hold=Hold(
            seconds=(now_ns() - begun) / 1e9,
            wanted_seconds=wanted,
            pings=len(first.pings),
            ping_seconds=statistics.median(gaps) if gaps else None,
            pinged_seconds=tuple(at.since(first.opened) for at in first.pings[:SHOWN]),
            carried=ctx.carried,
            sockets=len(sockets),
            cuts_seconds=tuple(
                s.ended_at.since(s.opened)
                for s in sockets
                if s.ended_at is not None and s.frames.closed is None
            ),
            closes=tuple(s.close_code for s in sockets if s.frames.closed is not None),
            messages=len(first.messages),
        )
    )


async def _held(endpoint: Endpoint) -> idle.Connection:
    return _Held(await endpoint.socket())


class _Held(idle.Connection):
    """A socket that is left idle: pings are answered, and a ping is the use."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def idle(self, until_ns: int) -> None:
        """Answer pings. Raises Failed when the socket ends."""
        self._socket.stream.expect_silence()
        await self._socket.until_closed(until_ns)
        self._check()

    async def use(self) -> None:
        """Send a ping. Raises Failed without a pong."""
        if await self._socket.ping(now_ns() + int(idle.USE_SECONDS * 1e9)) is None:
            self._check()
            raise Failed(Reason.PEER_SILENT, "no pong received")

    def _check(self) -> None:
        if self._socket.reset:
            raise Failed(Reason.PEER_RESET, "the peer reset the connection")
        if not self._socket.alive:
            raise Failed(Reason.PEER_CLOSED, "the peer closed the connection")

    def quiet_seconds(self) -> float | None:
        """Return for how long TCP has neither sent nor received."""
        return idle.quiet_seconds(self._socket.stream)

    def close(self) -> None:
        """Close at once."""
        self._socket.abort()


async def _hold_later(endpoint: Endpoint, until_ns: int, seconds: float) -> Socket | None:
    """Open a socket after ``seconds`` and keep it idle; None if it does not open."""
    await asyncio.sleep(seconds)
    try:
        socket = await endpoint.socket()
    except Failed:
        return None
    async with endpoint.counted(socket):
        await _idle(socket, until_ns)
    return socket


async def _idle(socket: Socket, until_ns: int) -> None:
    """Send nothing but pongs."""
    socket.stream.expect_silence()
    await socket.until_closed(until_ns)
