"""The response itself: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Asset, Body, Coding, ContentFacts, Variant
from seventh.protocols.http.facts.versions import Expectation, LeftOver, Redirects
from seventh.protocols.http.facts.write import Upload, WriteFacts
from seventh.protocols.http.rules import answer
from tests.verdicts import said

ENDED = "skip: the check ended before the final response"
NONE = "skip: no response was received"
SERVER = "skip: a server error is the check's failure"
THERE = Redirects(final_url="https://b/", final_status=404)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({}, ENDED),
        ({"status": 404}, ENDED),
        ({"redirects": Redirects()}, NONE),
        ({"redirects": Redirects(final_url="https://b/", final_status=399)}, "pass"),
        ({"redirects": Redirects(final_url="https://b/", final_status=400)},
         "medium: https://b/ answers 400"),
        ({"redirects": Redirects(final_url="https://b/", final_status=499)},
         "medium: https://b/ answers 499"),
        ({"redirects": Redirects(final_url="https://b/", final_status=500)}, SERVER),
        ({"redirects": THERE, "url": "https://a/", "status": 301},
         "medium: https://b/ answers 404: not found"),
        ({"redirects": Redirects(), "url": "https://a/", "status": 404},
         "medium: https://a/ answers 404: not found"),
        # A status that is expected is judged elsewhere.
        ({"redirects": THERE, "expectation": Expectation(method="GET", status=404, met=True)},
         "pass"),
        ({"redirects": THERE, "expectation": Expectation(method="GET", status=200, met=False)},
         "skip: the status is compared with --expect-status"),
        ({"expectation": Expectation(method="GET", status=200)},
         "skip: the status is compared with --expect-status"),
        # Of a request that is no GET, its own response counts.
        *(({"redirects": THERE, "expectation": Expectation(method=method, got=409)},
           "medium: https://b/ answers 404: not found") for method in ("", "GET", "HEAD")),
        ({"redirects": THERE, "url": "https://a/",
          "expectation": Expectation(method="POST", got=409)},
         "medium: https://a/ (POST) answers 409"),
        ({"redirects": THERE, "expectation": Expectation(method="POST")}, NONE),
        ({"redirects": THERE, "expectation": Expectation(method="POST", got=413),
          "write": WriteFacts(upload=Upload(method="POST"))},
         "skip: HTTP-BODY-LIMIT judges the size of the content"),
    ],
)  # fmt: skip
def test_status(facts: dict[str, Any], line: str) -> None:
    assert said(answer.status, HttpFacts(**facts)) == line


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (401, "a credential is required"), (413, "the request content is too large"),
        (402, "payment is required"),
        (403, "access is forbidden"), (404, "not found"), (405, "the method is not allowed"),
        (407, "a proxy requires a credential"), (410, "the resource was removed"),
        (421, "this server does not serve that host name"), (429, "the rate limit is exceeded"),
        (451, "unavailable for legal reasons"),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, meaning: str) -> None:
    final = Redirects(final_url="https://b/", final_status=status)
    line = f"medium: https://b/ answers {status}: {meaning}"
    assert said(answer.status, HttpFacts(redirects=final)) == line


PAGE = Body(path="/", status=200, coding="gzip")


def page(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**({"content": PAGE} | parts)))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (HttpFacts(), "skip: the content was not checked"),
        (page(content=None), "skip: the content was not checked"),
        (page(), "pass"),
        (page(content=Body(path="/", status=200, coding="br", fault="corrupt")),
         "high: the content is not valid data of its Content-Encoding: / (200, br)"),
        (page(content=Body(path="/", status=200, fault="cut-short")),
         "high: the compressed data ends early: / (200, identity)"),
        (page(content=Body(path="/", status=200, coding="x", fault="unknown")),
         "medium: Content-Encoding is not a known content coding: / (200, x)"),
        (page(content=Body(path="/", status=200, coding="gzip", fault="still-coded")),
         ("high: the content is still compressed after decoding, but its type is text: "
         "/ (200, gzip)")),
        (page(error=Body(path="/no", status=404, coding="gzip", fault="corrupt")),
         "high: the content is not valid data of its Content-Encoding: /no (404, gzip)"),
        (page(assets=(Asset(path="/a.js", status=200, coding="br", fault="corrupt"),)),
         "high: the content is not valid data of its Content-Encoding: /a.js (200, br)"),
        (page(coding=Coding(variants=(Variant(offered="br", status=200, coding="br"),
                                      Variant(offered="x", status=206, fault="cut-short"),
                                      Variant(offered="y", status=206, fault="cut-short"),))),
         "high: the compressed data ends early: / (206, identity)"),
        (page(content=Body(path="/", status=200, coding="x", fault="unknown"),
              error=Body(path="/no", status=404, coding="br", fault="corrupt"),
              assets=(Asset(path="/a", status=200, coding="br", fault="corrupt"),)),
         ("high: Content-Encoding is not a known content coding: / (200, x); the content is not "
         "valid data of its Content-Encoding: /a (200, br), /no (404, br)")),
    ],
)  # fmt: skip
def test_codings(facts: HttpFacts, line: str) -> None:
    assert said(answer.content_coding, facts) == line


@pytest.mark.parametrize(
    ("method", "status", "limit"),
    [
        ("GET", 200, "which Content-Length sets"),
        ("HEAD", 200, "which is a header section only"),
        ("GET", 204, "which has no content"),
        ("HEAD", 304, "which has no content"),
        ("GET", 205, "which Content-Length sets"),
        ("GET", 305, "which Content-Length sets"),
    ],
)
def test_bytes_after_the_end(method: str, status: int, limit: str) -> None:
    left = LeftOver(bytes=3, method=method, status=status, url="http://a/")
    assert said(answer.surplus, HttpFacts(left_over=left)) == (
        f"high: 3 bytes followed the end of the {status} response to {method} http://a/, {limit}"
    )


def test_nothing_after_the_end() -> None:
    assert said(answer.surplus, HttpFacts(status=200)) == "pass"
    assert said(answer.surplus, HttpFacts()) == NONE


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("bare-lf", "lines end with LF only (RFC 9112 §2.2)"),
        ("obs-fold", "a field is folded over two lines (RFC 9112 §5.2)"),
        ("status-line", "malformed status line (RFC 9112 §4)"),
        ("space-before-colon", "whitespace before the colon of a field (RFC 9112 §5.1)"),
        ("field-name", "a field name with invalid characters (RFC 9110 §5.1)"),
        ("no-colon", "a line without a colon or a name (RFC 9112 §5)"),
        ("control-character", "control characters in a field value (RFC 9110 §5.5)"),
        ("blank-line-first", "an empty line before the status line (RFC 9112 §4)"),
        ("length-and-chunked", "Content-Length together with Transfer-Encoding (RFC 9112 §6.2)"),
        ("length-twice", "Content-Length more than once (RFC 9110 §8.6)"),
        ("transfer-encoding-identity", "Transfer-Encoding: identity, which RFC 7230 removed"),
        ("transfer-coding", ("Transfer-Encoding: gzip, which no TE field of the request allowed "
         "(RFC 9110 §10.1.4)")),
    ],
)  # fmt: skip
def test_grammar(code: str, text: str) -> None:
    facts = HttpFacts(status=200, deviations=(code,), transfer_codings=("gzip",))
    assert said(answer.grammar, facts) == f"low: {text}"
    assert said(answer.grammar, HttpFacts(deviations=(code,))) == NONE


def test_grammar_that_is_kept() -> None:
    assert said(answer.grammar, HttpFacts(status=200)) == "pass"
