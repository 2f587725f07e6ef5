"""One place of a Caddyfile as facts: what is served there, how, and with which fields."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy import tls as lint_caddy_tls
from seventh.lint.caddy.file import Node
from seventh.lint.caddy.header import Change, change
from seventh.lint.caddy.matchers import arguments
from seventh.lint.caddy.route import Route
from seventh.lint.caddy.site import Site
from seventh.lint.caddy.tokens import ENVIRONMENT
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.http.facts.config import Clear, HttpConfigFacts
from seventh.wire.address import covers_everyone
from seventh.wire.text import printable

DEFAULT_IDLE_SECONDS = 300.0
_TEXTS = (
    "text/html", "text/css", "text/javascript", "application/javascript", "application/json",
    "image/svg+xml",
)  # fmt: skip
_TO_HTTPS = re.compile(r"https://", re.IGNORECASE)
_EVENTS = re.compile(r"(?:^|[/_.@-])(?:sse|events?|event-?stream|event-?source)(?:$|[/_.?*-])",
                     re.IGNORECASE)  # fmt: skip
_WEBSOCKET = re.compile(
    r"(?:^|[/_.@-])(?:wss?|web-?sockets?|socket\.io|sockjs|cable|signalr|hubs?|live)(?:$|[/_.?*-])",
    re.IGNORECASE,
)
_UPGRADE = ("upgrade", "connection")


def config_of(
    site: Site,
    front: Route,
    route: Route,
    version: tuple[int, ...],
    offered: tuple[str, ...] | None,
) -> HttpConfigFacts:
    """Return what the file decides at ``route``; ``front`` is where the site's ``/`` leads.

    ``offered`` are the versions of HTTP at one of the site's addresses.
    """
    done = route.does()
    return HttpConfigFacts(
        product=caddy_directives.PRODUCT,
        version=caddy_directives.text_of(version),
        undecided=_undecided(site, route),
        does=done,
        tls=site.tls,
        named=any(a.open or (a.named and not a.local) for a in site.addresses),
        keepalive_seconds=_idle(site),
        closes="close" in ", ".join(route.field("connection").values).lower(),
        clear=_clear(site, front),
        **_trusted(site, route),
        **_versions(site, route, offered),
        **_hsts(site, front, route, passes=done == "passes"),
        **(_content(route, own=done == "files") if done in {"files", "passes"} else {}),
        **(_passing(site, route, offered) if done == "passes" else {}),
    )


def _undecided(site: Site, route: Route) -> str:
    """Return what is written as ``{$NAME}`` where it decides about the whole site or place."""
    for one in site.addresses:
        if one.open:
            return f"the environment decides the address {one.text}"
    for _, nodes in route.levels:
        for node in nodes:
            if ENVIRONMENT in node.name:
                return f"the environment decides what stands for {printable(node.name, 60)}"
    return ""


def _trusted(site: Site, route: Route) -> dict[str, Any]:
    """Return the networks of ``trusted_proxies`` that have every address, where others connect.

    The global option sets the client's address; a proxy's own line, whose field is passed on.
    """
    if site.loopback:
        return {}
    of_server = site.server.lines_of("trusted_proxies")[-1:]
    whole = [word for node in of_server for word in node.words[1:] if covers_everyone(word)]
    own = [word for node in trusting(route) for word in node.words if covers_everyone(word)]
    if not whole and not own:
        return {}
    named = [word for node in site.server.lines_of("client_ip_headers") for word in node.words]
    fields = ", ".join(map(printable, named)) if whole and named else "X-Forwarded-For"
    return {"trusts_any": tuple(dict.fromkeys(whole + own)), "trusted_field": fields}


def trusting(route: Route) -> list[Node]:
    """Return the lines of the route's proxy that name whose fields it passes on."""
    proxy = route.terminal
    if proxy is None or proxy.name not in {"reverse_proxy", "php_fastcgi"}:
        return []
    return list(proxy.children("trusted_proxies"))


def _idle(site: Site) -> float | None:
    lines = site.server.lines_of("timeouts", "idle")
    if not lines or not lines[-1].words:
        return DEFAULT_IDLE_SECONDS
    seconds = caddy_directives.seconds(lines[-1].words[0])
    return seconds or (None if seconds is None else DEFAULT_IDLE_SECONDS)


def _versions(site: Site, route: Route, offered: tuple[str, ...] | None) -> dict[str, Any]:
    if not site.tls or offered is None:
        return {"h3_known": True}
    alpn = lint_caddy_tls.lines_of(site, "alpn")
    h2 = "h2" in offered and (not alpn or "h2" in alpn[-1].words)
    h3 = "h3" in offered
    tcp = bool({"h1", "h2"} & set(offered))
    ports = tuple(sorted({a.port or site.server.https_port for a in site.secure}))
    told = route.field("alt-svc")
    by_itself = (f'h3=":{ports[0]}"',) if h3 and tcp and ports else ()
    alt_svc: tuple[str, ...] | None = told.values or (() if told.deleted else by_itself)
    return {
        "h2": h2,
        "h3": h3,
        "h3_known": True,
        "h3_ports": ports if h3 else (),
        "tls_ports": ports if tcp else (),
        "alt_svc": None if told.unknown else alt_svc,
        "h3_broken": _h3_broken(site, route) if h3 else "",
    }


def _h3_broken(site: Site, route: Route) -> str:
    """Return why there can be no reply in HTTP/3: a field that it forbids, or no TLS 1.3."""
    if route.field("connection").values:
        return "header Connection makes every reply in HTTP/3 malformed (RFC 9114)"
    versions = lint_caddy_tls.versions(site)
    if versions is not None and "TLSv1.3" not in versions:
        return "tls leaves TLS 1.3 out, without which there is no QUIC"
    return ""


def _clear(site: Site, front: Route) -> Clear:
    """Return what plain HTTP gets where the whole network can ask for it."""
    plain = [a for a in site.plain if not a.local]
    if site.loopback:
        return ""
    if not plain:
        return "redirects" if site.secure and site.server.redirects else ""
    done = front.does()
    if done == "redirects":
        assert front.terminal is not None  # noqa: S101 - it is what redirects
        target = arguments(front.terminal)[:1]
        return "redirects" if any(_TO_HTTPS.match(word) for word in target) else "serves"
    return "refuses" if done == "refuses" else "closes" if done == "closes" else "serves"


def _hsts(site: Site, front: Route, route: Route, *, passes: bool) -> dict[str, Any]:
    if not site.tls or route.does() == "closes":
        return {}
    found = route.field("strict-transport-security")
    if found.unknown and not found.values:
        return {}
    if found.values:
        return {"hsts": found.values[0]}
    outer = front.field("strict-transport-security").values
    # The server behind may send it; where Caddy adds it elsewhere, it is meant to be Caddy's.
    return {"hsts": None if passes and not outer and not found.deleted else ""}


def _content(route: Route, *, own: bool) -> dict[str, Any]:
    """Return how content is validated, cached and compressed; a backend's part is unknown."""
    cache_control = route.field("cache-control")
    expires = route.field("expires")
    etag = route.field("etag")
    modified = route.field("last-modified")
    lifetime = cache_control.values or tuple(f"Expires: {value}" for value in expires.values)
    kept = None if cache_control.unknown or (not own and not lifetime) else lifetime
    return {
        "etag": None if not own or etag.unknown else not etag.deleted,
        "last_modified": None if not own or modified.unknown else not modified.deleted,
        "cache_control": kept,
        **_coding(route),
    }


def _coding(route: Route) -> dict[str, Any]:
    lines = route.all("encode")
    files = route.terminal
    beside = files.children("precompressed") if files is not None else ()
    ready = tuple(word for node in beside for word in (node.words or ("br", "zstd", "gzip")))
    if (not lines and route.undecided("encode")) or any(node.open for node in lines):
        return {"precompressed": ready}
    codings: set[str] = set()
    types: list[str] = []
    for node in lines:
        words = list(arguments(node))
        words += [c.name for c in node.block or () if c.name not in {"match", "minimum_length"}]
        codings |= set(words or ("zstd", "gzip"))
        types += _types(node)
    vary = route.field("vary")
    return {
        "gzip": "gzip" in codings,
        "zstd": "zstd" in codings,
        "brotli": bool(codings & {"br", "brotli"}),
        "gzip_types": tuple(dict.fromkeys(types)),
        "gzip_vary": not vary.deleted,
        "precompressed": ready,
    }


def _types(node: Node) -> list[str]:
    """Return the media types that are compressed: Caddy's own choice, or what ``match`` says."""
    matches = list(node.children("match"))
    if not matches:
        return list(_TEXTS)
    lines = [child.words for match in matches for child in match.block or ()
             if child.name == "header"]  # fmt: skip
    lines += [match.words[1:] for match in matches if match.words[:1] == ("header",)]
    named = [word.lower() for line in lines if line[:1] and line[0].lower() == "content-type"
             for word in line[1:]]  # fmt: skip
    if not named:
        return list(_TEXTS)
    texts = [text for text in _TEXTS if any(fnmatchcase(text, one) for one in named)]
    return [*texts, *(printable(one.removesuffix("*") if "/" in one[:-2] and one[-2:-1] != "/"
                                else one, 100) for one in named)]  # fmt: skip


# -- passing on ------------------------------------------------------------------------------------


def _passing(site: Site, route: Route, offered: tuple[str, ...] | None) -> dict[str, Any]:
    """Return what becomes of a request on its way to the server behind."""
    proxy = route.terminal
    if proxy is None or proxy.name not in {"reverse_proxy", "php_fastcgi"}:
        return {}
    off = any(node.words[:1] == ("off",) for node in site.server.lines_of("0rtt"))
    early = None if offered is None else bool(site.tls) and "h3" in offered and not off
    return {
        "early_data": early,
        # Caddy adds Early-Data to what it hands on before the handshake is over.
        "early_data_told": _untouched(route, proxy, "early-data"),
        "event_stream": _EVENTS.search(route.label) is not None,
        "buffered": any(True for _ in proxy.children("response_buffers")),
    }


def _request_ops(route: Route, proxy: Node) -> list[Change]:
    """Return the changes of the request's fields before it is handed on."""
    found = [change(words[0], words[1:], node)
             for node in route.all("request_header")
             if (words := arguments(node))]  # fmt: skip
    return found + [
        change(child.words[0], child.words[1:], child)
        for child in proxy.children("header_up") if child.words
    ]  # fmt: skip


def _untouched(route: Route, proxy: Node, name: str) -> bool:
    """Return whether a field of the request that Caddy hands on is left as it is."""
    kept = True
    for one in _request_ops(route, proxy):
        if one.how == "delete" and fnmatchcase(name, one.field):
            kept = False
        elif one.how == "set" and one.field == name:
            kept = _renews(name, one.value)
    return kept


def _renews(name: str, value: str) -> bool:
    """Return whether a value that is set still says what it must."""
    if "{" in value:
        return not value.startswith("{>")  # which is no placeholder, but an empty text
    return {"upgrade": "websocket", "connection": "upgrade"}.get(name, "1") in value.lower()


def upgrade(route: Route, *, in_clear: bool) -> ProxiedUpgrade | None:
    """Return what becomes of a WebSocket's handshake where one is meant to pass."""
    proxy = route.terminal
    if proxy is None or proxy.name != "reverse_proxy":
        return None
    changed = [one for one in _request_ops(route, proxy) if one.field in _UPGRADE]
    if not changed and not _meant(route):
        return None
    silent = [child for node in proxy.children("transport") for child in
              node.children("read_timeout")]  # fmt: skip
    old = list(proxy.children("stream_timeout"))
    return ProxiedUpgrade(
        product=caddy_directives.PRODUCT,
        place=route.label or "/",
        version="1.1",
        upgrade=_untouched(route, proxy, "upgrade"),
        connection=_untouched(route, proxy, "connection"),
        in_clear=in_clear,
        idle_seconds=_seconds(silent),
        life_seconds=_seconds(old),
    )


def _seconds(lines: list[Node]) -> float | None:
    """Return a time; none and nothing are no limit."""
    return (
        caddy_directives.seconds(lines[-1].words[0]) if lines and lines[-1].words else None
    ) or None


def _meant(route: Route) -> bool:
    """Return whether a place is one for WebSockets, by its path or by what its matcher asks."""
    if route.label and _WEBSOCKET.search(route.label):
        return True
    named = route.definition(route.label) if route.label.startswith("@") else None
    if named is None:
        return False
    asked = [named.words, *((c.name, *c.words) for c in named.block or ())]
    return any((words[:1] == ("header",) and "websocket" in " ".join(words).lower())
               or (words[:1] == ("path",) and any(_WEBSOCKET.search(w) for w in words[1:]))
               for words in asked)  # fmt: skip
