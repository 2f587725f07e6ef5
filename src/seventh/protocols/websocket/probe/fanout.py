"""Publishing on one socket and timing the deliveries to the others (tier 3)."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import statistics

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Fanout, Receiver
from seventh.wire.websocket_frames import Message

ROUNDS = 5
ROUND_SECONDS = 2.0
"""The longest wait of the first round; less if little time is left."""
LATER_SECONDS = 0.5
"""The shortest wait of later rounds after a lost delivery; twice the slowest delivery if that is
longer."""
SETTLE_SECONDS = 0.2
"""How long a server may take to handle each socket's first messages."""
OPENING_AT_ONCE = 8
SHARES = (0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
"""The receivers that are reported one by one, as shares; the first one is as well."""


async def measure(endpoint: Endpoint) -> None:
    """Open the sockets, publish a few times, and learn who received it and when."""
    with endpoint.ctx.watch.phase("ws.fanout"):
        async with contextlib.AsyncExitStack() as stack:
            sockets = await _open_all(
                endpoint, stack, endpoint.ctx.options.of(WebSocketOptions).sockets
            )
            for socket in sockets:
                for line in endpoint.handshake_options.first_lines:
                    await socket.send_text(line)
            settle = endpoint.ctx.budget.within(SETTLE_SECONDS)
            await asyncio.gather(*(socket.until_closed(settle) for socket in sockets))
            endpoint.notes.learn(fanout=await _rounds(endpoint, sockets))


async def _open_all(
    endpoint: Endpoint, stack: contextlib.AsyncExitStack, count: int
) -> list[Socket]:
    """Return the sockets that opened, at least two, which ``stack`` closes. Raises Failed."""
    lanes = asyncio.Semaphore(OPENING_AT_ONCE)

    async def open_one() -> Socket:
        async with lanes:
            return await stack.enter_async_context(endpoint.counted(await endpoint.socket()))

    results = await asyncio.gather(*(open_one() for _ in range(count)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Failed):
            raise result
    sockets = [result for result in results if isinstance(result, Socket)]
    if len(sockets) < 2:
        failed = next(r for r in results if isinstance(r, Failed))
        raise Failed(failed.reason, f"fewer than two sockets opened: {failed.detail}")
    return sockets


async def _rounds(endpoint: Endpoint, sockets: list[Socket]) -> Fanout:
    publisher, *receivers = sockets
    longest = wait = min(ROUND_SECONDS, endpoint.ctx.budget.seconds_left / (2 * ROUNDS))
    delays: list[float] = []
    ordered: list[list[float]] = []
    echoed = rounds = 0
    for _ in range(ROUNDS):
        token = os.urandom(9).hex()
        template = endpoint.handshake_options.template or ""
        until = endpoint.ctx.budget.within(wait)
        listening = [
            asyncio.create_task(_arrival(socket, token.encode(), until)) for socket in sockets
        ]
        sent = await publisher.send_text(template.replace("{id}", token))
        if sent is None:
            for task in listening:
                task.cancel()
            break
        rounds += 1
        # Not every server sends the publisher its own message, so it is not awaited.
        arrivals = await asyncio.gather(*listening[1:])
        if listening[0].done():
            echoed += listening[0].result() is not None
        else:
            listening[0].cancel()
        ordered.append(sorted(at.since(sent) for at in arrivals if at is not None))
        delays += ordered[-1]
        if not delays and rounds > 1:
            break  # the server does not broadcast
        if len(delays) < rounds * len(receivers):
            wait = min(longest, max(LATER_SECONDS, 2 * max(delays, default=0.0)))
    delays.sort()
    return Fanout(
        sockets=len(sockets),
        rounds=rounds,
        expected=rounds * len(receivers),
        delivered=len(delays),
        echoed=echoed,
        p50_seconds=quantile(delays, 0.5),
        p95_seconds=quantile(delays, 0.95),
        max_seconds=delays[-1] if delays else None,
        wait_seconds=longest,
        receivers=ranked(ordered, len(receivers)),
    )


async def _arrival(socket: Socket, token: bytes, until_ns: int) -> Mark | None:
    """Return when a message with ``token`` arrived; None if it did not."""
    socket.messages.clear()
    try:
        event = await socket.until(
            lambda event: isinstance(event, Message) and token in event.data, until_ns
        )
    except Failed as failed:
        if failed.reason is Reason.PROTOCOL_VIOLATION or now_ns() >= until_ns:
            return None
        raise
    return event.at if event is not None else None


def ranked(rounds: list[list[float]], receivers: int) -> tuple[Receiver, ...]:
    """Return the delivery times of some receivers; ``rounds`` holds each round's, in order."""
    chosen = {max(1, math.ceil(share * receivers)) for share in SHARES} | {1}
    found: list[Receiver] = []
    for k in sorted(chosen):
        seen = [delays[k - 1] for delays in rounds if len(delays) >= k]
        if seen:
            found.append(
                Receiver(
                    k=k,
                    least_seconds=min(seen),
                    median_seconds=statistics.median(seen),
                    most_seconds=max(seen),
                    rounds=len(seen),
                )
            )
    return tuple(found)


def quantile(ordered: list[float], share: float) -> float | None:
    """Return the smallest value that ``share`` of them do not exceed; None if there are none."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)]
