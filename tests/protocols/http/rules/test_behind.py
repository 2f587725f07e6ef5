"""Servers behind proxies: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.facts.versions import Hop, Loop, Redirects
from seventh.protocols.http.rules import behind, origin
from tests.verdicts import said

A, B = "https://a/", "http://a/"
PART = "skip: the file is a part of a configuration and defines no server"


@pytest.mark.parametrize(
    ("loop", "line"),
    [
        (None, "pass"),
        (Loop(urls=(A,)), f"high: {A} → {A}"),
        (Loop(urls=(A,), forwarded_proto=False, cookie=False), f"high: {A} → {A}"),
        (Loop(urls=(A,), forwarded_proto=True),
         (f"high: {A} → {A}; with X-Forwarded-Proto: https the response is no redirect into the "
         "loop: the backend does not learn that the client uses https")),
        (Loop(urls=(A, B), schemes=True),
         f"high: http and https redirect to each other: {A} → {B} → {A}"),
        (Loop(urls=(A, B), schemes=True, forwarded_proto=True),
         (f"high: {A} → {B} → {A}; with X-Forwarded-Proto: https the response is no redirect into "
         "the loop: the backend does not learn that the client uses https")),
        (Loop(urls=(A, "https://b/")), f"high: {A} → https://b/ → {A}"),
        (Loop(urls=(A,), cookie=True),
         f"low: {A} → {A}, until the client returns the cookie that the redirect sets"),
    ],
)  # fmt: skip
def test_redirect_loop(loop: Loop | None, line: str) -> None:
    facts = HttpFacts(redirects=Redirects(loop=loop))
    assert said(behind.redirect_loop, facts) == line


def test_a_loop_is_no_long_chain() -> None:
    hops = (Hop(status=301, url=A, location=A),) * 9
    facts = HttpFacts(redirects=Redirects(hops=hops, loop=Loop(urls=(A,))))
    assert said(origin.redirect, facts) == ("skip: the redirects form a loop: HTTP-REDIRECT-LOOP")
    assert said(behind.redirect_loop, HttpFacts()) == "skip: redirects were not followed"


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({}, PART), ({"does": "redirects"}, "pass"),
        ({"does": "redirects", "loops": True},
         "high: a `return` sends https requests to the URL that they have"),
    ],
)  # fmt: skip
def test_a_loop_in_a_file(config: dict[str, Any], line: str) -> None:
    assert said(behind.redirect_loop, HttpFacts(config=HttpConfigFacts(**config))) == line


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (None, "skip: only a configuration file shows it; run `seventh lint FILE`"),
        ({}, PART), ({"does": "files"}, "pass"),
        ({"does": "files", "trusts_any": ("0.0.0.0/0", "::/0"), "trusted_field": "X-Real-IP"},
         "medium: 0.0.0.0/0, ::/0 may set X-Real-IP, and any client can connect"),
    ],
)  # fmt: skip
def test_proxy_trust(config: dict[str, Any] | None, line: str) -> None:
    made = None if config is None else HttpConfigFacts(**config)
    assert said(behind.proxy_trust, HttpFacts(config=made)) == line
