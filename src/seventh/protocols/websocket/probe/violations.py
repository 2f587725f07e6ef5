"""Saying what no client may say, one socket each (tier 4): a server must fail the connection."""

from __future__ import annotations

from typing import Literal, NamedTuple

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Violation
from seventh.protocols.websocket.wire.frames import BINARY, CONTINUATION, PING, TEXT, raw_frame

ANSWER_SECONDS = 1.0
Kind = Literal["mask", "rsv", "utf8", "frag"]


class Case(NamedTuple):
    """One violation."""

    kind: Kind
    name: str
    frames: tuple[bytes, ...]


def cases() -> tuple[Case, ...]:
    """Return what is said, with the sections that forbid it in RFC 6455."""
    return (
        Case("mask", "an unmasked text", (raw_frame(TEXT, b"seventh", masked=False),)),  # §5.1
        Case("rsv", "RSV1 without an extension", (raw_frame(TEXT, b"seventh", rsv=4),)),  # §5.2
        Case("rsv", "the reserved opcode 3", (raw_frame(3, b"seventh"),)),  # §5.2
        Case("utf8", "a text with a surrogate", (raw_frame(TEXT, b"\xed\xa0\x80"),)),  # §8.1
        Case(
            "utf8",
            "a text that ends within a letter",
            (raw_frame(TEXT, b"se\xc3"), raw_frame(TEXT, b"venth")),
        ),
        Case("frag", "the rest of nothing", (raw_frame(CONTINUATION, b"seventh"),)),  # §5.4
        Case(
            "frag",
            "a message within a message",
            (raw_frame(TEXT, b"sev", fin=False), raw_frame(BINARY, b"enth")),
        ),
        Case("frag", "a ping in pieces", (raw_frame(PING, b"seventh", fin=False),)),  # §5.5
        Case("frag", "a ping of 126 bytes", (raw_frame(PING, bytes(126)),)),  # §5.5
    )


async def commit(endpoint: Endpoint) -> None:
    """Every case on a socket of its own; noted one by one."""
    seen: list[Violation] = []
    with endpoint.ctx.watch.phase("ws.violations"):
        for case in cases():
            if endpoint.ctx.budget.seconds_left < ANSWER_SECONDS:
                endpoint.notes.unknown(case.name, "no time was left: --timeout")
                continue
            async with endpoint.opened() as socket:
                seen.append(await _try(endpoint, socket, case))
            endpoint.notes.learn(violations=tuple(seen))


async def _try(endpoint: Endpoint, socket: Socket, case: Case) -> Violation:
    for frame in case.frames:
        await socket.raw(frame)
    until = endpoint.ctx.budget.within(ANSWER_SECONDS)
    try:
        answered = await socket.survives(until)
    except Failed as failed:
        if failed.reason is not Reason.PROTOCOL_VIOLATION and now_ns() < until:
            raise
        return Violation(kind=case.kind, name=case.name, outcome="unclear", detail=failed.detail)
    closed = socket.frames.closed
    if answered is not None:
        return Violation(kind=case.kind, name=case.name, outcome="accepted")
    if not socket.alive:
        code = closed.code if closed is not None else None
        return Violation(kind=case.kind, name=case.name, outcome="refused", code=code)
    return Violation(
        kind=case.kind, name=case.name, outcome="unclear", detail="neither an end nor a pong came"
    )
