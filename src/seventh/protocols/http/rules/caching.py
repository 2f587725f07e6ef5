"""Rules about caches: freshness, what may be shared, what varies (RFC 9110, RFC 9111)."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Cors
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.caching_examples import (
    NOT_LOOKED,
    PUBLIC,
    cached_of,
    caching,
    content,
    variants,
)
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER, HAPROXY
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_LIFETIME_FIX = {
    "nginx": f"{ADD_HEADER}\n"
    'add_header Cache-Control "public, max-age=60, stale-while-revalidate=60" always;',
    "caddy": 'header Cache-Control "public, max-age=60, stale-while-revalidate=60"',
    "apache": 'Header always set Cache-Control "public, max-age=60, stale-while-revalidate=60"',
    "any": "Send Cache-Control with a max-age; no-cache for what caches must ask about each time, "
    "no-store for secrets.",
}


@rule(
    "HTTP-NO-FRESHNESS",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="No or contradictory freshness",
    evidence="{said}",
    why="Each cache and browser then guesses for itself how long the reply holds: some show what "
    "is long outdated, some ask each time.",
    fix=_LIFETIME_FIX,
    references=("RFC 9111 §4.2.1", "RFC 9111 §4.2.2"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC),
    bad=caching(
        directives=(), freshness="heuristic", lifetime_shared_seconds=None,
        lifetime_private_seconds=None, public=False, stale_while_revalidate_seconds=None,
    ),
    directives={
        "nginx": ("expires", "add_header"),
        "caddy": ("header cache-control", "file_server"),
    },
)  # fmt: skip
def no_freshness(http: HttpFacts) -> Verdict:
    """Left to heuristics, or told two things at once.

    Of two things caches should heed the stricter one (RFC 9111 §4.2.1): low.
    """
    if http.config is not None:
        return file.no_freshness(http.config)
    cached = cached_of(http)
    if isinstance(cached, Skip):
        return cached
    if cached.contradictions:
        return Hit(Severity.LOW, said="; ".join(cached.contradictions))
    if cached.freshness != "heuristic":
        return None
    guess = cached.heuristic_seconds
    told = "neither Cache-Control nor Expires says how long the reply holds"
    typical = f"; a tenth of the time since Last-Modified, a typical guess, is {guess} s"
    return Hit(said=f"{told}{typical}" if guess else told)


@rule(
    "HTTP-CACHE-LEAK",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Private replies may be cached by all",
    evidence="{what} goes with Cache-Control: {directives}",
    why="A shared cache may hand this reply, with its cookie or with what only one user may see, "
    "to everybody who asks for the same URL.",
    fix={
        "nginx": "# for replies that set a cookie or need a login\n"
        'add_header Cache-Control "private, no-cache" always;\n# where nginx itself caches\n'
        "proxy_no_cache $http_authorization $upstream_http_set_cookie;\n"
        "proxy_cache_bypass $http_authorization;",
        "caddy": 'header Cache-Control "private, no-cache"',
        "apache": 'Header always set Cache-Control "private, no-cache"',
        "haproxy": HAPROXY["leak"],
        "any": "Cache-Control: private",
    },
    references=("RFC 9111 §3.5", "RFC 9111 §7.3"),
    seed=("12.6.1",),
    good=caching(
        directives=("private", "max-age=60"), storable_shared=False, public=False,
        forbidden_by="private", sets_cookies=("session",),
    ),
    bad=caching(sets_cookies=("session",)),
    directives={"nginx": ("proxy_cache", "proxy_ignore_headers", "proxy_cache_valid")},
)  # fmt: skip
def cache_leak(http: HttpFacts) -> Verdict:
    """Return a cookie, or an authenticated request, in a reply that shared caches are told to keep.

    A cookie that every reply sets to the same value is nobody's own, and a lifetime alone is no
    word for shared caches (medium), unless the request was authenticated: then must-revalidate is
    one, too (RFC 9111 §3.5).
    """
    if http.config is not None:
        return file.cache_leak(http.config)
    cached = cached_of(http)
    if isinstance(cached, Skip):
        return cached
    own = [name for name in cached.sets_cookies if name not in cached.common_cookies]
    private = cached.authenticated or (own and not cached.private_cookies)
    lifetime = cached.lifetime_shared_seconds
    if not private or not cached.storable_shared or not (lifetime or cached.public):
        return None
    if "no-cache" in cached.directives:
        return None  # kept, but never used without the origin's word
    cookies = ", ".join(own[:5])
    what = (
        "the reply to an authenticated request" if cached.authenticated else f"Set-Cookie {cookies}"
    )
    told = cached.public or any(d.startswith("s-maxage") for d in cached.directives)
    # Told outright, or merely not forbidden: many caches, though not all, then leave cookies be.
    severity = Severity.HIGH if told or cached.authenticated else Severity.MEDIUM
    return Hit(severity, what=what, directives=cached.directives or ("absent",))


@rule(
    "HTTP-NO-SWR",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Nothing may be served stale",
    evidence="Cache-Control: {directives}",
    why="When the lifetime ends, somebody waits for the origin, and when the origin is down the "
    "page is gone, though caches still have it. stale-while-revalidate lets them show it while "
    "they fetch it anew, stale-if-error while the origin fails.",
    fix={
        "nginx": f"{ADD_HEADER}\n"
        'add_header Cache-Control "public, max-age=60, stale-while-revalidate=60, '
        'stale-if-error=86400" always;\n# where nginx itself caches\n'
        "proxy_cache_use_stale error timeout updating;\nproxy_cache_background_update on;",
        "caddy": 'header Cache-Control "public, max-age=60, stale-while-revalidate=60, '
        'stale-if-error=86400"',
        "apache": 'Header always set Cache-Control "public, max-age=60, stale-while-revalidate=60, '
        'stale-if-error=86400"',
        "any": "Cache-Control: public, max-age=60, stale-while-revalidate=60, stale-if-error=86400",
    },
    references=("RFC 5861 §3", "RFC 5861 §4"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC),
    bad=caching(directives=("max-age=60",), stale_while_revalidate_seconds=None),
    directives={"nginx": ("add_header",), "caddy": ("header cache-control",)},
)
def no_stale(http: HttpFacts) -> Verdict:
    """Return a lifetime without either directive, where staleness is not forbidden on purpose."""
    if http.config is not None:
        return file.no_stale(http.config)
    cached = cached_of(http)
    if isinstance(cached, Skip):
        return cached
    stale = (cached.stale_while_revalidate_seconds, cached.stale_if_error_seconds)
    lifetime = cached.lifetime_shared_seconds or cached.lifetime_private_seconds
    if not lifetime or cached.must_revalidate or any(s is not None for s in stale):
        return None
    if "immutable" in cached.directives:
        return None  # it never changes, so that nobody waits for a newer one
    if not (cached.storable_shared or cached.storable_private):
        return None
    return Hit(directives=cached.directives or (f"absent; Expires: {cached.expires}",))


@rule(
    "HTTP-VARY",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Vary is missing or useless",
    evidence="{what}",
    why="Caches tell replies to one URL apart by the request fields that Vary names. Without the "
    "right name somebody gets the reply that was meant for somebody else; with * nothing is ever "
    "used again.",
    fix={
        "nginx": f"# gzip_vary on; is enough except for 304\n{ADD_HEADER}\n"
        "add_header Vary Accept-Encoding always;\n# for what is chosen by Origin\n"
        "add_header Vary Origin always;",
        "caddy": "# sends Vary: Accept-Encoding itself\nencode zstd gzip\n"
        "# for what is chosen by Origin\nheader +Vary Origin",
        "apache": "Header always merge Vary Accept-Encoding\n# for what is chosen by Origin\n"
        "Header always merge Vary Origin",
        "haproxy": HAPROXY["vary"],
        "any": "Name in Vary each request field that decides the content: Vary: Accept-Encoding, "
        "Origin. Leave out *.",
    },
    references=("RFC 9110 §12.5.5", "RFC 9111 §4.1"),
    seed=("12.6.1",),
    good=content(caching=PUBLIC, coding=variants('"a"', '"b"')),
    bad=content(caching=PUBLIC, coding=variants('"a"', '"b"', vary=())),
    directives={"nginx": ("gzip_vary", "gzip", "brotli"), "caddy": ("header vary", "encode")},
)
def vary(http: HttpFacts) -> Verdict:
    """Content chosen by a field that Vary does not name, or a Vary that undoes a lifetime.

    One browser offers the same codings each time, so that its own cache needs no Vary for them.
    """
    if http.config is not None:
        return file.vary(http.config)
    cached = cached_of(http)
    if isinstance(cached, Skip):
        return cached
    assert http.content is not None  # noqa: S101 - there is no Caching without it
    coding, cors = http.content.coding, http.content.cors
    if coding is None:
        return NOT_LOOKED
    if not (cached.storable_shared or cached.storable_private):
        return None
    wrong: list[str] = []
    whole = [v for v in coding.variants if v.status == 200]
    if any("*" in v.vary for v in whole):
        lifetime = cached.lifetime_shared_seconds or cached.lifetime_private_seconds
        if lifetime and "no-cache" not in cached.directives:
            wrong.append(f"Vary: * lets no cache use a reply again, though it holds {lifetime} s")
    elif cached.storable_shared and len({v.coding for v in whole}) > 1:
        bare = [v.coding or "identity" for v in whole if "accept-encoding" not in v.vary]
        if bare:
            named = ", ".join(dict.fromkeys(bare))
            wrong.append(f"Accept-Encoding decides the coding, and Vary does not name it ({named})")
    if _chosen_by_origin(cors):
        wrong.append("Access-Control-Allow-Origin repeats the Origin, and Vary does not name it")
    return Hit(what="; ".join(wrong)) if wrong else None


def _chosen_by_origin(cors: Cors | None) -> bool:
    return cors is not None and cors.reflected and not cors.varies
