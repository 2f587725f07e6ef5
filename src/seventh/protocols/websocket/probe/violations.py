"""Invalid frames and messages, each on a socket of its own (tier 4): a server must fail them."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Violation, ViolationKind
from seventh.wire.websocket_frames import BINARY, CONTINUATION, PING, TEXT, raw_frame

ANSWER_SECONDS = 1.0


def cases() -> dict[str, tuple[ViolationKind, bytes]]:
    """Return what is sent, by the name of the violation."""
    return {
        "unmasked-text": ("mask", raw_frame(TEXT, b"seventh", masked=False)),  # RFC 6455 §5.1
        "rsv1": ("rsv", raw_frame(TEXT, b"seventh", rsv=4)),  # §5.2
        "opcode-3": ("rsv", raw_frame(3, b"seventh")),
        "surrogate": ("utf8", raw_frame(TEXT, b"\xed\xa0\x80")),  # §8.1
        "cut-letter": ("utf8", raw_frame(TEXT, b"se\xc3") + raw_frame(TEXT, b"venth")),
        "continuation-first": ("frag", raw_frame(CONTINUATION, b"seventh")),  # §5.4
        "nested-message": (
            "frag",
            raw_frame(TEXT, b"sev", fin=False) + raw_frame(BINARY, b"enth"),
        ),
        "fragmented-ping": ("frag", raw_frame(PING, b"seventh", fin=False)),  # §5.5
        "long-ping": ("frag", raw_frame(PING, bytes(126))),
    }


async def send_violations(endpoint: Endpoint) -> None:
    """Send every case, and learn the results one by one."""
    seen: list[Violation] = []
    with endpoint.ctx.watch.phase("ws.violations"):
        for name, (kind, frames) in cases().items():
            if endpoint.ctx.budget.seconds_left < ANSWER_SECONDS:
                endpoint.notes.unknown(name, "no time left: give a longer --timeout")
                continue
            async with endpoint.counted(await endpoint.socket()) as socket:
                seen.append(await _send(endpoint, socket, kind, name, frames))
            endpoint.notes.learn(violations=tuple(seen))


async def _send(
    endpoint: Endpoint, socket: Socket, kind: ViolationKind, name: str, frames: bytes
) -> Violation:
    await socket.send_raw(frames)
    until = endpoint.ctx.budget.within(ANSWER_SECONDS)
    try:
        if await socket.survives(until) is not None:
            return Violation(kind=kind, name=name, outcome="accepted")
    except Failed as failed:
        if failed.reason is not Reason.PROTOCOL_VIOLATION and now_ns() < until:
            raise
        return Violation(kind=kind, name=name, outcome="unclear", detail=failed.detail)
    if socket.alive:
        detail = "the server neither answered nor closed"
        return Violation(kind=kind, name=name, outcome="unclear", detail=detail)
    return Violation(kind=kind, name=name, outcome="refused", code=socket.close_code)
