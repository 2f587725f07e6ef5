"""What a server's configuration says where a rule also has evidence on the wire.

Each function is the half of a condition that a file decides; the rule stands where the other half
does.
"""

from __future__ import annotations

import re

from seventh.model.severity import Severity
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.rules import file_words
from seventh.rules.rule import Hit, Skip, Verdict

_H3 = re.compile(r"\bh3=")
_PART = Skip("the file is a part of a configuration and names no server")
_BEHIND = Skip("the server behind decides this")
_NO_CONTENT = Skip("no content is served here")
_NO_TLS = Skip("the server has no TLS")
_NO_H3 = Skip("HTTP/3 is not offered")
_MATCHED = Skip("a matcher decides it that cannot be judged here")
_PACKED = re.compile(
    r"image/(?!svg|bmp|x-icon|vnd\.microsoft\.icon|x-ms-bmp)[^;]+|video/.+|audio/(?!midi).+"
    r"|application/(?:zip|gzip|x-gzip|x-7z-compressed|x-rar-compressed|x-bzip2?|pdf|java-archive)"
    r"|font/woff2?|application/(?:x-)?font-woff2?|\*"
)
_STYLES = ("text/css", "application/javascript", "text/javascript", "application/json")


def _unknown(config: HttpConfigFacts) -> Skip | None:
    """Return why what is missing is not known; None where it is just not there."""
    if not config.does:
        return _PART
    return Skip(config.undecided) if config.undecided else None


# -- versions and connections ----------------------------------------------------------------------


def no_h2(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-H2: TLS on TCP, and nothing that offers h2 there."""
    words = file_words.of(config.product)
    if config.h2 is None:
        return _unknown(config) or _NO_TLS
    if config.h2:
        return None
    return Hit(detail=words.no_h2).at(*words.at_h2)


def no_h3(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-H3: TLS, and no QUIC beside it."""
    words = file_words.of(config.product)
    if config.h3 is None:
        return _unknown(config) or _NO_TLS
    if config.h3 or any(_H3.search(value) for value in config.alt_svc or ()):
        return None  # announced and not there is HTTP-H3-DEAD
    if not config.h3_known:
        return Hit(detail=words.too_old_for_h3.format(version=config.version)).at(*words.at_listen)
    return Hit(detail=words.no_h3).at(*words.at_h3)


def h3_hidden(config: HttpConfigFacts) -> Verdict:
    """HTTP-H3-HIDDEN: QUIC is listened for, and no Alt-Svc says so."""
    if not config.h3:
        return _unknown(config) or _NO_H3
    if config.alt_svc is None:
        return _BEHIND
    if any(_H3.search(value) for value in config.alt_svc):
        return None
    words = file_words.of(config.product)
    return Hit(what=words.h3_hidden).at(*words.at_alt_svc)


def h3_dead(config: HttpConfigFacts) -> Verdict:
    """HTTP-H3-DEAD: Alt-Svc promises what is not listened for, or what every reply breaks."""
    if config.alt_svc is None or config.h3 is None:
        return _unknown(config) or Skip("nothing that this file says announces HTTP/3")
    if not any(_H3.search(value) for value in config.alt_svc):
        return None
    words = file_words.of(config.product)
    if config.h3_broken:
        return Hit(announced="Alt-Svc", detail=config.h3_broken, host="@").at(*words.at_h3_broken)
    if config.h3:
        return None
    return Hit(announced=words.announced, detail=words.h3_dead, host="@").at(*words.at_alt_svc)


def fallback(config: HttpConfigFacts) -> Verdict:
    """HTTP-FALLBACK: QUIC on a port where TCP has no TLS."""
    if not config.h3:
        return _unknown(config) or _NO_H3
    bare = [str(port) for port in config.h3_ports if port not in config.tls_ports]
    if not bare:
        return None
    words = file_words.of(config.product)
    hit = Hit(rungs=(words.no_tcp.format(port=", ".join(bare)),), field="Upgrade")
    return hit.at(*words.at_listen)


def no_reuse(config: HttpConfigFacts, least_seconds: float, least_requests: int) -> Verdict:
    """HTTP-NO-REUSE: connections are ended early."""
    if not config.does:
        return _PART
    words = file_words.of(config.product)
    seconds, requests = config.keepalive_seconds, config.keepalive_requests
    if seconds == 0 or config.closes:
        return Hit(what=words.closes).at(*words.at_closes)
    if seconds is not None and seconds < least_seconds:
        return Hit(what=f"idle connections are kept for {seconds:g} s").at(*words.at_idle)
    if requests is not None and requests < least_requests:
        return Hit(what=f"{requests} requests are allowed on a connection").at("keepalive_requests")
    return None


def no_https(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-HTTPS: the network reaches it without TLS, and nothing leads to https."""
    if not config.does:
        return _PART
    if not config.clear:
        nobody = Skip("nothing but this machine reaches the server")
        return None if config.tls else _unknown(config) or nobody
    if config.clear != "serves":
        return None
    words = file_words.of(config.product)
    return Hit(what=words.in_clear).at(*words.at_clear)


def hsts(config: HttpConfigFacts, least_seconds: int) -> Verdict:
    """HTTP-HSTS: not sent, taken away by a location's own add_header, or too short."""
    if not config.does:
        return _PART
    if not config.tls:
        return _unknown(config) or Skip("over plain HTTP clients ignore HSTS")
    if not config.named:
        return Skip("the server has no host name, without which HSTS does not apply")
    if config.hsts is None:
        return _BEHIND if config.does == "passes" else _MATCHED
    what = _hsts_wrong(config, least_seconds)
    return Hit(what=what).at(*file_words.of(config.product).at_hsts) if what else None


def _hsts_wrong(config: HttpConfigFacts, least_seconds: int) -> str:
    if config.hsts_lost:
        return (
            "the server adds Strict-Transport-Security, and this location's own add_header lines "
            "take it away: they replace all of the server's"
        )
    if not config.hsts:
        return file_words.of(config.product).no_hsts
    if "$" in config.hsts or "{" in config.hsts:
        return ""
    age = re.search(r"max-age\s*=\s*\"?(\d{1,12})", config.hsts, re.IGNORECASE)
    if age is None:
        return f"Strict-Transport-Security says no max-age: {config.hsts}"
    if int(age[1]) < least_seconds:
        return f"Strict-Transport-Security lasts {int(age[1])} s ({config.hsts})"
    return ""


def h2_settings(config: HttpConfigFacts, least: int) -> Verdict:
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


def quic_idle(config: HttpConfigFacts, least: float) -> Verdict:
    """QUIC-IDLE: nginx gives its QUIC connections what keepalive_timeout says."""
    if not config.h3:
        return _NO_H3 if config.does else _PART
    seconds = config.keepalive_seconds
    if seconds is None or seconds >= least:
        return None if seconds is not None else Skip("keepalive_timeout is no time")
    return Hit(seconds=f"{seconds:g}").at("keepalive_timeout")


def amplify(config: HttpConfigFacts) -> Verdict:
    """QUIC-AMPLIFY: with ``quic_retry on`` nothing large goes to a stranger."""
    if config.quic_retry is None:
        return _NO_H3 if config.does else _PART
    if config.quic_retry:
        return None
    return Skip("quic_retry is off: whether the limit of RFC 9000 §8.1 is kept shows on the wire")


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
    return _MATCHED if config.does in {"files", "passes"} else _NO_CONTENT


def no_validator(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-VALIDATOR: files without ETag, and Last-Modified taken away."""
    skip = _served(config)
    if skip is not None:
        return skip
    if config.etag or config.last_modified:
        return None
    if config.etag is None or config.last_modified is None:
        return _MATCHED
    hit = Hit(where="", directives=config.cache_control or ("absent",))
    return hit.at(*file_words.of(config.product).at_validators)


def no_freshness(config: HttpConfigFacts) -> Verdict:
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
    if config.cache_control is None:
        return _MATCHED
    words = file_words.of(config.product)
    return Hit(said=words.no_lifetime).at(*words.at_lifetime)


def _two_lifetimes(config: HttpConfigFacts) -> Verdict:
    said = ", ".join(config.cache_control or ())
    if not re.search(r"max-age|no-store|no-cache", said):
        return None
    what = f"expires {config.expires} adds a Cache-Control beside add_header's own ({said})"
    return Hit(said=what).at("expires", "add_header")


def no_stale(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-SWR: a lifetime in add_header, and nothing about staleness."""
    if not config.does:
        return _PART
    said = ", ".join(config.cache_control or ())
    words = file_words.of(config.product)
    if not said:
        return Skip(words.no_cache_control)
    lifetime = re.search(r"(?:max-age|s-maxage)=0*[1-9]", said)
    final = re.search(r"no-store|no-cache|must-revalidate|proxy-revalidate|immutable", said)
    if not lifetime or final or "stale-" in said:
        return None
    return Hit(directives=config.cache_control or ()).at(*words.at_cache_control)


def vary(config: HttpConfigFacts) -> Verdict:
    """HTTP-VARY: the server compresses, and does not say that Accept-Encoding decided it."""
    if not config.does:
        return _PART
    words = file_words.of(config.product)
    if config.gzip is None:
        return _coding_unknown(config)
    own_zstd = words.own_zstd and config.zstd
    if config.gzip_vary or not (config.gzip or config.brotli or own_zstd):
        return None
    what = "gzip" if config.gzip else "brotli" if config.brotli else "zstd"
    return Hit(what=words.no_vary.format(coding=what)).at(what, *words.at_vary)


def no_compress(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-COMPRESS: files without any coding, or pages alone."""
    skip = _served(config)
    if skip is not None:
        return skip
    words = file_words.of(config.product)
    if config.gzip is None:
        return _coding_unknown(config)
    if not (config.gzip or config.brotli or config.zstd):
        if config.precompressed:
            return Skip("which files lie there compressed already, the file does not tell")
        return Hit(plain=(words.no_coding,)).at(*words.at_coding)
    if config.zstd and not words.own_zstd:
        return None  # what zstd_types holds is another module's business
    coded = {*(config.gzip_types if config.gzip or config.zstd else ()),
             *(config.brotli_types if config.brotli else ())}  # fmt: skip
    if "*" in coded or coded & set(_STYLES):
        return None
    return Hit(plain=(words.no_styles,)).at(*words.at_types)


def no_brotli(config: HttpConfigFacts) -> Verdict:
    """HTTP-NO-BR: gzip, and no brotli beside it, over TLS."""
    if not config.does:
        return _PART
    if config.gzip is None:
        return _coding_unknown(config)
    if not config.tls:
        return _unknown(config) or Skip("over plain HTTP browsers do not offer br")
    if config.brotli or config.zstd:
        return None
    if "br" in config.precompressed:
        return Skip("which files lie there as br already, the file does not tell")
    if not config.gzip:
        return Skip("nothing is compressed at all")
    return Hit(what="only gzip").at(*file_words.of(config.product).at_coding)


def compress_waste(config: HttpConfigFacts) -> Verdict:
    """HTTP-COMPRESS-WASTE: types that are compressed in themselves among those to compress."""
    if not config.does:
        return _PART
    words = file_words.of(config.product)
    if config.gzip is None:
        return _coding_unknown(config)
    own_zstd = words.own_zstd and config.zstd
    if not (config.gzip or config.brotli or own_zstd):
        return Skip("nothing is compressed at all")
    wasted, names = list[str](), list[str]()
    on_types = ((config.gzip or own_zstd, config.gzip_types), (config.brotli, config.brotli_types))
    for name, (on, types) in zip(words.at_types, on_types, strict=False):
        packed = [one for one in types if _PACKED.fullmatch(one)]
        if on and packed:
            wasted.append(f"{name} has {', '.join(packed[:8])}")
            names.append(name)
    return Hit(wasted=tuple(wasted)).at(*names) if wasted else None


def retry_info(config: HttpConfigFacts) -> Verdict:
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


def cache_leak(config: HttpConfigFacts) -> Verdict:
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


def _told_public(config: HttpConfigFacts, said: str) -> Verdict:
    """Return ``public`` added to all that an application says, logged in or not."""
    if config.does != "passes" or not re.search(r"\bpublic\b|s-maxage=0*[1-9]", said):
        return None
    return Skip("whether what the server behind sends is private does not stand in this file")


def early_unsafe(config: HttpConfigFacts) -> Verdict:
    """HTTP-0RTT-UNSAFE: early data is passed on, and the server behind cannot tell."""
    if not config.does:
        return _PART
    if config.early_data is None:
        return Skip("nothing is passed on here")
    if not config.early_data or config.early_data_told:
        return None
    words = file_words.of(config.product)
    return Hit(what=words.early).at(*words.at_early)


def heartbeat(config: HttpConfigFacts) -> Verdict:
    """SSE-HEARTBEAT: a location of events whose replies are collected first."""
    if not config.event_stream or config.buffered is None:
        return Skip("no location passes on an event stream, as far as its name tells")
    if not config.buffered:
        return None
    words = file_words.of(config.product)
    return Hit(Severity.LOW, what=words.buffered).at(*words.at_buffered)
