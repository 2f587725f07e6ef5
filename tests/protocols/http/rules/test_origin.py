"""How a site is reached: each rule's whole verdict, at both sides of each border."""

from __future__ import annotations

import pytest

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import (
    Clear,
    Dated,
    Hop,
    Hsts,
    Redirects,
    Reuse,
    TlsUpgrade,
)
from seventh.protocols.http.facts.write import Ambiguous, Expected, WriteFacts
from seventh.protocols.http.rules import origin
from tests.verdicts import said

IDLE = "HTTP/1.1: idle connections are closed after"
ENDS = "HTTP/1.1: the server closes the connection after"


@pytest.mark.parametrize(
    ("reuse", "line"),
    [
        (None, "skip: no HTTP/1.1 connection was observed to its end"),
        (Reuse(requests=1, said_close=True), f"medium: {ENDS} one response"),
        (Reuse(requests=2, said_close=True), f"medium: {ENDS} 2 responses"),
        (Reuse(requests=9, said_close=True), f"medium: {ENDS} 9 responses"),
        (Reuse(requests=10, said_close=True), "pass"),
        (Reuse(requests=2), "pass"),
        (Reuse(requests=2, keep_alive_seconds=0), f"medium: {IDLE} 0 s"),
        (Reuse(requests=2, keep_alive_seconds=1), f"low: {IDLE} 1 s"),
        (Reuse(requests=2, keep_alive_seconds=9), f"low: {IDLE} 9 s"),
        (Reuse(requests=2, keep_alive_seconds=10), "pass"),
        (Reuse(requests=2, keep_alive_requests=7),
         "medium: HTTP/1.1: a connection may carry at most 9 requests"),
        (Reuse(requests=2, keep_alive_requests=8), "pass"),
        (Reuse(requests=2, idle_closed_seconds=0.99), f"medium: {IDLE} 1.0 s"),
        (Reuse(requests=2, idle_closed_seconds=1.0), f"low: {IDLE} 1.0 s"),
        (Reuse(requests=2, idle_closed_seconds=9.9), f"low: {IDLE} 9.9 s"),
        (Reuse(requests=2, idle_closed_seconds=10.0), "pass"),
    ],
)  # fmt: skip
def test_reuse(reuse: Reuse | None, line: str) -> None:
    assert said(origin.no_reuse, HttpFacts(reuse=reuse)) == line


@pytest.mark.parametrize(
    ("hops", "line"), [(2, "pass"), (3, "low: 3 redirects to https://b/"), (None, None)]
)
def test_redirects(hops: int | None, line: str | None) -> None:
    hop = Hop(status=301, url="https://a/", location="https://b/")
    chain = None if hops is None else Redirects(hops=(hop,) * hops, final_url="https://b/")
    expected = line or "skip: redirects were not followed"
    assert said(origin.redirect, HttpFacts(redirects=chain)) == expected


PLAIN = "http://a.example/"


@pytest.mark.parametrize(
    ("clear", "line"),
    [
        (None, "skip: plain HTTP was not checked"),
        (Clear(url=PLAIN, outcome="serves", status=200),
         "high: http://a.example/ answers 200 without TLS"),
        (Clear(url=PLAIN, outcome="serves"), "high: http://a.example/ answers 0 without TLS"),
        (Clear(url=PLAIN, outcome="serves", status=204, loopback=True),
         ("info: http://a.example/ answers 204 without TLS, but only on loopback; do not expose it "
         "to a network")),
        (Clear(url=PLAIN, outcome="failed", detail="reset"),
         "skip: plain HTTP did not answer: reset"),
        (Clear(url=PLAIN, outcome="closed"), "pass"),
        (Clear(url=PLAIN, outcome="refuses", status=403), "pass"),
        (Clear(url=PLAIN, outcome="redirects", status=301), "pass"),
    ],
)  # fmt: skip
def test_plain_http(clear: Clear | None, line: str) -> None:
    assert said(origin.no_https, HttpFacts(clear=clear)) == line
    straight = Redirects(final_url="https://b/")
    assert said(origin.no_https, HttpFacts(clear=clear, redirects=straight)) == line
    lowered = Redirects(final_url="http://b/", downgraded=True)
    assert said(origin.no_https, HttpFacts(clear=clear, redirects=lowered)) == (
        "high: a redirect leads from https to plain HTTP: http://b/"
    )


@pytest.mark.parametrize(
    ("found", "status", "line"),
    [
        (None, None, "skip: no response was received"),
        (Hsts(applies=False, why_not="localhost"), 200, "not applicable: localhost"),
        (Hsts(), 200, "medium: the response has no Strict-Transport-Security field"),
        (Hsts(), 399, "medium: the response has no Strict-Transport-Security field"),
        (Hsts(), None, "medium: the response has no Strict-Transport-Security field"),
        (Hsts(), 400,
         "skip: the response is an error (400), and servers may omit HSTS"),
        (Hsts(value="preload"), 404,
         "medium: Strict-Transport-Security has no max-age: preload"),
        (Hsts(value="max-age=0", max_age_seconds=0), 200,
         "medium: max-age=0 removes HSTS from browsers (max-age=0)"),
        (Hsts(value="max-age=1", max_age_seconds=1), 200,
         "medium: Strict-Transport-Security lasts 1 s (max-age=1)"),
        # Half a year, as 180 days of 86400 s.
        (Hsts(value="max-age=15551999", max_age_seconds=15551999), 200,
         "medium: Strict-Transport-Security lasts 15551999 s (max-age=15551999)"),
        (Hsts(value="max-age=15552000", max_age_seconds=15552000), 200, "pass"),
    ],
)  # fmt: skip
def test_hsts(found: Hsts | None, status: int | None, line: str) -> None:
    assert said(origin.hsts, HttpFacts(hsts=found, status=status)) == line


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "skip: no fresh response had a Date field"),
        (Dated(value="x"), "skip: the Date field is not a valid date"),
        (Dated(skew_seconds=2.0), "pass"),
        (Dated(skew_seconds=-2.0), "pass"),
        (Dated(skew_seconds=2.1), "low: Date is 2.1 s ahead of this machine's clock"),
        (Dated(skew_seconds=-2.1), "low: Date is 2.1 s behind this machine's clock"),
        (Dated(skew_seconds=3.5, own_error_seconds=1.5), "pass"),
        (Dated(skew_seconds=3.6, own_error_seconds=1.5),
         "low: Date is 3.6 s ahead of this machine's clock"),
        (Dated(skew_seconds=59.9, unsynchronised=True),
         "skip: this machine's own clock is not synchronised"),
        (Dated(skew_seconds=-59.9), "low: Date is 59.9 s behind this machine's clock"),
        (Dated(skew_seconds=60.0), "low: Date is 60 s ahead of this machine's clock"),
        (Dated(skew_seconds=-3600.4, unsynchronised=True),
         "low: Date is 3,600 s behind this machine's clock, which is not synchronised either"),
        (Dated(skew_seconds=60.0, unsynchronised=True),
         "low: Date is 60 s ahead of this machine's clock, which is not synchronised either"),
    ],
)  # fmt: skip
def test_dates(found: Dated | None, line: str) -> None:
    assert said(origin.date_skew, HttpFacts(date=found)) == line


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "skip: no upgrade to TLS was requested over plain HTTP"),
        (TlsUpgrade(url=PLAIN, status=200), "pass"),
        (TlsUpgrade(url=PLAIN, status=426, upgrade="h2c, TLS/1.2"),
         "high: http://a.example/ answers Upgrade: TLS/1.0 with 426 and Upgrade: h2c, TLS/1.2"),
        (TlsUpgrade(url=PLAIN, status=101),
         "high: http://a.example/ answers Upgrade: TLS/1.0 with 101 and Upgrade: none"),
        (TlsUpgrade(url=PLAIN, status=200, upgrade="h2c"), "pass"),
    ],
)  # fmt: skip
def test_upgrades_to_tls(found: TlsUpgrade | None, line: str) -> None:
    assert said(origin.upgrade_tls, HttpFacts(tls_upgrade=found)) == line


WAITS = "low: PUT with Expect: 100-continue gets no response for"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "skip: no request with Expect was sent"),
        (Expected(method="PUT", failed="reset by the peer", status=417),
         "skip: reset by the peer"),
        (Expected(method="PUT", status=417, continued=True),
         "low: PUT with Expect: 100-continue is rejected with 417 (Expectation Failed)"),
        (Expected(method="PUT", status=200, continue_seconds=1.0), f"{WAITS} 1.00 s"),
        (Expected(method="PUT", status=200, continue_seconds=0.99), "pass"),
        (Expected(method="PUT", status=200), "pass"),
        (Expected(method="PUT", status=200, continue_seconds=9.0, continued=True), "pass"),
    ],
)  # fmt: skip
def test_expect(found: Expected | None, line: str) -> None:
    assert said(origin.expect_continue, HttpFacts(write=WriteFacts(expect=found))) == line
    assert said(origin.expect_continue, HttpFacts()) == "skip: no request with Expect was sent"


def kept(status: int) -> str:
    severity = Severity.LOW if status >= 400 else Severity.HIGH
    return (
        f"{severity}: a request with Content-Length and Transfer-Encoding got {status}, and the "
        "server kept the connection open"
    )


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "skip: no request with two lengths was sent"),
        (Ambiguous(), "skip: no response was received"),
        (Ambiguous(failed="reset"), "skip: reset"),
        (Ambiguous(status=200, closed=True, second_status=200), "pass"),
        (Ambiguous(status=200, closed=False), "pass"),
        (Ambiguous(status=200, closed=None, second_status=200), kept(200)),
        (Ambiguous(status=399, closed=False, second_status=200), kept(399)),
        (Ambiguous(status=404, closed=False, second_status=404), kept(404)),
        (Ambiguous(status=403, closed=False, second_status=200), kept(403)),
        # Bad Request, Length Required, Not Implemented (of a transfer coding: RFC 9112 §6.1).
        (Ambiguous(status=400, closed=False, second_status=200), "pass"),
        (Ambiguous(status=411, closed=False, second_status=200), "pass"),
        (Ambiguous(status=501, closed=False, second_status=200), "pass"),
    ],
)  # fmt: skip
def test_two_lengths(found: Ambiguous | None, line: str) -> None:
    assert said(origin.two_lengths, HttpFacts(write=WriteFacts(ambiguous=found))) == line
    none = "skip: no request with two lengths was sent"
    assert said(origin.two_lengths, HttpFacts()) == none
