"""Rules about content: its codings, its size, its secrets, and requests that are made again."""

from __future__ import annotations

from typing import Any

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import (
    Coding,
    ContentFacts,
    Refusal,
    Repetition,
    Variant,
)
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER, ENVOY, HAPROXY, TEXTS
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

WORTH_BYTES = 1024
"""Text shorter than this fits into a packet either way."""
WORTHLESS_RATIO = 0.9
"""A coding that leaves more of a type that is packed was not worth it; some images are not."""
LARGE_JSON_BYTES = 1024 * 1024
_NOT_LOOKED = Skip("the representation was not looked at")
_TEXTS = TEXTS.removeprefix("text/html ")  # which nginx always takes
_APACHE = f"# with mod_brotli\nAddOutputFilterByType BROTLI_COMPRESS;DEFLATE {TEXTS}"


def _facts(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**parts))


def _coded(*codings: str, wire: int = 1000, **fields: Any) -> HttpFacts:
    """Return a text of 5000 bytes, of which each of ``codings`` leaves ``wire``."""
    identity = Variant(offered="identity", status=200, wire_bytes=5000, content_bytes=5000)
    best = codings[0] if codings else ""
    offers = [("any", best), *((c, c if c in codings else "") for c in ("br", "gzip") if c != best)]
    coded = tuple(
        Variant(
            offered=offer, status=200, coding=coding, wire_bytes=wire if coding else 5000,
            content_bytes=5000,
        )
        for offer, coding in offers
    )  # fmt: skip
    known: dict[str, Any] = {"compressible": True, "secure": True, "variants": (identity, *coded)}
    return _facts(coding=Coding(**({"content_type": "text/html"} | known | fields)))


def _coding(http: HttpFacts) -> Coding | Skip:
    if http.content is None or http.content.coding is None:
        return _NOT_LOOKED
    return http.content.coding


def _texts(http: HttpFacts) -> list[tuple[str, str, int]] | Skip:
    """Of all that came to a browser's offer, what is worth coding: name, coding, size."""
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    found: list[tuple[str, str, int]] = []
    shown = coding.variant("any")
    if coding.compressible and shown is not None and (shown.content_bytes or 0) >= WORTH_BYTES:
        found.append(("the representation", shown.coding, shown.wire_bytes))
    assert http.content is not None  # noqa: S101 - there is no Coding without it
    found += [
        (asset.path, asset.coding, asset.wire_bytes)
        for asset in http.content.assets or ()
        if asset.compressible and asset.status == 200 and (asset.content_bytes or 0) >= WORTH_BYTES
    ]
    return found or not_applicable(f"no text of {WORTH_BYTES} bytes or more was served")


@rule(
    "HTTP-NO-COMPRESS",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Text is not compressed",
    evidence="sent plain although codings were offered: {plain}",
    why="Text shrinks to a third or less; uncompressed it costs bytes, and on slow links seconds.",
    fix={
        "nginx": f"gzip on;\ngzip_vary on;\ngzip_proxied any;\ngzip_min_length 1024;\n"
        f"gzip_types {_TEXTS};",
        "caddy": "encode zstd gzip",
        "apache": _APACHE,
        "envoy": ENVOY["gzip"],
        "haproxy": HAPROXY["gzip"],
        "any": "Serve text with Content-Encoding: br, zstd or gzip as Accept-Encoding allows.",
    },
    references=("RFC 9110 §12.5.3", "RFC 9110 §8.4"),
    seed=("12.10.1",),
    good=_coded("br", "gzip"),
    bad=_coded(),
    directives={"nginx": ("gzip", "gzip_types", "brotli"), "caddy": ("encode",)},
)
def no_compress(http: HttpFacts) -> Verdict:
    """Text of a kibibyte and more without a coding, to a client that takes several."""
    if http.config is not None:
        return file.no_compress(http.config)
    texts = _texts(http)
    if isinstance(texts, Skip):
        return texts
    plain = tuple(f"{name} ({size} bytes)" for name, coding, size in texts if not coding)
    return Hit(plain=plain) if plain else None


@rule(
    "HTTP-NO-BR",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Brotli is not offered",
    evidence="{what}",
    why="br makes text about a sixth smaller than gzip does, and all browsers take it over TLS.",
    fix={
        "nginx": "# with the module ngx_brotli (Debian: libnginx-mod-http-brotli-filter)\n"
        f"brotli on;\nbrotli_types {_TEXTS};",
        "caddy": "# for files that lie there compressed, as page.html.br\n"
        "file_server {{\n\tprecompressed br zstd gzip\n}}",
        "apache": f"# in the place of lines that name DEFLATE alone, which go first\n{_APACHE}",
        "envoy": ENVOY["br"],
        "any": "Serve text with Content-Encoding: br to clients that accept it.",
    },
    references=("RFC 7932", "RFC 9110 §12.5.3"),
    seed=("12.10.1",),
    good=_coded("br", "gzip"),
    bad=_coded("gzip"),
    directives={"nginx": ("brotli", "gzip"), "caddy": ("encode",)},
)
def no_brotli(http: HttpFacts) -> Verdict:
    """Compressed, but not as br for those who offer all that browsers do; zstd does as well."""
    if http.config is not None:
        return file.no_brotli(http.config)
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    if not coding.secure:
        return not_applicable("over plain HTTP browsers do not offer br")
    texts = _texts(http)
    if isinstance(texts, Skip):
        return texts
    alone = {v.coding for v in coding.variants if v.status == 200 and v.coding}
    browsers = {c for _, c, _ in texts if c}
    if not alone | browsers:
        return Skip("nothing is compressed at all")
    if not any(v.offered in {"br", "any"} for v in coding.variants):
        return Skip("br was not offered")
    if any(map(_is_small, browsers or alone)):
        return None
    if any(map(_is_small, alone)):
        return Hit(what=f"{', '.join(sorted(browsers))} to browsers, which offer br as well")
    return Hit(what=f"only {', '.join(sorted(alone | browsers))}")


def _is_small(coding: str) -> bool:
    """Return whether a coding is one of those that do better than gzip."""
    return any(name in coding.split(", ") for name in ("br", "zstd"))


@rule(
    "HTTP-COMPRESS-WASTE",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Compressed media is compressed again",
    evidence="{wasted}",
    why="Images, video and archives are compressed in themselves: a coding on top costs processor "
    "time on both sides and saves nothing.",
    fix={
        "nginx": f"# texts only, never *\ngzip_types {_TEXTS};",
        "caddy": "# without a match of your own: it knows which types shrink\nencode zstd gzip",
        "apache": 'SetEnvIfNoCase Request_URI "\\.(?:gif|jpe?g|png|webp|avif|mp4|zip|gz|woff2)$" '
        "no-gzip no-brotli",
        "envoy": ENVOY["waste"],
        "haproxy": HAPROXY["waste"],
        "any": "Compress texts only.",
    },
    references=("RFC 9110 §8.4",),
    seed=("12.10.1",),
    good=_coded("br", "gzip"),
    bad=_coded("gzip", wire=4990, content_type="image/png", compressible=False, packed=True),
    directives={"nginx": ("gzip_types", "brotli_types"), "caddy": ("encode",)},
)  # fmt: skip
def compress_waste(http: HttpFacts) -> Verdict:
    """Return a coding on what is packed already, or one that makes the content larger."""
    if http.config is not None:
        return file.compress_waste(http.config)
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    wasted = [
        f"{coding.content_type} in {v.coding}: {v.wire_bytes} bytes for {v.content_bytes}"
        for v in coding.variants
        if v.status == 200 and v.coding and v.offered == "any"
        and _is_waste(v.wire_bytes, v.content_bytes, packed=coding.packed)
    ]  # fmt: skip
    assert http.content is not None  # noqa: S101 - there is no Coding without it
    wasted += [
        f"{a.path} ({a.content_type}) in {a.coding}: {a.wire_bytes} bytes for {a.content_bytes}"
        for a in http.content.assets or ()
        if a.status == 200
        and a.coding
        and _is_waste(a.wire_bytes, a.content_bytes, packed=a.packed)
    ]
    if wasted:
        return Hit(wasted=tuple(wasted))
    if coding.variant("any") is None:
        return Skip("no whole representation came when codings were offered")
    return None


def _is_waste(wire: int, content: int | None, *, packed: bool) -> bool:
    """Whether a coding saved next to nothing on what is packed already, or made a text larger."""
    if packed:
        return content is None or wire > content * WORTHLESS_RATIO
    return content is not None and content >= WORTH_BYTES and wire >= content


@rule(
    "HTTP-COMPRESS-BREACH",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Secrets are compressed beside reflected input",
    evidence="{coding} over a page that repeats a query's value and holds {secrets}, the same in "
    "each reply",
    why="Who can make a browser ask for this page and see the replies' sizes can guess the secret "
    "letter by letter: each right guess compresses better. TLS does not hide sizes.",
    fix={
        "nginx": "# in the location of such pages, and brotli off; where that module is\ngzip off;",
        "caddy": "@others not path /such/pages/*\nencode @others zstd gzip",
        "apache": 'SetEnvIf Request_URI "^/such/pages/" no-gzip no-brotli',
        "any": "Mask the token anew in each reply (as Django and Rails do), keep it out of pages "
        "that repeat input, or send SameSite cookies only.",
    },
    references=("CVE-2013-3587",),
    seed=("12.10.1",),
    good=_coded("br", "gzip", reflected=True, reflected_coding="br", secrets=()),
    bad=_coded("br", "gzip", reflected=True, reflected_coding="br", secrets=("csrf_token",)),
)
def breach(http: HttpFacts) -> Verdict:
    """A compressed page over TLS: a query's value repeated beside a token that stays the same."""
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    if coding.reflected is None or coding.secrets is None:
        return Skip("no compressed page over TLS was asked with a query of ours")
    if coding.reflected and coding.reflected_coding and coding.secrets:
        return Hit(coding=coding.reflected_coding, secrets=coding.secrets)
    return None


@rule(
    "HTTP-PAYLOAD",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="A very large JSON reply",
    evidence="{least}{size:,} bytes of {content_type} in one reply",
    why="A client has to take and parse all of it before it can use any, in memory many times "
    "that size.",
    fix={
        "any": "Give the reply in pages (limit and cursor, and Link: rel=next), let clients name "
        "the fields they want, or use a binary format such as Protocol Buffers.",
    },
    references=("RFC 8288",),
    seed=("12.6.1", "12.9.2"),
    good=_coded("br", content_type="application/json"),
    bad=_coded(
        content_type="application/json",
        variants=(
            Variant(offered="identity", status=200, wire_bytes=3_000_000, content_bytes=3_000_000),
        ),
    ),
)
def payload(http: HttpFacts) -> Verdict:
    """Return more than a mebibyte of JSON in one reply."""
    coding = _coding(http)
    if isinstance(coding, Skip):
        return coding
    plain = coding.variant("identity")
    if plain is None:
        return Skip("no whole representation came")
    size = max(plain.content_bytes or 0, plain.wire_bytes)
    if not coding.content_type.endswith(("/json", "+json")):
        return None
    if size > LARGE_JSON_BYTES or (plain.truncated and size >= LARGE_JSON_BYTES):
        least = "at least " if plain.truncated else ""
        return Hit(least=least, size=size, content_type=coding.content_type)
    return Skip("the reply was left before its end (--max-body)") if plain.truncated else None


@rule(
    "HTTP-RETRY-INFO",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="A refusal without Retry-After",
    evidence="{refused}, with neither Retry-After nor a RateLimit field",
    why="A client that is not told when to come back comes back at once, with all the others.",
    fix={
        "nginx": "# in http {{}}\nmap $status $retry_after {{\n    429 10;\n    503 10;\n}}\n"
        f"{ADD_HEADER}\nlimit_req_status 429;\nadd_header Retry-After $retry_after always;",
        "caddy": "handle_errors {{\n\t@busy expression {{err.status_code}} in [429, 503]\n"
        '\theader @busy Retry-After "10"\n\trespond {{err.status_code}}\n}}',
        "apache": 'Header always set Retry-After "10" "expr=%{{REQUEST_STATUS}} in '
        "{{'429', '503'}}\"",
        "any": "Send Retry-After with the seconds to wait: Retry-After: 10.",
    },
    references=("RFC 9110 §10.2.3", "RFC 6585 §4"),
    seed=("12.10.2",),
    good=_facts(refusals=(Refusal(path="/", status=429, retry_after="10"),)),
    bad=_facts(refusals=(Refusal(path="/", status=429),)),
    directives={"nginx": ("limit_req", "limit_conn", "limit_req_status")},
)
def retry_info(http: HttpFacts) -> Verdict:
    """Return a 429 or 503 that says neither when to come back nor what the limit is."""
    if http.config is not None:
        return file.retry_info(http.config)
    if http.content is None or http.content.refusals is None:
        return _NOT_LOOKED
    refusals = http.content.refusals
    if not refusals:
        return not_applicable("nothing was refused by 429 or 503")
    bare = [r for r in refusals if r.retry_after is None and not r.rate_limit]
    refused = dict.fromkeys(f"{r.status} for {r.path}" for r in bare)
    return Hit(refused=tuple(refused)) if bare else None


@rule(
    "HTTP-IDEMPOTENCY",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="A repeated request acts twice",
    evidence="{method}{keyed} gives {first}; the same again gives {second}",
    why="Clients, proxies and users repeat a request whose answer was lost. If that orders, pays "
    "or creates a second time, no retry is safe.",
    fix={
        "any": "Keep the first reply under its Idempotency-Key for a day and give it again; let "
        "PUT and DELETE lead to the same state however often they come.",
    },
    references=("RFC 9110 §9.2.2", "draft-ietf-httpapi-idempotency-key-header"),
    seed=("12.9.2", "12.10.3"),
    good=_facts(
        repetition=Repetition(
            method="POST", keyed=True, first_status=201, second_status=201,
            first_location="/orders/1", second_location="/orders/1", same_body=True,
        )
    ),
    bad=_facts(
        repetition=Repetition(
            method="POST", keyed=True, first_status=201, second_status=201,
            first_location="/orders/1", second_location="/orders/2", same_body=False,
        )
    ),
)  # fmt: skip
def idempotency(http: HttpFacts) -> Verdict:
    """Return what was done twice, by the replies: two places, two 201, another body for one key.

    A second reply that is a server's failure does not tell what was done.
    """
    if http.content is None or http.content.repetition is None:
        why = http.content.repetition_unlearnt if http.content is not None else ""
        return Skip(why or "no request was repeated: that takes --method and --allow-write")
    seen = http.content.repetition
    if not 200 <= seen.first_status < 300:
        return Skip(f"the first {seen.method} gave {seen.first_status}")
    if seen.second_status == 429 or seen.second_status >= 500:
        return Skip(f"the second {seen.method} was not worked on ({seen.second_status})")
    if not _acts_twice(seen):
        return None
    return Hit(
        method=seen.method,
        keyed=" with one Idempotency-Key" if seen.keyed else "",
        first=_told(seen.first_status, seen.first_location),
        second=_told(seen.second_status, seen.second_location),
    )


def _acts_twice(seen: Repetition) -> bool:
    """Whether the second reply shows another effect (RFC 9110 §9.2.2 lets replies differ)."""
    if not 200 <= seen.second_status < 300:
        return False
    if seen.first_location != seen.second_location:
        return True
    if seen.keyed:
        return seen.same_body is False or seen.first_status != seen.second_status
    return seen.method == "PUT" and seen.first_status == seen.second_status == 201


def _told(status: int, location: str | None) -> str:
    return f"{status} {location}" if location else str(status)
