"""Rules on caches: freshness, what shared caches may store, Vary (RFC 9110, RFC 9111)."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
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
    "any": "Send Cache-Control with a max-age; no-cache for what caches must revalidate each time, "
    "no-store for secrets.",
}


@rule(
    "HTTP-NO-FRESHNESS",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Freshness missing or contradictory",
    evidence="{what}",
    phrases={"what": {
        "missing": "neither Cache-Control nor Expires gives the response a lifetime",
        "heuristic": "neither Cache-Control nor Expires gives the response a lifetime; a tenth of "
        "the time since Last-Modified, a common guess, is {seconds} s",
        "contradictory": "these contradict each other: {contradictions}",
        "nginx": "neither `expires` nor `add_header Cache-Control` gives files a lifetime",
        "caddy": "no `header` line gives files a lifetime with Cache-Control",
        "expires-twice": "`expires {expires}` adds a second Cache-Control beside add_header's "
        "({directives})",
    }},
    why="Each cache and browser guesses how long the response is fresh: some show outdated "
    "content, some revalidate on each request.",
    fix=_LIFETIME_FIX,
    references=("RFC 9111 §4.2.1", "RFC 9111 §4.2.2"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC),
    bad=caching(
        directives=(), freshness="heuristic", lifetime_shared_seconds=None,
        lifetime_private_seconds=None, public=False, stale_while_revalidate_seconds=None,
    ),
    choice=("nginx", "caddy"),
    directives={
        "nginx": ("expires", "add_header"),
        "caddy": ("header cache-control", "header expires", "file_server"),
    },
)  # fmt: skip
def no_freshness(http: HttpFacts) -> Verdict:
    """Report freshness that is left to heuristics, or contradictory.

    Of two lifetimes caches should use the stricter one (RFC 9111 §4.2.1): low.
    """
    if http.config is not None:
        return file.no_freshness(http.config)
    cached = cached_of(http)
    if isinstance(cached, Skip):
        return cached
    if cached.contradictions:
        contradictions = "; ".join(cached.contradictions)
        return Hit(Severity.LOW, what="contradictory", contradictions=contradictions)
    if cached.freshness != "heuristic":
        return None
    guess = cached.heuristic_seconds
    return Hit(what="heuristic", seconds=guess) if guess else Hit(what="missing")


@rule(
    "HTTP-CACHE-LEAK",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Shared caches may store private responses",
    evidence="{what}",
    phrases={"what": {
        "cookies": "the response sets {cookies}, with Cache-Control: {directives}",
        "authenticated": "the response to an authenticated request has Cache-Control: {directives}",
        "cookies-stored": "proxy_cache {cache} stores Set-Cookie and sends it to other visitors: "
        "proxy_ignore_headers names Set-Cookie",
        "private-stored": "proxy_cache {cache} stores private responses, too: proxy_ignore_headers "
        "names Cache-Control",
    }},
    why="A shared cache may serve this response, with its cookie or with data of one user, to "
    "every other visitor of the same URL.",
    fix={
        "nginx": "# for responses that set a cookie or need a login\n"
        'add_header Cache-Control "private, no-cache" always;\n# where nginx itself caches\n'
        "proxy_no_cache $http_authorization $upstream_http_set_cookie;\n"
        "proxy_cache_bypass $http_authorization;",
        "caddy": 'header Cache-Control "private, no-cache"',
        "apache": 'Header always set Cache-Control "private, no-cache"',
        "haproxy": HAPROXY["leak"],
        "any": "Send Cache-Control: private with such responses.",
    },
    references=("RFC 9111 §3.5", "RFC 9111 §7.3"),
    seed=("12.6.1",),
    good=caching(
        directives=("private", "max-age=60"), storable_shared=False, public=False,
        forbidden_by="private", sets_cookies=("session",),
    ),
    bad=caching(sets_cookies=("session",)),
    choice=("nginx",),
    directives={"nginx": ("proxy_cache", "proxy_ignore_headers", "proxy_cache_valid")},
)  # fmt: skip
def cache_leak(http: HttpFacts) -> Verdict:
    """Report a cookie or an authenticated request in a response that shared caches may store.

    A cookie that every response sets to the same value is no user's own. A lifetime alone does not
    permit shared caches expressly (medium); after an authenticated request must-revalidate does,
    too (RFC 9111 §3.5).
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
        return None  # stored, but revalidated before each use
    directives = cached.directives or ("absent",)
    if cached.authenticated:
        return Hit(Severity.HIGH, what="authenticated", directives=directives)
    # Permitted expressly, or merely not forbidden: many caches, though not all, then skip cookies.
    expressly = cached.public or any(d.startswith("s-maxage") for d in cached.directives)
    severity = Severity.HIGH if expressly else Severity.MEDIUM
    return Hit(severity, what="cookies", cookies=tuple(own[:5]), directives=directives)


@rule(
    "HTTP-NO-SWR",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Stale responses may not be served",
    evidence="Cache-Control: {directives}",
    why="When the lifetime ends, a visitor waits for the origin; when the origin is down, the page "
    "is gone although caches still have it. stale-while-revalidate allows caches to serve it while "
    "they fetch a new one, stale-if-error while the origin fails.",
    fix={
        "nginx": f"{ADD_HEADER}\n"
        'add_header Cache-Control "public, max-age=60, stale-while-revalidate=60, '
        'stale-if-error=86400" always;\n# where nginx itself caches\n'
        "proxy_cache_use_stale error timeout updating;\nproxy_cache_background_update on;",
        "caddy": 'header Cache-Control "public, max-age=60, stale-while-revalidate=60, '
        'stale-if-error=86400"',
        "apache": 'Header always set Cache-Control "public, max-age=60, stale-while-revalidate=60, '
        'stale-if-error=86400"',
        "any": "Send Cache-Control: public, max-age=60, stale-while-revalidate=60, "
        "stale-if-error=86400",
    },
    references=("RFC 5861 §3", "RFC 5861 §4"),
    seed=("12.10.3",),
    good=content(caching=PUBLIC),
    bad=caching(directives=("max-age=60",), stale_while_revalidate_seconds=None),
    choice=("nginx", "caddy"),
    directives={"nginx": ("add_header",), "caddy": ("header cache-control",)},
)
def no_stale(http: HttpFacts) -> Verdict:
    """Report a lifetime without either directive, where staleness is not forbidden on purpose."""
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
        return None  # it never changes, so no visitor waits for a newer one
    if not (cached.storable_shared or cached.storable_private):
        return None
    return Hit(directives=cached.directives or ("absent", f"Expires: {cached.expires}"))


@rule(
    "HTTP-VARY",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Vary is missing or prevents caching",
    evidence="{what}",
    phrases={"what": {
        "star": "Vary: * prevents any reuse, although the response is fresh for {seconds} s",
        "encoding": "the coding depends on Accept-Encoding, but Vary does not name it (missing in: "
        "{codings})",
        "origin": "Access-Control-Allow-Origin repeats the request's Origin, but Vary does not "
        "name it",
        "nginx": "{coding} is on and gzip_vary is off: the coding depends on Accept-Encoding, but "
        "Vary does not name it",
        "caddy": "`encode` compresses with {coding}, but a `header` line removes Vary",
    }},
    why="Caches keep responses to one URL apart by the request fields that Vary names. Without the "
    "right name a visitor gets a response made for another; with * nothing is ever reused.",
    fix={
        "nginx": f"# gzip_vary on; is enough except for 304\n{ADD_HEADER}\n"
        "add_header Vary Accept-Encoding always;\n# where content depends on Origin\n"
        "add_header Vary Origin always;",
        "caddy": "# encode sends Vary: Accept-Encoding itself\nencode zstd gzip\n"
        "# where content depends on Origin\nheader +Vary Origin",
        "apache": "Header always merge Vary Accept-Encoding\n# where content depends on Origin\n"
        "Header always merge Vary Origin",
        "haproxy": HAPROXY["vary"],
        "any": "Name in Vary each request field that the content depends on: Vary: "
        "Accept-Encoding, Origin. Do not send *.",
    },
    references=("RFC 9110 §12.5.5", "RFC 9111 §4.1"),
    seed=("12.6.1",),
    good=content(caching=PUBLIC, coding=variants('"a"', '"b"')),
    bad=content(caching=PUBLIC, coding=variants('"a"', '"b"', vary=())),
    choice=("caddy",),
    directives={"nginx": ("gzip_vary", "gzip", "brotli"), "caddy": ("header vary", "encode")},
)  # fmt: skip
def vary(http: HttpFacts) -> Verdict:
    """Report content that depends on a field missing in Vary, or a Vary that undoes a lifetime.

    A browser offers the same codings each time, so its own cache needs no Vary for them.
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
    lifetime = cached.lifetime_shared_seconds or cached.lifetime_private_seconds
    bare: dict[str, None] = {}
    if any("*" in v.vary for v in whole):
        if lifetime and "no-cache" not in cached.directives:
            wrong.append("star")
    elif cached.storable_shared and len({v.coding for v in whole}) > 1:
        bare = {v.coding or "identity": None for v in whole if "accept-encoding" not in v.vary}
        if bare:
            wrong.append("encoding")
    if cors is not None and cors.reflected and not cors.varies:
        wrong.append("origin")
    if not wrong:
        return None
    return Hit(what=tuple(wrong), seconds=lifetime or 0, codings=tuple(bare))
