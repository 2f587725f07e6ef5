"""What is done with permission only: a token's end, fan-out, limits, violations and holds."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Door
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


async def with_permission(door: Door) -> None:
    """Every step that the person has allowed, mildest first."""
    talk = door.talk
    if talk.denied(3) is None and door.asking.template is not None:
        talk.grant(talk.options.of(WebSocketOptions).sockets)
        await guarded(door, "fan-out", fanout.measure)
    if talk.denied(4) is None:
        talk.grant(TIER_4_CONNECTIONS)
        await _intrude(door)
    # Last, for afterwards the token opens nothing any more.
    if talk.denied(2) is None and door.asking.jwt is not None:
        talk.grant(2)
        await guarded(door, "the token's end", _token)


async def _intrude(door: Door) -> None:
    """The steps of tier 4."""
    for what, step in (
        ("violations", violations.commit),
        ("a long message", limits.long_message),
        ("many messages", limits.burst),
        ("a slow reader", limits.slow_reader),
    ):
        await guarded(door, what, step)
    if door.talk.options.hold_seconds > 0:
        await guarded(door, "hold", _hold)


async def guarded(door: Door, what: str, step: Callable[[Door], Awaitable[None]]) -> None:
    """One step; what breaks it off is noted and ends nothing."""
    if door.talk.budget.seconds_left < LEFT_SECONDS:
        door.notes.unknown(what, "no time was left: --timeout")
        return
    try:
        await step(door)
    except Failed as failed:
        if failed.reason is Reason.OPTIONS_UNUSABLE:
            raise
        door.notes.unknown(what, failed.detail)


# -- a token's end ---------------------------------------------------------------------------------


async def _token(door: Door) -> None:
    """Open a socket with the token and look whether it outlives it."""
    jwt, source = door.asking.jwt or "", door.asking.jwt_source
    end = expiry_of(jwt)
    if end is None:
        door.notes.learn(token=Token(source=source))
        return
    talk = door.talk
    with talk.watch.phase("ws.token"):
        async with door.opened() as socket:
            left = end - time.time()  # the token's clock is the wall clock
            known = Token(source=source, lifetime_seconds=left)
            wait = max(0.0, left) + TOKEN_GRACE_SECONDS
            if wait > talk.budget.seconds_left - LEFT_SECONDS:
                door.notes.learn(
                    token=Token(source=source, lifetime_seconds=left, outcome="not-reached")
                )
                return
            begun = now_ns()
            until = begun + int(wait * 1e9)
            await socket.until(lambda event: isinstance(event, Closed), until)
            still = socket.alive and await socket.ping(talk.budget.within(LEFT_SECONDS)) is not None
            ended = socket.frames.closed
            at = ended.at.ns if ended is not None else socket.silent_end and socket.silent_end.ns
            after = ((at or now_ns()) - begun) / 1e9 - max(0.0, left)
            door.notes.learn(
                token=Token(
                    source=known.source,
                    lifetime_seconds=left,
                    outcome="open" if still else "closed",
                    after_seconds=after,
                    close_code=ended.code if ended is not None else None,
                )
            )


# -- silence ---------------------------------------------------------------------------------------


async def _hold(door: Door) -> None:
    """Hold two sockets, one a little younger: one that is cut at the same age shows a timer."""
    talk = door.talk
    wanted = talk.options.hold_seconds
    seconds = min(wanted, talk.budget.seconds_left - LEFT_SECONDS)
    with talk.watch.phase("ws.hold"):
        first = await door.socket()
        door.count(1)
        try:
            begun = now_ns()
            until = begun + int(seconds * 1e9)
            heard = await asyncio.gather(
                _silent(first, until), _younger(door, until, min(1.0, seconds / 4))
            )
        finally:
            door.count(-1)
            first.drop()
    sockets = [first, *([heard[1]] if heard[1] is not None else [])]
    gaps = [
        (later.ns - earlier.ns) / 1e9
        for earlier, later in zip(first.pings, first.pings[1:], strict=False)
    ]
    door.notes.learn(
        hold=Hold(
            seconds=(now_ns() - begun) / 1e9,
            wanted_seconds=wanted,
            pings=len(first.pings),
            ping_seconds=statistics.median(gaps) if gaps else None,
            pinged_seconds=tuple((at.ns - first.opened.ns) / 1e9 for at in first.pings[:SHOWN]),
            sockets=len(sockets),
            cuts_seconds=tuple(
                (s.silent_end.ns - s.opened.ns) / 1e9
                for s in sockets
                if s.silent_end is not None and s.frames.closed is None
            ),
            closes=tuple(s.frames.closed.code for s in sockets if s.frames.closed is not None),
            messages=len(first.heard),
        )
    )


async def _younger(door: Door, until_ns: int, later_seconds: float) -> Socket | None:
    await asyncio.sleep(later_seconds)
    try:
        socket = await door.socket()
    except Failed:
        return None
    door.count(1)
    try:
        await _silent(socket, until_ns)
    finally:
        door.count(-1)
        socket.drop()
    return socket


async def _silent(socket: Socket, until_ns: int) -> None:
    """Say nothing; the server's pings are answered, as any client's are."""
    socket.stream.expect_silence()
    await socket.until(lambda _: False, until_ns)
