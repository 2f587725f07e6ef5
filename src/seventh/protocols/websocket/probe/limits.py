"""The limits of a server (tier 4): long messages, many messages, a client that does not read."""

from __future__ import annotations

import os
from typing import Literal

from seventh.model.failure import Failed
from seventh.net.budget import Flooded
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Backpressure, Burst, LongMessage
from seventh.wire.websocket_frames import TEXT, masked_by, raw_head

SIZES = (64 * 1024, 1024 * 1024, 16 * 1024 * 1024)
PIECE = 256 * 1024
ANSWER_SECONDS = 3.0
"""How long a server may take to handle a long message."""
HEAD_SECONDS = 0.1
"""How long a server may take to refuse a message by the length in its header."""
MESSAGES = 200
BURST_SECONDS = 3.0
FAST_SECONDS = 2.0
"""The longest time in which a server without a rate limit reads all of them."""
ECHO_BYTES = 16 * 1024
TOO_BIG = 1009
UNREAD_BYTES = 24 * 1024 * 1024
"""More than both kernels buffer for one connection; the server has to buffer the rest."""
BUFFERED_SECONDS = 2.0
"""How long we then read the server's buffered output."""
QUIET_SECONDS = 0.5
"""The silence after which a server has no more output."""
STALL_SECONDS = 1.0
"""The time without progress after which a server has stopped reading."""
Outcome = Literal["stopped", "closed", "dropped", "unbounded", "unclear"]
_HINTS = ("429", "limit", "rate", "slow down", "throttl", "too many")


async def long_message(endpoint: Endpoint) -> None:
    """Send longer messages, each on a socket of its own, until one is refused."""
    known = LongMessage()
    with endpoint.ctx.watch.phase("ws.long"):
        for size in SIZES:
            async with endpoint.counted(await endpoint.socket()) as socket:
                known = await _one_long(endpoint, socket, size, known)
            endpoint.notes.learn(long_message=known)
            if known.refused_bytes is not None or known.detail:
                return


async def _one_long(
    endpoint: Endpoint, socket: Socket, size: int, known: LongMessage
) -> LongMessage:
    """Send a text of ``size`` bytes, and receive between its parts.

    Only a server that stops making progress fails it, so that a busy machine changes no verdict.
    """
    until = endpoint.ctx.budget.within(endpoint.ctx.budget.seconds_left / 2)
    mask = os.urandom(4)
    piece = masked_by(mask, b"a" * PIECE)
    sent = 0
    try:
        # Many servers refuse a length as soon as they read it. With no data in flight, the
        # server's kernel sends no reset, which could overtake the close frame.
        await socket.send_raw(raw_head(TEXT, size) + mask)
        head_until = endpoint.ctx.budget.within(HEAD_SECONDS)
        while socket.alive and await socket.receive(head_until, amid=True) is not None:
            pass
        while sent < size and socket.alive:
            async with Cutoff(min(ANSWER_SECONDS, endpoint.ctx.budget.seconds_left / 2)):
                if await socket.send_raw(piece[: size - sent]) is None:
                    break
                sent += PIECE
                await socket.receive(now_ns() + 1, amid=True)
        if not socket.alive:
            await _receive_rest(endpoint, socket)
        elif await socket.survives(until) is not None:
            return LongMessage(accepted_bytes=size)
    except DeadlineError:
        return _unclear(known, f"{size} bytes could not be sent in time")
    except Failed as failed:
        # A server that echoes the message has accepted it, even if the echo exceeds our limit.
        if sent >= size and (socket.frames.too_long or isinstance(failed, Flooded)):
            return LongMessage(accepted_bytes=size)
        if not isinstance(failed, Flooded) and now_ns() >= until:
            raise
        return _unclear(known, failed.detail)
    if socket.alive:
        return _unclear(known, f"no pong received after {size} bytes")
    return LongMessage(
        accepted_bytes=known.accepted_bytes,
        refused_bytes=size,
        code=socket.close_code,
        ended=socket.frames.closed is None,
    )


def _unclear(known: LongMessage, detail: str) -> LongMessage:
    return LongMessage(accepted_bytes=known.accepted_bytes, detail=detail)


async def _receive_rest(endpoint: Endpoint, socket: Socket) -> None:
    """Receive a close frame that arrived before a reset."""
    if socket.frames.closed is None and socket.reset:
        socket.ended_at = None
        until = endpoint.ctx.budget.within(STALL_SECONDS)
        await socket.until_closed(until)


async def burst(endpoint: Endpoint) -> None:
    """Send 200 small messages at once; the pong to a ping after them shows when they were read."""
    text = endpoint.handshake_options.template or "seventh {id}"
    with endpoint.ctx.watch.phase("ws.rate"):
        async with endpoint.counted(await endpoint.socket()) as socket:
            begun = now_ns()
            until = endpoint.ctx.budget.within(BURST_SECONDS)
            for number in range(MESSAGES):
                socket.frames.text(text.replace("{id}", f"{number:x}"))
            await socket.flush()
            answered = await socket.survives(until)
            seconds = (now_ns() - begun) / 1e9
            heads = [message.data[:512].lower() for message in socket.messages]
            outcome: Literal["taken", "closed", "slowed"]
            if answered is not None:
                seconds = answered.back.since(begun)
                outcome = "taken" if seconds <= FAST_SECONDS else "slowed"
            else:
                outcome = "slowed" if socket.alive else "closed"
            endpoint.notes.learn(
                burst=Burst(
                    messages=MESSAGES,
                    seconds=seconds,
                    outcome=outcome,
                    code=socket.close_code,
                    hints=tuple(hint for hint in _HINTS if any(hint.encode() in h for h in heads)),
                )
            )


async def slow_reader(endpoint: Endpoint) -> None:
    """Request data and read nothing: a server must stop reading, or drop us."""
    with endpoint.ctx.watch.phase("ws.slow"):
        async with endpoint.counted(await endpoint.socket()) as socket:
            endpoint.notes.learn(backpressure=Backpressure())
            if not await _echoes(endpoint, socket):
                endpoint.notes.learn(backpressure=Backpressure(echoes=False))
                return
            sent, outcome = await _flood(endpoint, socket)
            if outcome == "closed":
                await _receive_rest(endpoint, socket)
            elif outcome == "unbounded":
                outcome = await _buffered(endpoint, socket)
            if socket.close_code == TOO_BIG:
                outcome = "unclear"  # our messages were too long, so no output accumulated
            endpoint.notes.learn(
                backpressure=Backpressure(
                    echoes=True, sent_bytes=sent, outcome=outcome, code=socket.close_code
                )
            )


async def _echoes(endpoint: Endpoint, socket: Socket) -> bool:
    """Return whether the server answers a message with at least as many bytes."""
    await socket.send_text(_filled(endpoint, 1024))
    until = endpoint.ctx.budget.within(STALL_SECONDS)
    received = 0
    while received < 1024:
        message = await socket.message(until)
        if message is None:
            return False
        received += len(message.data)
    return True


def _filled(endpoint: Endpoint, size: int) -> str:
    """Return the template, or our own, with an ``{id}`` of ``size`` characters."""
    return (endpoint.handshake_options.template or "seventh {id}").replace("{id}", "a" * size)


async def _buffered(endpoint: Endpoint, socket: Socket) -> Outcome:
    """Return whether the unread output is still there.

    Some servers read everything and discard it: after a close frame, or because they drop the
    output of slow readers.
    """
    until = endpoint.ctx.budget.within(min(BUFFERED_SECONDS, endpoint.ctx.budget.seconds_left / 2))
    try:
        await socket.until_closed(until)
    except Flooded:
        return "unbounded"
    if not socket.alive:
        return "closed"
    quiet = user_mark().since(socket.last)
    return "dropped" if quiet > QUIET_SECONDS else "unclear"


async def _flood(endpoint: Endpoint, socket: Socket) -> tuple[int, Outcome]:
    """Send messages and read nothing; return how much was accepted, and how it ended."""
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
