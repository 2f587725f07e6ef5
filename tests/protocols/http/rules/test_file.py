"""What a configuration file decides: each rule's whole verdict, at both sides of each border."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.rules import caching, content, origin, quic, rest, validators, versions
from seventh.rules.rule import AnyRule, Hit
from seventh.rules.words import filled
from tests.verdicts import said

ALT_SVC = ('h3=":443"; ma=86400',)
NGINX = HttpConfigFacts(
    product="nginx", version="1.29.3", does="files", tls=True, h2=True, h3=True, h3_known=True,
    h3_ports=(443,), tls_ports=(443,), alt_svc=ALT_SVC, quic_retry=True, streams=128,
    keepalive_seconds=75.0, keepalive_requests=1000, clear="redirects", hsts="max-age=31536000",
    named=True, etag=True, last_modified=True, cache_control=("max-age=60", "immutable"),
    gzip=True, gzip_types=("text/html", "text/css"), gzip_vary=True, brotli=True,
    brotli_types=("text/html", "application/json"), zstd=False, limited=True, limit_status=(429,),
    retry_after=True, early_data=True, early_data_told=True, event_stream=True, buffered=False,
)  # fmt: skip
CADDY = replace(NGINX, product="caddy", version="2.10.0")
PART = "skip: the file is a part of a configuration and defines no server"
BACKEND = "skip: the backend decides this"
NO_CONTENT = "skip: no content is served here"
MATCHER = "skip: it depends on a matcher that cannot be evaluated"
NO_TLS = "skip: the server has no TLS"
NO_H3 = "skip: HTTP/3 is not enabled"
UNCODED = "skip: nothing is compressed"
UNDECIDED: dict[str, Any] = {"undecided": "it depends on {$X}"}
GONE: dict[str, Any] = {"does": "", **UNDECIDED}


def site(changes: dict[str, Any], base: HttpConfigFacts = NGINX) -> HttpFacts:
    return HttpFacts(config=replace(base, **changes))


@pytest.mark.parametrize(
    "rule",
    [
        versions.no_h2, versions.no_h3, versions.h3_hidden, versions.h3_dead, versions.fallback,
        origin.no_reuse, origin.no_https, origin.hsts, quic.h2_settings, quic.quic_idle,
        quic.quic_amplify, quic.early_unsafe, validators.no_validator, caching.no_freshness,
        caching.no_stale, caching.vary, caching.cache_leak, content.no_compress,
        content.no_brotli, content.compress_waste, content.retry_info, rest.heartbeat,
    ],
    ids=lambda rule: rule.id,
)  # fmt: skip
def test_a_good_file(rule: AnyRule) -> None:
    for base in (NGINX, CADDY):
        assert said(rule, site({}, base)) == "pass"


TWO_CACHE_CONTROLS = (
    "medium: `expires 1h` adds a second Cache-Control beside add_header's ({}) [expires, "
    "add_header]"
)
BARE: dict[str, Any] = {"h3": False, "alt_svc": ()}
NEITHER: dict[str, Any] = {"etag": False, "last_modified": False}
PLAIN: dict[str, Any] = {"gzip": False, "brotli": False}
HTML: dict[str, Any] = {"gzip_types": ("text/html",), "brotli_types": ("text/html",)}
PROXY: dict[str, Any] = {"does": "passes", "cache_control": ()}
CACHE: dict[str, Any] = {"cache": "zone"}
CASES: list[tuple[AnyRule, dict[str, Any], str]] = [
    (versions.no_h2, {"h2": False}, "low: neither `http2 on` nor a `listen` line with `http2`"),
    (versions.no_h2, {"h2": None}, NO_TLS),
    (versions.no_h2, {"h2": None, **UNDECIDED}, "skip: it depends on {$X}"),
    (versions.no_h2, {"h2": None, **GONE}, PART),
    (versions.no_h3, BARE, "low: no `listen` line has `quic`, or `http3` is off"),
    (versions.no_h3, {"h3": False, "alt_svc": None},
     "low: no `listen` line has `quic`, or `http3` is off"),
    (versions.no_h3, {"h3": False, "alt_svc": ('h3-29=":443"', 'xh3=":443"', 'h2=":443"')},
     "low: no `listen` line has `quic`, or `http3` is off"),
    (versions.no_h3, {"h3": False, "alt_svc": ('h2=":443", h3=":443"',)}, "pass"),
    (versions.no_h3, {**BARE, "h3_known": False, "version": "1.22.1"},
     "low: nginx 1.22.1 does not support HTTP/3 [listen, servers protocols]"),
    (versions.no_h3, {"h3": None}, NO_TLS),
    (versions.no_h3, {"h3": None, **UNDECIDED}, "skip: it depends on {$X}"),
    (versions.h3_hidden, {"alt_svc": ()}, ("medium: a `listen` line has `quic`, but no "
     "`add_header Alt-Svc` announces h3 (DNS was not checked)")),
    (versions.h3_hidden, {"alt_svc": None}, BACKEND),
    (versions.h3_hidden, {"h3": False}, NO_H3),
    (versions.h3_hidden, {"h3": None, **GONE}, PART),
    (versions.h3_dead, {"h3": False},
     "high: h3 is announced (Alt-Svc), but no `listen` line has `quic`"),
    (versions.h3_dead, {"h3_broken": "Connection: close in each response"},
     ("high: h3 is announced (Alt-Svc), but it fails: Connection: close in each response "
     "[header connection, tls protocols]")),
    (versions.h3_dead, {"alt_svc": (), "h3_broken": "x"}, "pass"),
    (versions.h3_dead, {"alt_svc": None}, "skip: nothing in this file announces HTTP/3"),
    (versions.h3_dead, {"h3": None}, "skip: nothing in this file announces HTTP/3"),
    (versions.h3_dead, {"h3": None, **UNDECIDED}, "skip: it depends on {$X}"),
    (versions.fallback, {"h3_ports": (443, 8443, 9443)},
     "high: port 8443, 9443 has `quic`, but no `listen` line with `ssl` for TCP"),
    (versions.fallback, {"tls_ports": (443, 8443)}, "pass"),
    (versions.fallback, {"h3": False, "h3_ports": (8443,)}, NO_H3),
    (versions.fallback, {"h3": None, **GONE}, PART),

    (origin.no_reuse, {"keepalive_seconds": 0.0},
     ("medium: HTTP/1.1: `keepalive_timeout 0` closes the connection after each response "
     "[header connection, keepalive_timeout]")),
    (origin.no_reuse, {"closes": True},
     ("medium: HTTP/1.1: `keepalive_timeout 0` closes the connection after each response "
     "[header connection, keepalive_timeout]")),
    (origin.no_reuse, {"keepalive_seconds": 0.5},
     "medium: HTTP/1.1: idle connections are closed after 0.5 s [idle, keepalive_timeout]"),
    (origin.no_reuse, {"keepalive_seconds": 1.0},
     "low: HTTP/1.1: idle connections are closed after 1 s [idle, keepalive_timeout]"),
    (origin.no_reuse, {"keepalive_seconds": 9.5},
     "low: HTTP/1.1: idle connections are closed after 9.5 s [idle, keepalive_timeout]"),
    (origin.no_reuse, {"keepalive_seconds": 10.0}, "pass"),
    (origin.no_reuse, {"keepalive_requests": 9},
     "medium: HTTP/1.1: a connection may carry at most 9 requests [keepalive_requests]"),
    (origin.no_reuse, {"keepalive_requests": 10}, "pass"),
    (origin.no_reuse, {"keepalive_seconds": None, "keepalive_requests": None}, "pass"),
    (origin.no_reuse, GONE, PART),
    (origin.no_https, {"clear": "serves"},
     "high: a `listen` line without `ssl`, and no `return` to https [site, listen]"),
    (origin.no_https, {"clear": "refuses"}, "pass"),
    (origin.no_https, {"clear": "closes"}, "pass"),
    (origin.no_https, {"clear": ""}, "pass"),
    (origin.no_https, {"clear": "", "tls": False},
     "skip: only this machine can reach the server"),
    (origin.no_https, {"clear": "", "tls": None, **UNDECIDED}, "skip: it depends on {$X}"),
    (origin.no_https, {"clear": "serves", **GONE}, PART),
    (origin.hsts, {"hsts": ""}, "medium: no line in force adds Strict-Transport-Security"),
    (origin.hsts, {"hsts": "", "hsts_lost": True},
     ("medium: the server block adds Strict-Transport-Security, but this location's own "
     "`add_header` lines replace all of the server's")),
    (origin.hsts, {"hsts": "preload"},
     "medium: Strict-Transport-Security has no max-age: preload"),
    (origin.hsts, {"hsts": 'MAX-AGE = "15551999"'},
     'medium: Strict-Transport-Security lasts 15551999 s (MAX-AGE = "15551999")'),
    (origin.hsts, {"hsts": "max-age=15552000; preload"}, "pass"),
    (origin.hsts, {"hsts": "max-age=0"},
     "medium: max-age=0 removes HSTS from browsers (max-age=0)"),
    (origin.hsts, {"hsts": "max-age=1"},
     "medium: Strict-Transport-Security lasts 1 s (max-age=1)"),
    (origin.hsts, {"hsts": "$hsts"}, "pass"),
    (origin.hsts, {"hsts": "{env.HSTS}"}, "pass"),
    (origin.hsts, {"hsts": None, "does": "passes"}, BACKEND),
    (origin.hsts, {"hsts": None}, MATCHER),
    (origin.hsts, {"named": False},
     "skip: the server has no host name, which HSTS needs"),
    (origin.hsts, {"tls": False}, "skip: clients ignore HSTS over plain HTTP"),
    (origin.hsts, {"tls": None, **UNDECIDED}, "skip: it depends on {$X}"),
    (origin.hsts, {"tls": None, **GONE}, PART),
    (quic.h2_settings, {"streams": 99},
     "low: the limit of concurrent streams is 99, less than 100"),
    (quic.h2_settings, {"streams": 100}, "pass"),
    (quic.h2_settings, {"streams": None},
     "skip: http2_max_concurrent_streams is not a number"),
    (quic.h2_settings, {"h2": False}, "skip: HTTP/2 is not enabled"),
    (quic.h2_settings, {"h2": None, **GONE}, PART),
    (quic.quic_idle, {"keepalive_seconds": 29.5}, "low: max_idle_timeout is 29.5 s"),
    (quic.quic_idle, {"keepalive_seconds": 30.0}, "pass"),
    (quic.quic_idle, {"keepalive_seconds": None}, "skip: keepalive_timeout is not a time"),
    (quic.quic_idle, {"h3": False}, NO_H3),
    (quic.quic_idle, {"h3": None, **GONE}, PART),
    (quic.quic_amplify, {"quic_retry": False}, ("skip: quic_retry is off: only a check of the "
     "server shows if RFC 9000 §8.1 is kept")),
    (quic.quic_amplify, {"quic_retry": None}, NO_H3),
    (quic.quic_amplify, {"quic_retry": None, **GONE}, PART),

    (validators.no_validator, NEITHER,
     "medium: neither ETag nor Last-Modified; Cache-Control: max-age=60, immutable"),
    (validators.no_validator, {**NEITHER, "cache_control": None},
     "medium: neither ETag nor Last-Modified; Cache-Control: absent"),
    (validators.no_validator, {"etag": False}, "pass"),
    (validators.no_validator, {"last_modified": False}, "pass"),
    (validators.no_validator, {"etag": None, "last_modified": False}, MATCHER),
    (validators.no_validator, {"etag": False, "last_modified": None}, MATCHER),
    (validators.no_validator, {**NEITHER, "does": "passes"}, BACKEND),
    (validators.no_validator, {**NEITHER, "does": "answers"}, NO_CONTENT),
    (validators.no_validator, {**NEITHER, **GONE}, PART),
    (caching.no_freshness, {"cache_control": ()},
     "medium: neither `expires` nor `add_header Cache-Control` gives files a lifetime"),
    (caching.no_freshness, {"cache_control": (), "expires": "off"},
     "medium: neither `expires` nor `add_header Cache-Control` gives files a lifetime"),
    (caching.no_freshness, {"cache_control": (), "expires": "1h"}, "pass"),
    (caching.no_freshness, {"cache_control": None}, MATCHER),
    (caching.no_freshness, {"expires": "1h"}, TWO_CACHE_CONTROLS.format("max-age=60, immutable")),
    (caching.no_freshness, {"expires": "1h", "cache_control": ("no-store",)},
     TWO_CACHE_CONTROLS.format("no-store")),
    (caching.no_freshness, {"expires": "1h", "cache_control": ("no-cache",), "does": "passes"},
     TWO_CACHE_CONTROLS.format("no-cache")),
    (caching.no_freshness, {"expires": "1h", "cache_control": ("public",)}, "pass"),
    (caching.no_freshness, {**PROXY, "expires": "1h"}, BACKEND),
    (caching.no_freshness, {"does": "passes"}, BACKEND),
    (caching.no_freshness, {"does": "redirects", "expires": "1h"}, NO_CONTENT),
    (caching.no_freshness, GONE, PART),
    (caching.no_stale, {"cache_control": ("public", "max-age=60")},
     "info: Cache-Control: public, max-age=60"),
    (caching.no_stale, {"cache_control": ("s-maxage=05",)}, "info: Cache-Control: s-maxage=05"),
    (caching.no_stale, {"cache_control": ("max-age=00",)}, "pass"),
    (caching.no_stale, {"cache_control": ("public",)}, "pass"),
    (caching.no_stale, {"cache_control": ()}, "skip: no line sets Cache-Control"),
    (caching.no_stale, {"cache_control": None}, "skip: no line sets Cache-Control"),
    (caching.no_stale, GONE, PART),
    *((caching.no_stale, {"cache_control": ("max-age=60", final)}, "pass")
      for final in ("no-store", "no-cache", "must-revalidate", "proxy-revalidate", "immutable",
                    "stale-while-revalidate=60", "stale-if-error=60")),
    (caching.vary, {"gzip_vary": False}, ("medium: gzip is on and gzip_vary is off: the coding "
     "depends on Accept-Encoding, but Vary does not name it [gzip, gzip_vary, header vary, "
     "encode]")),
    (caching.vary, {"gzip_vary": False, "gzip": False}, ("medium: brotli is on and gzip_vary is "
     "off: the coding depends on Accept-Encoding, but Vary does not name it [brotli, gzip_vary, "
     "header vary, encode]")),
    (caching.vary, {"gzip_vary": None, **PLAIN}, "pass"),
    (caching.vary, {"gzip_vary": None, **PLAIN, "zstd": True}, "pass"),
    (caching.vary, {"gzip": None}, MATCHER),
    (caching.vary, {"gzip": None, "does": "passes"}, MATCHER),
    (caching.vary, {"gzip": None, "does": "answers"}, NO_CONTENT),
    (caching.vary, {"gzip_vary": False, **GONE}, PART),
    (caching.cache_leak, {**CACHE, "cookies_cached": True, "private_cached": True},
     ("high: proxy_cache zone stores Set-Cookie and sends it to other visitors: "
     "proxy_ignore_headers names Set-Cookie "
     "[proxy_ignore_headers, proxy_cache, proxy_hide_header]")),
    (caching.cache_leak, {**CACHE, "private_cached": True},
     ("medium: proxy_cache zone stores private responses, too: proxy_ignore_headers names "
     "Cache-Control [proxy_ignore_headers, proxy_cache, proxy_cache_valid]")),
    (caching.cache_leak, CACHE, "pass"),
    (caching.cache_leak, {"cookies_cached": True}, "pass"),
    (caching.cache_leak, {"cache_control": ()}, "skip: nothing is cached here"),
    (caching.cache_leak, {"cache_control": None}, "skip: nothing is cached here"),
    *((caching.cache_leak, {"does": "passes", "cache_control": (kept,)},
       "skip: the file does not show whether the backend's replies are private")
      for kept in ("public", "s-maxage=010")),
    (caching.cache_leak, {"does": "passes", "cache_control": ("s-maxage=0", "max-age=9")}, "pass"),
    (caching.cache_leak, {"cache_control": ("public",)}, "pass"),
    (caching.cache_leak, {**CACHE, "cookies_cached": True, **GONE}, PART),
]  # fmt: skip
MORE: list[tuple[AnyRule, dict[str, Any], str]] = [
    (content.no_compress, PLAIN, "medium: no text is compressed: gzip is off"),
    (content.no_compress, {**PLAIN, "precompressed": ("gzip",)},
     "skip: the file does not show which compressed files exist"),
    (content.no_compress, HTML, ("medium: style sheets, scripts and JSON are not compressed: "
     "gzip_types does not list them [encode, gzip_types, brotli_types]")),
    (content.no_compress, {**HTML, "zstd": True}, "pass"),  # another module has its types
    *((content.no_compress, {**HTML, "gzip_types": (listed,)}, "pass")
      for listed in ("text/css", "application/javascript", "text/javascript", "application/json",
                     "*")),
    (content.no_compress, {**HTML, "brotli_types": ("text/css",)}, "pass"),
    (content.no_compress, {**HTML, "brotli_types": ("text/css",), "brotli": False},
     ("medium: style sheets, scripts and JSON are not compressed: gzip_types does not list them "
     "[encode, gzip_types, brotli_types]")),
    (content.no_compress, {**HTML, "gzip_types": ("text/css",), "gzip": False},
     ("medium: style sheets, scripts and JSON are not compressed: gzip_types does not list them "
     "[encode, gzip_types, brotli_types]")),
    (content.no_compress, {"gzip": None}, MATCHER),
    (content.no_compress, {**PLAIN, "does": "passes"}, BACKEND),
    (content.no_compress, {**PLAIN, **GONE}, PART),
    (content.no_brotli, {"brotli": False}, "low: text is compressed with gzip only"),
    (content.no_brotli, {"brotli": False, "zstd": True}, "pass"),
    (content.no_brotli, {"brotli": False, "precompressed": ("gzip", "br")},
     "skip: the file does not show which br files exist"),
    (content.no_brotli, {"brotli": False, "precompressed": ("gzip",)},
     "low: text is compressed with gzip only"),
    (content.no_brotli, PLAIN, UNCODED),
    (content.no_brotli, {"brotli": False, "tls": False},
     "skip: browsers do not offer br over plain HTTP"),
    (content.no_brotli, {"brotli": False, "tls": None, **UNDECIDED}, "skip: it depends on {$X}"),
    (content.no_brotli, {"gzip": None}, MATCHER),
    (content.no_brotli, {"brotli": False, **GONE}, PART),
    (content.compress_waste, {"gzip_types": ("text/css", "image/png", "video/mp4")},
     "low: compression is wasted on gzip_types: image/png, video/mp4 [gzip_types]"),
    (content.compress_waste, {"gzip_types": ("*",), "brotli_types": ("*",)},
     "low: compression is wasted on gzip_types: *, brotli_types: * [gzip_types, brotli_types]"),
    (content.compress_waste, {"gzip": False, "gzip_types": ("*",), "brotli_types": ("*",)},
     "low: compression is wasted on brotli_types: * [brotli_types]"),
    (content.compress_waste, {"brotli": False, "gzip_types": ("*",), "brotli_types": ("*",)},
     "low: compression is wasted on gzip_types: * [gzip_types]"),
    (content.compress_waste, {"gzip_types": tuple(f"image/{n}" for n in range(9))},
     ("low: compression is wasted on gzip_types: image/0, image/1, image/2, image/3, image/4, "
     "image/5, image/6, image/7 [gzip_types]")),
    (content.compress_waste, {**PLAIN, "gzip_types": ("*",)}, UNCODED),
    (content.compress_waste, {**PLAIN, "zstd": True}, UNCODED),
    (content.compress_waste, {"gzip": None}, MATCHER),
    (content.compress_waste, {"gzip_types": ("*",), **GONE}, PART),
    (content.retry_info, {"retry_after": False}, ("low: neither Retry-After nor a RateLimit field "
     "with 429")),
    (content.retry_info, {"retry_after": None, "limit_status": (503, 444, 429)},
     "low: neither Retry-After nor a RateLimit field with 503, 429"),
    (content.retry_info, {"retry_after": False, "limit_status": (444,)}, "pass"),
    (content.retry_info, {"limited": False},
     "skip: no request is rejected by limit_req or limit_conn"),
    (content.retry_info, GONE, PART),
    (quic.early_unsafe, {"early_data_told": False}, ("high: ssl_early_data is on, and requests are "
     "proxied without `proxy_set_header Early-Data $ssl_early_data`")),
    (quic.early_unsafe, {"early_data": False, "early_data_told": False}, "pass"),
    (quic.early_unsafe, {"early_data": None}, "skip: nothing is proxied here"),
    (quic.early_unsafe, GONE, PART),
    (rest.heartbeat, {"buffered": True}, ("low: proxy_buffering is on: events wait until a buffer "
     "is full, unless each response has X-Accel-Buffering: no")),
    (rest.heartbeat, {"buffered": None},
     "skip: no proxied location has the name of an event stream"),
    (rest.heartbeat, {"buffered": True, "event_stream": False},
     "skip: no proxied location has the name of an event stream"),
]  # fmt: skip
OF_CADDY: list[tuple[AnyRule, dict[str, Any], str]] = [
    (versions.no_h2, {"h2": False}, "low: `protocols` does not include h2"),
    (versions.no_h3, BARE, "low: `protocols` does not include h3"),
    (versions.h3_hidden, {"alt_svc": ()}, ("medium: h3 is enabled, but no reply over TCP announces "
     "it in Alt-Svc (DNS was not checked)")),
    (versions.h3_dead, {"h3": False},
     "high: h3 is announced (Alt-Svc), but `protocols` does not include h3"),
    (versions.fallback, {"tls_ports": ()}, "high: port 443 has h3, but neither h1 nor h2"),
    (origin.no_reuse, {"closes": True}, ("medium: HTTP/1.1: `header Connection close` closes the "
     "connection after each response [header connection, keepalive_timeout]")),
    (origin.no_https, {"clear": "serves"}, ("high: a site address with http:// or port 80, or a "
     "port only, and no `redir` to https [site, listen]")),
    (caching.no_freshness, {"cache_control": ()},
     "medium: no `header` line gives files a lifetime with Cache-Control"),
    (caching.vary, {"gzip_vary": False, **PLAIN, "zstd": True}, ("medium: `encode` compresses with "
     "zstd, but a `header` line removes Vary [zstd, gzip_vary, header vary, encode]")),
    (content.no_compress, PLAIN, "medium: no text is compressed: there is no `encode`"),
    (content.no_compress, {**HTML, **PLAIN, "zstd": True},
     ("medium: style sheets, scripts and JSON are not compressed: `encode`'s match does not list "
     "them [encode, gzip_types, brotli_types]")),
    (content.no_compress, {**PLAIN, "zstd": True}, "pass"),
    (content.compress_waste, {**PLAIN, "zstd": True, "gzip_types": ("font/woff2",)},
     "low: compression is wasted on encode: font/woff2 [encode]"),
    (quic.early_unsafe, {"early_data_told": False}, ("high: HTTP/3 accepts early data, and "
     "`header_up` or `request_header` removes Early-Data from proxied requests")),
    (rest.heartbeat, {"buffered": True}, ("low: response_buffers delays events until a buffer is "
     "full or the response ends")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "line"), [*CASES, *MORE])
def test_nginx(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert said(rule, site(changes)) == line


@pytest.mark.parametrize(("rule", "changes", "line"), OF_CADDY)
def test_caddy(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert said(rule, site(changes, CADDY)) == line


@pytest.mark.parametrize(
    ("media_type", "packed"),
    [
        *((name, True) for name in (
            "*", "image/png", "image/jpeg", "image/webp", "video/mp4", "audio/mpeg",
            "application/zip", "application/gzip", "application/x-gzip",
            "application/x-7z-compressed", "application/x-rar-compressed", "application/x-bzip",
            "application/x-bzip2", "application/pdf", "application/java-archive", "font/woff",
            "font/woff2", "application/font-woff", "application/x-font-woff2",
        )),
        *((name, False) for name in (
            "image/svg+xml", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon",
            "image/x-ms-bmp", "audio/midi", "font/ttf", "font/otf", "application/json",
            "application/wasm", "text/plain", "application/vnd.ms-fontobject",
        )),
    ],
)  # fmt: skip
def test_types_that_are_compressed_already(media_type: str, packed: bool) -> None:
    wasted = content.compress_waste(site({"gzip_types": (media_type,)}))
    assert isinstance(wasted, Hit) is packed


@pytest.mark.parametrize("changes", [{"tls_ports": ()}, {"h3_ports": (8443,)}])
def test_a_missing_version_s_fix_names_upgrade(changes: dict[str, Any]) -> None:
    verdict = versions.fallback(site(changes))
    assert isinstance(verdict, Hit)
    fix = filled(versions.fallback.words, verdict.params).fix
    assert fix["apache"].endswith("Header unset Upgrade\nHeader always unset Upgrade")
