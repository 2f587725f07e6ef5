"""Rules about the opening handshake: its form, its proxies, origins and TLS."""

from __future__ import annotations

from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.rules.examples import (
    GOOD,
    NOT_OPEN,
    OPEN,
    REFUSED,
    answered,
    turned_away,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NO_ANSWER = Skip("no response to the handshake")
_NGINX = (
    "# in http {{}}\n"
    "map $http_upgrade $connection_upgrade {{\n    default upgrade;\n    '' close;\n}}\n"
    "# in the location that has proxy_pass\n"
    "proxy_http_version 1.1;\n"
    "proxy_set_header Upgrade $http_upgrade;\n"
    "proxy_set_header Connection $connection_upgrade;"
)
_STRIPS = frozenset({200, 400, 426})
_VERSION_NOT_SUPPORTED = 505
_NOT_THE_UPGRADE = frozenset({401, 403, 407, 429, 502, 503, 504})
"""Refusals that have causes besides a lost upgrade; redirects do as well."""
_OTHER_CAUSES = frozenset({401, 407, 408, 429, 500, 502, 503, 504})


@rule(
    "WS-STRIPPED",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="WebSocket upgrade removed by a proxy",
    evidence="{what}{path}",
    phrases={
        "what": {
            "upgrade-required": "426 Upgrade Required, although the request asks for this upgrade",
            "http-1.0": "505 HTTP Version Not Supported: the server received the request as "
            "HTTP/1.0",
            "refused": "HTTP {status} to a valid handshake",
            "no-response-here": "no response here ({detail}), 101 from the backend itself",
            "status-here": "HTTP {status} here, 101 from the backend itself",
            "envoy": "Envoy itself answers the upgrade with 403 and a plain GET with {plain}",
            "not-forwarded": "{place} is forwarded without {missing}",
        },
        "path": {"proxy": " ({via})"},
    },
    why="Upgrade and Connection are hop-by-hop fields. A proxy that is not configured for "
    "WebSocket removes them, and the server behind it receives a plain GET.",
    fix={
        "nginx": _NGINX,
        "apache": "# since Apache 2.4.47\n"
        "ProxyPass /socket http://127.0.0.1:8080/socket upgrade=websocket",
        "lighttpd": 'proxy.header = ("upgrade" => "enable")',
        "envoy": "# in HttpConnectionManager\nupgrade_configs: [{{ upgrade_type: websocket }}]",
        "haproxy": "# in backend, without http-request del-header Upgrade\n"
        "server app 127.0.0.1:8080 ws h1",
        "caddy": "# without header_up or request_header lines for Upgrade and Connection\n"
        "reverse_proxy localhost:8080",
        "any": "Make the proxy use HTTP/1.1 to the server and forward Upgrade and Connection.",
    },
    references=("RFC 6455 §4.2.1", "RFC 9110 §7.8"),
    seed=("12.11.7",),
    good=GOOD,
    bad=turned_away(426, via="via: 1.1 edge"),
    choice=("caddy",),
    directives={
        "nginx": ("proxy_set_header", "proxy_http_version", "proxy_pass"),
        "caddy": ("header_up", "request_header"),
    },
)
def stripped(ws: WebSocketFacts) -> Verdict:
    """Judge a refusal that the backend does not share, or that only a lost Upgrade explains."""
    if ws.proxied is not None:
        return _not_forwarded(ws.proxied)
    seen = ws.handshake
    if seen is None:
        return _NO_ANSWER
    if seen.outcome == "open":
        return None
    if ws.direct is not None:
        return _against_direct(seen, ws.direct, ws.no_upgrade)
    if seen.outcome == "failed":
        return _NO_ANSWER
    if seen.refused_by_envoy:
        return _by_envoy(seen, ws.no_upgrade)
    if seen.status == 426 and (not seen.versions or "13" in seen.versions):
        return _through(seen, what="upgrade-required")
    if seen.status == _VERSION_NOT_SUPPORTED:
        # The handshake is HTTP/1.1; nginx forwards as HTTP/1.0 unless configured otherwise.
        return _through(seen, what="http-1.0")
    if seen.status == 400 and seen.via:
        return _through(seen, what="refused", status=400)
    if seen.status in _STRIPS and _hop(seen):
        return Skip(
            f"HTTP {seen.status} from {_hop(seen)}: give --direct URL to compare with the backend"
        )
    return Skip(f"HTTP {seen.status} does not show whether a proxy is the cause")


def _hop(seen: Handshake) -> str:
    return seen.via or seen.server


def _through(seen: Handshake, **params: Param) -> Hit:
    """Return a hit that names the proxy or server of the response, if it identifies itself."""
    return Hit(**params, path="proxy", via=_hop(seen)) if _hop(seen) else Hit(**params)


def _against_direct(seen: Handshake, direct: Handshake, plain: Handshake | None) -> Verdict:
    """Judge a refusal against the backend's response and the one to a plain GET here.

    A refusal that a request without Upgrade meets as well is not caused by the upgrade.
    """
    if direct.outcome != "open":
        return Skip("the backend itself does not open the socket either")
    answered = plain if plain is not None and plain.outcome == "refused" else None
    if seen.outcome == "failed":
        if answered is None:
            return Skip(f"no response here ({seen.detail}), not even to a plain GET")
        return Hit(what="no-response-here", detail=seen.detail)
    status = seen.status or 0
    if status in _NOT_THE_UPGRADE or 300 <= status < 400:
        if answered is None:
            return Skip(f"HTTP {status} here may have another cause than the upgrade")
        if answered.status == status:
            return Skip(f"HTTP {status} here to a plain GET as well: the upgrade is not the cause")
    return _through(seen, what="status-here", status=status)


def _by_envoy(seen: Handshake, plain: Handshake | None) -> Verdict:
    """Judge Envoy's own 403: only for the upgrade, or for every request."""
    if plain is None or plain.outcome != "refused":
        return Skip("Envoy itself responds 403; the response to a plain GET is unknown")
    if plain.status == seen.status:
        return Skip("Envoy itself responds 403 to a plain GET as well: a filter or route refuses")
    return Hit(what="envoy", plain=plain.status or 0)


def _not_forwarded(proxied: ProxiedUpgrade) -> Verdict:
    """Judge a proxy's configuration."""
    if not proxied.missing:
        return None
    return Hit(what="not-forwarded", place=proxied.place, missing=proxied.missing)


@rule(
    "WS-ACCEPT",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Sec-WebSocket-Accept wrong or missing",
    evidence="Sec-WebSocket-Accept is {accept} in the 101 response",
    why="The field proves that the server processed this handshake. A wrong value comes from a "
    "cache or a program without WebSocket support; clients must fail the connection.",
    fix={
        "nginx": "# in the location that forwards WebSocket\nproxy_cache off;",
        "any": "Respond with base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)): use the "
        "server's WebSocket library, and exclude 101 responses from caches.",
    },
    references=("RFC 6455 §4.2.2", "RFC 6455 §4.1"),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(accept="wrong"),
)
def accept(ws: WebSocketFacts) -> Verdict:
    """Judge the 101's answer to our key."""
    if ws.handshake is None or ws.handshake.accept is None:
        return NOT_OPEN
    wrong = ws.handshake.accept in {"wrong", "missing"}
    return Hit(accept=ws.handshake.accept) if wrong else None


@rule(
    "WS-SUBPROTO",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Subprotocol not offered by the client",
    evidence="the server chose the subprotocol {chosen}; the client offered: {offered}",
    why="The client must fail the connection: it does not support the format that follows.",
    fix={
        "any": "Choose a name from the request's Sec-WebSocket-Protocol, or omit the field.",
    },
    references=("RFC 6455 §4.1",),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(foreign_subprotocol="soap"),
)
def subproto(ws: WebSocketFacts) -> Verdict:
    """Judge the subprotocol that the response names."""
    if ws.handshake is None or ws.handshake.outcome != "open":
        return NOT_OPEN
    if ws.handshake.foreign_subprotocol is None:
        return None
    return Hit(chosen=ws.handshake.foreign_subprotocol, offered=ws.subprotocols_offered or "none")


@rule(
    "WS-EXT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Extension not offered by the client",
    evidence="the server enabled {extensions}",
    why="The client must fail the connection: it would misread the frames that follow.",
    fix={
        "any": "Enable only extensions and parameters of the request's Sec-WebSocket-Extensions.",
    },
    references=("RFC 6455 §4.1", "RFC 7692"),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(foreign_extensions=("x-webkit-deflate-frame",)),
)
def ext(ws: WebSocketFacts) -> Verdict:
    """Judge extensions, or parameters of them, that were not offered."""
    if ws.handshake is None or ws.handshake.outcome != "open":
        return NOT_OPEN
    found = ws.handshake.foreign_extensions
    return Hit(extensions=found) if found else None


@rule(
    "WS-VERSION",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="WebSocket version negotiation not supported",
    evidence="{what}",
    phrases={
        "what": {
            "accepted": "version 99, which does not exist, is accepted with HTTP 101",
            "unlisted": "version 99 is refused with HTTP {status}, without Sec-WebSocket-Version",
        }
    },
    why="A client of another version learns from Sec-WebSocket-Version in the refusal which "
    "version to use.",
    fix={
        "any": "Refuse an unknown Sec-WebSocket-Version with 426 Upgrade Required and "
        "Sec-WebSocket-Version: 13.",
    },
    references=("RFC 6455 §4.4",),
    seed=("12.8.1",),
    good=GOOD,
    bad=GOOD.learn(wrong_version=OPEN),
)
def version(ws: WebSocketFacts) -> Verdict:
    """Judge the response to version 99: a refusal must list the supported versions.

    A refusal that has another cause shows nothing about versions.
    """
    seen = ws.wrong_version
    if seen is None or seen.status is None:
        return Skip("no other version was tried, or there was no response")
    if seen.status in _OTHER_CAUSES:
        return Skip(f"HTTP {seen.status} has another cause than the version")
    if seen.outcome == "open":
        return Hit(what="accepted")
    if "13" not in seen.versions:
        return Hit(what="unlisted", status=seen.status)
    return None


@rule(
    "WS-CLEAR",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="WebSocket without TLS",
    evidence="ws:// to a {reach} address",
    phrases={"reach": {"public": "public", "private": "private", "network": "public or private"}},
    why="Anyone on the path can read and change every message, cookies and tokens included. "
    "Proxies without WebSocket support also break it more often than inside TLS.",
    fix={
        "nginx": "listen 443 ssl;\nssl_certificate fullchain.pem;\n"
        "ssl_certificate_key privkey.pem;",
        "caddy": "# a site address without http:// enables TLS\n"
        "www.example.org {{\n\treverse_proxy localhost:8080\n}}",
        "any": "Serve wss://, and use port 80 only to redirect pages to https.",
    },
    references=("RFC 6455 §10.6",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(secure=False),
    choice=("nginx", "caddy"),
    directives={"nginx": ("listen", "proxy_pass"), "caddy": ("site",)},
)
def clear(ws: WebSocketFacts) -> Verdict:
    """Judge ws:// beyond this machine."""
    if ws.proxied is not None:
        return Hit(reach="network") if ws.proxied.in_clear else None
    if ws.secure is None or ws.handshake is None or ws.handshake.outcome != "open":
        return NOT_OPEN
    if ws.secure:
        return None
    if ws.reach is None:
        return Skip("connected through a jump host or a proxy: the address is unknown")
    return None if ws.reach == "loopback" else Hit(reach=ws.reach)


@rule(
    "WS-ORIGIN",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Foreign origins accepted",
    evidence="the socket opened for Origin: {origin}; {cookies}",
    phrases={
        "cookies": {
            "sent": "the handshake sent a cookie",
            "set": "the server set a cookie that may identify a user",
            "http-authentication": "the handshake sent HTTP authentication",
            "client-certificate": "the handshake used a client certificate",
            "none": "no cookie, HTTP authentication or client certificate identifies a user",
        }
    },
    why="Browsers open sockets across sites and send their cookies, HTTP credentials and client "
    "certificates; CORS does not apply. If one of them identifies a user, any page can act as "
    "that user (cross-site WebSocket hijacking). If none does, pages can still reach services "
    "that only the user's network can reach.",
    fix={
        "nginx": "# clients other than browsers may omit Origin: an empty one is allowed\n"
        'if ($http_origin !~ "^(https://(www\\.)?example\\.org)?$") {{\n    return 403;\n}}',
        "apache": "# with mod_rewrite, before the ProxyPass lines\nRewriteEngine on\n"
        "RewriteCond %{{HTTP:Upgrade}} websocket [NC]\n"
        "RewriteCond %{{HTTP:Origin}} !^(https://(www\\.)?example\\.org)?$\nRewriteRule ^ - [F]",
        "node-ws": "new WebSocketServer({{ port: 8080, verifyClient: (info) => "
        "ALLOWED.has(info.origin) }})",
        "websockets": 'serve(handler, "", 8080, origins=["https://example.org", None])',
        "envoy": "# in routes, before the others\n- match:\n    prefix: /\n    headers:\n"
        "    - {{ name: upgrade, string_match: {{ exact: websocket, ignore_case: true }} }}\n"
        "    - {{ name: origin, invert_match: true, string_match: "
        "{{ exact: https://example.org }} }}\n  direct_response: {{ status: 403 }}",
        "haproxy": "# in frontend\nhttp-request deny if {{ hdr(Upgrade) -i websocket }} "
        "!{{ hdr(Origin) -i https://example.org }}",
        "any": "Refuse with 403 every Origin that is not on an allow-list.",
    },
    references=("RFC 6455 §10.2",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(foreign_origin=OPEN),
)
def origin(ws: WebSocketFacts) -> Verdict:
    """Judge a foreign origin by what browsers would send with it.

    Critical if a cookie may identify a user, high if HTTP authentication or a certificate does,
    low if nothing does: public feeds are open to all sites on purpose.
    """
    seen = ws.foreign_origin
    if seen is None or seen.outcome == "failed":
        return Skip("no foreign origin was tried, or there was no response")
    if seen.outcome != "open":
        return None
    sent = ws.foreign_origin_sent
    if ws.sends_cookie or ws.sets_cookie:
        cookies = "sent" if ws.sends_cookie else "set"
        return Hit(Severity.CRITICAL, origin=sent, cookies=cookies)
    if ws.ambient:
        return Hit(origin=sent, cookies=ws.ambient)
    return Hit(Severity.LOW, origin=sent, cookies="none")


@rule(
    "WS-OWN-ORIGIN",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Own origin refused",
    evidence="Origin: {origin} is refused with HTTP {status}; the rest of the check sent no "
    "Origin, like clients other than browsers",
    why="Pages of that site cannot open the socket. If the pages are on another site, this is "
    "intended: name that site with `--origin`, so that the check covers what browsers get.",
    fix={
        "any": "Name the site whose pages use the socket: `--origin https://www.example.org`. If "
        "it is this site, add it to the server's allowed origins.",
    },
    references=("RFC 6455 §10.2",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(own_origin=REFUSED),
)
def own_origin(ws: WebSocketFacts) -> Verdict:
    """Judge a handshake that opened only without Origin."""
    if ws.handshake is None:
        return _NO_ANSWER
    if ws.own_origin is None:
        return None
    return Hit(origin=ws.origin or "", status=ws.own_origin.status or 0)
