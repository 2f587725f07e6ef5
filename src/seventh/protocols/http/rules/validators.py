"""Rules about validators and conditional requests (RFC 9110 §8.8 and §13)."""

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
"""An immutable reply that is fresh for so long is asked about no more."""


@rule(
    "HTTP-NO-VALIDATOR",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="A cacheable reply without a validator",
    evidence="neither ETag nor Last-Modified{where}; Cache-Control: {directives}",
    why="Caches may keep this reply, but cannot ask whether it still holds: once it is stale, all "
    "of it is sent again, changed or not.",
    fix={
        "nginx": "# for files; an application behind proxy_pass sends its own ETag\netag on;",
        "caddy": "# sends ETag and Last-Modified; behind reverse_proxy the application does\n"
        "file_server",
        "apache": "# for files; behind ProxyPass the application sends it\nFileETag MTime Size",
        "envoy": ENVOY["validator"],
        "any": "Send ETag, a hash of the content, with every cacheable reply.",
    },
    references=("RFC 9110 §8.8", "RFC 9111 §4.3.1"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC, validation=VALIDATED),
    bad=content(caching=PUBLIC, validation=Validation()),
    directives={"nginx": ("etag", "add_header"), "caddy": ("header etag", "header last-modified")},
)
def no_validator(http: HttpFacts) -> Verdict:
    """Return a 200 that caches may store, with neither validator.

    Low where no lifetime is given either, for caches then have nothing to guess one by; and of no
    matter where the reply is said never to change (RFC 8246 §2).
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
    where = ""
    if validated.etag is not None or validated.last_modified is not None:
        where = _stripped(http, validated)
        if not where:
            return None
    if "immutable" in cached.directives and (cached.lifetime_private_seconds or 0) >= _LONG_SECONDS:
        return None
    severity = Severity.LOW if cached.freshness == "heuristic" else None
    return Hit(severity, where=where, directives=cached.directives or ("absent",))


def _stripped(http: HttpFacts, validated: Validation) -> str:
    """Return where a coded reply, which is what browsers keep, has lost the only validator."""
    assert http.content is not None  # noqa: S101 - there is no Validation without it
    coding = http.content.coding
    shown = coding.variant("any") if coding is not None else None
    if shown is None or shown.status != 200 or not shown.coding or shown.etag is not None:
        return ""
    if validated.last_modified is not None:
        return ""
    return f" in {shown.coding}, though the plain reply has {validated.etag}"


@rule(
    "HTTP-ETAG-IGNORED",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="A matching validator is ignored",
    evidence="{ignored}",
    why="The client has this very content and says so; the server sends it again in full instead "
    "of a 304 without content, so that revalidating saves nothing.",
    fix={
        "nginx": "# for files, where sub_filter, ssi and addition drop the ETag; behind proxy_pass "
        "the application compares\netag on;\nif_modified_since exact;",
        "apache": "# the suffix that mod_deflate adds to the ETag does not match on the way back: "
        "without one, coded replies are asked for by Last-Modified\n"
        "DeflateAlterETag Remove\n# with mod_brotli\nBrotliAlterETag Remove",
        "any": "Compare If-None-Match with the ETag of the reply that would be sent, and answer "
        "304.",
    },
    references=("RFC 9110 §13.1.2", "RFC 9110 §13.1.3"),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(etag_status=200, etag_same_bytes=True),
)
def etag_ignored(http: HttpFacts) -> Verdict:
    """Return a full reply with the same bytes to a condition that does not hold."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if _drifts(validated):
        return Skip("the ETag differs from reply to reply, so that none can match")
    asked = (
        ("If-None-Match", "", validated.etag_status, validated.etag_same_bytes),
        ("If-None-Match", validated.coded, validated.coded_status, validated.coded_same_bytes),
        # Where there is an ETag, it is what caches ask by (RFC 9110 §13.1.3).
        *(
            (("If-Modified-Since", "", validated.date_status, validated.date_same_bytes),)
            if validated.etag is None
            else ()
        ),
    )
    if all(status is None for _, _, status, _ in asked):
        return Skip("there was no validator to ask with")
    ignored = tuple(
        f"{name} with the reply's own value{f' ({coded})' if coded else ''} gives 200 and the "
        "same content"
        for name, coded, status, same in asked
        if status == 200 and same
    )
    return Hit(ignored=ignored) if ignored else None


@rule(
    "HTTP-ETAG-UNSTABLE",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="The same bytes get different ETags",
    evidence="the same content has {etags}",
    why="A client that comes back to another node, or asks twice, gets everything again although "
    "nothing has changed, and downloads that are resumed start over.",
    fix={
        "apache": "# without INode, which differs from node to node; and give files the same "
        "times on all nodes, as with rsync --times\nFileETag MTime Size",
        "any": "Make the ETag of the content's hash, not of inode, time or node. Servers of files "
        "make it of time and size (nginx and Caddy do): give files the same times on all nodes, "
        "as with rsync --times.",
    },
    references=("RFC 9110 §8.8.3",),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(etags={"192.0.2.1": '"a"', "192.0.2.2": '"b"'}),
)
def etag_unstable(http: HttpFacts) -> Verdict:
    """More than one ETag for content that is the same byte for byte, at places or in time."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if len(validated.etags) < 2:
        return Skip("no two replies had an ETag and the same content")
    if len(_opaque(validated)) < 2:
        return None
    places: dict[str, list[str]] = {}
    for place, tag in validated.etags.items():
        named = places.setdefault(tag, [])
        if place != "repeated" or _drifts(validated):
            named.append(place)
    return Hit(etags=tuple(f"{tag} ({', '.join(named)})" for tag, named in places.items()))


def _drifts(validated: Validation) -> bool:
    """Return whether the same place gave another ETag when it was asked again."""
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
    evidence="the strong ETag {etag} stands for {codings}",
    why="A strong ETag promises the same bytes. Caches and clients that resume a download by "
    "ranges put together pieces of the plain and of the compressed form: what comes out is broken.",
    fix={
        "nginx": "# makes the ETag weak when it compresses; an application that compresses sends "
        "one for each coding\ngzip on;",
        "caddy": "# gives each coding an ETag of its own since Caddy 2.8\nencode zstd gzip",
        "apache": "DeflateAlterETag AddSuffix\n# with mod_brotli\nBrotliAlterETag AddSuffix",
        "any": 'Give each coding its own ETag, as with a suffix ("abc-br"), or make it weak '
        '(W/"abc").',
    },
    references=("RFC 9110 §8.8.3.3", "RFC 9110 §8.8.1"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC, coding=variants('"a"', '"a-br"')),
    bad=content(caching=PUBLIC, coding=variants('"a"', '"a"')),
)
def etag_encoding(http: HttpFacts) -> Verdict:
    """Return the same strong ETag on replies of different content codings."""
    if http.content is None or http.content.coding is None:
        return NOT_LOOKED
    tagged: dict[str, list[str]] = {}
    shown = [v for v in http.content.coding.variants if v.status == 200 and v.etag is not None]
    codings = {v.coding for v in shown}
    if len(codings) < 2:
        return Skip("no two codings of the content had an ETag")
    for variant in shown:
        tags = tagged.setdefault(variant.etag or "", [])
        if (variant.coding or "identity") not in tags:
            tags.append(variant.coding or "identity")
    for tag, stands_for in tagged.items():
        if not tag.startswith("W/") and len(stands_for) > 1:
            return Hit(etag=tag, codings=" and ".join(stands_for))
    return None


@rule(
    "HTTP-304-HDRS",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="A 304 lacks fields",
    evidence="the 304 lacks {dropped}, which the 200 has",
    why="A 304 renews what caches know of the stored reply. Without these fields they keep the old "
    "lifetime, or cannot tell which of several stored replies is meant.",
    fix={
        "nginx": "# again in each inner block that has add_header lines of its own\n"
        'add_header Cache-Control "public, max-age=60" always;\n'
        "# in the place of gzip_vary, which leaves 304 out\n"
        "add_header Vary Accept-Encoding always;",
        "apache": 'Header always set Cache-Control "public, max-age=60"\n'
        "Header always merge Vary Accept-Encoding",
        "any": "Send with a 304 the Cache-Control, Content-Location, Date, ETag, Expires and Vary "
        "that the 200 would have.",
    },
    references=("RFC 9110 §15.4.5", "RFC 9111 §4.3.4"),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(dropped=("etag", "vary")),
)
def thin_304(http: HttpFacts) -> Verdict:
    """Fields that the 200 had and that a 304 must repeat."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if validated.dropped is None:
        return Skip("no 304 was received")
    return Hit(dropped=validated.dropped) if validated.dropped else None
