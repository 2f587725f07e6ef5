"""Caches: each rule's whole verdict, at both sides of each border."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Caching, Coding, ContentFacts, Cors, Variant
from seventh.protocols.http.rules import caching
from seventh.rules.rule import AnyRule
from tests.verdicts import said

UNSEEN = "skip: the content was not checked"
KEPT: dict[str, Any] = {
    "status": 200, "directives": ("max-age=60",), "storable_shared": True,
    "storable_private": True, "freshness": "explicit", "lifetime_shared_seconds": 60,
    "lifetime_private_seconds": 60,
}  # fmt: skip
NOWHERE: dict[str, Any] = {"storable_shared": False, "storable_private": False}
ENDLESS: dict[str, Any] = {"lifetime_shared_seconds": None, "lifetime_private_seconds": None}
OWN: dict[str, Any] = {"sets_cookies": ("sid",)}


def page(changes: dict[str, Any], **more: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(caching=Caching(**(KEPT | changes)), **more))


@pytest.mark.parametrize(
    "rule", [caching.no_freshness, caching.cache_leak, caching.no_stale, caching.vary]
)
def test_what_caches_may_do_must_be_known(rule: AnyRule) -> None:
    assert said(rule, HttpFacts()) == UNSEEN
    assert said(rule, HttpFacts(content=ContentFacts())) == UNSEEN
    assert said(rule, page({"status": 201})) == "skip: the status is 201, not 200"


GIVEN_UP = "medium: neither Cache-Control nor Expires gives the response a lifetime"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "pass"),
        ({"freshness": "none"}, "pass"),
        ({"freshness": "heuristic"}, GIVEN_UP),
        ({"freshness": "heuristic", "heuristic_seconds": 0}, GIVEN_UP),
        ({"freshness": "heuristic", "heuristic_seconds": 360},
         f"{GIVEN_UP}; a tenth of the time since Last-Modified, a common guess, is 360 s"),
        ({"contradictions": ("private, public", "max-age twice")},
         "low: these contradict each other: private, public; max-age twice"),
    ],
)  # fmt: skip
def test_freshness(changes: dict[str, Any], line: str) -> None:
    assert said(caching.no_freshness, page(changes)) == line


SETS = "the response sets"
LOGIN = "high: the response to an authenticated request has Cache-Control:"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "pass"),
        (OWN, f"medium: {SETS} sid, with Cache-Control: max-age=60"),
        (
            {**OWN, "public": True, "directives": ("public",), "lifetime_shared_seconds": None},
            f"high: {SETS} sid, with Cache-Control: public",
        ),
        (
            {**OWN, "directives": ("s-maxage=60",)},
            f"high: {SETS} sid, with Cache-Control: s-maxage=60",
        ),
        ({**OWN, "directives": ()}, f"medium: {SETS} sid, with Cache-Control: absent"),
        (
            {"sets_cookies": tuple("abcdefg"), "common_cookies": ("b",)},
            f"medium: {SETS} a, c, d, e, f, with Cache-Control: max-age=60",
        ),
        ({**OWN, "common_cookies": ("sid",)}, "pass"),
        ({**OWN, "private_cookies": True}, "pass"),
        ({**OWN, "storable_shared": False}, "pass"),
        ({**OWN, "lifetime_shared_seconds": None}, "pass"),
        ({**OWN, "lifetime_shared_seconds": 0}, "pass"),
        ({**OWN, "directives": ("max-age=60", "no-cache")}, "pass"),
        ({"authenticated": True}, f"{LOGIN} max-age=60"),
        ({"authenticated": True, "directives": ()}, f"{LOGIN} absent"),
        ({"authenticated": True, "private_cookies": True, **OWN}, f"{LOGIN} max-age=60"),
        ({"authenticated": True, "storable_shared": False}, "pass"),
        ({"authenticated": True, "directives": ("no-cache",)}, "pass"),
    ],
)
def test_leaks(changes: dict[str, Any], line: str) -> None:
    assert said(caching.cache_leak, page(changes)) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "info: Cache-Control: max-age=60"),
        ({"directives": (), "expires": "Thu, 01 Jan 2037 00:00:00 GMT"},
         "info: Cache-Control: absent, Expires: Thu, 01 Jan 2037 00:00:00 GMT"),
        ({"lifetime_shared_seconds": None}, "info: Cache-Control: max-age=60"),
        ({"lifetime_shared_seconds": 0}, "info: Cache-Control: max-age=60"),
        ({"lifetime_private_seconds": None}, "info: Cache-Control: max-age=60"),
        (ENDLESS, "pass"),
        ({"storable_shared": False}, "info: Cache-Control: max-age=60"),
        ({"storable_private": False}, "info: Cache-Control: max-age=60"),
        (NOWHERE, "pass"),
        ({"must_revalidate": True}, "pass"),
        ({"stale_while_revalidate_seconds": 0}, "pass"),
        ({"stale_if_error_seconds": 0}, "pass"),
        ({"directives": ("max-age=60", "immutable")}, "pass"),
    ],
)  # fmt: skip
def test_staleness(changes: dict[str, Any], line: str) -> None:
    assert said(caching.no_stale, page(changes)) == line


def variant(coding: str, *vary: str, status: int = 200) -> Variant:
    return Variant(offered="x", status=status, coding=coding, vary=vary)


NAMED = (variant("", "accept-encoding"), variant("br", "accept-encoding", "origin"))
BARE = (variant(""), variant("br", "origin"), variant("gzip", "accept-encoding"))
STARRED = (variant("", "*"), variant("br"))
STAR = "Vary: * prevents any reuse, although the response is fresh for {} s"
ENCODING = (
    "the coding depends on Accept-Encoding, but Vary does not name it (missing in: identity, br)"
)
ORIGIN = "Access-Control-Allow-Origin repeats the request's Origin, but Vary does not name it"
REFLECTED = Cors(allowed="https://x.example", reflected=True)


@pytest.mark.parametrize(
    ("changes", "variants", "cors", "line"),
    [
        ({}, NAMED, None, "pass"),
        ({}, BARE, None, f"medium: {ENCODING}"),
        ({"storable_shared": False}, BARE, None, "pass"),  # a browser offers the same each time
        ({}, BARE[:2], None, f"medium: {ENCODING}"),
        ({}, (variant(""), variant("")), None, "pass"),
        ({}, (variant("", "accept-encoding"), variant("br", status=206)), None, "pass"),
        ({}, STARRED, None, f"medium: {STAR.format(60)}"),
        ({"lifetime_shared_seconds": None, "lifetime_private_seconds": 5}, STARRED, None,
         f"medium: {STAR.format(5)}"),
        (ENDLESS, STARRED, None, "pass"),
        ({"directives": ("no-cache",)}, STARRED, None, "pass"),
        ({}, (variant("br", "*", status=206), *NAMED), None, "pass"),
        ({}, NAMED, REFLECTED, f"medium: {ORIGIN}"),
        (ENDLESS, STARRED, REFLECTED, f"medium: {ORIGIN}"),
        ({}, NAMED, Cors(allowed="https://x", reflected=True, varies=True), "pass"),
        ({}, NAMED, Cors(allowed="*"), "pass"),
        ({}, BARE, REFLECTED, f"medium: {ENCODING}; {ORIGIN}"),
        ({}, STARRED, REFLECTED, f"medium: {STAR.format(60)}; {ORIGIN}"),
        ({"storable_private": False}, BARE, None, f"medium: {ENCODING}"),
        ({"storable_shared": False}, NAMED, REFLECTED, f"medium: {ORIGIN}"),
        (NOWHERE, BARE, REFLECTED, "pass"),
        (NOWHERE, STARRED, None, "pass"),
    ],
)  # fmt: skip
def test_vary(
    changes: dict[str, Any], variants: tuple[Variant, ...], cors: Cors | None, line: str
) -> None:
    facts = page(changes, coding=Coding(variants=variants), cors=cors)
    assert said(caching.vary, facts) == line
    assert said(caching.vary, page(changes)) == UNSEEN


def test_a_lifetime_that_is_not_given() -> None:
    verdict = caching.vary(page(ENDLESS, coding=Coding(variants=BARE)))
    assert getattr(verdict, "params", None) == {
        "what": ("encoding",), "seconds": 0, "codings": ("identity", "br")
    }  # fmt: skip
