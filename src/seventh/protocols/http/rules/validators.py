"""Rules on validators and conditional requests (RFC 9110 §8.8 and §13)."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Validation
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.caching_examples import (
    NOT_LOOKED,
    PUBLIC,
    VALIDATED,
    cached_of,
    content,
    validated_of,
    validation,
    variants,
)
from seventh.protocols.http.rules.proxy_fixes import ENVOY
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_LONG_SECONDS = 86400
"""An immutable response that is fresh for so long is not revalidated."""


@rule(
    "HTTP-NO-VALIDATOR",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Cacheable response without a validator",
    evidence="{what}; Cache-Control: {directives}",
    phrases={"what": {
        "none": "neither ETag nor Last-Modified",
        "stripped": "the {coding} response has neither ETag nor Last-Modified, although the "
        "uncompressed one has {etag}",
    }},
    why="Caches may store this response, but cannot revalidate it: once it is stale, all of it is "
    "sent again, changed or not.",
    fix={
        "nginx": "# for files; an application behind proxy_pass must send its own ETag\netag on;",
        "caddy": "# sends ETag and Last-Modified; behind reverse_proxy the application must\n"
        "file_server",
        "apache": "# for files; behind ProxyPass the application must send it\nFileETag MTime Size",
        "envoy": ENVOY["validator"],
        "any": "Send an ETag, such as a hash of the content, with every cacheable response.",
    },
    references=("RFC 9110 §8.8", "RFC 9111 §4.3.1"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC, validation=VALIDATED),
    bad=content(caching=PUBLIC, validation=Validation()),
    choice=("caddy",),
    directives={"nginx": ("etag", "add_header"), "caddy": ("header etag", "header last-modified")},
)  # fmt: skip
def no_validator(http: HttpFacts) -> Verdict:
    """Report a 200 that caches may store, with neither validator.

    Low without a lifetime, for caches then cannot guess one either; no finding for a response that
    never changes (RFC 8246 §2).
    """
    if http.config is not None:
        return file.no_validator(http.config)
    cached, validated = cached_of(http), validated_of(http)
    if isinstance(cached, Skip):
        return cached
    if isinstance(validated, Skip):
        return validated
    if not (cached.storable_private or cached.storable_shared):
        return None
    stripped = None
    if validated.etag is not None or validated.last_modified is not None:
        stripped = _stripped(http, validated)
        if stripped is None:
            return None
    if "immutable" in cached.directives and (cached.lifetime_private_seconds or 0) >= _LONG_SECONDS:
        return None
    severity = Severity.LOW if cached.freshness == "heuristic" else None
    directives = cached.directives or ("absent",)
    if stripped is None:
        return Hit(severity, what="none", directives=directives)
    etag = validated.etag or ""
    return Hit(severity, what="stripped", coding=stripped, etag=etag, directives=directives)


def _stripped(http: HttpFacts, validated: Validation) -> str | None:
    """Return the coding of the response that browsers store, where it lost the only validator."""
    assert http.content is not None  # noqa: S101 - there is no Validation without it
    coding = http.content.coding
    shown = coding.variant("any") if coding is not None else None
    if shown is None or not shown.coding or shown.etag is not None or validated.last_modified:
        return None
    return shown.coding


@rule(
    "HTTP-ETAG-IGNORED",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="A matching validator is ignored",
    evidence="200 with the same content, instead of 304, for {ignored}",
    why="The client already has this content and sends its validator. The server sends all of it "
    "again instead of a 304 without content, so that revalidation saves nothing.",
    fix={
        "nginx": "# for files (sub_filter, ssi and addition remove the ETag); behind proxy_pass "
        "the application must compare\netag on;\nif_modified_since exact;",
        "apache": "# the suffix that mod_deflate adds to the ETag does not match in If-None-Match; "
        "without an ETag, clients use Last-Modified\n"
        "DeflateAlterETag Remove\n# with mod_brotli\nBrotliAlterETag Remove",
        "any": "Compare If-None-Match with the ETag of the response that would be sent, and answer "
        "304 where they match.",
    },
    references=("RFC 9110 §13.1.2", "RFC 9110 §13.1.3"),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(etag_status=200, etag_same_bytes=True),
)
def etag_ignored(http: HttpFacts) -> Verdict:
    """Report a full response with the same bytes to a condition that does not hold."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if _drifts(validated):
        return Skip("the ETag changes with each response, so none can match")
    asked = {
        "If-None-Match": (validated.etag_status, validated.etag_same_bytes),
        f"If-None-Match ({validated.coded})": (validated.coded_status, validated.coded_same_bytes),
    }
    if validated.etag is None:
        # Where there is an ETag, caches send that (RFC 9110 §13.1.3).
        asked["If-Modified-Since"] = (validated.date_status, validated.date_same_bytes)
    if all(status is None for status, _ in asked.values()):
        return Skip("the response has no validator")
    ignored = tuple(name for name, (status, same) in asked.items() if status == 200 and same)
    return Hit(ignored=ignored) if ignored else None


@rule(
    "HTTP-ETAG-UNSTABLE",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="The same content has different ETags",
    evidence="the same content has the ETags {etags}",
    why="A client that reaches another node, or revalidates, gets everything again although "
    "nothing changed, and resumed downloads start over.",
    fix={
        "apache": "# without INode, which differs by node; copy files to all nodes with the same "
        "times (rsync --times)\nFileETag MTime Size",
        "any": "Compute the ETag from the content, not from inode, time or node. nginx and Caddy "
        "compute a file's from its time and size: copy files to all nodes with the same times "
        "(rsync --times).",
    },
    references=("RFC 9110 §8.8.3",),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(etags={"192.0.2.1": '"a"', "192.0.2.2": '"b"'}),
)
def etag_unstable(http: HttpFacts) -> Verdict:
    """Report more than one ETag for the same bytes, at several addresses or over time."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if len(validated.etags) < 2:
        return Skip("no two responses had an ETag and the same content")
    if len(_opaque(validated)) < 2:
        return None
    places: dict[str, list[str]] = {}
    for place, tag in validated.etags.items():
        named = places.setdefault(tag, [])
        if place != "repeated" or _drifts(validated):
            named.append(place)
    return Hit(etags=tuple(f"{tag} ({', '.join(named)})" for tag, named in places.items()))


def _drifts(validated: Validation) -> bool:
    """Return whether the same address gave another ETag the second time."""
    again = validated.etags.get("repeated")
    others = [tag for place, tag in validated.etags.items() if place != "repeated"]
    return again is not None and bool(others) and again not in others


def _opaque(validated: Validation) -> set[str]:
    """Return the ETags as If-None-Match compares them: weakly (RFC 9110 §8.8.3)."""
    return {tag.removeprefix("W/") for tag in validated.etags.values()}


@rule(
    "HTTP-ETAG-ENC",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="One strong ETag for two encodings",
    evidence="the responses in {codings} have the same strong ETag {etag}",
    why="A strong ETag guarantees identical bytes. Caches and clients that resume a download with "
    "ranges combine parts of the plain and of the compressed form: the result is corrupt.",
    fix={
        "nginx": "# makes the ETag weak when it compresses; an application that compresses must "
        "send one for each coding\ngzip on;",
        "caddy": "# sends a different ETag for each coding since Caddy 2.8\nencode zstd gzip",
        "apache": "DeflateAlterETag AddSuffix\n# with mod_brotli\nBrotliAlterETag AddSuffix",
        "any": 'Send a different ETag for each coding, such as with a suffix ("abc-br"), or a weak '
        'one (W/"abc").',
    },
    references=("RFC 9110 §8.8.3.3", "RFC 9110 §8.8.1"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC, coding=variants('"a"', '"a-br"')),
    bad=content(caching=PUBLIC, coding=variants('"a"', '"a"')),
)
def etag_encoding(http: HttpFacts) -> Verdict:
    """Report the same strong ETag on responses of different content codings."""
    if http.content is None or http.content.coding is None:
        return NOT_LOOKED
    tagged: dict[str, list[str]] = {}
    shown = [v for v in http.content.coding.variants if v.status == 200 and v.etag is not None]
    if len({v.coding for v in shown}) < 2:
        return Skip("fewer than two codings of the content had an ETag")
    for variant in shown:
        tagged.setdefault(variant.etag or "", []).append(variant.coding or "identity")
    for tag, codings in tagged.items():
        if not tag.startswith("W/") and len(set(codings)) > 1:
            return Hit(etag=tag, codings=tuple(dict.fromkeys(codings)))
    return None


@rule(
    "HTTP-304-HDRS",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="A 304 lacks required fields",
    evidence="the 304 lacks {dropped}, which the 200 has",
    why="A 304 updates the fields of a cache's stored response. Without these, caches keep the old "
    "lifetime, or cannot decide which of several stored responses it applies to.",
    fix={
        "nginx": "# repeat in each inner block that has its own add_header lines\n"
        'add_header Cache-Control "public, max-age=60" always;\n'
        "# replaces gzip_vary, which does not apply to 304\n"
        "add_header Vary Accept-Encoding always;",
        "apache": 'Header always set Cache-Control "public, max-age=60"\n'
        "Header always merge Vary Accept-Encoding",
        "any": "Send in a 304 the Cache-Control, Content-Location, Date, ETag, Expires and Vary "
        "that the 200 would have.",
    },
    references=("RFC 9110 §15.4.5", "RFC 9111 §4.3.4"),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(dropped=("etag", "vary")),
)
def thin_304(http: HttpFacts) -> Verdict:
    """Report fields that the 200 had and that a 304 must repeat."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if validated.dropped is None:
        return Skip("no 304 was received")
    return Hit(dropped=validated.dropped) if validated.dropped else None
