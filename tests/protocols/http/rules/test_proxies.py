"""Verdicts that proxies taught: ends of event streams, lost validators, moves of QUIC."""

from __future__ import annotations

import pytest

from seventh.model.quicfacts import Migration
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts, EventStream, Validation
from seventh.protocols.http.facts.quic import H3Facts
from seventh.protocols.http.probe.content.sse import Listener
from seventh.protocols.http.rules import quic, rest, validators
from seventh.protocols.http.rules.caching_examples import PUBLIC, content, variants
from seventh.protocols.http.rules.examples import GOOD
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


def test_a_stream_that_its_server_ends_is_no_fault() -> None:
    heard = {"seconds": 40.0, "comments": 3, "silence_seconds": 15.0, "ended_silent_seconds": 2.0}
    assert events(ended=True, **heard) is None


def test_a_listener_tells_an_end_from_a_break() -> None:
    listener = Listener()
    listener.feed(b": beat\n\n", SECOND)
    whole = listener.facts(0, 2 * SECOND, ended=True, coding="")
    broken = listener.facts(0, 2 * SECOND, ended=True, coding="", broken_off=True)
    heard_on = listener.facts(0, 2 * SECOND, ended=False, coding="", broken_off=True)
    assert [f.broken_off for f in (whole, broken, heard_on)] == [False, True, False]


def lost(*tags: str | None, modified: str | None = None) -> Verdict:
    validation = Validation(etag=tags[0], last_modified=modified)
    coding = variants(*tags)  # type: ignore[arg-type]
    return validators.no_validator(content(caching=PUBLIC, coding=coding, validation=validation))


def test_a_validator_that_compression_takes_away() -> None:
    verdict = lost('"a"', None)
    assert isinstance(verdict, Hit)
    assert (verdict.params["what"], verdict.params["coding"]) == ("stripped", "br")
    assert lost('"a"', 'W/"a"') is None
    assert lost('"a"', None, modified="Sun, 22 Nov 2026 10:00:00 GMT") is None


@pytest.mark.parametrize(
    ("continued", "challenged", "validated", "severity"),
    [(True, False, True, "low"), (True, True, False, "low"), (False, False, False, None)],
)
def test_a_move_that_goes_on_is_no_stall(
    continued: bool, challenged: bool, validated: bool, severity: str | None
) -> None:
    moved = Migration(
        new_connection_id=True, challenged=challenged, validated=validated, continued=continued
    )
    verdict = quic.quic_migrate(GOOD.learn(h3=H3Facts(migration=moved)))
    assert isinstance(verdict, Hit)
    assert verdict.severity == severity
    assert (verdict.params["what"] == "stalled") is not continued
