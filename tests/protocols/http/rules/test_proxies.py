"""Verdicts that proxies taught: ends of event streams, lost validators, moves of QUIC."""

from __future__ import annotations

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts, EventStream
from seventh.protocols.http.probe.content.sse import Listener
from seventh.protocols.http.rules import rest
from seventh.rules.rule import Hit, Verdict

SECOND = 1_000_000_000


def events(**heard: object) -> Verdict:
    stream = EventStream(**heard)  # type: ignore[arg-type]
    return rest.heartbeat(HttpFacts(content=ContentFacts(events=stream)))


@pytest.mark.parametrize(
    ("fields", "what", "seconds"),
    [
        ({"seconds": 10.0, "silence_seconds": 10.0, "ended_silent_seconds": 10.0,
          "broken_off": True}, "no-heartbeats", "10.0"),
        ({"seconds": 25.0, "comments": 1, "silence_seconds": 10.0, "ended_silent_seconds": 10.0,
          "broken_off": True}, "rare-heartbeats", "10.0"),
        ({"seconds": 15.0, "comments": 30, "silence_seconds": 0.51, "ended_silent_seconds": 0.4,
          "broken_off": True}, "time-limit", "15.0"),
        ({"seconds": 15.0, "events": 30, "silence_seconds": 0.51, "ended_silent_seconds": 0.4,
          "broken_off": True}, "time-limit", "15.0"),
    ],
)  # fmt: skip
def test_how_a_stream_ended(fields: dict[str, object], what: str, seconds: str) -> None:
    verdict = events(ended=True, **fields)
    assert isinstance(verdict, Hit)
    assert verdict.params == {"what": what, "seconds": seconds}


def test_a_listener_tells_an_end_from_a_break() -> None:
    listener = Listener()
    listener.feed(b": beat\n\n", SECOND)
    whole = listener.facts(0, 2 * SECOND, ended=True, coding="")
    broken = listener.facts(0, 2 * SECOND, ended=True, coding="", broken_off=True)
    heard_on = listener.facts(0, 2 * SECOND, ended=False, coding="", broken_off=True)
    assert [f.broken_off for f in (whole, broken, heard_on)] == [False, True, False]
