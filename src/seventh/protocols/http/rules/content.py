"""Rules on content: its codings, its size, its secrets, and repeated requests."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Asset, Coding, Refusal, Repetition, Variant
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.caching_examples import NOT_LOOKED, coded, content
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER, ENVOY, HAPROXY, TEXTS
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

WORTH_BYTES = 1024
"""Shorter text fits into one packet, compressed or not."""
WORTHLESS_RATIO = 0.9
"""A coding that leaves more of an already compressed type is a waste; some images shrink more."""
LARGE_JSON_BYTES = 1024 * 1024
_TEXTS = TEXTS.removeprefix("text/html ")  # which nginx always takes
_APACHE = f"# with mod_brotli\nAddOutputFilterByType BROTLI_COMPRESS;DEFLATE {TEXTS}"


def _coding(http: HttpFacts) -> Coding | Skip:
    if http.content is None or http.content.coding is None:
        return NOT_LOOKED
    return http.content.coding


def _texts(http: HttpFacts) -> list[tuple[str, str, int]] | Skip:
    """Return what is worth compressing of the responses to a browser: path, coding, size."""
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    found: list[tuple[str, str, int]] = []
    shown = coding.variant("any")
    if coding.compressible and shown is not None and (shown.content_bytes or 0) >= WORTH_BYTES:
        found.append(("content", shown.coding, shown.wire_bytes))
    assert http.content is not None  # noqa: S101 - there is no Coding without it
    found += [
        (asset.path, asset.coding, asset.wire_bytes)
        for asset in http.content.assets or ()
        if asset.compressible and asset.status == 200 and (asset.content_bytes or 0) >= WORTH_BYTES
    ]
    return found or not_applicable(f"no text of at least {WORTH_BYTES} bytes was served")


@rule(
    "HTTP-NO-COMPRESS",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Text is not compressed",
    evidence="{what}",
    phrases={"what": {
        "plain": "sent uncompressed to a client that accepts compression: {plain}",
        "nginx": "no text is compressed: gzip is off",
        "caddy": "no text is compressed: there is no `encode`",
        "nginx-types": "style sheets, scripts and JSON are not compressed: gzip_types does not "
        "list them",
        "caddy-types": "style sheets, scripts and JSON are not compressed: `encode`'s match does "
        "not list them",
    }},
    why="Compression reduces text to a third or less. Uncompressed text costs bytes, and on slow "
    "networks seconds.",
    fix={
        "nginx": f"gzip on;\ngzip_vary on;\ngzip_proxied any;\ngzip_min_length 1024;\n"
        f"gzip_types {_TEXTS};",
        "caddy": "encode zstd gzip",
        "apache": _APACHE,
        "envoy": ENVOY["gzip"],
        "haproxy": HAPROXY["gzip"],
        "any": "Serve text with Content-Encoding: br, zstd or gzip, as Accept-Encoding allows.",
    },
    references=("RFC 9110 §12.5.3", "RFC 9110 §8.4"),
    seed=("12.10.1",),
    good=coded("br", "gzip"),
    bad=coded(),
    directives={"nginx": ("gzip", "brotli"), "caddy": ("encode",)},
)  # fmt: skip
def no_compress(http: HttpFacts) -> Verdict:
    """Report text of a kibibyte or more without a coding, to a client that accepts several."""
    if http.config is not None:
        return file.no_compress(http.config)
    texts = _texts(http)
    if isinstance(texts, Skip):
        return texts
    plain = tuple(f"{name} ({size} bytes)" for name, coding, size in texts if not coding)
    return Hit(what="plain", plain=plain) if plain else None


@rule(
    "HTTP-NO-BR",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Brotli not supported",
    evidence="{what}",
    phrases={"what": {
        "only": "text is compressed with {codings} only",
        "not-for-browsers": "browsers, which offer br, get {codings}",
    }},
    why="br makes text about a sixth smaller than gzip, and all browsers accept it over TLS.",
    fix={
        "nginx": "# with the module ngx_brotli (Debian: libnginx-mod-http-brotli-filter)\n"
        f"brotli on;\nbrotli_types {_TEXTS};",
        "caddy": "# for precompressed files, such as page.html.br\n"
        "file_server {{\n\tprecompressed br zstd gzip\n}}",
        "apache": f"# replaces lines that name DEFLATE alone, which take precedence\n{_APACHE}",
        "envoy": ENVOY["br"],
        "any": "Serve text with Content-Encoding: br to clients that accept it.",
    },
    references=("RFC 7932", "RFC 9110 §12.5.3"),
    seed=("12.10.1",),
    good=coded("br", "gzip"),
    bad=coded("gzip"),
    choice=("nginx", "caddy"),
    directives={"nginx": ("brotli", "gzip"), "caddy": ("encode",)},
)  # fmt: skip
def no_brotli(http: HttpFacts) -> Verdict:
    """Report compression without br for clients that offer what browsers do; zstd is as good."""
    if http.config is not None:
        return file.no_brotli(http.config)
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    if not coding.secure:
        return not_applicable("browsers do not offer br over plain HTTP")
    texts = _texts(http)
    if isinstance(texts, Skip):
        return texts
    alone = {v.coding for v in coding.variants if v.status == 200 and v.coding}
    browsers = {c for _, c, _ in texts if c}
    if not alone | browsers:
        return Skip("nothing is compressed")
    if not any(v.offered in {"br", "any"} for v in coding.variants):
        return Skip("br was not offered")
    if any(map(_is_small, browsers or alone)):
        return None
    if any(map(_is_small, alone)):
        return Hit(what="not-for-browsers", codings=tuple(sorted(browsers)))
    return Hit(what="only", codings=tuple(sorted(alone | browsers)))


def _is_small(coding: str) -> bool:
    """Return whether a coding is better than gzip."""
    return any(name in coding.split(", ") for name in ("br", "zstd"))


@rule(
    "HTTP-COMPRESS-WASTE",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Compressed media is compressed again",
    evidence="compression is wasted on {wasted}",
    why="Images, video and archives are already compressed. A coding on top costs processor time "
    "on both sides and saves nothing.",
    fix={
        "nginx": f"# text types only, never *\ngzip_types {_TEXTS};",
        "caddy": "# without match: the default compresses text types only\nencode zstd gzip",
        "apache": 'SetEnvIfNoCase Request_URI "\\.(?:gif|jpe?g|png|webp|avif|mp4|zip|gz|woff2)$" '
        "no-gzip no-brotli",
        "envoy": ENVOY["waste"],
        "haproxy": HAPROXY["waste"],
        "any": "Compress text types only.",
    },
    references=("RFC 9110 §8.4",),
    seed=("12.10.1",),
    good=coded("br", "gzip"),
    bad=coded("gzip", wire=4990, content_type="image/png", compressible=False, packed=True),
    directives={"nginx": ("gzip_types", "brotli_types"), "caddy": ("encode",)},
)  # fmt: skip
def compress_waste(http: HttpFacts) -> Verdict:
    """Report a coding on what is already compressed, or one that makes the content larger."""
    if http.config is not None:
        return file.compress_waste(http.config)
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    assert http.content is not None  # noqa: S101 - there is no Coding without it
    shown = coding.variant("any")
    parts: list[tuple[str, bool, Variant | Asset]] = [
        (f"{asset.path} ({asset.content_type})", asset.packed, asset)
        for asset in http.content.assets or ()
        if asset.status == 200
    ]
    if shown is not None:
        parts.insert(0, (coding.content_type, coding.packed, shown))
    wasted = tuple(
        f"{name} {part.coding}: {part.content_bytes} → {part.wire_bytes} bytes"
        for name, packed, part in parts
        if part.coding and _is_waste(part.wire_bytes, part.content_bytes, packed=packed)
    )
    if wasted:
        return Hit(wasted=wasted)
    if shown is None:
        return Skip("no complete response to an offer of codings was received")
    if shown.coding and shown.content_bytes is None:
        return Skip("the response to an offer of codings could not be decoded")
    return None


def _is_waste(wire: int, content: int | None, *, packed: bool) -> bool:
    """Return whether a coding saved little on what was compressed, or made text larger."""
    if content is None:
        return False
    return wire > content * WORTHLESS_RATIO if packed else wire >= content >= WORTH_BYTES


@rule(
    "HTTP-COMPRESS-BREACH",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Secrets are compressed together with reflected input (BREACH)",
    evidence="{coding} compresses a page that repeats a query value and contains {secrets}, "
    "unchanged in each response",
    why="An attacker who can trigger requests and observe response sizes can guess the secret one "
    "character at a time: each right guess compresses better. TLS does not hide sizes.",
    fix={
        "nginx": "# in the location of such pages; with the brotli module also brotli off;\n"
        "gzip off;",
        "caddy": "@others not path /such/pages/*\nencode @others zstd gzip",
        "apache": 'SetEnvIf Request_URI "^/such/pages/" no-gzip no-brotli',
        "any": "Mask the token differently in each response (as Django and Rails do), remove it "
        "from pages that repeat input, or send SameSite cookies only.",
    },
    references=("CVE-2013-3587",),
    seed=("12.10.1",),
    good=coded("br", "gzip", reflected=True, reflected_coding="br", secrets=()),
    bad=coded("br", "gzip", reflected=True, reflected_coding="br", secrets=("csrf_token",)),
)
def breach(http: HttpFacts) -> Verdict:
    """Report a compressed page over TLS that repeats a query value beside a constant token."""
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    if coding.reflected is None or coding.secrets is None:
        return Skip("no compressed page over TLS was requested with a test query")
    if coding.reflected and coding.reflected_coding and coding.secrets:
        return Hit(coding=coding.reflected_coding, secrets=coding.secrets)
    return None


@rule(
    "HTTP-PAYLOAD",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Very large JSON response",
    evidence="{what}",
    phrases={"what": {
        "whole": "{size:,} bytes of {content_type} in one response",
        "truncated": "at least {size:,} bytes of {content_type} in one response",
    }},
    why="A client must receive and parse all of it before it can use any of it, with many times "
    "that size in memory.",
    fix={
        "any": "Split the response into pages (limit, cursor, Link: rel=next), allow clients to "
        "select fields, or use a binary format such as Protocol Buffers.",
    },
    references=("RFC 8288",),
    seed=("12.6.1", "12.9.2"),
    good=coded("br", content_type="application/json"),
    bad=coded(
        content_type="application/json",
        variants=(
            Variant(offered="identity", status=200, wire_bytes=3_000_000, content_bytes=3_000_000),
        ),
    ),
)  # fmt: skip
def payload(http: HttpFacts) -> Verdict:
    """Report more than a mebibyte of JSON in one response."""
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    plain = coding.variant("identity")
    if plain is None:
        return Skip("no complete response was received")
    size = max(plain.content_bytes or 0, plain.wire_bytes)
    if not coding.content_type.endswith(("/json", "+json")):
        return None
    if size > LARGE_JSON_BYTES or (plain.truncated and size >= LARGE_JSON_BYTES):
        what = "truncated" if plain.truncated else "whole"
        return Hit(what=what, size=size, content_type=coding.content_type)
    return Skip("the response is longer than --max-body") if plain.truncated else None


@rule(
    "HTTP-RETRY-INFO",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Rejection without Retry-After",
    evidence="neither Retry-After nor a RateLimit field with {refused}",
    why="Clients that get no time to wait retry at once, all together.",
    fix={
        "nginx": "# in http {{}}\nmap $status $retry_after {{\n    429 10;\n    503 10;\n}}\n"
        f"{ADD_HEADER}\nlimit_req_status 429;\nadd_header Retry-After $retry_after always;",
        "caddy": "handle_errors {{\n\t@busy expression {{err.status_code}} in [429, 503]\n"
        '\theader @busy Retry-After "10"\n\trespond {{err.status_code}}\n}}',
        "apache": 'Header always set Retry-After "10" "expr=%{{REQUEST_STATUS}} in '
        "{{'429', '503'}}\"",
        "any": "Send Retry-After with the seconds to wait, such as Retry-After: 10.",
    },
    references=("RFC 9110 §10.2.3", "RFC 6585 §4"),
    seed=("12.10.2",),
    good=content(refusals=(Refusal(path="/", status=429, retry_after="10"),)),
    bad=content(refusals=(Refusal(path="/", status=429),)),
    directives={"nginx": ("limit_req", "limit_conn", "limit_req_status")},
)
def retry_info(http: HttpFacts) -> Verdict:
    """Report a 429 or 503 with neither a time to wait nor a limit."""
    if http.config is not None:
        return file.retry_info(http.config)
    if http.content is None or http.content.refusals is None:
        return NOT_LOOKED
    refusals = http.content.refusals
    if not refusals:
        return not_applicable("no request was rejected with 429 or 503")
    bare = [r for r in refusals if r.retry_after is None and not r.rate_limit]
    refused = dict.fromkeys(f"{r.status} ({r.path})" for r in bare)
    return Hit(refused=tuple(refused)) if bare else None


@rule(
    "HTTP-IDEMPOTENCY",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="A repeated request acts twice",
    evidence="{method}{keyed} returns {first}; repeated, it returns {second}",
    phrases={"keyed": {"": "", "key": " with the same Idempotency-Key"}},
    why="Clients, proxies and users repeat a request whose response was lost. If that orders, pays "
    "or creates a second time, no retry is safe.",
    fix={
        "any": "Store the first response under its Idempotency-Key for a day and return it again. "
        "Implement PUT and DELETE so that repetition leaves the same state.",
    },
    references=("RFC 9110 §9.2.2", "draft-ietf-httpapi-idempotency-key-header"),
    seed=("12.9.2", "12.10.3"),
    good=content(
        repetition=Repetition(
            method="POST", keyed=True, first_status=201, second_status=201,
            first_location="/orders/1", second_location="/orders/1", same_body=True,
        )
    ),
    bad=content(
        repetition=Repetition(
            method="POST", keyed=True, first_status=201, second_status=201,
            first_location="/orders/1", second_location="/orders/2", same_body=False,
        )
    ),
)  # fmt: skip
def idempotency(http: HttpFacts) -> Verdict:
    """Report two effects, by the responses: two locations, two 201, another body for one key.

    A second response that is a server error does not show what was done.
    """
    if http.content is None or http.content.repetition is None:
        why = http.content.repetition_unlearnt if http.content is not None else ""
        return Skip(why or "no request was repeated: give --method and --allow-write")
    seen = http.content.repetition
    if not 200 <= seen.first_status < 300:
        return Skip(f"the first {seen.method} returned {seen.first_status}")
    if seen.second_status == 429 or seen.second_status >= 500:
        return Skip(f"the second {seen.method} was not processed ({seen.second_status})")
    if not _acts_twice(seen):
        return None
    return Hit(
        method=seen.method,
        keyed="key" if seen.keyed else "",
        first=f"{seen.first_status} {seen.first_location or ''}".rstrip(),
        second=f"{seen.second_status} {seen.second_location or ''}".rstrip(),
    )


def _acts_twice(seen: Repetition) -> bool:
    """Return whether the second response shows another effect (they may differ, §9.2.2)."""
    if not 200 <= seen.second_status < 300:
        return False
    if seen.first_location != seen.second_location:
        return True
    if seen.keyed:
        return seen.same_body is False or seen.first_status != seen.second_status
    return seen.method == "PUT" and seen.first_status == seen.second_status == 201
