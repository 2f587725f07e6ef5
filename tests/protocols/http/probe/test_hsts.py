"""HSTS, Date and what plain HTTP does."""

from __future__ import annotations

import time
from email.utils import formatdate

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.clock import wall_minus_monotonic_ns
from seventh.net.stopwatch import user_mark
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import Clear, Dated, Hop, Hsts, Redirects, Reuse, Rung
from seventh.protocols.http.probe import hsts as module
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
    ("value", "expected"),
    [
        ("max-age=31536000", Hsts(value="max-age=31536000", max_age_seconds=31536000)),
        ('max-age="100"; includeSubDomains; preload',
         Hsts(value='max-age="100"; includeSubDomains; preload', max_age_seconds=100,
              include_subdomains=True, preload=True)),
        ("MAX-AGE = 5 ; INCLUDESUBDOMAINS;PreLoad",
         Hsts(value="MAX-AGE = 5 ; INCLUDESUBDOMAINS;PreLoad", max_age_seconds=5,
              include_subdomains=True, preload=True)),
        ("includeSubDomains", Hsts(value="includeSubDomains", include_subdomains=True)),
        ("preload", Hsts(value="preload", preload=True)),
        ("max-age=-1", Hsts(value="max-age=-1")),
        ("max-age=٣", Hsts(value="max-age=٣")),
        ("max-age=1234567890123", Hsts(value="max-age=1234567890123",
                                       max_age_seconds=123456789012)),
        ("", Hsts(value="")),
    ],
)  # fmt: skip
def test_hsts_is_read(value: str, expected: Hsts) -> None:
    assert hsts_of(SECURE, answer(200, (FIELD, value))) == msgspec.structs.replace(
        expected, applies=True
    )


def test_hsts_has_a_bounded_number_of_directives() -> None:
    for count, age in ((31, 5), (32, None)):
        assert (
            hsts_of(SECURE, answer(200, (FIELD, ";" * count + "max-age=5"))).max_age_seconds == age
        )
    long = hsts_of(SECURE, answer(200, (FIELD, "a" * 201)))
    assert long.value == "a" * 200 + "…"


@pytest.mark.parametrize(
    ("origin", "trusted", "why"),
    [
        (PLAIN.origin, True, "clients use HSTS over https only (RFC 6797)"),
        (Origin("https", "192.0.2.1", 443), True,
         "clients ignore HSTS for an IP address (RFC 6797 §8.1.1)"),
        (Origin("https", "LOCALHOST", 443), True,
         "HSTS for localhost would apply to every other server on this machine"),
        (Origin("https", "a.localhost", 443), True,
         "HSTS for localhost would apply to every other server on this machine"),
        (Origin("https", "notlocalhost", 443), True, ""),
        (SECURE, False, "clients ignore HSTS if the certificate is not trusted (RFC 6797)"),
        (SECURE, True, ""),
    ],
)  # fmt: skip
def test_where_hsts_applies(origin: Origin, trusted: bool, why: str) -> None:
    found = hsts_of(origin, answer(), trusted=trusted)
    assert (found.value, found.applies, found.why_not) == ("", not why, why)
    if why:
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


@pytest.mark.parametrize(
    ("server", "skew"),
    [
        # Sent at 1000.2 and answered at 1000.8: a field's second that overlaps says nothing.
        (1000, 0.0), (999, -0.2), (1001, 0.2), (1060, 59.2), (940, -59.2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("own_error", [None, 0.25])
def test_a_date_is_held_against_our_clock(
    monkeypatch: pytest.MonkeyPatch, server: int, skew: float, own_error: float | None
) -> None:
    monkeypatch.setattr(module, "wall_minus_monotonic_ns", lambda: 900_000_000_000)
    monkeypatch.setattr(module, "clock_error_seconds", lambda: own_error)
    text = formatdate(server, usegmt=True)
    sent, first = Mark(100_200_000_000, "user"), Mark(100_800_000_000, "kernel")
    said = msgspec.structs.replace(answer(200, ("date", text)), sent=sent, first=first)
    found = dated(said)
    assert found is not None and found.skew_seconds is not None
    assert found.skew_seconds == pytest.approx(skew)
    assert (found.value, found.unsynchronised, found.own_error_seconds) == (
        text, own_error is None, own_error or 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "cached"),
    [
        (("age", "0"), False), (("age", "1"), True), (("x-cache", "Hit from cloudfront"), True),
        (("x-cache", "Miss"), False), (("x-cache-status", "HIT"), True),
        (("x-cache-status", "MISS"), False), (("cache-status", "a; hit"), True),
        (("cache-status", "a; fwd=miss"), False),
    ],
)  # fmt: skip
def test_a_date_from_a_cache_says_nothing_of_the_clock(
    field: tuple[str, str], cached: bool
) -> None:
    date = ("date", formatdate(time.time(), usegmt=True))
    assert (dated(answer(200, date, field)) is None) is cached


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
    ("status", "location", "outcome", "leads_to"),
    [
        (200, None, "serves", ""),
        (301, "https://www.example.org/", "redirects", "https://www.example.org/"),
        (301, "https://other.example/a?b=c", "redirects", "https://other.example/a?…"),
        (301, "/elsewhere", "serves", "http://www.example.org/elsewhere"),
        (399, None, "serves", ""),
        (400, None, "refuses", ""),
        (503, None, "refuses", ""),
    ],
)
@pytest.mark.parametrize(("ip", "loopback"), [("192.0.2.1", False), ("127.0.0.1", True)])
def test_what_plain_http_does(
    status: int, location: str | None, outcome: str, leads_to: str, ip: str, loopback: bool
) -> None:
    fields = (("location", location),) if location else ()
    assert clear_of(PLAIN, answer(status, *fields), Address(ip=ip, port=80), None) == Clear(
        url="http://www.example.org/", outcome=outcome,  # type: ignore[arg-type]
        status=status, location=leads_to, loopback=loopback,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("location", "final_url", "outcome"),
    [
        ("/a", "https://www.example.org/", "redirects"),
        ("/a", "http://www.example.org/b", "serves"),
        (None, "https://www.example.org/", "serves"),
    ],
)
def test_a_chain_that_ends_in_https_counts(
    location: str | None, final_url: str, outcome: str
) -> None:
    fields = (("location", location),) if location else ()
    address = Address(ip="192.0.2.1", port=80)
    clear = clear_of(PLAIN, answer(302, *fields), address, Redirects(final_url=final_url))
    assert clear.outcome == outcome


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
