"""Codings, sizes, secrets and repeated requests: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import (
    Asset,
    Coding,
    ContentFacts,
    Refusal,
    Repetition,
    Variant,
)
from seventh.protocols.http.rules import content
from seventh.rules.rule import AnyRule
from tests.verdicts import said

UNSEEN = "skip: the content was not checked"
NO_TEXT = "not applicable: no text of at least 1024 bytes was served"


def facts(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**parts))


def got(offered: str, coding: str = "", **fields: Any) -> Variant:
    known: dict[str, Any] = {"status": 200, "wire_bytes": 900, "content_bytes": 5000}
    return Variant(offered=offered, coding=coding, **(known | fields))


def page(*variants: Variant, assets: tuple[Asset, ...] | None = None, **fields: Any) -> HttpFacts:
    known: dict[str, Any] = {"content_type": "text/html", "compressible": True, "secure": True}
    return facts(coding=Coding(variants=variants, **(known | fields)), assets=assets)


def asset(path: str, coding: str = "", **fields: Any) -> Asset:
    known: dict[str, Any] = {
        "status": 200, "compressible": True, "wire_bytes": 900, "content_bytes": 5000
    }  # fmt: skip
    return Asset(path=path, coding=coding, **(known | fields))


@pytest.mark.parametrize(
    "rule",
    [
        content.no_compress, content.no_brotli, content.compress_waste, content.breach,
        content.payload, content.retry_info,
    ],
)  # fmt: skip
def test_content_must_be_known(rule: AnyRule) -> None:
    assert said(rule, HttpFacts()) == said(rule, facts()) == UNSEEN


PLAIN = "medium: sent uncompressed to a client that accepts compression:"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (page(got("any", "br")), "pass"),
        (page(got("any", wire_bytes=5000)), f"{PLAIN} content (5000 bytes)"),
        (page(got("any", content_bytes=1024)), f"{PLAIN} content (900 bytes)"),
        (page(got("any", content_bytes=1023)), NO_TEXT),
        (page(got("any", content_bytes=None)), NO_TEXT),
        (page(got("identity")), NO_TEXT),
        (page(got("any"), compressible=False), NO_TEXT),
        (page(got("any"), compressible=None), NO_TEXT),
        (page(got("any", "br"), assets=(asset("/a", "gzip"), asset("/b"))),
         f"{PLAIN} /b (900 bytes)"),
        (page(assets=(asset("/b", content_bytes=1024),)), f"{PLAIN} /b (900 bytes)"),
        (page(assets=(asset("/b", content_bytes=1023),)), NO_TEXT),
        (page(assets=(asset("/b", content_bytes=None),)), NO_TEXT),
        (page(assets=(asset("/b", status=206),)), NO_TEXT),
        (page(assets=(asset("/b", compressible=None),)), NO_TEXT),
        (page(got("any"), assets=(asset("/b"),)),
         f"{PLAIN} content (900 bytes), /b (900 bytes)"),
    ],
)  # fmt: skip
def test_text_that_is_not_compressed(found: HttpFacts, line: str) -> None:
    assert said(content.no_compress, found) == line


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (page(got("any", "br")), "pass"),
        (page(got("any", "zstd")), "pass"),
        (page(got("any", "gzip, br")), "pass"),
        (page(got("any", "gzip")), "low: text is compressed with gzip only"),
        (page(got("any", "gzip"), got("deflate", "deflate")),
         "low: text is compressed with deflate, gzip only"),
        (page(got("any", "x-brand")), "low: text is compressed with x-brand only"),
        (page(got("any", "gzip"), got("br", "br")), "low: browsers, which offer br, get gzip"),
        (page(got("any", "gzip"), got("br", "br", status=206)),
         "low: text is compressed with gzip only"),
        (page(got("any", "gzip"), secure=False),
         "not applicable: browsers do not offer br over plain HTTP"),
        (page(got("any", "gzip", content_bytes=9)), NO_TEXT),
        (page(got("any"), got("br")), "skip: nothing is compressed"),
        (page(got("any"), got("br", "br")), "pass"),
        (page(got("gzip", "gzip"), assets=(asset("/b"),)), "skip: br was not offered"),
        (page(got("br"), got("gzip", "gzip"), assets=(asset("/b"),)),
         "low: text is compressed with gzip only"),
        (page(got("any"), assets=(asset("/a", "br"), asset("/b", "gzip"))), "pass"),
        (page(got("any"), assets=(asset("/b", "gzip"),)),
         "low: text is compressed with gzip only"),
    ],
)  # fmt: skip
def test_brotli(found: HttpFacts, line: str) -> None:
    assert said(content.no_brotli, found) == line


WASTED = "low: compression is wasted on"
NONE_WHOLE = "skip: no complete response to an offer of codings was received"
UNDECODED = "skip: the response to an offer of codings could not be decoded"
PNG: dict[str, Any] = {"content_type": "image/png", "packed": True, "compressible": False}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (page(got("any", "br")), "pass"),
        (page(), NONE_WHOLE),
        (page(got("br", "gzip", wire_bytes=5000)), NONE_WHOLE),
        (page(got("any", "gzip", status=206, wire_bytes=5000)), NONE_WHOLE),
        (page(got("any", "gzip", wire_bytes=4999)), "pass"),
        (page(got("any", "gzip", wire_bytes=5000)), f"{WASTED} text/html gzip: 5000 → 5000 bytes"),
        (page(got("any", wire_bytes=5000)), "pass"),
        (page(got("any", "gzip", wire_bytes=5000, content_bytes=None)), UNDECODED),
        (page(got("any", wire_bytes=5000, content_bytes=None)), "pass"),
        (page(got("any", "gzip", wire_bytes=1024, content_bytes=1024)),
         f"{WASTED} text/html gzip: 1024 → 1024 bytes"),
        (page(got("any", "gzip", wire_bytes=1050, content_bytes=1023)), "pass"),
        # Of what is compressed already, a tenth at most is saved.
        (page(got("any", "gzip", wire_bytes=4500), **PNG), "pass"),
        (page(got("any", "gzip", wire_bytes=4501), **PNG),
         f"{WASTED} image/png gzip: 5000 → 4501 bytes"),
        (page(got("any", "gzip", content_bytes=None), **PNG), UNDECODED),
        (page(got("any", "gzip", content_bytes=None),
              assets=(asset("/a", "br", content_type="text/css", wire_bytes=5000),)),
         f"{WASTED} /a (text/css) br: 5000 → 5000 bytes"),
        (page(got("any"), assets=(
            asset("/a", "br", content_type="font/woff2", packed=True, wire_bytes=5001),
            asset("/b", "br", content_type="text/css"),
            asset("/c", "br", content_type="font/woff2", packed=True, wire_bytes=9, status=206))),
         f"{WASTED} /a (font/woff2) br: 5000 → 5001 bytes"),
    ],
)  # fmt: skip
def test_codings_that_are_wasted(found: HttpFacts, line: str) -> None:
    assert said(content.compress_waste, found) == line


UNTESTED = "skip: no compressed page over TLS was requested with a test query"
SECRET: dict[str, Any] = {
    "reflected": True, "reflected_coding": "br", "secrets": ("csrf_token", "xsrf")
}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, UNTESTED),
        (SECRET, ("low: br compresses a page that repeats a query value and contains csrf_token, "
         "xsrf, unchanged in each response")),
        ({**SECRET, "reflected": None}, UNTESTED),
        ({**SECRET, "secrets": None}, UNTESTED),
        ({**SECRET, "reflected": False}, "pass"),
        ({**SECRET, "reflected_coding": ""}, "pass"),
        ({**SECRET, "secrets": ()}, "pass"),
    ],
)  # fmt: skip
def test_secrets_beside_input(fields: dict[str, Any], line: str) -> None:
    assert said(content.breach, page(**fields)) == line


MIB = 1024 * 1024
LONG = "skip: the response is longer than --max-body"


@pytest.mark.parametrize(
    ("content_type", "fields", "line"),
    [
        ("application/json", {"content_bytes": MIB}, "pass"),
        ("application/json", {"content_bytes": MIB + 1},
         "low: 1,048,577 bytes of application/json in one response"),
        ("application/json", {"content_bytes": None, "wire_bytes": MIB + 1},
         "low: 1,048,577 bytes of application/json in one response"),
        ("application/ld+json", {"content_bytes": MIB, "truncated": True},
         "low: at least 1,048,576 bytes of application/ld+json in one response"),
        ("application/json", {"content_bytes": MIB - 1, "truncated": True}, LONG),
        ("application/json", {"content_bytes": MIB + 1, "status": 206},
         "skip: no complete response was received"),
        ("text/html", {"content_bytes": 9 * MIB}, "pass"),
        ("text/html", {"content_bytes": 5, "truncated": True}, "pass"),
    ],
)  # fmt: skip
def test_large_json(content_type: str, fields: dict[str, Any], line: str) -> None:
    found = page(got("identity", **fields), content_type=content_type)
    assert said(content.payload, found) == line
    none = "skip: no complete response was received"
    assert said(content.payload, page(got("any", **fields), content_type=content_type)) == none


BUSY = Refusal(path="/a", status=503)
TOLD = Refusal(path="/b", status=429, retry_after="5")
COUNTED = Refusal(path="/c", status=429, rate_limit=("ratelimit",))


@pytest.mark.parametrize(
    ("refusals", "line"),
    [
        (None, UNSEEN),
        ((), "not applicable: no request was rejected with 429 or 503"),
        ((TOLD, COUNTED), "pass"),
        ((BUSY, TOLD, COUNTED, BUSY, Refusal(path="/d", status=429)),
         "low: neither Retry-After nor a RateLimit field with 503 (/a), 429 (/d)"),
    ],
)  # fmt: skip
def test_rejections(refusals: tuple[Refusal, ...] | None, line: str) -> None:
    assert said(content.retry_info, facts(refusals=refusals)) == line


def twice(method: str, first: int, second: int, **fields: Any) -> HttpFacts:
    seen = Repetition(method=method, first_status=first, second_status=second, **fields)
    return facts(repetition=seen)


UNREAD = "skip: the second POST was not processed ({})"
KEYED: dict[str, Any] = {"keyed": True}
ORDERS: dict[str, Any] = {"first_location": "/1", "second_location": "/2"}
AGAIN = "medium: {} returns {}; repeated, it returns {}"
KEY = "POST with the same Idempotency-Key"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (twice("POST", 199, 200), "skip: the first POST returned 199"),
        (twice("POST", 300, 200), "skip: the first POST returned 300"),
        (twice("POST", 200, 429, **ORDERS), UNREAD.format(429)),
        (twice("POST", 200, 500, **ORDERS), UNREAD.format(500)),
        (twice("POST", 200, 499, **ORDERS), "pass"),
        (twice("POST", 200, 300, **ORDERS), "pass"),
        (twice("POST", 200, 199, **ORDERS), "pass"),
        (twice("POST", 201, 299, **ORDERS), AGAIN.format("POST", "201 /1", "299 /2")),
        (twice("POST", 200, 200, **ORDERS, **KEYED), AGAIN.format(KEY, "200 /1", "200 /2")),
        (twice("POST", 201, 201, second_location="/2"), AGAIN.format("POST", "201", "201 /2")),
        (twice("POST", 299, 200), "pass"),
        (twice("POST", 201, 201), "pass"),
        (twice("POST", 200, 200, same_body=False), "pass"),
        (twice("PUT", 201, 201), AGAIN.format("PUT", "201", "201")),
        (twice("PUT", 201, 200), "pass"),
        (twice("PUT", 200, 200), "pass"),
        (twice("PUT", 200, 201), "pass"),
        (twice("POST", 200, 200, same_body=False, **KEYED), AGAIN.format(KEY, "200", "200")),
        (twice("POST", 201, 200, same_body=True, **KEYED), AGAIN.format(KEY, "201", "200")),
        (twice("POST", 200, 200, same_body=True, **KEYED), "pass"),
        (twice("POST", 200, 200, same_body=None, **KEYED), "pass"),
        (HttpFacts(), "skip: no request was repeated: give --method and --allow-write"),
        (facts(), "skip: no request was repeated: give --method and --allow-write"),
        (facts(repetition_unlearnt="the first was lost"), "skip: the first was lost"),
    ],
)
def test_repetitions(found: HttpFacts, line: str) -> None:
    assert said(content.idempotency, found) == line
