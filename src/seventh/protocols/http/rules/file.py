"""What a server's configuration decides where a rule also has evidence on the wire.

Each function is the half of a condition that a file decides; the rule is where the other half is.
A code that is a product's name stands for what is wrong in that product's own words.
"""

from __future__ import annotations

import re

from seventh.model.severity import Severity
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.rules.rule import Hit, Skip, Verdict

_H3 = re.compile(r"\bh3=")
_PART = Skip("the file is a part of a configuration and defines no server")
_BEHIND = Skip("the backend decides this")
_NO_CONTENT = Skip("no content is served here")
_NO_TLS = Skip("the server has no TLS")
_NO_H3 = Skip("HTTP/3 is not enabled")
_MATCHED = Skip("it depends on a matcher that cannot be evaluated")
_NOT_COMPRESSED = Skip("nothing is compressed")
_PACKED = re.compile(
    r"image/(?!svg|bmp|x-icon|vnd\.microsoft\.icon|x-ms-bmp)[^;]+|video/.+|audio/(?!midi).+"
    r"|application/(?:zip|gzip|x-gzip|x-7z-compressed|x-rar-compressed|x-bzip2?|pdf|java-archive)"
    r"|font/woff2?|application/(?:x-)?font-woff2?|\*"
)
_STYLES = frozenset({"text/css", "application/javascript", "text/javascript", "application/json"})


def _unknown(config: HttpConfigFacts) -> Skip | None:
    """Return why what is missing is not known; None where it is just not there."""
    if not config.does:
        return _PART
    return Skip(config.undecided) if config.undecided else None


def _caddy(config: HttpConfigFacts) -> bool:
    return config.product == "caddy"


# -- versions and connections ----------------------------------------------------------------------


def no_h2(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-H2: TLS on TCP that does not offer h2."""
    if config.h2 is None:
        return _unknown(config) or _NO_TLS
    return None if config.h2 else Hit(what=config.product)


def no_h3(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-H3: TLS, and no QUIC beside it."""
    if config.h3 is None:
        return _unknown(config) or _NO_TLS
    if config.h3 or _announces_h3(config):
        return None  # announced and not there is HTTP-H3-DEAD
    if config.h3_known:
        return Hit(what=config.product)
    hit = Hit(what="old", product=config.product, version=config.version)
    return hit.at("listen", "servers protocols")


def _announces_h3(config: HttpConfigFacts) -> bool:
    return any(_H3.search(value) for value in config.alt_svc or ())


def h3_hidden(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-H3-HIDDEN: QUIC is enabled, and no Alt-Svc announces it."""
    if not config.h3:
        return _unknown(config) or _NO_H3
    if config.alt_svc is None:
        return _BEHIND
    return None if _announces_h3(config) else Hit(what=config.product)


def h3_dead(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-H3-DEAD: Alt-Svc announces what is not enabled, or what every reply breaks."""
    if config.alt_svc is None or config.h3 is None:
        return _unknown(config) or Skip("nothing in this file announces HTTP/3")
    if not _announces_h3(config):
        return None
    if config.h3_broken:
        hit = Hit(announced="Alt-Svc", what="failed", detail=config.h3_broken, host="@")
        return hit.at("header connection", "tls protocols")
    return None if config.h3 else Hit(announced="Alt-Svc", what=config.product, host="@")


def fallback(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-FALLBACK: QUIC on a port where TCP has no TLS."""
    if not config.h3:
        return _unknown(config) or _NO_H3
    bare = tuple(str(port) for port in config.h3_ports if port not in config.tls_ports)
    return Hit(rungs=(config.product,), ports=bare, field="Upgrade") if bare else None


def no_reuse(config: HttpConfigFacts, least_seconds: float, least_requests: int) -> Verdict:
    """Judge HTTP-NO-REUSE: connections are closed early."""
    if not config.does:
        return _PART
    seconds, requests = config.keepalive_seconds, config.keepalive_requests
    if seconds == 0 or config.closes:
        return Hit(what=config.product).at("header connection", "keepalive_timeout")
    if seconds is not None and seconds < least_seconds:
        severity = Severity.LOW if seconds >= 1 else None  # as of a server that does so
        hit = Hit(severity, what="idle", seconds=f"{seconds:g}")
        return hit.at("idle", "keepalive_timeout")
    if requests is not None and requests < least_requests:
        return Hit(what="few", count=requests).at("keepalive_requests")
    return None


def no_https(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-HTTPS: a network reaches it without TLS, and nothing redirects to https."""
    if not config.does:
        return _PART
    if not config.clear:
        local = Skip("only this machine can reach the server")
        return None if config.tls else _unknown(config) or local
    return Hit(what=config.product).at("site", "listen") if config.clear == "serves" else None


def hsts(config: HttpConfigFacts, least_seconds: int) -> Verdict:
    """Judge HTTP-HSTS: not added, replaced by a location's own add_header, or too short."""
    if not config.does:
        return _PART
    if not config.tls:
        return _unknown(config) or Skip("clients ignore HSTS over plain HTTP")
    if not config.named:
        return Skip("the server has no host name, which HSTS needs")
    if config.hsts is None:
        return _BEHIND if config.does == "passes" else _MATCHED
    if config.hsts_lost:
        return Hit(what="replaced")
    if not config.hsts:
        return Hit(what="not-configured")
    if "$" in config.hsts or "{" in config.hsts:
        return None
    age = re.search(r"max-age\s*=\s*\"?(\d{1,12})", config.hsts, re.IGNORECASE)
    if age is None:
        return Hit(what="no-max-age", value=config.hsts)
    seconds = int(age[1])
    if seconds >= least_seconds:
        return None
    return Hit(what="short" if seconds else "withdrawn", seconds=seconds, value=config.hsts)


def h2_settings(config: HttpConfigFacts, least: int) -> Verdict:
    """Judge H2-SETTINGS: few concurrent streams."""
    if not config.h2:
        return Skip("HTTP/2 is not enabled") if config.does else _PART
    if config.streams is None:
        return Skip("http2_max_concurrent_streams is not a number")
    if config.streams >= least:
        return None
    return Hit(what="streams", streams=config.streams, least=least)


def quic_idle(config: HttpConfigFacts, least: float) -> Verdict:
    """Judge QUIC-IDLE: nginx uses keepalive_timeout as QUIC's idle timeout."""
    if not config.h3:
        return _NO_H3 if config.does else _PART
    seconds = config.keepalive_seconds
    if seconds is None:
        return Skip("keepalive_timeout is not a time")
    return None if seconds >= least else Hit(seconds=f"{seconds:g}")


def amplify(config: HttpConfigFacts) -> Verdict:
    """Judge QUIC-AMPLIFY: with ``quic_retry on`` an unverified client gets nothing large."""
    if config.quic_retry is None:
        return _NO_H3 if config.does else _PART
    if config.quic_retry:
        return None
    return Skip("quic_retry is off: only a check of the server shows if RFC 9000 §8.1 is kept")


# -- content ---------------------------------------------------------------------------------------


def _served(config: HttpConfigFacts) -> Skip | None:
    """Return why content cannot be judged; None where files are served."""
    if not config.does:
        return _PART
    if config.does == "passes":
        return _BEHIND
    return None if config.does == "files" else _NO_CONTENT


def _coding_unknown(config: HttpConfigFacts) -> Skip:
    """Return why it is not known what is compressed."""
    if not config.does:
        return _PART
    return _MATCHED if config.does in {"files", "passes"} else _NO_CONTENT


def no_validator(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-VALIDATOR: files without ETag and Last-Modified."""
    skip = _served(config)
    if skip is not None:
        return skip
    if config.etag or config.last_modified:
        return None
    if config.etag is None or config.last_modified is None:
        return _MATCHED
    return Hit(what="none", directives=config.cache_control or ("absent",))


def no_freshness(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-FRESHNESS: files without any lifetime, or with two."""
    expires = config.expires not in {"", "off"}
    if not (config.does == "passes" and config.cache_control and expires):
        skip = _served(config)
        if skip is not None:
            return skip
    directives = config.cache_control or ()
    if expires:
        two = re.search(r"max-age|no-store|no-cache", ", ".join(directives))
        hit = Hit(what="expires-twice", expires=config.expires, directives=directives)
        return hit.at("expires", "add_header") if two else None
    if config.cache_control is None:
        return _MATCHED
    return None if directives else Hit(what=config.product)


def no_stale(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-SWR: a lifetime without any directive about staleness."""
    if not config.does:
        return _PART
    directives = ", ".join(config.cache_control or ())
    if not directives:
        return Skip("no line sets Cache-Control")
    lifetime = re.search(r"(?:max-age|s-maxage)=0*[1-9]", directives)
    final = re.search(r"no-store|no-cache|must-revalidate|proxy-revalidate|immutable", directives)
    if not lifetime or final or "stale-" in directives:
        return None
    return Hit(directives=config.cache_control or ())


def _own_zstd(config: HttpConfigFacts) -> bool:
    """Return whether zstd is used and the server's own, with the media types of gzip (Caddy's)."""
    return _caddy(config) and bool(config.zstd)


def vary(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-VARY: the server compresses, and Vary does not name Accept-Encoding."""
    if config.gzip is None or not config.does:
        return _coding_unknown(config)
    if config.gzip_vary or not (config.gzip or config.brotli or _own_zstd(config)):
        return None
    coding = "gzip" if config.gzip else "brotli" if config.brotli else "zstd"
    hit = Hit(what=config.product, coding=coding).fixed_by("nginx", "gzip_vary on;")
    return hit.at(coding, "gzip_vary", "header vary", "encode")


def no_compress(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-COMPRESS: files without any coding, or HTML alone."""
    skip = _served(config)
    if skip is not None:
        return skip
    if config.gzip is None:
        return _coding_unknown(config)
    if not (config.gzip or config.brotli or config.zstd):
        if config.precompressed:
            return Skip("the file does not show which compressed files exist")
        return Hit(what=config.product)
    if config.zstd and not _caddy(config):
        return None  # zstd_types belongs to another module
    coded = {*(config.gzip_types if config.gzip or config.zstd else ()),
             *(config.brotli_types if config.brotli else ())}  # fmt: skip
    if "*" in coded or coded & _STYLES:
        return None
    return Hit(what=f"{config.product}-types").at("encode", "gzip_types", "brotli_types")


def no_brotli(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-NO-BR: gzip, and no brotli beside it, over TLS."""
    if config.gzip is None or not config.does:
        return _coding_unknown(config)
    if not config.tls:
        return _unknown(config) or Skip("browsers do not offer br over plain HTTP")
    if config.brotli or config.zstd:
        return None
    if "br" in config.precompressed:
        return Skip("the file does not show which br files exist")
    return Hit(what="only", codings=("gzip",)) if config.gzip else _NOT_COMPRESSED


def compress_waste(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-COMPRESS-WASTE: types that are already compressed among those to compress."""
    if config.gzip is None or not config.does:
        return _coding_unknown(config)
    own_zstd = _own_zstd(config)
    if not (config.gzip or config.brotli or own_zstd):
        return _NOT_COMPRESSED
    used = {"gzip_types": config.gzip_types if config.gzip or own_zstd else (),
            "brotli_types": config.brotli_types if config.brotli else ()}  # fmt: skip
    if _caddy(config):
        used = {"encode": used["gzip_types"]}
    packed = {name: [t for t in types if _PACKED.fullmatch(t)] for name, types in used.items()}
    wasted = {name: types for name, types in packed.items() if types}
    if not wasted:
        return None
    shown = tuple(f"{name}: {', '.join(types[:8])}" for name, types in wasted.items())
    return Hit(wasted=shown).at(*wasted)


def retry_info(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-RETRY-INFO: requests over a limit are rejected without Retry-After."""
    if not config.does:
        return _PART
    if not config.limited:
        return Skip("no request is rejected by limit_req or limit_conn")
    refused = tuple(str(status) for status in config.limit_status if status in {429, 503})
    if config.retry_after or not refused:
        return None
    return Hit(refused=refused)


# -- proxying --------------------------------------------------------------------------------------


def cache_leak(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-CACHE-LEAK: nginx's own cache stores cookies, or what the backend forbids."""
    if not config.does:
        return _PART
    if not config.cache:
        public = re.search(r"\bpublic\b|s-maxage=0*[1-9]", ", ".join(config.cache_control or ()))
        if public and config.does == "passes":
            return Skip("the file does not show whether the backend's replies are private")
        return None if config.cache_control else Skip("nothing is cached here")
    if config.cookies_cached:
        return Hit(what="cookies-stored", cache=config.cache).at(
            "proxy_ignore_headers", "proxy_cache", "proxy_hide_header"
        )
    if config.private_cached:
        return Hit(Severity.MEDIUM, what="private-stored", cache=config.cache).at(
            "proxy_ignore_headers", "proxy_cache", "proxy_cache_valid"
        )
    return None


def server_leak(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-SERVER-LEAK: Server has the version; what a backend adds is unknown."""
    if not config.does:
        return _PART
    if config.does == "closes":
        return Skip("nothing is answered here")
    if config.tells_version is None:
        return Skip("another module or the backend sets Server")
    if config.tells_version:
        return Hit(fields=(f"Server: {config.product}/…",)).fixed_by("nginx", "server_tokens off;")
    if config.does == "passes":
        return Skip("only a check of the server shows the backend's fields")
    return None


def early_unsafe(config: HttpConfigFacts) -> Verdict:
    """Judge HTTP-0RTT-UNSAFE: early data is forwarded, and the backend cannot detect it."""
    if not config.does:
        return _PART
    if config.early_data is None:
        return Skip("nothing is proxied here")
    return Hit(what=config.product) if config.early_data and not config.early_data_told else None


def heartbeat(config: HttpConfigFacts) -> Verdict:
    """Judge SSE-HEARTBEAT: a location of events whose replies are buffered."""
    if not config.event_stream or config.buffered is None:
        return Skip("no proxied location has the name of an event stream")
    return Hit(Severity.LOW, what=config.product) if config.buffered else None
