"""Rules about what a server accepts: invalid frames, long messages, bursts, slow readers."""

from __future__ import annotations

from collections.abc import Mapping

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.live import (
    Backpressure,
    Burst,
    LongMessage,
    ViolationKind,
)
from seventh.protocols.websocket.rules.examples import GOOD, violation
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

LONG_BYTES = 16 * 1024 * 1024
MESSAGE_TOO_BIG = 1009
_LIBRARY: Mapping[str, str] = {
    "any": "Parse frames with a maintained, current WebSocket library; a parser of your own must "
    "fail the connection here.",
}


def _accepted(ws: WebSocketFacts, kind: ViolationKind) -> Verdict:
    tried = [v for v in ws.violations or () if v.kind == kind]
    if not tried:
        return Skip("no violation was tried: give --intrusive")
    names = tuple(v.name for v in tried if v.outcome == "accepted")
    if names:
        return Hit(what=names)
    if any(v.outcome == "refused" for v in tried):
        return None
    return Skip(f"the server neither continued nor closed: {tried[0].detail}")


@rule(
    "WS-MASK",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Unmasked client frames accepted",
    evidence="the server accepts {what}",
    phrases={"what": {"unmasked-text": "an unmasked text frame"}},
    why="Masking prevents a page from writing bytes that a proxy would mistake for an HTTP "
    "request and cache. A server must close the connection on an unmasked frame.",
    fix=_LIBRARY,
    references=("RFC 6455 §5.1",),
    seed=("12.8.1",),
    good=violation("mask", "unmasked-text", "refused"),
    bad=violation("mask", "unmasked-text", "accepted"),
)
def mask(ws: WebSocketFacts) -> Verdict:
    """Judge the unmasked frame."""
    return _accepted(ws, "mask")


@rule(
    "WS-RSV",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Reserved bits or opcodes accepted",
    evidence="the server accepts {what}",
    phrases={"what": {"rsv1": "RSV1 without an extension", "opcode-3": "the reserved opcode 3"}},
    why="Reserved bits and opcodes have a meaning only after negotiation. A server that ignores "
    "them reads a frame differently from a proxy in front of it, so messages can bypass a filter.",
    fix=_LIBRARY,
    references=("RFC 6455 §5.2",),
    seed=("12.8.1",),
    good=violation("rsv", "opcode-3", "refused"),
    bad=violation("rsv", "opcode-3", "accepted"),
)
def rsv(ws: WebSocketFacts) -> Verdict:
    """Judge RSV1 without an extension, and opcode 3."""
    return _accepted(ws, "rsv")


@rule(
    "WS-UTF8",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Invalid UTF-8 accepted",
    evidence="the server accepts {what}",
    phrases={
        "what": {
            "surrogate": "a text with a surrogate",
            "cut-letter": "a text that ends within a character",
        }
    },
    why="Programs decode invalid UTF-8 in different ways: it bypasses filters, and libraries "
    "disconnect the receivers of a broadcast.",
    fix={
        "node-ws": "skipUTF8Validation: false",
        "any": "Validate the text of every message and close with 1007.",
    },
    references=("RFC 6455 §8.1",),
    seed=("12.8.1",),
    good=violation("utf8", "surrogate", "refused"),
    bad=violation("utf8", "surrogate", "accepted"),
)
def utf8(ws: WebSocketFacts) -> Verdict:
    """Judge a surrogate, and a character cut short."""
    return _accepted(ws, "utf8")


@rule(
    "WS-FRAG",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Invalid fragmentation accepted",
    evidence="the server accepts {what}",
    phrases={
        "what": {
            "continuation-first": "a continuation frame without a first frame",
            "nested-message": "a new message within a message",
            "fragmented-ping": "a fragmented ping",
            "long-ping": "a ping of 126 bytes",
        }
    },
    why="Programs that reassemble fragments differently see different messages, so messages can "
    "bypass a filter.",
    fix=_LIBRARY,
    references=("RFC 6455 §5.4", "RFC 6455 §5.5"),
    seed=("12.8.1",),
    good=violation("frag", "continuation-first", "refused"),
    bad=violation("frag", "continuation-first", "accepted"),
)
def frag(ws: WebSocketFacts) -> Verdict:
    """Judge stray continuations, nested messages and invalid control frames."""
    return _accepted(ws, "frag")


@rule(
    "WS-MSG-LIMIT",
    Severity.HIGH,
    tier=4,
    source=Source.WIRE,
    title="Message size not limited",
    evidence="{what}",
    phrases={
        "what": {
            "accepted": "a text of {mib} MiB is accepted",
            "cut": "a text of {kib} KiB ends the connection without close code 1009",
        }
    },
    why="A message stays in memory until it is complete: a few clients with long messages can use "
    "all memory.",
    fix={
        "node-ws": "new WebSocketServer({{ port: 8080, maxPayload: 65536 }})",
        "websockets": 'serve(handler, "", 8080, max_size=65536)',
        "uvicorn": "uvicorn app:app --ws-max-size 65536",
        "spring": "container.setMaxTextMessageBufferSize(65536);",
        "any": "Limit messages to what the application needs, close with 1009, and document the "
        "limit.",
    },
    references=("RFC 6455 §10.4", "RFC 6455 §7.4.1"),
    seed=("12.8.3",),
    good=GOOD.learn(
        long_message=LongMessage(accepted_bytes=65536, refused_bytes=1048576, code=1009)
    ),
    bad=GOOD.learn(long_message=LongMessage(accepted_bytes=LONG_BYTES)),
)
def msg_limit(ws: WebSocketFacts) -> Verdict:
    """Judge the longest message: 16 MiB is high, a limit without 1009 is low."""
    seen = ws.long_message
    if seen is None:
        return Skip("no long message was tried: give --intrusive")
    if seen.accepted_bytes >= LONG_BYTES:
        return Hit(what="accepted", mib=seen.accepted_bytes >> 20)
    if seen.refused_bytes is None:
        return Skip(seen.detail or "no limit was reached")
    if seen.ended:
        return Hit(Severity.LOW, what="cut", kib=seen.refused_bytes >> 10)
    if seen.code != MESSAGE_TOO_BIG:
        code = f"code {seen.code}" if seen.code is not None else "no code"
        return Skip(f"{seen.refused_bytes} bytes were refused with {code}, which is not 1009")
    return None


@rule(
    "WS-RATE",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Message rate not limited",
    evidence="{messages} messages sent at once are accepted within {seconds} s",
    why="One client can overload the server and all receivers of its broadcasts.",
    fix={
        "any": "Limit messages per socket and user with a token bucket; first delay reading, then "
        "close with 1008.",
    },
    references=("RFC 6455 §7.4.1",),
    seed=("12.8.3",),
    good=GOOD.learn(burst=Burst(messages=200, seconds=0.1, outcome="closed", code=1008)),
    bad=GOOD.learn(burst=Burst(messages=200, seconds=0.1, outcome="taken")),
)
def rate(ws: WebSocketFacts) -> Verdict:
    """Judge the burst; a response that mentions a limit counts as one."""
    seen = ws.burst
    if seen is None:
        return Skip("no burst was tried: give --intrusive")
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
    title="Output to slow readers not limited",
    evidence="the server buffered {sent} MiB for a client that reads nothing",
    why="Data that a slow client does not read stays in the server's memory; many such clients "
    "use all of it.",
    fix={
        "node-ws": "if (socket.bufferedAmount > 1048576) socket.terminate()",
        "websockets": 'serve(handler, "", 8080, write_limit=32768)   # and await every send()',
        "any": "Stop reading until the write buffer drains, or drop messages or close the socket "
        "if its queue is full.",
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
    """Judge the slow reader, which needs a server that echoes."""
    seen = ws.backpressure
    if seen is None:
        return Skip("no slow reader was tried: give --intrusive")
    if seen.echoes is not True:
        return Skip("the server does not echo messages, so no output accumulates")
    if seen.outcome in {"stopped", "closed", "dropped"}:
        return None
    if seen.outcome != "unbounded":
        return Skip(
            "the server accepted too little: a size limit applies, or give a longer --timeout"
        )
    return Hit(sent=seen.sent_bytes >> 20)
