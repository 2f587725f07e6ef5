"""What caches may do: RFC 9111's text, and httplint's verdicts over thousands of header sets."""

from __future__ import annotations

import functools
import itertools

import httplint
import pytest
from httplint.cache import ResponseCacheChecker
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.probe.content import caching
from tests.protocols.http.probe.content.replies import DATE, NOW, reply, safe

PAST = "Sun, 22 Nov 2026 09:00:00 GMT"
AHEAD = "Sun, 22 Nov 2026 10:52:05 GMT"
DIRECTIVES = (
    "", "no-store", "no-cache", "private", "public", "max-age=0", "max-age=600", "s-maxage=30",
    "must-revalidate", "max-age=600, s-maxage=0", "public, max-age=600", "private, max-age=600",
    "no-cache, max-age=600", "no-store, max-age=600", "max-age=9999999999",
    "public, no-store", "private, s-maxage=30", "max-age=60, stale-while-revalidate=30",
)  # fmt: skip
STATUSES = (200, 203, 206, 300, 301, 302, 307, 403, 410, 418, 500)


def corpus() -> list[tuple[int, tuple[tuple[str, str], ...], bool]]:
    """Every combination of status, Cache-Control, Expires, Last-Modified, Age and credentials."""
    sets = []
    for status, directives, expires, modified, age, secret in itertools.product(
        STATUSES, DIRECTIVES, (None, AHEAD, PAST, "0"), (None, PAST), (None, "90"), (False, True)
    ):
        given_fields = {
            "date": DATE, "cache-control": directives or None, "expires": expires,
            "last-modified": modified, "age": age,
        }  # fmt: skip
        named = tuple((n, v) for n, v in given_fields.items() if v is not None)
        sets.append((status, named, secret))
    return sets


@functools.cache
def requested(secret: bool) -> httplint.HttpRequestLinter:
    """The request, which httplint reads once for all responses to it."""
    request = httplint.HttpRequestLinter(start_time=NOW)
    request.process_request_topline(b"GET", b"https://www.lab.test/", b"HTTP/1.1")
    own = [(b"Host", b"www.lab.test")] + ([(b"Authorization", b"Bearer x")] if secret else [])
    request.process_headers(own)
    return request


def linted(status: int, fields: tuple[tuple[str, str], ...], secret: bool) -> ResponseCacheChecker:
    response = httplint.HttpResponseLinter(start_time=NOW, _related=requested(secret))
    response.process_response_topline(b"HTTP/1.1", str(status).encode(), b"")
    response.process_headers([(n.encode(), v.encode()) for n, v in fields])
    return ResponseCacheChecker(response)


def test_verdicts_are_httplints() -> None:
    """Where the two may be compared, they are the same, over the whole corpus."""
    compared = 0
    for status, fields, secret in corpus():
        ours = caching.judge(reply(*fields, status=status), NOW, authenticated=secret)
        theirs = linted(status, fields, secret)
        told = dict(fields)
        directives = told.get("cache-control", "")
        where = f"{status} {fields} {secret}"
        if "no-store" in directives:
            assert not (ours.storable_shared or ours.storable_private), where
            assert not (theirs.store_shared or theirs.store_private), where
            continue
        expected = "private" not in directives and (
            not secret or any(d in directives for d in ("public", "must-revalidate", "s-maxage"))
        )
        # httplint's flags say what forbids; whether anything allows it notes in words alone.
        assert theirs.store_shared is expected, where
        assert (not ours.forbidden_by) is theirs.store_shared, where
        compared += 1
        if not (ours.storable_shared or ours.storable_private) or not hasattr(
            theirs, "has_explicit_freshness"
        ):
            continue
        if theirs.has_explicit_freshness:
            assert ours.freshness == "explicit", where
            if ours.lifetime_private_seconds is not None:
                assert ours.lifetime_private_seconds == max(0, theirs.freshness_lifetime_private)
            if ours.storable_shared:
                assert ours.lifetime_shared_seconds == max(0, theirs.freshness_lifetime_shared)
        elif theirs.has_heuristic_freshness:
            assert ours.freshness == "heuristic", where
    assert compared > 4000


def judged(*directives: str, status: int = 200, **fields: str) -> caching.Caching:
    named = tuple((n.replace("_", "-"), v) for n, v in fields.items())
    lines = tuple(("cache-control", d) for d in directives)
    return caching.judge(reply(("date", DATE), *lines, *named, status=status), NOW)


@pytest.mark.parametrize(
    ("directives", "storable"),
    [("", True), ("no-store", False), ("private", False), ("no-store, must-understand", True),
     ('private="set-cookie"', True)],
)  # fmt: skip
def test_storing_by_shared_caches(directives: str, storable: bool) -> None:
    """RFC 9111 §3, §5.2.2.3 (must-understand), §5.2.2.7 (private with field names)."""
    assert judged(directives).storable_shared is storable


@pytest.mark.parametrize(
    ("status", "directives", "storable"),
    [(302, "", False), (302, "max-age=60", True), (302, "public", True), (404, "", True),
     (302, "private", True)],
)  # fmt: skip
def test_statuses_that_may_be_kept(status: int, directives: str, storable: bool) -> None:
    """RFC 9110 §15.1 and the last condition of RFC 9111 §3."""
    assert judged(directives, status=status).storable_private is storable


def test_lifetimes() -> None:
    """RFC 9111 §4.2.1: s-maxage for shared caches, then max-age, then Expires less Date."""
    both = judged("max-age=60, s-maxage=5")
    assert (both.lifetime_shared_seconds, both.lifetime_private_seconds) == (5, 60)
    assert judged(expires=AHEAD).lifetime_shared_seconds == 3600
    assert judged("max-age=7", expires=AHEAD).lifetime_private_seconds == 7
    assert judged(expires="0").lifetime_private_seconds == 0
    assert judged("max-age=soon").lifetime_private_seconds == 0
    assert judged("max-age=5, max-age=9").lifetime_private_seconds == 5
    assert judged("max-age=99999999999999").lifetime_private_seconds == 2**31


def test_heuristics() -> None:
    """RFC 9111 §4.2.2: a tenth of the time since the last change."""
    guessed = judged(last_modified=PAST)
    assert (guessed.freshness, guessed.heuristic_seconds) == ("heuristic", 312)
    assert judged(status=302, last_modified=PAST).freshness == "none"
    assert judged(last_modified=AHEAD).heuristic_seconds == 0
    assert judged("no-cache").freshness == "explicit"


@pytest.mark.parametrize(
    ("directives", "expires", "said"),
    [
        ("no-store, max-age=60", None, "no-store, max-age=60"),
        ("no-cache, s-maxage=60", None, "no-cache, s-maxage=60"),
        ("public, private", None, "private, public"),
        ("private, s-maxage=60", None, "private, s-maxage=60"),
        ("max-age=1, max-age=2", None, "max-age=1, max-age=2"),
        ("max-age=soon", None, "max-age=soon"),
        ("max-age=60", PAST, None),  # for caches of HTTP/1.0, which know nothing else
        ("max-age=0", AHEAD, "max-age=0, Expires in 3600 s"),
        ("max-age=60, must-revalidate, stale-while-revalidate=5", None,
         "must-revalidate, stale-while-revalidate"),
        ("no-cache, no-store, must-revalidate, max-age=0", PAST, None),
        ("no-store, must-understand, max-age=60", None, None),
        ("max-age=60", AHEAD, None),
        ("public, max-age=60, immutable", None, None),
        ('no-cache="set-cookie", max-age=60', None, None),
    ],
)  # fmt: skip
def test_contradictions(directives: str, expires: str | None, said: str | None) -> None:
    known = {"expires": expires} if expires is not None else {}
    found = judged(directives, **known).contradictions
    assert found == ((said,) if said is not None else ())


def test_what_a_304_must_repeat() -> None:
    full = reply(("etag", '"a"'), ("vary", "x"), ("expires", AHEAD), ("content-type", "a/b"))
    assert caching.dropped(full, reply(("etag", '"a"'), status=304)) == ("expires", "vary")


def test_hits() -> None:
    assert caching.hits(reply(("age", "0"))) == ()
    assert caching.hits(reply(("age", "5"), ("cache-status", "c; hit"))) == ("cache-status", "age")
    assert caching.hits(reply(status=304)) == ("304",)


VALUES = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=60),
    st.lists(
        st.sampled_from(
            ["max-age", "s-maxage", "=", '"', ",", "60", "-1", "private", "no-cache", "\\", ";",
             "stale-if-error", " ", "\x00", "9" * 400, "public", DATE, "@1"]
        ),
        max_size=20,
    ).map("".join),
)  # fmt: skip
NAMES = st.sampled_from(
    ["cache-control", "expires", "date", "age", "last-modified", "etag", "vary", "set-cookie",
     "cache-status", "pragma"]
)  # fmt: skip


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12), st.integers(100, 999), st.booleans())
def test_any_fields_give_facts(
    fields: list[tuple[str, str]], status: int, authenticated: bool
) -> None:
    """Any header values give facts, never an exception; a lifetime is never negative."""
    response = reply(*fields, status=status)
    found = caching.judge(response, NOW, authenticated=authenticated)
    for lifetime in (found.lifetime_shared_seconds, found.lifetime_private_seconds):
        assert lifetime is None or 0 <= lifetime <= 2**38
    assert all(safe(text) for text in (*found.directives, *found.contradictions))
    caching.hits(response)
    caching.dropped(response, response)
