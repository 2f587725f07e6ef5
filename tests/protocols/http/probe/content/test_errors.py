"""What replies say that they are; refusals; a resource's end; foreign origins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.probe.content import cors, errors
from tests.protocols.http.probe.content.replies import NOW, reply, safe

PROBLEM = b'{"type":"about:blank","title":"Not Found","status":404}'
HTML = b"<!-- made by x --> <!DOCTYPE html><html></html>"


@pytest.mark.parametrize(
    ("declared", "body", "seen", "misfit"),
    [
        ("application/json", b'{"a": 1}', "json", ""),
        ("application/json; charset=utf-8", b"[]", "json", ""),
        ("application/json", b"17", "", ""),
        ("application/json", b"", "", ""),
        ("application/json", HTML, "html", "application/json, content HTML"),
        ("application/json", b"oops", "", "application/json, content not JSON"),
        ("text/html", b'{"a": 1}', "json", "text/html, content JSON"),
        ("text/plain", HTML, "html", "text/plain, content HTML"),
        ("text/html", HTML, "html", ""),
        ("", HTML, "html", "none, content HTML"),
        ("", b"x", "", "none, content unknown"),
        ("html", b"x", "", "html, content unknown"),
        ("text/plain", b"x", "", ""),
        ("application/vnd.x+json", b'{"a": 1}', "json", ""),
        ("application/xml", b'<?xml version="1.0"?>', "xml", ""),
    ],
)
def test_types(declared: str, body: bytes, seen: str, misfit: str) -> None:
    found = errors.body_of("/", reply(("content-type", declared), body=body))
    assert (found.seen, found.misfit) == (seen, misfit)


@pytest.mark.parametrize(
    ("declared", "body", "problem"),
    [
        ("application/problem+json", PROBLEM, True),
        ("application/json", PROBLEM, False),
        ("application/problem+json", b'{"error": 1}', False),
        ("application/problem+json", b'{"title": 1}', False),
        ("application/problem+json", b"[]", False),
        ("application/problem+json", b"junk", False),
    ],
)
def test_problem_details(declared: str, body: bytes, problem: bool) -> None:
    """RFC 9457 §3.1."""
    found = errors.body_of("/x", reply(("content-type", declared), body=body, status=404))
    assert found.problem is problem


def test_refusals() -> None:
    told = errors.refusal("/", reply(("retry-after", "7"), ("x-ratelimit-reset", "1"), status=429))
    assert (told.retry_after, told.rate_limit) == ("7", ("x-ratelimit-reset",))
    assert errors.refusal("/", reply(("x-rate", "1"), status=503)).rate_limit == ()


def test_a_resources_end() -> None:
    """RFC 9745 §2.1, RFC 8594 §3."""
    life = errors.lifecycle(
        [
            reply(),
            reply(
                ("deprecation", f"@{int(NOW) - 86400}"),
                ("sunset", "Mon, 23 Nov 2026 09:52:05 GMT"),
                ("link", '</v2>; rel="successor-version"'),
            ),
        ],
        NOW,
    )
    assert (life.deprecated, life.deprecated_in_seconds) == (True, -86400)
    assert (life.sunset_in_seconds, life.successor) == (86400, "/v2")
    assert errors.lifecycle([reply(("deprecation", "true"))], NOW).deprecated_in_seconds == 0
    assert not errors.lifecycle([reply(("deprecation", "junk"))], NOW).deprecated
    assert errors.lifecycle([reply(("sunset", "junk"))], NOW).sunset_in_seconds is None


def test_foreign_origins() -> None:
    named = ("access-control-allow-origin", cors.FOREIGN)
    found = cors.judge(reply(named, ("access-control-allow-credentials", "true")))
    assert (found.reflected, found.credentials, found.varies) == (True, True, False)
    assert cors.judge(reply(named, ("vary", "Accept, ORIGIN"))).varies
    anybody = cors.judge(reply(("access-control-allow-origin", "*")))
    assert (anybody.allowed, anybody.reflected) == ("*", False)
    assert cors.judge(reply()).allowed is None


@pytest.mark.parametrize("body", [b"<!-- x -->" * 900, b"[" * 200_000, b'{"a":' * 50_000])
def test_looking_is_bounded(body: bytes) -> None:
    errors.sniff(body)


@given(
    st.binary(max_size=300),
    st.lists(
        st.tuples(
            st.sampled_from(["content-type", "deprecation", "sunset", "link", "retry-after",
                             "access-control-allow-origin", "content-encoding"]),
            st.text(st.characters(max_codepoint=255), max_size=80),
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_anything_gives_facts(body: bytes, fields: list[tuple[str, str]]) -> None:
    response = reply(*fields, body=body, status=429)
    found = errors.body_of("/", response)
    assert safe(found.declared)
    assert safe(found.misfit)
    errors.refusal("/", response)
    errors.lifecycle([response], NOW)
    cors.judge(response)
