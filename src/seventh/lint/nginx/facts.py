"""One place of nginx.conf as facts: what is served there, how, and with which fields."""

from __future__ import annotations

import re
from typing import Any

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import servers as nginx_servers
from seventh.lint.nginx.conf import MAX_WORD, Directive
from seventh.lint.nginx.scope import Scope, field_of
from seventh.lint.nginx.servers import Location, Server
from seventh.protocols.http.facts.config import Clear, HttpConfigFacts, LostHeader, LostHeaders
from seventh.wire.address import covers_everyone
from seventh.wire.text import printable

SHOWN = {
    "listen": "", "add_header": "no add_header line", "ssl_protocols": "", "ssl_ciphers": "",
    "ssl_ecdh_curve": "", "ssl_dhparam": "", "ssl_session_cache": "", "ssl_session_tickets": "",
    "ssl_session_timeout": "",
    "ssl_early_data": "", "ssl_verify_client": "", "gzip": "", "gzip_types": "", "gzip_vary": "",
    "gzip_proxied": "", "brotli": "", "brotli_types": "", "etag": "", "expires": "",
    "keepalive_timeout": "", "keepalive_requests": "", "http2": "", "http3": "",
    "http2_max_concurrent_streams": "", "quic_retry": "", "return": "no return to https",
    "proxy_pass": "", "proxy_http_version": "", "proxy_set_header": "no proxy_set_header line",
    "proxy_read_timeout": "", "proxy_buffering": "", "proxy_cache": "", "proxy_cache_valid": "",
    "proxy_ignore_headers": "", "proxy_hide_header": "no proxy_hide_header line", "limit_req": "",
    "set_real_ip_from": "", "real_ip_header": "", "server_tokens": "",
    "limit_conn": "", "limit_req_status": "", "client_max_body_size": "",
}  # fmt: skip
"""The directives that findings stand on, and what the absence of one is called."""

_EVENTS = re.compile(
    r"(?:^|[/_.(|-])(?:sse|events?|event-?stream|event-?source)(?:$|[/_.?$()|-])", re.IGNORECASE
)
_UPLOADS = re.compile(
    r"(?:^|[/_.^(|-])(?:uploads?|uploader|attachments?|webdav|dav|imports?)(?:$|[/_.?$()|-])",
    re.IGNORECASE,
)
"""A network of all addresses, or of half of them."""
_HSTS = "strict-transport-security"
_NO_NAME = re.compile(r"^(?:_|[0-9.]+|\[.*|\$.*)?$")


def config_of(
    server: Server, front: Location, location: Location, *, early: bool
) -> HttpConfigFacts:
    """Return what the file decides at ``location``; ``front`` is where the server's ``/`` leads.

    ``early`` says whether its TLS takes early data.
    """
    scope = location.scope
    done = nginx_servers.does(server, location)
    return HttpConfigFacts(
        product=nginx_directives.PRODUCT,
        version=nginx_directives.text_of(scope.version),
        does=done,
        tls=server.tls,
        named=any(not _NO_NAME.match(name) for name in server.names),
        keepalive_seconds=scope.seconds("keepalive_timeout"),
        keepalive_requests=scope.number("keepalive_requests"),
        **_versions(server, scope, passes=done == "passes"),
        **_clear(server, front if location.words else location),
        **_hsts(server, front, location, done),
        tells_version=_tells_version(scope),
        loops=nginx_servers.loops(server, location),
        **_trusted(server, scope),
        lost_headers=_lost_headers(scope, done),
        **(_content(scope, own=done == "files") if done in {"files", "passes"} else {}),
        **(_passing(server, location, early=early) if done == "passes" else {}),
    )


def _versions(server: Server, scope: Scope, *, passes: bool) -> dict[str, Any]:
    known = nginx_servers.known_since(scope.version, "http3")
    quic = tuple(one for one in server.listeners if one.quic)
    tls = tuple(one for one in server.listeners if one.tls and not one.quic)
    ports = tuple(one.port for one in quic if one.port is not None)
    if known and not scope.is_on("http3"):
        ports = ()
    h2_on = nginx_servers.known_since(scope.version, "http2") and scope.is_on("http2")
    alt_svc = tuple(_text(d.words[1]) for d in scope.headers("add_header", "alt-svc")
                    if len(d.words) > 1)  # fmt: skip
    return {
        "h2": (h2_on or any(one.h2 for one in tls)) if tls else None,
        "h3": bool(ports) if tls or quic else None,
        "h3_known": known,
        "h3_ports": ports,
        "tls_ports": tuple(one.port for one in tls if one.port is not None),
        "alt_svc": None if passes and not alt_svc else alt_svc,
        "quic_retry": scope.is_on("quic_retry") if ports else None,
        "streams": scope.number("http2_max_concurrent_streams"),
    }


def _clear(server: Server, location: Location) -> dict[str, Any]:
    """Return what plain HTTP gets where the whole network can ask for it."""
    plain = [one for one in server.listeners if not one.tls and not one.loopback]
    if not plain:
        return {}
    clear: Clear = "serves"
    if nginx_servers.leads_to_https(server, location):
        clear = "redirects"
    elif (done := nginx_servers.does(server, location)) in {"refuses", "closes"}:
        clear = "refuses" if done == "refuses" else "closes"
    return {"clear": clear}


def _tells_version(scope: Scope) -> bool | None:
    """Return whether Server has nginx's version; None where another module or a backend sets it."""
    changed = any(
        "server" in word.lower()
        for name in ("more_set_headers", "more_clear_headers", "proxy_pass_header")
        for line in scope.all(name) for word in line.words
    )  # fmt: skip
    return None if changed else scope.value("server_tokens") in {"on", "build"}


def _hsts(server: Server, front: Location, location: Location, done: str) -> dict[str, Any]:
    if not server.tls or done == "closes":
        return {}
    values = _field(location.scope, _HSTS)
    if values:
        return {"hsts": values[0]}
    before = _field(server.scope, _HSTS)
    outer = before or _field(front.scope, _HSTS)
    if before and location.words:
        return {"hsts": "", "hsts_lost": True}
    # The server behind may send it; where nginx adds it elsewhere, it is meant to be nginx's.
    return {"hsts": None if done == "passes" and not outer else ""}


def _trusted(server: Server, scope: Scope) -> dict[str, Any]:
    """Return the networks of ``set_real_ip_from`` that have every address, where others connect."""
    if all(listener.loopback for listener in server.listeners):
        return {}
    any_address = tuple(
        word
        for line in scope.all("set_real_ip_from")
        for word in line.words
        if covers_everyone(word)
    )
    if not any_address:
        return {}
    return {"trusts_any": any_address, "trusted_field": scope.value("real_ip_header")}


def lost_lines(scope: Scope, done: str) -> list[Directive]:
    """Return the outer ``add_header`` lines that would be sent here if they were inherited.

    HSTS is HTTP-HSTS's to judge. nginx adds a line without ``always`` to no error, and ``expires``
    sets Cache-Control itself.
    """
    if done == "closes":
        return []
    elsewhere = {_HSTS, "cache-control" if _expires(scope) else ""}
    return [
        d for d in scope.lost_headers()
        if len(d.words) > 1 and d.words[1] and field_of(d) not in elsewhere
        and (done != "refuses" or "always" in d.words[2:])
    ]  # fmt: skip


def _expires(scope: Scope) -> bool:
    return scope.value("expires") not in {"off", ""}


def _lost_headers(scope: Scope, done: str) -> LostHeaders | None:
    lost = lost_lines(scope, done)
    if not lost:
        return None
    return LostHeaders(
        by=_at(scope.all("add_header")[0]),
        headers=tuple(
            LostHeader(name=_text(d.words[0]), at=_at(d), line=_written(d)) for d in lost
        ),
        can_merge=_can_merge(scope, set(map(field_of, lost))),
    )


def _can_merge(scope: Scope, lost: set[str]) -> bool:
    """Return whether ``add_header_inherit merge`` brings back these fields, and no second value."""
    if not nginx_servers.known_since(scope.version, "add_header_inherit"):
        return False
    last = max(n for n, level in enumerate(scope.levels) if "add_header" in level.by_name)
    own = set(map(field_of, scope.levels[last].by_name["add_header"]))
    outer = Scope(scope.levels[:last], scope.version, scope.block).all("add_header")
    merged = set(map(field_of, outer))
    return not own & merged and merged - {_HSTS} == lost


def _at(directive: Directive) -> str:
    return f"{directive.at.file}:{directive.at.line}"


def _written(directive: Directive) -> str:
    """Return a line of ``add_header`` as a file would have it."""
    name, value, *rest = directive.words
    quoted = value.replace("\\", r"\\").replace('"', r"\"")
    return printable(" ".join(["add_header", name, f'"{quoted}"', *rest]) + ";", MAX_WORD)


def _content(scope: Scope, *, own: bool) -> dict[str, Any]:
    """Return how content is validated, cached and compressed; a backend's part is unknown."""
    cleared = {d.words[0].lower() for d in scope.all("add_header")
               if len(d.words) > 1 and not d.words[1]}  # fmt: skip
    cache_control = _field(scope, "cache-control")
    statuses = {"limit_req": "limit_req_status", "limit_conn": "limit_conn_status"}
    limits = [name for name in statuses if scope.all(name)]
    return {
        "etag": scope.is_on("etag") and "etag" not in cleared if own else None,
        "last_modified": "last-modified" not in cleared if own else None,
        "cache_control": cache_control if own or cache_control else None,
        "expires": " ".join(scope.words("expires")) if own or scope.all("expires") else "",
        "gzip": scope.is_on("gzip"),
        "gzip_types": _types(scope, "gzip_types"),
        "gzip_vary": scope.is_on("gzip_vary")
        or any("accept-encoding" in value.lower() for value in _field(scope, "vary")),
        "brotli": scope.is_on("brotli"),
        "brotli_types": _types(scope, "brotli_types"),
        "zstd": scope.is_on("zstd"),
        "limited": bool(limits),
        "limit_status": tuple(sorted({scope.number(statuses[name]) or 503 for name in limits})),
        "retry_after": bool(_field(scope, "retry-after")),
    }


def _types(scope: Scope, name: str) -> tuple[str, ...]:
    """Media types of all lines; ``text/html`` is always one of them."""
    words = [word.lower() for line in scope.all(name) for word in line.words]
    return tuple(dict.fromkeys(["text/html", *map(_text, words)]))[:100]


def _passing(server: Server, location: Location, *, early: bool) -> dict[str, Any]:
    """Return what becomes of a request on its way to the server behind."""
    scope = location.scope
    ignored = {word.lower() for line in scope.all("proxy_ignore_headers") for word in line.words}
    hidden = {word.lower() for line in scope.all("proxy_hide_header") for word in line.words}
    cache = scope.value("proxy_cache")
    caches = cache not in {"off", ""}
    passed_by = [word for line in scope.all("proxy_no_cache") for word in line.words]
    stored = caches and "$upstream_http_set_cookie" not in passed_by
    kept = caches and (bool(scope.all("proxy_cache_valid")) or scope.all("expires") != [])
    sets = scope.headers("proxy_set_header", "early-data") or scope.headers(
        "grpc_set_header", "early-data"
    )
    return {
        "early_data": early,
        "early_data_told": bool(sets) or nginx_servers.asks(server, location, "$ssl_early_data"),
        "cache": cache if caches else "",
        "cookies_cached": stored and "set-cookie" in ignored and "set-cookie" not in hidden,
        "private_cached": kept and "cache-control" in ignored
        and not (scope.all("proxy_no_cache") or scope.all("proxy_cache_bypass")),
        "upload": _UPLOADS.search(location.path) is not None,
        "default_body_limit": not scope.all("client_max_body_size"),
        "event_stream": _EVENTS.search(location.path) is not None,
        "buffered": scope.is_on("proxy_buffering") if scope.own("proxy_pass") else None,
    }  # fmt: skip


def _field(scope: Scope, name: str) -> tuple[str, ...]:
    return tuple(_text(d.words[1]) for d in scope.headers("add_header", name)
                 if len(d.words) > 1 and d.words[1])  # fmt: skip


def _text(word: str) -> str:
    return printable(word, 300)
