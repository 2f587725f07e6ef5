"""What a server accepts: each rule's whole verdict, at both sides of each border."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.live import Backpressure, Burst, LongMessage, Violation
from seventh.protocols.websocket.rules import limits
from seventh.rules.rule import AnyRule
from tests.verdicts import said

KIB = 1024
MIB = 1024 * KIB
UNTRIED = "skip: no violation was tried: give --intrusive"
VIOLATIONS = [
    (limits.mask, "mask", "unmasked-text", "an unmasked text frame"),
    (limits.rsv, "rsv", "rsv1", "RSV1 without an extension"),
    (limits.rsv, "rsv", "opcode-3", "the reserved opcode 3"),
    (limits.utf8, "utf8", "surrogate", "a text with a surrogate"),
    (limits.utf8, "utf8", "cut-letter", "a text that ends within a character"),
    (limits.frag, "frag", "continuation-first", "a continuation frame without a first frame"),
    (limits.frag, "frag", "nested-message", "a new message within a message"),
    (limits.frag, "frag", "fragmented-ping", "a fragmented ping"),
    (limits.frag, "frag", "long-ping", "a ping of 126 bytes"),
]


def tried(kind: Any, name: str, outcome: Any, detail: str = "") -> Violation:
    return Violation(kind=kind, name=name, outcome=outcome, detail=detail)


@pytest.mark.parametrize(("rule", "kind", "name", "text"), VIOLATIONS)
def test_violations(rule: AnyRule, kind: str, name: str, text: str) -> None:
    def judged(*violations: Violation) -> str:
        return said(rule, WebSocketFacts(violations=violations))

    accepted = tried(kind, name, "accepted")
    unclear = tried(kind, name, "unclear", "no pong")
    other = tried("mask" if kind != "mask" else "rsv", "x", "accepted")
    assert judged(accepted, other) == f"medium: the server accepts {text}"
    assert judged(tried(kind, name, "refused"), unclear, other) == "pass"
    assert judged(unclear, tried(kind, name, "unclear", "later")) == (
        "skip: the server neither continued nor closed: no pong"
    )
    assert judged(other) == judged() == said(rule, WebSocketFacts()) == UNTRIED


def test_more_than_one_is_accepted() -> None:
    facts = WebSocketFacts(
        violations=(
            tried("rsv", "rsv1", "accepted"),
            tried("rsv", "x", "refused"),
            tried("rsv", "opcode-3", "accepted"),
        )
    )
    assert said(limits.rsv, facts) == (
        "medium: the server accepts RSV1 without an extension; the reserved opcode 3"
    )


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (None, "skip: no long message was tried: give --intrusive"),
        ({"accepted_bytes": 16 * MIB}, "high: a text of 16 MiB is accepted"),
        ({"accepted_bytes": 33 * MIB - 1, "refused_bytes": 64 * MIB},
         "high: a text of 32 MiB is accepted"),
        ({"accepted_bytes": 16 * MIB - 1}, "skip: no limit was reached"),
        ({"accepted_bytes": MIB, "detail": "no pong"}, "skip: no pong"),
        ({"refused_bytes": 64 * KIB, "ended": True},
         "low: a text of 64 KiB ends the connection without close code 1009"),
        ({"refused_bytes": 64 * KIB, "code": 1009}, "pass"),
        ({"refused_bytes": 65536, "code": 1008},
         "skip: 65536 bytes were refused with code 1008, which is not 1009"),
        ({"refused_bytes": 65536},
         "skip: 65536 bytes were refused with no code, which is not 1009"),
    ],
)  # fmt: skip
def test_long_messages(seen: dict[str, Any] | None, line: str) -> None:
    found = None if seen is None else LongMessage(**seen)
    assert said(limits.msg_limit, WebSocketFacts(long_message=found)) == line


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (None, "skip: no burst was tried: give --intrusive"),
        ({"outcome": "taken"}, "medium: 200 messages sent at once are accepted within 0.12 s"),
        ({"outcome": "taken", "hints": ("rate",)}, "pass"),
        ({"outcome": "closed"}, "pass"),
        ({"outcome": "slowed"}, "pass"),
        ({"outcome": "unclear", "hints": ("rate",)}, "skip: the burst could not be sent"),
    ],
)
def test_bursts(seen: dict[str, Any] | None, line: str) -> None:
    found = None if seen is None else Burst(messages=200, seconds=0.1234, **seen)
    assert said(limits.rate, WebSocketFacts(burst=found)) == line


NO_ECHO = "skip: the server does not echo messages, so no output accumulates"
LITTLE = "skip: the server accepted too little: a size limit applies, or give a longer --timeout"


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (None, "skip: no slow reader was tried: give --intrusive"),
        ({"echoes": None, "outcome": "unbounded"}, NO_ECHO),
        ({"echoes": False, "outcome": "unbounded"}, NO_ECHO),
        ({"outcome": "unbounded", "sent_bytes": 25 * MIB - 1},
         "medium: the server buffered 24 MiB for a client that reads nothing"),
        ({"outcome": "stopped"}, "pass"),
        ({"outcome": "closed"}, "pass"),
        ({"outcome": "dropped"}, "pass"),
        ({"outcome": "unclear"}, LITTLE),
        ({"outcome": None}, LITTLE),
    ],
)  # fmt: skip
def test_slow_readers(seen: dict[str, Any] | None, line: str) -> None:
    found = None if seen is None else Backpressure(**{"echoes": True, **seen})
    assert said(limits.backpressure, WebSocketFacts(backpressure=found)) == line
