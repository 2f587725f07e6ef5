"""HSTS, Date and what plain HTTP does."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.net.address import Address
from seventh.net.clock import wall_minus_monotonic_ns
from seventh.net.stopwatch import user_mark
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import Dated, Hop, Hsts, Redirects, Reuse, Rung
from seventh.protocols.http.probe.hsts import clear_of, dated, hsts_of
from seventh.protocols.http.rules.origin import date_skew, hsts, no_reuse, redirect
from seventh.protocols.http.rules.versions import fallback, h3_dead, no_h2
from seventh.protocols.http.wire.url import Origin, Url
from seventh.rules.rule import Hit, Skip
from seventh.web.message import Fields, Response

SECURE = Origin("https", "www.example.org", 443)
PLAIN = Url(Origin("http", "www.example.org", 80), "/")
FIELD = "strict-transport-security"


def answer(status: int = 200, *headers: tuple[str, str]) -> Response:
    at = user_mark()
    fields: Fields = headers
    return Response(status=status, version="1.1", headers=fields, sent=at, first=at, last=at)


@pytest.mark.parametrize(
    ("value", "age", "subdomains"),
    [
        ("max-age=31536000", 31536000, False),
        ('max-age="100"; includeSubDomains; preload', 100, True),
        ("MAX-AGE = 5 ; INCLUDESUBDOMAINS", 5, True),
        ("includeSubDomains", None, True),
        ("max-age=-1", None, False),
        ("", None, False),
    ],
)
def test_hsts_is_read(value: str, age: int | None, subdomains: bool) -> None:
    found = hsts_of(SECURE, answer(200, (FIELD, value)))
    assert (found.max_age_seconds, found.include_subdomains) == (age, subdomains)


def test_hsts_of_an_address_or_in_clear_is_not_judged() -> None:
    for origin in (Origin("https", "192.0.2.1", 443), PLAIN.origin):
        found = hsts_of(origin, answer())
        assert not found.applies
        assert isinstance(hsts(HttpFacts(hsts=found)), Skip)


@given(st.text(max_size=200))
def test_any_hsts_is_read(value: str) -> None:
    found = hsts_of(SECURE, answer(200, (FIELD, value)))
    assert found.max_age_seconds is None or found.max_age_seconds >= 0


@pytest.mark.parametrize(
    ("age", "bad"), [(0, True), (3600, True), (15_551_999, True), (15_552_000, False)]
)
def test_hsts_must_outlast_half_a_year(age: int, bad: bool) -> None:
    verdict = hsts(HttpFacts(hsts=Hsts(value=f"max-age={age}", max_age_seconds=age)))
    assert isinstance(verdict, Hit) is bad


@pytest.mark.parametrize("off", [-3600, -5, 0, 5, 3600])
def test_a_date_is_held_against_our_clock(off: int) -> None:
    found = dated(answer(200, ("date", formatdate(time.time() + off, usegmt=True))))
    assert found is not None and found.skew_seconds is not None
    assert abs(found.skew_seconds - off) <= 1.1


def test_a_cached_answer_s_date_is_not_judged() -> None:
    assert dated(answer(200, ("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("age", "60"))) is None
    assert dated(answer()) is None
    broken = dated(answer(200, ("date", "yesterday")))
    assert broken is not None and broken.skew_seconds is None
    assert isinstance(date_skew(HttpFacts(date=broken)), Skip)
    assert wall_minus_monotonic_ns()


def test_our_own_clock_is_doubted_first() -> None:
    near = HttpFacts(date=Dated(value="x", skew_seconds=10.0, unsynchronised=True))
    far = HttpFacts(date=Dated(value="x", skew_seconds=-1e6, unsynchronised=True))
    assert isinstance(date_skew(near), Skip)
    verdict = date_skew(far)
    assert isinstance(verdict, Hit) and verdict.params["caveat"] == "unsynchronised"


@pytest.mark.parametrize(
    ("status", "location", "outcome"),
    [
        (200, None, "serves"),
        (301, "https://www.example.org/", "redirects"),
        (301, "/elsewhere", "serves"),
        (403, None, "refuses"),
        (503, None, "refuses"),
    ],
)
def test_what_plain_http_does(status: int, location: str | None, outcome: str) -> None:
    fields = (("location", location),) if location else ()
    address = Address(ip="192.0.2.1", port=80)
    clear = clear_of(PLAIN, answer(status, *fields), address, None)
    assert (clear.outcome, clear.loopback) == (outcome, False)


def test_a_chain_that_ends_in_https_counts() -> None:
    chain = Redirects(final_url="https://www.example.org/")
    address = Address(ip="127.0.0.1", port=80)
    clear = clear_of(PLAIN, answer(302, ("location", "/a")), address, chain)
    assert (clear.outcome, clear.loopback) == ("redirects", True)


# -- rules at their borders ------------------------------------------------------------------------


@pytest.mark.parametrize(("hops", "bad"), [(2, False), (3, True)])
def test_three_hops_are_many(hops: int, bad: bool) -> None:
    hop = Hop(status=301, url="https://a/", location="https://b/")
    assert isinstance(redirect(HttpFacts(redirects=Redirects(hops=(hop,) * hops))), Hit) is bad


@pytest.mark.parametrize(
    ("reuse", "bad"),
    [
        (Reuse(requests=2), False),
        (Reuse(requests=1, said_close=True), True),
        (Reuse(requests=12, said_close=True), False),
        (Reuse(requests=2, keep_alive_seconds=9), True),
        (Reuse(requests=2, keep_alive_seconds=10), False),
        (Reuse(requests=2, keep_alive_requests=7), True),
        (Reuse(requests=2, keep_alive_requests=8), False),
        (Reuse(requests=2, idle_closed_seconds=1.2), True),
    ],
)
def test_keep_alive(reuse: Reuse, bad: bool) -> None:
    assert isinstance(no_reuse(HttpFacts(reuse=reuse)), Hit) is bad


def ladder(*rungs: tuple[str, str, int]) -> HttpFacts:
    made = tuple(
        Rung(version=version, state=state, status=status)  # type: ignore[arg-type]
        for version, state, status in rungs
    )
    return HttpFacts(secure=True, ladder=made)


def test_a_ladder_with_one_content_is_whole() -> None:
    assert fallback(ladder(("3", "works", 200), ("2", "works", 200), ("1.1", "works", 200))) is None
    assert fallback(ladder(("2", "not-offered", 0), ("1.1", "works", 200))) is None


def test_a_missing_last_rung_and_a_different_one_are_told() -> None:
    for facts in (
        ladder(("2", "works", 200), ("1.1", "not-offered", 0)),
        ladder(("2", "works", 200), ("1.1", "works", 404)),
        ladder(("2", "broken", 0), ("1.1", "works", 200)),
    ):
        assert isinstance(fallback(facts), Hit)


def test_versions_of_a_plain_target_are_not_judged() -> None:
    plain = ladder(("1.1", "works", 200)).learn(secure=False)
    for rule in (fallback, no_h2):
        assert isinstance(rule(plain), Skip)
    assert isinstance(h3_dead(plain), Skip)
