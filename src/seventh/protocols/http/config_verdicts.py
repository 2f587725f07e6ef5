"""What nginx.conf says where a rule also has evidence on the wire.

Each function is the half of a condition that a file decides; the rule stands where the other half
does.
"""

from __future__ import annotations

import re

from seventh.model.severity import Severity
from seventh.protocols.http.facts_config import ConfigFacts
from seventh.rules.rule import Hit, Skip, Verdict

_H3 = re.compile(r"\bh3=")
_PART = Skip("the file is a part of a configuration and names no server")
_BEHIND = Skip("the server behind decides this")
_NO_CONTENT = Skip("no content is served here")
_NO_TLS = Skip("the server has no TLS")
_PACKED = re.compile(
    r"image/(?!svg|bmp|x-icon|vnd\.microsoft\.icon|x-ms-bmp)[^;]+|video/.+|audio/(?!midi).+"
    r"|application/(?:zip|gzip|x-gzip|x-7z-compressed|x-rar-compressed|x-bzip2?|pdf|java-archive)"
    r"|font/woff2?|application/(?:x-)?font-woff2?|\*"
)
_STYLES = ("text/css", "application/javascript", "text/javascript", "application/json")


# -- versions and connections ----------------------------------------------------------------------


def no_h2(config: ConfigFacts) -> Verdict:
    """HTTP-NO-H2: TLS on TCP, and neither ``http2 on`` nor the parameter of ``listen``."""
    if config.h2 is None:
        return _NO_TLS if config.does else _PART
    if config.h2:
        return None
    return Hit(detail="neither http2 on nor a listen line with http2").at("http2", "listen")


def no_h3(config: ConfigFacts) -> Verdict:
    """HTTP-NO-H3: TLS, and no ``listen … quic``."""
    if config.h3 is None:
        return _NO_TLS if config.does else _PART
    if config.h3:
        return None
    if not config.h3_known:
        return Hit(detail=f"nginx {config.version} has no HTTP/3").at("listen")
    return Hit(detail="no listen line with quic, or http3 is off").at("listen", "http3")


def h3_hidden(config: ConfigFacts) -> Verdict:
    """HTTP-H3-HIDDEN: QUIC is listened for, and no Alt-Svc says so."""
    if not config.h3:
        return Skip("HTTP/3 is not offered") if config.does else _PART
    if config.alt_svc is None:
        return _BEHIND
    if any(_H3.search(value) for value in config.alt_svc):
        return None
    return Hit(
        what="a listen line has quic, and no add_header Alt-Svc says so; what DNS says of it, the "
        "file does not tell"
    ).at("add_header", "listen")


def h3_dead(config: ConfigFacts) -> Verdict:
    """HTTP-H3-DEAD: Alt-Svc promises what no ``listen … quic`` keeps."""
    if config.alt_svc is None or config.h3 is None:
        return Skip("nothing that this file says announces HTTP/3") if config.does else _PART
    if config.h3 or not any(_H3.search(value) for value in config.alt_svc):
        return None
    return Hit(announced="add_header Alt-Svc", detail="no listen line has quic", host="@").at(
        "add_header", "listen"
    )


def fallback(config: ConfigFacts) -> Verdict:
    """HTTP-FALLBACK: QUIC on a port where TCP has no TLS."""
    if not config.h3:
        return Skip("HTTP/3 is not offered") if config.does else _PART
    bare = [str(port) for port in config.h3_ports if port not in config.tls_ports]
    if not bare:
        return None
    what = f"port {', '.join(bare)} has quic and no listen line with ssl beside it"
    return Hit(rungs=(what,)).at("listen")


def no_reuse(config: ConfigFacts, least_seconds: float, least_requests: int) -> Verdict:
    """HTTP-NO-REUSE: connections are ended early."""
    if not config.does:
        return _PART
    seconds, requests = config.keepalive_seconds, config.keepalive_requests
    if seconds == 0:
        return Hit(what="keepalive_timeout 0 closes the connection after each answer").at(
            "keepalive_timeout"
        )
    if seconds is not None and seconds < least_seconds:
        return Hit(what=f"idle connections are kept for {seconds:g} s").at("keepalive_timeout")
    if requests is not None and requests < least_requests:
        return Hit(what=f"{requests} requests are allowed on a connection").at("keepalive_requests")
    return None


def no_https(config: ConfigFacts) -> Verdict:
    """HTTP-NO-HTTPS: the network reaches it without TLS, and nothing leads to https."""
    if not config.does:
        return _PART
    if not config.clear:
        return None if config.tls else Skip("nothing but this machine reaches the server")
    if config.clear != "serves":
        return None
    return Hit(what="a listen line without ssl, and no return to https").at("listen")


def hsts(config: ConfigFacts, least_seconds: int) -> Verdict:
    """HTTP-HSTS: not sent, taken away by a location's own add_header, or too short."""
    if not config.does:
        return _PART
    if not config.tls:
        return Skip("over plain HTTP clients ignore HSTS")
    if not config.named:
        return Skip("the server has no host name, without which HSTS does not apply")
    if config.hsts is None:
        return _BEHIND if config.does == "passes" else _NO_CONTENT
    what = _hsts_wrong(config, least_seconds)
    return Hit(what=what).at("add_header") if what else None


def _hsts_wrong(config: ConfigFacts, least_seconds: int) -> str:
    if config.hsts_lost:
        return (
            "the server adds Strict-Transport-Security, and this location's own add_header lines "
            "take it away: they replace all of the server's"
        )
    if not config.hsts:
        return "no add_header line in force sends Strict-Transport-Security"
    if "$" in config.hsts:
        return ""
    age = re.search(r"max-age\s*=\s*\"?(\d{1,12})", config.hsts, re.IGNORECASE)
    if age is None:
        return f"Strict-Transport-Security says no max-age: {config.hsts}"
    if int(age[1]) < least_seconds:
        return f"Strict-Transport-Security lasts {int(age[1])} s ({config.hsts})"
    return ""


def h2_settings(config: ConfigFacts, least: int) -> Verdict:
    """H2-SETTINGS: few streams at once."""
    if not config.h2:
        return Skip("HTTP/2 is not offered") if config.does else _PART
    if config.streams is None:
        return Skip("http2_max_concurrent_streams is no number")
    if config.streams >= least:
        return None
    return Hit(what=f"{config.streams} streams at once, fewer than {least}").at(
        "http2_max_concurrent_streams"
    )


def quic_idle(config: ConfigFacts, least: float) -> Verdict:
    """QUIC-IDLE: nginx gives its QUIC connections what keepalive_timeout says."""
    if not config.h3:
        return Skip("HTTP/3 is not offered") if config.does else _PART
    seconds = config.keepalive_seconds
    if seconds is None or seconds >= least:
        return None if seconds is not None else Skip("keepalive_timeout is no time")
    return Hit(seconds=f"{seconds:g}").at("keepalive_timeout")


def amplify(config: ConfigFacts) -> Verdict:
    """QUIC-AMPLIFY: with ``quic_retry on`` nothing large goes to a stranger."""
    if config.quic_retry is None:
        return Skip("HTTP/3 is not offered") if config.does else _PART
    if config.quic_retry:
        return None
    return Skip("quic_retry is off: whether the limit of RFC 9000 §8.1 is kept shows on the wire")


# -- content ---------------------------------------------------------------------------------------


def _served(config: ConfigFacts) -> Skip | None:
    """Why content cannot be judged; None where files are served."""
    if not config.does:
        return _PART
    if config.does == "passes":
        return _BEHIND
    return None if config.does == "files" else _NO_CONTENT


def no_validator(config: ConfigFacts) -> Verdict:
    """HTTP-NO-VALIDATOR: files without ETag, and Last-Modified taken away."""
    skip = _served(config)
    if skip is not None:
        return skip
    if config.etag or config.last_modified:
        return None
    return Hit(directives=config.cache_control or ("absent",)).at("etag", "add_header")


def no_freshness(config: ConfigFacts) -> Verdict:
    """HTTP-NO-FRESHNESS: files without any lifetime, or with two."""
    if config.does == "passes" and config.cache_control and config.expires not in {"", "off"}:
        return _two_lifetimes(config)
    skip = _served(config)
    if skip is not None:
        return skip
    if config.expires not in {"", "off"}:
        return _two_lifetimes(config)
    if config.cache_control:
        return None
    return Hit(said="neither expires nor add_header Cache-Control says how long files hold").at(
        "expires", "add_header"
    )


def _two_lifetimes(config: ConfigFacts) -> Verdict:
    said = ", ".join(config.cache_control or ())
    if not re.search(r"max-age|no-store|no-cache", said):
        return None
    return Hit(
        said=f"expires {config.expires} adds a Cache-Control beside add_header's own ({said})"
    ).at("expires", "add_header")


def no_stale(config: ConfigFacts) -> Verdict:
    """HTTP-NO-SWR: a lifetime in add_header, and nothing about staleness."""
    if not config.does:
        return _PART
    said = ", ".join(config.cache_control or ())
    if not said:
        return Skip("no add_header line sets Cache-Control")
    lifetime = re.search(r"(?:max-age|s-maxage)=0*[1-9]", said)
    final = re.search(r"no-store|no-cache|must-revalidate|proxy-revalidate|immutable", said)
    if not lifetime or final or "stale-" in said:
        return None
    return Hit(directives=config.cache_control or ()).at("add_header")


def vary(config: ConfigFacts) -> Verdict:
    """HTTP-VARY: nginx compresses, and does not say that Accept-Encoding decided it."""
    if not config.does:
        return _PART
    if config.gzip is None:
        return _NO_CONTENT
    if not config.gzip and not config.brotli:
        return None
    if config.gzip_vary:
        return None
    what = "gzip" if config.gzip else "brotli"
    return Hit(
        what=f"{what} is on and gzip_vary off: Accept-Encoding decides the coding, and Vary does "
        "not name it"
    ).at(what, "gzip_vary")


def no_compress(config: ConfigFacts) -> Verdict:
    """HTTP-NO-COMPRESS: files without any coding, or pages alone."""
    skip = _served(config)
    if skip is not None:
        return skip
    if not (config.gzip or config.brotli or config.zstd):
        return Hit(plain=("every text, for gzip is off",)).at("gzip")
    if config.zstd:
        return None  # what zstd_types holds is another module's business
    coded = set(config.gzip_types if config.gzip else ()) | set(
        config.brotli_types if config.brotli else ()
    )
    if "*" in coded or coded & set(_STYLES):
        return None
    return Hit(plain=("styles, scripts and JSON, for gzip_types leaves them out",)).at(
        "gzip_types" if config.gzip else "brotli_types"
    )


def no_brotli(config: ConfigFacts) -> Verdict:
    """HTTP-NO-BR: gzip, and no brotli beside it, over TLS."""
    if not config.does:
        return _PART
    if config.gzip is None:
        return _NO_CONTENT
    if not config.tls:
        return Skip("over plain HTTP browsers do not offer br")
    if config.brotli or config.zstd:
        return None
    if not config.gzip:
        return Skip("nothing is compressed at all")
    return Hit(codings=("gzip",)).at("gzip", "brotli")


def compress_waste(config: ConfigFacts) -> Verdict:
    """HTTP-COMPRESS-WASTE: types that are compressed in themselves among those to compress."""
    if not config.does:
        return _PART
    if config.gzip is None:
        return _NO_CONTENT
    if not config.gzip and not config.brotli:
        return Skip("nothing is compressed at all")
    wasted = []
    names = []
    for name, on, types in (("gzip_types", config.gzip, config.gzip_types),
                            ("brotli_types", config.brotli, config.brotli_types)):  # fmt: skip
        packed = [one for one in types if _PACKED.fullmatch(one)]
        if on and packed:
            wasted.append(f"{name} has {', '.join(packed[:8])}")
            names.append(name)
    return Hit(wasted=tuple(wasted)).at(*names) if wasted else None


def retry_info(config: ConfigFacts) -> Verdict:
    """HTTP-RETRY-INFO: requests beyond a limit are refused without a word on when to come back."""
    if not config.does:
        return _PART
    if not config.limited:
        return Skip("no request is refused by limit_req or limit_conn")
    refused = tuple(
        f"{status} for what is beyond the limit"
        for status in config.limit_status
        if status in {429, 503}
    )
    if config.retry_after or not refused:
        return None
    return Hit(refused=refused).at("limit_req", "limit_conn", "limit_req_status")


# -- passing on ------------------------------------------------------------------------------------


def cache_leak(config: ConfigFacts) -> Verdict:
    """HTTP-CACHE-LEAK: nginx's own cache keeps cookies, or what the server behind forbade."""
    if not config.does:
        return _PART
    public = ", ".join(config.cache_control or ())
    if not config.cache:
        return Skip("nothing is cached here") if not public else _told_public(config, public)
    if config.cookies_cached:
        return Hit(
            what=f"Set-Cookie, kept by proxy_cache {config.cache} and handed to others,",
            directives=("not asked, for proxy_ignore_headers names Set-Cookie",),
        ).at("proxy_ignore_headers", "proxy_cache", "proxy_hide_header")
    if config.private_cached:
        return Hit(
            Severity.MEDIUM,
            what=f"whatever proxy_cache {config.cache} keeps, private replies too,",
            directives=("not asked, for proxy_ignore_headers names Cache-Control",),
        ).at("proxy_ignore_headers", "proxy_cache", "proxy_cache_valid")
    return None


def _told_public(config: ConfigFacts, said: str) -> Verdict:
    """``public`` added to all that an application says, logged in or not."""
    if config.does != "passes" or not re.search(r"\bpublic\b|s-maxage=0*[1-9]", said):
        return None
    return Skip("whether what the server behind sends is private does not stand in this file")


def early_unsafe(config: ConfigFacts) -> Verdict:
    """HTTP-0RTT-UNSAFE: early data is passed on, and the server behind cannot tell."""
    if not config.does:
        return _PART
    if config.early_data is None:
        return Skip("nothing is passed on here")
    if not config.early_data or config.early_data_told:
        return None
    return Hit(
        what="ssl_early_data is on, and requests are passed on without proxy_set_header "
        "Early-Data $ssl_early_data"
    ).at("ssl_early_data", "proxy_set_header", "proxy_pass")


def heartbeat(config: ConfigFacts) -> Verdict:
    """SSE-HEARTBEAT: a location of events whose replies are collected first."""
    if not config.event_stream or config.buffered is None:
        return Skip("no location passes on an event stream, as far as its name tells")
    if not config.buffered:
        return None
    return Hit(
        Severity.LOW,
        what="proxy_buffering is on: unless each reply says X-Accel-Buffering: no, events wait "
        "until a buffer is full",
    ).at("proxy_buffering", "proxy_pass")
