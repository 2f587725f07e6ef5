"""The borders of the rules on caching, content and interfaces."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import (
    Api,
    Asset,
    Body,
    Coding,
    ContentFacts,
    Cors,
    EventStream,
    Lifecycle,
    Refusal,
    Repetition,
    Validation,
    Variant,
)
from seventh.protocols.http.rules import caching as rules_caching
from seventh.protocols.http.rules import content, rest, validators
from seventh.protocols.http.rules.caching_examples import caching, validation
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled

KIB = 1024
DAY = 86400


def facts(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**parts))


def text(*variants: Variant, **fields: Any) -> HttpFacts:
    known: dict[str, Any] = {"content_type": "text/html", "compressible": True, "secure": True}
    return facts(coding=Coding(variants=variants, **(known | fields)))


def variant(offered: str, coding: str = "", size: int = 5000, **fields: Any) -> Variant:
    known: dict[str, Any] = {"wire_bytes": size, "content_bytes": size, "status": 200}
    return Variant(offered=offered, coding=coding, **(known | fields))


def test_validators_matter_only_where_replies_are_kept() -> None:
    kept = {"storable_shared": False, "storable_private": False}
    judged = validators.no_validator(
        HttpFacts(
            content=ContentFacts(
                caching=caching(**kept).content.caching,  # type: ignore[union-attr]
                validation=Validation(),
            )
        )
    )
    assert judged is None


@pytest.mark.parametrize(
    ("fields", "fires"),
    [
        ({"etag_status": 200, "etag_same_bytes": True}, True),
        ({"etag_status": 200, "etag_same_bytes": False}, False),
        ({"etag_status": 200, "etag_same_bytes": None}, False),
        ({"coded": "br", "coded_status": 200, "coded_same_bytes": True}, True),
        ({"date_status": 200, "date_same_bytes": True}, False),
        ({"etag": None, "etag_status": None, "date_status": 200, "date_same_bytes": True}, True),
    ],
)
def test_ignored_validators(fields: dict[str, Any], fires: bool) -> None:
    """Of a reply with an ETag, that alone decides; another content may have come for a reason."""
    verdict = validators.etag_ignored(validation(**fields))
    assert isinstance(verdict, Hit) == fires


def test_an_unstable_etag_cannot_match() -> None:
    changing = validation(
        etag_status=200, etag_same_bytes=True, etags={"first": '"a"', "repeated": '"b"'}
    )
    assert isinstance(validators.etag_ignored(changing), Skip)
    assert isinstance(validators.etag_unstable(changing), Hit)


@pytest.mark.parametrize(
    ("tags", "fires"),
    [(('"a"', '"a"'), True), (('W/"a"', 'W/"a"'), False), (('"a"', 'W/"a"'), False)],
)
def test_strong_tags_over_codings(tags: tuple[str, str], fires: bool) -> None:
    shown = text(variant("identity", etag=tags[0]), variant("any", "br", etag=tags[1]))
    assert isinstance(validators.etag_encoding(shown), Hit) == fires


def test_leaks() -> None:
    said = rules_caching.cache_leak(
        caching(sets_cookies=("sid",), public=False, directives=("max-age=60",))
    )
    assert isinstance(said, Hit) and said.severity is Severity.MEDIUM
    told = rules_caching.cache_leak(caching(authenticated=True, directives=("s-maxage=5",)))
    assert isinstance(told, Hit) and told.severity is Severity.HIGH
    assert rules_caching.cache_leak(caching(sets_cookies=("a",), private_cookies=True)) is None
    unused = caching(sets_cookies=("a",), directives=("public", "no-cache"))
    assert rules_caching.cache_leak(unused) is None
    heuristic = caching(sets_cookies=("a",), public=False, lifetime_shared_seconds=None)
    assert rules_caching.cache_leak(heuristic) is None


@pytest.mark.parametrize(
    ("fields", "fires"),
    [
        ({"stale_while_revalidate_seconds": None}, True),
        ({"stale_while_revalidate_seconds": None, "stale_if_error_seconds": 0}, False),
        ({"stale_while_revalidate_seconds": None, "must_revalidate": True}, False),
        ({"stale_while_revalidate_seconds": None, "lifetime_shared_seconds": 0,
          "lifetime_private_seconds": 0}, False),
    ],
)  # fmt: skip
def test_staleness(fields: dict[str, Any], fires: bool) -> None:
    assert isinstance(rules_caching.no_stale(caching(**fields)), Hit) == fires


def test_vary_by_origin() -> None:
    base = caching().content
    assert base is not None
    coding = Coding(variants=(variant("identity", vary=("accept-encoding",)),))

    def judged(**fields: Any) -> bool:
        found = ContentFacts(caching=base.caching, coding=coding, cors=Cors(**fields))
        return isinstance(rules_caching.vary(HttpFacts(content=found)), Hit)

    assert judged(allowed="https://x", reflected=True)
    assert not judged(allowed="https://x", reflected=True, varies=True)
    assert not judged(allowed="*")


@pytest.mark.parametrize(("size", "fires"), [(KIB - 1, False), (KIB, True)])
def test_what_is_worth_compressing(size: int, fires: bool) -> None:
    shown = text(variant("identity", size=size), variant("any", size=size))
    verdict = content.no_compress(shown)
    assert isinstance(verdict, Hit) == fires
    assert fires or isinstance(verdict, Skip)


def test_assets_count_where_the_page_does_not() -> None:
    script = Asset(path="/a.js", status=200, compressible=True, wire_bytes=9000, content_bytes=9000)
    found = facts(
        coding=Coding(compressible=None, secure=True, variants=(variant("any"),)), assets=(script,)
    )
    verdict = content.no_compress(found)
    assert isinstance(verdict, Hit)
    assert verdict.params["plain"] == ("/a.js (9000 bytes)",)


def test_brotli() -> None:
    plain = text(variant("any", "gzip", 900, content_bytes=5000))
    assert isinstance(content.no_brotli(plain), Hit)
    assert content.no_brotli(text(variant("any", "zstd", 900, content_bytes=5000))) is None
    late = text(variant("any", "gzip", 900, content_bytes=5000), variant("br", "br", 800))
    # br for those who offer nothing else reaches no browser: they offer gzip beside it.
    assert isinstance(content.no_brotli(late), Hit)
    clear = text(variant("any", "gzip", 900, content_bytes=5000), secure=False)
    assert isinstance(content.no_brotli(clear), Skip)
    assert isinstance(content.no_brotli(text(variant("any"))), Skip)


def test_codings_that_add() -> None:
    grown = text(variant("any", "gzip", 5100, content_bytes=5000))
    assert isinstance(content.compress_waste(grown), Hit)
    small = text(variant("any", "gzip", 60, content_bytes=50))
    assert content.compress_waste(small) is None


@pytest.mark.parametrize(
    ("fields", "fires"),
    [
        ({"size": 1024 * KIB}, None),
        ({"size": 1024 * KIB + 1}, True),
        ({"size": 1024 * KIB, "truncated": True}, True),
        ({"size": 5000, "truncated": True}, False),
    ],
)
def test_large_json(fields: dict[str, Any], fires: bool | None) -> None:
    verdict = content.payload(
        text(variant("identity", **fields), content_type="application/x+json")
    )
    kind = {True: Hit, False: Skip, None: type(None)}[fires]
    assert isinstance(verdict, kind)
    page = text(variant("identity", size=9_000_000))
    assert content.payload(page) is None


def test_limits_that_are_told() -> None:
    told = facts(refusals=(Refusal(path="/", status=429, rate_limit=("ratelimit",)),))
    assert content.retry_info(told) is None
    assert isinstance(content.retry_info(facts(refusals=())), Skip)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ({"method": "DELETE", "first_status": 204, "second_status": 404}, type(None)),
        ({"method": "DELETE", "first_status": 204, "second_status": 500}, Skip),
        ({"method": "DELETE", "first_status": 204, "second_status": 429}, Skip),
        ({"method": "DELETE", "first_status": 401, "second_status": 401}, Skip),
        ({"method": "PUT", "first_status": 201, "second_status": 200}, type(None)),
        ({"method": "PUT", "first_status": 201, "second_status": 201}, Hit),
        ({"method": "POST", "keyed": True, "first_status": 201, "second_status": 409}, type(None)),
        ({"method": "POST", "keyed": True, "first_status": 200, "second_status": 200,
          "same_body": False}, Hit),
        ({"method": "POST", "keyed": True, "first_status": 200, "second_status": 200,
          "same_body": None}, type(None)),
    ],
)  # fmt: skip
def test_repetitions(seen: dict[str, Any], verdict: type) -> None:
    assert isinstance(content.idempotency(facts(repetition=Repetition(**seen))), verdict)


def test_interfaces_alone_owe_problem_details() -> None:
    page = Body(path="/x", status=404, declared="text/html", seen="html")
    people = facts(api=Api(speaks=False), error=page)
    assert isinstance(rest.error_format(people), Skip)
    assert isinstance(rest.schema(people), Skip)
    soft = Body(path="/x", status=200, declared="application/problem+json", problem=True)
    verdict = rest.error_format(facts(api=Api(speaks=True), error=soft))
    assert isinstance(verdict, Hit)
    assert (verdict.params["what"], verdict.params["status"]) == ("not-an-error", 200)
    invalid = replace(soft, status=404, problem=False)
    verdict = rest.error_format(facts(api=Api(speaks=True), error=invalid))
    assert isinstance(verdict, Hit) and verdict.params["what"] == "not-problem"


def test_broken_descriptions_weigh_more() -> None:
    api = Api(speaks=True, described_at="/o", description="OpenAPI 3", violations=("$ lacks a",))
    verdict = rest.schema(facts(api=api))
    assert isinstance(verdict, Hit) and verdict.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("fields", "evidence"),
    [
        ({"sunset_in_seconds": 10 * DAY}, "is to be removed in 10 d"),
        ({"sunset_in_seconds": DAY - 1}, "is to be removed today"),
        ({"sunset_in_seconds": -DAY}, "was to be removed 1 d ago"),
        ({"deprecated": True}, "is deprecated"),
        ({"deprecated": True, "deprecated_in_seconds": DAY, "sunset_in_seconds": 3 * DAY},
         "will be deprecated in 1 d; is to be removed in 3 d"),
    ],
)  # fmt: skip
def test_sunset(fields: dict[str, Any], evidence: str) -> None:
    verdict = rest.sunset(facts(lifecycle=Lifecycle(**fields)))
    assert isinstance(verdict, Hit)
    words = filled(rest.sunset.words, verdict.params)
    assert words.evidence == f"the resource {evidence}"
    assert "the successor that its documentation names" in words.fix["any"]


@pytest.mark.parametrize(
    ("heard", "verdict"),
    [
        ({"seconds": 40.0, "comments": 2, "silence_seconds": 15.0}, type(None)),
        ({"seconds": 40.0, "events": 9, "silence_seconds": 24.0}, type(None)),
        ({"seconds": 40.0, "events": 9, "silence_seconds": 25.0}, Hit),
        ({"seconds": 70.0, "comments": 2, "silence_seconds": 30.0}, type(None)),
        ({"seconds": 70.0, "comments": 1, "silence_seconds": 55.0}, Hit),
        ({"seconds": 5.0, "events": 1, "silence_seconds": 4.0}, Skip),
        ({"seconds": 5.0, "comments": 1, "silence_seconds": 4.0}, type(None)),
        ({"seconds": 5.0, "ended": True, "ended_silent_seconds": 3.0}, Hit),
        ({"seconds": 5.0, "ended": True, "ended_silent_seconds": 0.0}, Skip),
        ({"seconds": 5.0, "cut_events": 2}, Hit),
    ],
)
def test_heartbeats(heard: dict[str, Any], verdict: type) -> None:
    assert isinstance(rest.heartbeat(facts(events=EventStream(**heard))), verdict)
