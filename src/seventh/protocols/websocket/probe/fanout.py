"""Publishing on one socket and timing its way to all others (tier 3)."""

from __future__ import annotations

import asyncio
import math
import os
import statistics

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Fanout, Receiver
from seventh.protocols.websocket.wire.frames import Event, Message

ROUNDS = 5
ROUND_SECONDS = 2.0
"""How long the first round is waited for; less where little time is left."""
LATER_SECONDS = 0.5
"""How long further rounds are waited for at least, once some receivers have stayed away: twice
the slowest delivery, where that is longer."""
SETTLE_SECONDS = 0.2
"""How long a server may take to act on what every socket says first."""
OPENING_AT_ONCE = 8
SHARES = (0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
"""Of the receivers: which of them are told of one by one, besides the first."""


async def measure(endpoint: Endpoint) -> None:
    """Open the sockets, publish a few times, and note who got it and when."""
    with endpoint.ctx.watch.phase("ws.fanout"):
        sockets: list[Socket] = []
        try:
            await _open_all(endpoint, sockets, endpoint.ctx.options.of(WebSocketOptions).sockets)
            for socket in sockets:
                for line in endpoint.handshake_options.first_lines:
                    await socket.say(line)
            settle = endpoint.ctx.budget.within(SETTLE_SECONDS)
            await asyncio.gather(*(s.until(lambda _: False, settle) for s in sockets))
            endpoint.notes.learn(fanout=await _rounds(endpoint, sockets))
        finally:
            for socket in sockets:
                endpoint.count(-1)
                socket.drop()


async def _open_all(endpoint: Endpoint, sockets: list[Socket], count: int) -> None:
    lanes = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one() -> None:
        async with lanes:
            socket = await endpoint.socket()
            sockets.append(socket)
            endpoint.count(1)

    results = await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Failed):
            raise result
    if len(sockets) < 2:
        failed = next(r for r in results if isinstance(r, Failed))
        raise Failed(failed.reason, f"fewer than two sockets could be opened: {failed.detail}")


async def _rounds(endpoint: Endpoint, sockets: list[Socket]) -> Fanout:
    publisher, *receivers = sockets
    longest = wait = min(ROUND_SECONDS, endpoint.ctx.budget.seconds_left / (2 * ROUNDS))
    delays: list[float] = []
    ordered: list[list[float]] = []
    echoed = rounds = 0
    for _ in range(ROUNDS):
        word = os.urandom(9).hex()
        template = endpoint.handshake_options.template or ""
        until = endpoint.ctx.budget.within(wait)
        listening = [
            asyncio.create_task(_arrival(socket, word.encode(), until)) for socket in sockets
        ]
        sent = await publisher.say(template.replace("{id}", word))
        if sent is None:
            for task in listening:
                task.cancel()
            break
        rounds += 1
        # The publisher's own copy, which not every server sends, is not waited for.
        arrivals = await asyncio.gather(*listening[1:])
        if listening[0].done():
            echoed += listening[0].result() is not None
        else:
            listening[0].cancel()
        ordered.append(sorted(max(0, at - sent.ns) / 1e9 for at in arrivals if at is not None))
        delays += ordered[-1]
        if not delays and rounds > 1:
            break  # it does not broadcast
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


async def _arrival(socket: Socket, word: bytes, until_ns: int) -> int | None:
    """When a message with ``word`` came; the kernel's instant."""
    socket.heard.clear()
    at: int | None = None

    def carries(event: Event) -> bool:
        return isinstance(event, Message) and word in event.data

    try:
        event = await socket.until(carries, until_ns)
    except Failed as failed:
        if failed.reason is Reason.PROTOCOL_VIOLATION or now_ns() >= until_ns:
            return None
        raise
    if event is not None:
        at = event.at.ns
    return at


def ranked(rounds: list[list[float]], receivers: int) -> tuple[Receiver, ...]:
    """How long the k-th receiver waited, for some k; ``rounds`` has each round's, in order."""
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
    """Return the smallest value that ``share`` of them do not exceed; None of none."""
    if not ordered:
        return None
    return ordered[max(0, min(len(ordered) - 1, -(-int(share * 1000) * len(ordered) // 1000) - 1))]
