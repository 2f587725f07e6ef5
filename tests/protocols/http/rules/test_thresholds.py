"""The thresholds of the rules on QUIC, the response, and how a site is reached."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.quicfacts import Amplification, QuicFacts, TransportParameters
from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts, EventStream, Refusal
from seventh.protocols.http.facts.quic import H2Facts, H3Facts
from seventh.protocols.http.facts.versions import Clear, Expectation, Hop, LeftOver, Redirects
from seventh.protocols.http.facts.write import Expected, WriteFacts
from seventh.protocols.http.rules import answer, content, origin, quic, rest
from seventh.rules.rule import AnyRule, Hit, Skip
from seventh.rules.words import filled


def parameters(**fields: Any) -> HttpFacts:
    return HttpFacts(h3=H3Facts(quic=QuicFacts(parameters=TransportParameters(**fields))))


@pytest.mark.parametrize(
    ("rule", "fields", "fires"),
    [
        (quic.quic_pmtu, {"max_udp_payload_bytes": 1349}, True),
        (quic.quic_pmtu, {"max_udp_payload_bytes": 1350}, False),
        (quic.quic_idle, {"max_idle_timeout_seconds": 29.9}, True),
        (quic.quic_idle, {"max_idle_timeout_seconds": 30.0}, False),
        (quic.quic_idle, {"max_idle_timeout_seconds": 0.0}, False),  # no limit (RFC 9000 §18.2)
    ],
)
def test_parameters(rule: AnyRule, fields: dict[str, Any], fires: bool) -> None:
    assert isinstance(rule(parameters(**fields)), Hit) is fires


@pytest.mark.parametrize(
    ("received", "largest", "severity"),
    [(3600, 1200, None), (3601, 1200, Severity.LOW), (4800, 1200, Severity.LOW),
     (4801, 1200, Severity.HIGH), (4800, 0, Severity.HIGH)],
)  # fmt: skip
def test_amplification(received: int, largest: int, severity: Severity | None) -> None:
    counted = Amplification(
        sent_bytes=1200, received_bytes=received, datagrams=4, largest_bytes=largest
    )
    verdict = quic.quic_amplify(HttpFacts(h3=H3Facts(amplification=counted)))
    found = verdict.severity or Severity.HIGH if isinstance(verdict, Hit) else None
    assert found is severity


def test_an_upload_window_in_words() -> None:
    verdict = quic.h2_settings(
        HttpFacts(h2=H2Facts(settings={"MAX_CONCURRENT_STREAMS": 99}, rtt_seconds=0.1))
    )
    assert isinstance(verdict, Hit)
    assert filled(quic.h2_settings.words, verdict.params).evidence == (
        "99 concurrent streams, fewer than 100; the initial window of 65535 bytes limits an upload "
        "to 5.2 Mbit/s at a round trip of 100 ms until the server enlarges it"
    )
    assert isinstance(quic.h2_settings(HttpFacts(h2=H2Facts())), Skip)
    assert quic.h2_settings(HttpFacts(h2=H2Facts(ping_seconds=0.1))) is None


@pytest.mark.parametrize(
    ("expect", "fires"),
    [
        (Expected(method="PUT", status=200, continue_seconds=1.0), True),
        (Expected(method="PUT", status=200, continue_seconds=0.99), False),
        (Expected(method="PUT", status=200, continue_seconds=2.0, continued=True), False),
        (Expected(method="PUT", status=417, continued=True), True),
    ],
)
def test_a_wait_for_100(expect: Expected, fires: bool) -> None:
    assert (
        isinstance(origin.expect_continue(HttpFacts(write=WriteFacts(expect=expect))), Hit) is fires
    )
    failed = Expected(method="PUT", status=417, failed="reset")
    assert isinstance(origin.expect_continue(HttpFacts(write=WriteFacts(expect=failed))), Skip)


@pytest.mark.parametrize(("hops", "fires"), [(2, False), (3, True)])
def test_how_many_redirects_are_many(hops: int, fires: bool) -> None:
    chain = Redirects(hops=(Hop(status=301, url="/", location="/a"),) * hops)
    assert isinstance(origin.redirect(HttpFacts(redirects=chain)), Hit) is fires


@pytest.mark.parametrize(
    ("clear", "severity"),
    [
        (Clear(url="http://a/", outcome="serves", status=200), Severity.HIGH),
        (Clear(url="http://a/", outcome="serves", status=200, loopback=True), Severity.INFO),
        (Clear(url="http://a/", outcome="refuses", status=403), None),
        (Clear(url="http://a/", outcome="redirects", status=301), None),
    ],
)
def test_plain_http(clear: Clear, severity: Severity | None) -> None:
    verdict = origin.no_https(HttpFacts(clear=clear))
    assert (verdict.severity or Severity.HIGH if isinstance(verdict, Hit) else None) is severity
    downgraded = Redirects(final_url="http://b/", downgraded=True)
    lower = origin.no_https(HttpFacts(clear=clear, redirects=downgraded))
    assert isinstance(lower, Hit) and lower.params["what"] == "downgrade"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"redirects": Redirects(final_status=399)}, None),
        ({"redirects": Redirects(final_status=400)}, Hit),
        ({"redirects": Redirects(final_status=499)}, Hit),
        ({"redirects": Redirects(final_status=500)}, Skip),
        ({"redirects": Redirects(), "status": 404}, Hit),
        ({"redirects": Redirects()}, Skip),
        ({"status": 404}, Skip),
        ({"redirects": Redirects(final_status=404),
          "expectation": Expectation(method="GET", status=404, met=True)}, None),
        ({"redirects": Redirects(final_status=404),
          "expectation": Expectation(method="GET", status=200, met=False)}, Skip),
        ({"redirects": Redirects(final_status=200),
          "expectation": Expectation(method="POST", got=409)}, Hit),
        ({"redirects": Redirects(final_status=404),
          "expectation": Expectation(method="HEAD", got=200)}, Hit),
    ],
)  # fmt: skip
def test_client_errors(facts: dict[str, Any], verdict: type | None) -> None:
    judged = answer.status(HttpFacts(**facts))
    assert judged is None if verdict is None else isinstance(judged, verdict)


@pytest.mark.parametrize(
    ("method", "status", "limit"),
    [("GET", 200, "length"), ("HEAD", 200, "head"), ("GET", 204, "no-content"),
     ("HEAD", 304, "no-content")],
)  # fmt: skip
def test_where_a_response_ends(method: str, status: int, limit: str) -> None:
    left = LeftOver(bytes=3, method=method, status=status, url="http://a/")
    verdict = answer.surplus(HttpFacts(left_over=left))
    assert isinstance(verdict, Hit) and verdict.params["limit"] == limit


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"seconds": 40.0, "comments": 1, "silence_seconds": 50.0}, "silent"),
        ({"seconds": 60.0, "comments": 1, "silence_seconds": 49.9}, None),
        ({"seconds": 9.0, "ended": True, "ended_silent_seconds": 0.2}, "short"),
        ({"seconds": 9.0, "ended": True, "ended_silent_seconds": 0.21}, "no-heartbeats"),
        ({"seconds": 9.0, "ended": True, "broken_off": True, "silence_seconds": 3.0,
          "ended_silent_seconds": 3.0}, "no-heartbeats"),
        ({"seconds": 9.0, "ended": True, "broken_off": True, "silence_seconds": 4.0,
          "ended_silent_seconds": 3.0}, "time-limit"),
        ({"seconds": 30.0, "silence_seconds": 1.0}, None),
        ({"seconds": 29.9, "silence_seconds": 1.0}, "short"),
    ],
)  # fmt: skip
def test_event_streams(fields: dict[str, Any], what: str | None) -> None:
    verdict = rest.heartbeat(HttpFacts(content=ContentFacts(events=EventStream(**fields))))
    short = "short" if isinstance(verdict, Skip) else None
    assert (verdict.params["what"] if isinstance(verdict, Hit) else short) == what


def test_a_rejection_is_named_once() -> None:
    bare = Refusal(path="/a", status=503)
    told = Refusal(path="/b", status=429, retry_after="5")
    verdict = content.retry_info(HttpFacts(content=ContentFacts(refusals=(bare, told, bare))))
    assert isinstance(verdict, Hit) and verdict.params["refused"] == ("503 (/a)",)
