"""Rules about what a server takes: broken frames, long messages, many messages, slow readers."""

from __future__ import annotations

from collections.abc import Mapping

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.live import Backpressure, Burst, LongMessage, Violation
from seventh.protocols.websocket.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

LONG_BYTES = 16 * 1024 * 1024
MESSAGE_TOO_BIG = 1009
_LIBRARY: Mapping[str, str] = {
    "any": "Let a maintained WebSocket library read the frames, and update it; a home-made parser "
    "must fail the connection here.",
}
_NOT_TRIED = Skip("no violation was tried: --intrusive")


def _violated(kind: str, name: str) -> WebSocketFacts:
    return GOOD.learn(
        violations=(Violation(kind=kind, name=name, outcome="accepted"),)  # type: ignore[arg-type]
    )


def _refused(kind: str, name: str) -> WebSocketFacts:
    return GOOD.learn(
        violations=(
            Violation(kind=kind, name=name, outcome="refused", code=1002),  # type: ignore[arg-type]
        )
    )


def _accepted(ws: WebSocketFacts, kind: str) -> Verdict:
    tried = [v for v in ws.violations or () if v.kind == kind]
    if not tried:
        return _NOT_TRIED
    names = tuple(v.name for v in tried if v.outcome == "accepted")
    if names:
        return Hit(what=names)
    if any(v.outcome == "refused" for v in tried):
        return None
    return Skip(f"the server neither went on nor gave up: {tried[0].detail}")


@rule(
    "WS-MASK",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Unmasked client frames are accepted",
    evidence="the server went on after {what}",
    why="Masking keeps a page from writing requests of its choice onto the wire, which a proxy on "
    "the way would take for HTTP and cache. A server must close on an unmasked frame.",
    fix=_LIBRARY,
    references=("RFC 6455 §5.1",),
    seed=("12.8.1",),
    good=_refused("mask", "an unmasked text"),
    bad=_violated("mask", "an unmasked text"),
)
def mask(ws: WebSocketFacts) -> Verdict:
    """Return a frame without a mask, and a ping that was answered."""
    return _accepted(ws, "mask")


@rule(
    "WS-RSV",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Reserved bits are accepted",
    evidence="the server went on after {what}",
    why="Reserved bits and opcodes mean something only by agreement. Whoever overlooks them reads "
    "a frame otherwise than the proxy before it: messages can be smuggled past a filter.",
    fix=_LIBRARY,
    references=("RFC 6455 §5.2",),
    seed=("12.8.1",),
    good=_refused("rsv", "the reserved opcode 3"),
    bad=_violated("rsv", "the reserved opcode 3"),
)
def rsv(ws: WebSocketFacts) -> Verdict:
    """RSV1 without an extension, opcode 3."""
    return _accepted(ws, "rsv")


@rule(
    "WS-UTF8",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Invalid UTF-8 is accepted",
    evidence="the server went on after {what}",
    why="What is not UTF-8 is read differently by each program behind: filters are passed, and "
    "receivers of a broadcast are disconnected by their own libraries.",
    fix={
        "node-ws": "skipUTF8Validation: false",
        "any": "Validate the text of every message and close with 1007.",
    },
    references=("RFC 6455 §8.1",),
    seed=("12.8.1",),
    good=_refused("utf8", "a text with a surrogate"),
    bad=_violated("utf8", "a text with a surrogate"),
)
def utf8(ws: WebSocketFacts) -> Verdict:
    """Return a surrogate, a letter cut short."""
    return _accepted(ws, "utf8")


@rule(
    "WS-FRAG",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Broken fragmentation is accepted",
    evidence="the server went on after {what}",
    why="Two programs that put pieces together differently see different messages.",
    fix=_LIBRARY,
    references=("RFC 6455 §5.4", "RFC 6455 §5.5"),
    seed=("12.8.1",),
    good=_refused("frag", "the rest of nothing"),
    bad=_violated("frag", "the rest of nothing"),
)
def frag(ws: WebSocketFacts) -> Verdict:
    """Return a continuation of nothing, a message within a message, a control frame in pieces."""
    return _accepted(ws, "frag")


@rule(
    "WS-MSG-LIMIT",
    Severity.HIGH,
    tier=4,
    source=Source.WIRE,
    title="No clear limit on message size",
    evidence="{what}",
    why="A message is held whole until it is complete: a few clients with long ones take all "
    "memory.",
    fix={
        "node-ws": "new WebSocketServer({{ port: 8080, maxPayload: 65536 }})",
        "websockets": 'serve(handler, "", 8080, max_size=65536)',
        "uvicorn": "uvicorn app:app --ws-max-size 65536",
        "spring": "container.setMaxTextMessageBufferSize(65536);",
        "any": "Limit messages to what the application needs, close with 1009, and tell clients.",
    },
    references=("RFC 6455 §10.4", "RFC 6455 §7.4.1"),
    seed=("12.8.3",),
    good=GOOD.learn(
        long_message=LongMessage(accepted_bytes=65536, refused_bytes=1048576, code=1009)
    ),
    bad=GOOD.learn(long_message=LongMessage(accepted_bytes=LONG_BYTES)),
)
def msg_limit(ws: WebSocketFacts) -> Verdict:
    """16 MiB and more is high; a limit that ends without 1009 is low."""
    seen = ws.long_message
    if seen is None:
        return Skip("no long message was tried: --intrusive")
    if seen.accepted_bytes >= LONG_BYTES:
        return Hit(what=f"a text of {seen.accepted_bytes // 1048576} MiB was taken")
    if seen.refused_bytes is None:
        return Skip(seen.detail or "no limit was reached")
    if seen.ended:
        size = seen.refused_bytes // 1024
        what = f"at {size} KiB the connection just ended, without close code 1009"
        return Hit(Severity.LOW, what=what)
    if seen.code != MESSAGE_TOO_BIG:
        said = f"code {seen.code}" if seen.code is not None else "no code"
        return Skip(f"{seen.refused_bytes} bytes were refused with {said}, not for their length")
    return None


@rule(
    "WS-RATE",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="No limit on message rate",
    evidence="{messages} messages sent at once were read within {seconds} s, and none refused",
    why="One client can keep the server, and everybody it broadcasts to, busy.",
    fix={
        "any": "Count messages per socket and user (a token bucket); slow down reading, then close "
        "with 1008.",
    },
    references=("RFC 6455 §7.4.1",),
    seed=("12.8.3",),
    good=GOOD.learn(burst=Burst(messages=200, seconds=0.1, outcome="closed", code=1008)),
    bad=GOOD.learn(burst=Burst(messages=200, seconds=0.1, outcome="taken")),
)
def rate(ws: WebSocketFacts) -> Verdict:
    """Return two hundred at once; words of a limit in the answers count as one."""
    seen = ws.burst
    if seen is None:
        return Skip("no burst was tried: --intrusive")
    if seen.outcome == "unclear":
        return Skip("the burst could not be sent")
    if seen.outcome != "taken" or seen.hints:
        return None
    return Hit(messages=seen.messages, seconds=f"{seen.seconds:.2g}")


@rule(
    "WS-BACKPRESSURE",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Slow readers are buffered without bound",
    evidence="{sent} MiB of answers were piled up for a client that reads nothing",
    why="What a slow client does not read stays in the server's memory: one phone in a tunnel, "
    "times many, takes it all.",
    fix={
        "node-ws": "if (socket.bufferedAmount > 1048576) socket.terminate()",
        "websockets": 'serve(handler, "", 8080, write_limit=32768)   # and await every send()',
        "any": "Wait for the write buffer to drain before reading on, or drop messages or the "
        "client when its queue is full.",
    },
    seed=("12.10.2",),
    good=GOOD.learn(
        backpressure=Backpressure(echoes=True, sent_bytes=8 * 1024 * 1024, outcome="stopped")
    ),
    bad=GOOD.learn(
        backpressure=Backpressure(echoes=True, sent_bytes=24 * 1024 * 1024, outcome="unbounded")
    ),
)
def backpressure(ws: WebSocketFacts) -> Verdict:
    """Only a server that answers each message with as much can be asked so."""
    seen = ws.backpressure
    if seen is None:
        return Skip("no slow reader was tried: --intrusive")
    if seen.echoes is not True:
        return Skip("the server does not answer messages with as much, so nothing piles up")
    if seen.outcome in {"stopped", "closed", "dropped"}:
        return None
    if seen.outcome != "unbounded":
        return Skip("too little was taken to tell: a size limit, or no time left (--timeout)")
    return Hit(sent=seen.sent_bytes // 1048576)
