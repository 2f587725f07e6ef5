"""Where a legitimate server could be blamed: each rule's silence beside its firing."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.quicfacts import Migration, QuicFacts, TransportParameters
from seventh.model.severity import Severity
from seventh.net.stopwatch import user_mark
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Coding, ContentFacts, Validation
from seventh.protocols.http.facts.quic import H2Facts, H3Facts
from seventh.protocols.http.facts.versions import Dated, Hsts, Reuse, Rung
from seventh.protocols.http.facts.write import Ambiguous, EarlyPost, WriteFacts
from seventh.protocols.http.probe.content import coding, cookies
from seventh.protocols.http.probe.hsts import dated, hsts_of
from seventh.protocols.http.rules.caching import cache_leak, no_freshness, no_stale, vary
from seventh.protocols.http.rules.caching_examples import PUBLIC, caching, content, variants
from seventh.protocols.http.rules.examples import GOOD, H1, H2, H3
from seventh.protocols.http.rules.origin import date_skew, hsts, no_reuse, two_lengths
from seventh.protocols.http.rules.quic import early_unsafe, h2_settings, quic_migrate
from seventh.protocols.http.rules.validators import no_validator
from seventh.protocols.http.rules.versions import fallback
from seventh.protocols.http.wire.url import Origin
from seventh.rules.rule import Hit, Skip, Verdict
from seventh.web.message import Response


def weight(verdict: Verdict, declared: Severity) -> Severity | None:
    """How much a verdict weighs; None where the rule passed or was not judged."""
    return (verdict.severity or declared) if isinstance(verdict, Hit) else None


def answer(*headers: tuple[str, str], status: int = 200) -> Response:
    at = user_mark()
    return Response(status=status, version="1.1", headers=headers, sent=at, first=at, last=at)


# -- caches ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "weighs"),
    [
        ({}, Severity.MEDIUM),
        # No cache can guess a lifetime without Last-Modified, so that none keeps it.
        ({"freshness": "heuristic", "directives": (), "lifetime_shared_seconds": None,
          "lifetime_private_seconds": None}, Severity.LOW),
        ({"directives": ("max-age=31536000", "immutable"), "lifetime_private_seconds": 31536000},
         None),
        ({"directives": ("max-age=5", "immutable"), "lifetime_private_seconds": 5},
         Severity.MEDIUM),
        ({"storable_shared": False, "storable_private": False}, None),
    ],
)  # fmt: skip
def test_validators(fields: dict[str, Any], weighs: Severity | None) -> None:
    kept = caching(**fields).content
    assert kept is not None
    judged = no_validator(content(caching=kept.caching, validation=Validation()))
    assert weight(judged, Severity.MEDIUM) == weighs


def test_contradictions_are_the_stricter_one_s() -> None:
    said = no_freshness(caching(contradictions=("private, public",)))
    assert weight(said, Severity.MEDIUM) is Severity.LOW


def test_a_cookie_that_all_get_is_nobody_s() -> None:
    assert cache_leak(caching(sets_cookies=("lang",), common_cookies=("lang",))) is None
    mixed = cache_leak(caching(sets_cookies=("lang", "sid"), common_cookies=("lang",)))
    assert isinstance(mixed, Hit) and mixed.params["cookies"] == ("sid",)
    told = caching(
        authenticated=True, public=False, directives=("max-age=60", "must-revalidate"),
        must_revalidate=True,
    )  # fmt: skip
    assert weight(cache_leak(told), Severity.HIGH) is Severity.HIGH


def test_common_cookies() -> None:
    seen = [
        answer(("set-cookie", "lang=en; Path=/"), ("set-cookie", "sid=a1")),
        answer(("set-cookie", "lang=en; Path=/; Secure"), ("set-cookie", "sid=b2")),
        answer(("set-cookie", "once=1")),
    ]
    assert cookies.common(seen) == ("lang",)
    assert cookies.session(seen[0]) == "lang=en; sid=a1"


def test_what_never_changes_need_not_be_shown_stale() -> None:
    fields: dict[str, Any] = {"stale_while_revalidate_seconds": None}
    assert no_stale(caching(directives=("max-age=9", "immutable"), **fields)) is None
    assert isinstance(no_stale(caching(directives=("max-age=9",), **fields)), Hit)


@pytest.mark.parametrize(
    ("fields", "named", "fires"),
    [
        ({}, (), True),
        ({"storable_shared": False, "directives": ("private", "max-age=60")}, (), False),
        ({}, ("*",), True),
        # Nothing is lost by * where each use is asked about anyway, or no lifetime was given.
        ({"directives": ("no-cache", "max-age=60")}, ("*",), False),
        ({"lifetime_shared_seconds": None, "lifetime_private_seconds": None}, ("*",), False),
    ],
)
def test_vary(fields: dict[str, Any], named: tuple[str, ...], fires: bool) -> None:
    kept = caching(**fields).content
    assert kept is not None
    found: Coding = variants('"a"', '"b"', vary=named)
    judged = vary(HttpFacts(content=ContentFacts(caching=kept.caching, coding=found)))
    assert isinstance(judged, Hit) == fires
    assert PUBLIC.storable_shared


def test_a_masked_token_is_no_lasting_secret() -> None:
    page = '<input type="hidden" name="{name}" value="{value}">'

    def both(one: str, two: str) -> bytes:
        first = page.format(name="csrf_token", value=one)
        return (first + page.format(name="xsrf", value=two)).encode()

    fixed, masked, other = "A" * 20, "B" * 20, "C" * 20
    assert coding.secrets_in(both(fixed, masked)) == ("csrf_token", "xsrf")
    assert coding.lasting_secrets(both(fixed, masked), both(fixed, other)) == ("csrf_token",)


# -- the site --------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "LOCALHOST"])
def test_hsts_of_localhost_is_not_wanted(host: str) -> None:
    found = hsts_of(Origin("https", host, 443), answer())
    assert isinstance(hsts(HttpFacts(hsts=found)), Skip)


@pytest.mark.parametrize(
    ("age", "what"),
    [(None, "no-max-age"), (0, "withdrawn"), (1, "short"), (180 * 86400 - 1, "short"),
     (180 * 86400, None)],
)  # fmt: skip
def test_how_long_hsts_holds(age: int | None, what: str | None) -> None:
    verdict = hsts(HttpFacts(hsts=Hsts(value="max-age", max_age_seconds=age)))
    assert (verdict.params["what"] if isinstance(verdict, Hit) else verdict) == what


def test_hsts_needs_a_certificate_that_is_trusted() -> None:
    origin = Origin("https", "www.example.org", 443)
    untrusted = hsts(HttpFacts(hsts=hsts_of(origin, answer(), trusted=False)))
    assert isinstance(untrusted, Skip)
    assert isinstance(hsts(HttpFacts(hsts=hsts_of(origin, answer()))), Hit)
    assert isinstance(hsts(HttpFacts(hsts=Hsts())), Hit)


@pytest.mark.parametrize(
    "field",
    [("age", "7"), ("x-cache", "Hit from cloudfront"), ("x-cache-status", "HIT"),
     ("cache-status", "edge; hit")],
)  # fmt: skip
def test_a_kept_answer_s_date_is_not_the_clock(field: tuple[str, str]) -> None:
    date = ("date", formatdate(time.time() - 300, usegmt=True))
    assert dated(answer(date, field)) is None
    assert dated(answer(date, ("x-cache", "MISS"))) is not None


def test_our_own_clock_s_error_is_allowed_for() -> None:
    off = Dated(value="x", skew_seconds=-3.0, own_error_seconds=1.5)
    assert date_skew(HttpFacts(date=off)) is None
    sure = date_skew(HttpFacts(date=replace(off, own_error_seconds=0.5)))
    assert isinstance(sure, Hit)
    assert (sure.params["skew"], sure.params["direction"]) == ("3.0", "behind")


@pytest.mark.parametrize(
    ("reuse", "weighs"),
    [
        (Reuse(requests=1, said_close=True), Severity.MEDIUM),
        (Reuse(requests=2, keep_alive_seconds=5), Severity.LOW),
        (Reuse(requests=2, keep_alive_seconds=0), Severity.MEDIUM),
        (Reuse(requests=2, keep_alive_seconds=10), None),
        (Reuse(requests=2, idle_closed_seconds=5.0), Severity.LOW),
        (Reuse(requests=2, idle_closed_seconds=0.1), Severity.MEDIUM),
    ],
)
def test_reuse(reuse: Reuse, weighs: Severity | None) -> None:
    assert weight(no_reuse(HttpFacts(reuse=reuse)), Severity.MEDIUM) == weighs


def _post(status: int) -> HttpFacts:
    early = EarlyPost(
        method="POST", version="3", accepted=True, before_handshake=True, status=status
    )
    return HttpFacts(write=WriteFacts(early_post=early))


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Hit), (500, Hit), (405, Skip), (425, type(None))]
)
def test_early_data_that_did_nothing(status: int, kind: type) -> None:
    assert isinstance(early_unsafe(_post(status)), kind)


@pytest.mark.parametrize(("think", "kind"), [(0.02, type(None)), (0.4, type(None)), (0.6, Skip)])
def test_an_answer_after_the_handshake(think: float, kind: type) -> None:
    """It shows that the server waits, unless it takes as long for every answer."""
    early = EarlyPost(
        method="POST", version="3", accepted=True, before_handshake=False, status=200,
        silent_seconds=1.0,
    )  # fmt: skip
    facts = HttpFacts(write=WriteFacts(early_post=early), think_seconds=think)
    assert isinstance(early_unsafe(facts), kind)


@pytest.mark.parametrize(
    ("ambiguous", "weighs"),
    [
        (Ambiguous(status=200, closed=False, second_status=200), Severity.HIGH),
        (Ambiguous(status=405, closed=False, second_status=405), Severity.LOW),
        (Ambiguous(status=400, closed=False, second_status=200), None),
        (Ambiguous(status=200, closed=True), None),
    ],
)
def test_two_lengths(ambiguous: Ambiguous, weighs: Severity | None) -> None:
    judged = two_lengths(HttpFacts(write=WriteFacts(ambiguous=ambiguous)))
    assert weight(judged, Severity.HIGH) == weighs


# -- versions --------------------------------------------------------------------------------------


def test_a_server_may_leave_http_1_1_out() -> None:
    absent = Rung(version="1.1", state="not-offered", detail="no http/1.1")
    judged = fallback(GOOD.learn(ladder=(H3, H2, absent)))
    assert weight(judged, Severity.HIGH) is Severity.MEDIUM
    broken = Rung(version="2", state="broken", detail="reset")
    both = fallback(GOOD.learn(ladder=(H3, broken, absent)))
    assert weight(both, Severity.HIGH) is Severity.HIGH


def test_a_limit_met_on_one_rung_is_no_other_content() -> None:
    limited = Rung(version="1.1", state="works", status=429, content_type="text/plain")
    assert fallback(GOOD.learn(ladder=(H3, H2, limited))) is None
    other = Rung(version="1.1", state="works", status=404, content_type="text/plain")
    assert isinstance(fallback(GOOD.learn(ladder=(H3, H2, other))), Hit)
    assert fallback(GOOD.learn(ladder=(H3, H2, H1))) is None


def test_an_initial_window_is_a_remark() -> None:
    narrow = H2Facts(settings={"MAX_CONCURRENT_STREAMS": 128}, rtt_seconds=0.1)
    assert weight(h2_settings(HttpFacts(h2=narrow)), Severity.LOW) is Severity.INFO
    few = H2Facts(settings={"MAX_CONCURRENT_STREAMS": 99}, rtt_seconds=0.1)
    assert weight(h2_settings(HttpFacts(h2=few)), Severity.LOW) is Severity.LOW
    enough = H2Facts(settings={"MAX_CONCURRENT_STREAMS": 100}, rtt_seconds=0.001)
    assert h2_settings(HttpFacts(h2=enough)) is None


def test_migration_may_be_declared_against() -> None:
    moved = Migration(new_connection_id=True, challenged=True, validated=True, continued=True)
    declares = QuicFacts(parameters=TransportParameters(disable_active_migration=True))
    judged = quic_migrate(HttpFacts(h3=H3Facts(quic=declares, migration=moved)))
    assert weight(judged, Severity.MEDIUM) is Severity.LOW
    stalls = replace(moved, continued=False)
    judged = quic_migrate(HttpFacts(h3=H3Facts(quic=declares, migration=stalls)))
    assert weight(judged, Severity.MEDIUM) is Severity.MEDIUM
