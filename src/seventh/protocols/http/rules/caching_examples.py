"""Shared parts of the rules on content: example facts, and access to the facts."""

from __future__ import annotations

from typing import Any

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import (
    Body,
    Caching,
    Coding,
    ContentFacts,
    Validation,
    Variant,
)
from seventh.rules.rule import Skip

NOT_LOOKED = Skip("the content was not checked")
PUBLIC = Caching(
    status=200, directives=("public", "max-age=60", "stale-while-revalidate=60"),
    storable_shared=True, storable_private=True, freshness="explicit", public=True,
    lifetime_shared_seconds=60, lifetime_private_seconds=60, stale_while_revalidate_seconds=60,
)  # fmt: skip
VALIDATED = Validation(
    etag='"a"', last_modified="Sun, 22 Nov 2026 09:00:00 GMT", etag_status=304, date_status=304,
    dropped=(), etags={"192.0.2.1": '"a"', "192.0.2.2": '"a"'},
)  # fmt: skip

PROBLEM = Body(
    path="/seventh-…", status=404, declared="application/problem+json", seen="json", problem=True
)
JSON_ERROR = Body(path="/seventh-…", status=404, declared="application/json", seen="json")
JSON = Body(path="/", status=200, declared="application/json", seen="json")


def content(**parts: Any) -> HttpFacts:
    """Return facts with these parts of the content's."""
    return HttpFacts(content=ContentFacts(**parts))


def caching(**fields: Any) -> HttpFacts:
    """Return good facts but for ``fields`` of what caches may do."""
    known = {name: getattr(PUBLIC, name) for name in PUBLIC.__struct_fields__}
    return content(caching=Caching(**(known | fields)), validation=VALIDATED)


def validation(**fields: Any) -> HttpFacts:
    """Return good facts but for ``fields`` of what conditional requests showed."""
    known = {name: getattr(VALIDATED, name) for name in VALIDATED.__struct_fields__}
    return content(caching=PUBLIC, validation=Validation(**(known | fields)))


def cached_of(http: HttpFacts) -> Caching | Skip:
    """Return what caches may do with the representation, where it is one (200)."""
    if http.content is None or http.content.caching is None:
        return NOT_LOOKED
    if http.content.caching.status != 200:
        return Skip(f"the status is {http.content.caching.status}, not 200")
    return http.content.caching


def validated_of(http: HttpFacts) -> Validation | Skip:
    """Return what conditional requests to the representation showed."""
    if http.content is None or http.content.validation is None:
        return NOT_LOOKED if http.content is None else Skip("no conditional request was answered")
    return http.content.validation


def variants(*tags: str, vary: tuple[str, ...] = ("accept-encoding",)) -> Coding:
    """Return facts of a text whose plain form and br have these ETags."""
    names = ("identity", "any")
    return Coding(
        content_type="text/html", compressible=True, secure=True,
        variants=tuple(
            Variant(
                offered=name, status=200, coding="" if name == "identity" else "br",
                wire_bytes=5000 if name == "identity" else 1000, content_bytes=5000,
                digest="d", etag=tag, vary=vary,
            )
            for name, tag in zip(names, tags, strict=True)
        ),
    )  # fmt: skip


def coded(*codings: str, wire: int = 1000, **fields: Any) -> HttpFacts:
    """Return a text of 5000 bytes, of which each of ``codings`` leaves ``wire``."""
    identity = Variant(offered="identity", status=200, wire_bytes=5000, content_bytes=5000)
    best = codings[0] if codings else ""
    offers = [("any", best), *((c, c if c in codings else "") for c in ("br", "gzip") if c != best)]
    others = tuple(
        Variant(
            offered=offer, status=200, coding=coding, wire_bytes=wire if coding else 5000,
            content_bytes=5000,
        )
        for offer, coding in offers
    )  # fmt: skip
    known: dict[str, Any] = {"compressible": True, "secure": True, "variants": (identity, *others)}
    return content(coding=Coding(**({"content_type": "text/html"} | known | fields)))
