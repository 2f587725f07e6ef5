"""Rules about validators and conditional requests (RFC 9110 §8.8 and §13)."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http import config_verdicts
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_content import Validation
from seventh.protocols.http.rules_caching_examples import (
    NOT_LOOKED,
    PUBLIC,
    VALIDATED,
    cached_of,
    content,
    validated_of,
    validation,
    variants,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "HTTP-NO-VALIDATOR",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="A cacheable reply without a validator",
    evidence="neither ETag nor Last-Modified; Cache-Control: {directives}",
    why="Caches may keep this reply, but cannot ask whether it still holds: once it is stale, all "
    "of it is sent again, changed or not.",
    fix={
        "nginx": "etag on;   # for files; an application behind proxy_pass sends its own ETag",
        "caddy": "file_server   # sends ETag and Last-Modified; behind reverse_proxy the "
        "application does",
        "apache": "# for files; behind ProxyPass the application sends it\nFileETag MTime Size",
        "any": "Send ETag, a hash of the content, with every cacheable reply.",
    },
    references=("RFC 9110 §8.8", "RFC 9111 §4.3.1"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC, validation=VALIDATED),
    bad=content(caching=PUBLIC, validation=Validation()),
    directives={"nginx": ("etag", "add_header")},
)
def no_validator(http: HttpFacts) -> Verdict:
    """A 200 that caches may store, with neither validator."""
    if http.config is not None:
        return config_verdicts.no_validator(http.config)
    cached, validated = cached_of(http), validated_of(http)
    if isinstance(cached, Skip):
        return cached
    if isinstance(validated, Skip):
        return validated
    if not (cached.storable_private or cached.storable_shared):
        return None
    if validated.etag is not None or validated.last_modified is not None:
        return None
    return Hit(directives=cached.directives or ("absent",))


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
        "nginx": "etag on;\nif_modified_since exact;\n"
        "# behind proxy_pass the application compares If-None-Match; sub_filter, ssi and addition "
        "drop the ETag",
        "caddy": "# remove header lines that set or delete ETag; the application compares "
        "If-None-Match",
        "apache": "# the suffix that mod_deflate adds to the ETag does not match on the way back: "
        "without one, coded replies are asked for by Last-Modified\n"
        "DeflateAlterETag Remove\nBrotliAlterETag Remove",
        "any": "Compare If-None-Match with the ETag of the reply that would be sent, and answer "
        "304.",
    },
    references=("RFC 9110 §13.1.2", "RFC 9110 §13.1.3"),
    seed=("12.10.3",),
    good=validation(),
    bad=validation(etag_status=200, etag_same_bytes=True),
)
def etag_ignored(http: HttpFacts) -> Verdict:
    """A full reply with the same bytes to a condition that does not hold."""
    validated = validated_of(http)
    if isinstance(validated, Skip):
        return validated
    if len(set(validated.etags.values())) > 1:
        return Skip("the ETag differs from reply to reply, so that none can match")
    asked = (
        ("If-None-Match", "", validated.etag_status, validated.etag_same_bytes),
        ("If-None-Match", validated.coded, validated.coded_status, validated.coded_same_bytes),
        # RFC 9110 §13.2.2 lets a server that sends an ETag be asked by it alone.
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
        "nginx": "# the ETag is made of time and size: give files the same times on all nodes, "
        "as with rsync --times",
        "apache": "# without INode, which differs from node to node; and give files the same "
        "times on all nodes, as with rsync --times\nFileETag MTime Size",
        "any": "Make the ETag of the content's hash, not of inode, time or node.",
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
    if len(set(validated.etags.values())) < 2:
        return None
    return Hit(etags=tuple(f"{tag} ({place})" for place, tag in validated.etags.items()))


@rule(
    "HTTP-ETAG-ENC",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="One strong ETag for two encodings",
    evidence="{etag} stands for {codings}",
    why="A strong ETag promises the same bytes. Caches and clients that resume a download by "
    "ranges put together pieces of the plain and of the compressed form: what comes out is broken.",
    fix={
        "nginx": "gzip on;   # nginx weakens the ETag when it compresses itself; an application "
        "that compresses sends one ETag for each coding",
        "caddy": "encode zstd gzip   # gives each coding an ETag of its own; an application that "
        "compresses does so itself",
        "apache": "DeflateAlterETag AddSuffix\nBrotliAlterETag AddSuffix",
        "any": 'Give each coding its own ETag, as with a suffix ("abc-br"), or make it weak '
        '(W/"abc").',
    },
    references=("RFC 9110 §8.8.3.3", "RFC 9110 §8.8.1"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC, coding=variants('"a"', '"a-br"')),
    bad=content(caching=PUBLIC, coding=variants('"a"', '"a"')),
)
def etag_encoding(http: HttpFacts) -> Verdict:
    """The same strong ETag on replies of different content codings."""
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
    title="304 lacks its headers",
    evidence="the 304 lacks {dropped}, which the 200 has",
    why="A 304 renews what caches know of the stored reply. Without these fields they keep the old "
    "lifetime, or cannot tell which of several stored replies is meant.",
    fix={
        "nginx": 'add_header Cache-Control "public, max-age=60" always;   # again in each inner '
        "block that has add_header lines of its own\n"
        "add_header Vary Accept-Encoding always;   # in the place of gzip_vary, which leaves 304 "
        "out",
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


__all__ = ["etag_encoding", "etag_ignored", "etag_unstable", "no_validator", "thin_304"]
