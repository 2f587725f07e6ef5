"""Where a legitimate server could be blamed: what the probe leaves out of the facts."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from seventh.net.stopwatch import user_mark
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import Hsts
from seventh.protocols.http.probe.content import coding, cookies
from seventh.protocols.http.probe.hsts import dated, hsts_of
from seventh.protocols.http.rules.origin import hsts
from seventh.protocols.http.wire.url import Origin
from seventh.rules.rule import Hit, Skip
from seventh.web.message import Response


def answer(*headers: tuple[str, str], status: int = 200) -> Response:
    at = user_mark()
    return Response(status=status, version="1.1", headers=headers, sent=at, first=at, last=at)


def test_common_cookies() -> None:
    seen = [
        answer(("set-cookie", "lang=en; Path=/"), ("set-cookie", "sid=a1")),
        answer(("set-cookie", "lang=en; Path=/; Secure"), ("set-cookie", "sid=b2")),
        answer(("set-cookie", "once=1")),
    ]
    assert cookies.common(seen) == ("lang",)
    assert cookies.session(seen[0]) == "lang=en; sid=a1"


def test_a_masked_token_is_no_lasting_secret() -> None:
    page = '<input type="hidden" name="{name}" value="{value}">'

    def both(one: str, two: str) -> bytes:
        first = page.format(name="csrf_token", value=one)
        return (first + page.format(name="xsrf", value=two)).encode()

    fixed, masked, other = "A" * 20, "B" * 20, "C" * 20
    assert coding.secrets_in(both(fixed, masked)) == ("csrf_token", "xsrf")
    assert coding.lasting_secrets(both(fixed, masked), both(fixed, other)) == ("csrf_token",)


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "LOCALHOST"])
def test_hsts_of_localhost_is_not_wanted(host: str) -> None:
    found = hsts_of(Origin("https", host, 443), answer())
    assert isinstance(hsts(HttpFacts(hsts=found)), Skip)


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
