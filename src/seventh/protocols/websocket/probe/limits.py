"""How much a server takes (tier 4): a long message, many messages, a reader that does not read."""

from __future__ import annotations

import os
from typing import Literal

from seventh.model.failure import Failed
from seventh.net.budget import Flooded
from seventh.net.stopwatch import now_ns
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Backpressure, Burst, LongMessage
from seventh.protocols.websocket.wire.frames import TEXT, Closed, masked_by, raw_head

SIZES = (64 * 1024, 1024 * 1024, 16 * 1024 * 1024)
PIECE = 256 * 1024
ANSWER_SECONDS = 3.0
"""How long a server may take with a long message."""
HEAD_SECONDS = 0.1
"""How long a server may take to refuse a message by its length alone."""
MESSAGES = 200
BURST_SECONDS = 3.0
FAST_SECONDS = 2.0
"""A server that has read all of them by then has not slowed us down."""
ECHO_BYTES = 16 * 1024
TOO_BIG = 1009
UNREAD_BYTES = 24 * 1024 * 1024
"""More than the kernels of both sides hold for one connection; the rest is in the server."""
KEPT_SECONDS = 2.0
"""How long we read what should have been piled up."""
QUIET_SECONDS = 0.5
"""A server that has said nothing for so long has nothing more to say."""
STALL_SECONDS = 1.0
"""A server that takes nothing for so long has stopped reading."""
Outcome = Literal["stopped", "closed", "dropped", "unbounded", "unclear"]
_HINTS = (b"rate", b"limit", b"too many", b"slow down", b"throttl", b"429")


async def long_message(endpoint: Endpoint) -> None:
    """Longer and longer messages, each on a socket of its own, until one is refused."""
    known = LongMessage()
    with endpoint.ctx.watch.phase("ws.long"):
        for size in SIZES:
            async with endpoint.opened() as socket:
                known = await _one_long(endpoint, socket, size, known)
            endpoint.notes.learn(long_message=known)
            if known.refused_bytes is not None or known.detail:
                return


async def _one_long(
    endpoint: Endpoint, socket: Socket, size: int, known: LongMessage
) -> LongMessage:
    """Return one message of letters; what the server says is looked for between its pieces."""
    until = endpoint.ctx.budget.within(
        min(2 * ANSWER_SECONDS, endpoint.ctx.budget.seconds_left / 2)
    )
    mask = os.urandom(4)
    piece = masked_by(mask, b"a" * PIECE)
    answered = None
    detail = ""
    sent = 0
    try:
        async with Cutoff(max(0, until - now_ns()) / 1e9):
            # Many servers refuse a length as soon as they read it; then nothing is on the way that
            # a server could answer with a reset, which may overtake its close frame.
            await socket.raw(raw_head(TEXT, size) + mask)
            await socket.until(lambda _: False, endpoint.ctx.budget.within(HEAD_SECONDS))
            while sent < size and socket.alive:
                if await socket.raw(piece[: size - sent]) is None:
                    break
                sent += PIECE
                await socket.hear(now_ns() + 1)
        if socket.alive:
            answered = await socket.survives(until)
        else:
            await _rest(endpoint, socket)
    except DeadlineError:
        detail = f"{size} bytes could not be sent in time"
    except Failed as failed:
        # Whoever says it back has taken it, however little of that we want to hear.
        if sent >= size and (socket.frames.too_long or isinstance(failed, Flooded)):
            return LongMessage(accepted_bytes=size)
        if not isinstance(failed, Flooded) and now_ns() >= until:
            raise
        detail = failed.detail
    if answered is not None:
        return LongMessage(accepted_bytes=size)
    if detail or (socket.alive and socket.silent_end is None):
        why = detail or f"no pong came after {size} bytes"
        return LongMessage(accepted_bytes=known.accepted_bytes, detail=why)
    closed = socket.frames.closed
    return LongMessage(
        accepted_bytes=known.accepted_bytes,
        refused_bytes=size,
        code=closed.code if closed is not None else None,
        ended=closed is None,
    )


async def _rest(endpoint: Endpoint, socket: Socket) -> None:
    """A close frame may still lie behind a reset that we met while sending."""
    if socket.frames.closed is None and socket.reset:
        socket.silent_end = None
        until = endpoint.ctx.budget.within(STALL_SECONDS)
        await socket.until(lambda event: isinstance(event, Closed), until)


async def burst(endpoint: Endpoint) -> None:
    """Two hundred small messages at once; a ping behind them tells when all were read."""
    text = endpoint.handshake_options.template or "seventh {id}"
    with endpoint.ctx.watch.phase("ws.rate"):
        async with endpoint.opened() as socket:
            begun = now_ns()
            until = endpoint.ctx.budget.within(BURST_SECONDS)
            for number in range(MESSAGES):
                socket.frames.text(text.replace("{id}", f"{number:x}"))
            await socket.flush()
            answered = await socket.survives(until)
            seconds = (now_ns() - begun) / 1e9
            closed = socket.frames.closed
            hints = tuple(
                sorted(
                    {h.decode() for m in socket.heard for h in _HINTS if h in m.data[:512].lower()}
                )
            )
            outcome: Literal["taken", "closed", "slowed"]
            if answered is not None:
                seconds = answered[1].since(begun)
                outcome = "taken" if seconds <= FAST_SECONDS else "slowed"
            else:
                outcome = "slowed" if socket.alive else "closed"
            endpoint.notes.learn(
                burst=Burst(
                    messages=MESSAGES,
                    seconds=seconds,
                    outcome=outcome,
                    code=closed.code if closed is not None else None,
                    hints=hints,
                )
            )


async def slow_reader(endpoint: Endpoint) -> None:
    """Ask for much and read nothing: a server must stop reading, or drop us."""
    known = Backpressure()
    with endpoint.ctx.watch.phase("ws.slow"):
        async with endpoint.opened() as socket:
            endpoint.notes.learn(backpressure=known)
            if not await _echoes(endpoint, socket):
                endpoint.notes.learn(backpressure=Backpressure(echoes=False))
                return
            sent, outcome = await _flood(endpoint, socket)
            if outcome == "closed":
                await _rest(endpoint, socket)
            elif outcome == "unbounded":
                outcome = await _kept(endpoint, socket)
            closed = socket.frames.closed
            if closed is not None and closed.code == TOO_BIG:
                outcome = "unclear"  # our messages were too long, so nothing piled up
            endpoint.notes.learn(
                backpressure=Backpressure(
                    echoes=True,
                    sent_bytes=sent,
                    outcome=outcome,
                    code=closed.code if closed is not None else None,
                )
            )


async def _echoes(endpoint: Endpoint, socket: Socket) -> bool:
    """Return whether a message draws at least as much again."""
    await socket.say(_filled(endpoint, 1024))
    until = endpoint.ctx.budget.within(STALL_SECONDS)
    heard = 0
    while heard < 1024:
        message = await socket.message(until)
        if message is None:
            return False
        heard += len(message.data)
    return True


def _filled(endpoint: Endpoint, size: int) -> str:
    """Return the person's message, or one of ours, with its ``{id}`` that long."""
    return (endpoint.handshake_options.template or "seventh {id}").replace("{id}", "a" * size)


async def _kept(endpoint: Endpoint, socket: Socket) -> Outcome:
    """Return whether the answers that nobody has read are all there.

    Some servers take everything and throw it away: after a close frame, or because they drop what
    a slow reader does not get.
    """
    until = endpoint.ctx.budget.within(min(KEPT_SECONDS, endpoint.ctx.budget.seconds_left / 2))
    try:
        await socket.until(lambda event: isinstance(event, Closed), until)
    except Flooded:
        return "unbounded"
    if not socket.alive:
        return "closed"
    quiet = (now_ns() - socket.last.ns) / 1e9
    return "dropped" if quiet > QUIET_SECONDS else "unclear"


async def _flood(endpoint: Endpoint, socket: Socket) -> tuple[int, Outcome]:
    """Ask and ask and read nothing; how much was taken, and how it ended."""
    sent = 0
    text = _filled(endpoint, ECHO_BYTES)
    while sent < UNREAD_BYTES:
        socket.frames.text(text)
        wait = min(STALL_SECONDS, endpoint.ctx.budget.seconds_left / 2)
        if wait < 0.05:
            return sent, "unclear"
        try:
            async with Cutoff(wait):
                if await socket.flush() is None:
                    return sent, "closed"
        except DeadlineError:
            return sent, "stopped"
        sent += ECHO_BYTES
    return sent, "unbounded"
