"""Rules about the opening handshake: its letter, who gets through it, and over what."""

from __future__ import annotations

from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.rules.examples import GOOD, OPEN, REFUSED, answered, turned_away
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NO_ANSWER = Skip("the handshake was not answered")
_NOT_OPEN = Skip("the socket did not open")
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
"""How everybody may be refused, and not a lost upgrade alone; redirects as well."""
_OTHER_CAUSES = frozenset({401, 407, 408, 429, 500, 502, 503, 504})


@rule(
    "WS-STRIPPED",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="A proxy strips the upgrade",
    evidence="{what}",
    why="Upgrade and Connection are for one hop: a proxy that does not know WebSocket drops them, "
    "and the server behind it sees a plain GET.",
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
        "any": "Let the proxy speak HTTP/1.1 to the server and pass Upgrade and Connection on.",
    },
    references=("RFC 6455 §4.2.1", "RFC 9110 §7.8"),
    seed=("12.11.7",),
    good=GOOD,
    bad=turned_away(426, via="via: 1.1 edge"),
    directives={
        "nginx": ("proxy_set_header", "proxy_http_version", "proxy_pass"),
        "caddy": ("header_up", "request_header"),
    },
)
def stripped(ws: WebSocketFacts) -> Verdict:
    """Refused here and opened directly; or an answer that only a lost Upgrade explains."""
    if ws.proxied is not None:
        return _not_passed_on(ws.proxied)
    seen, direct = ws.handshake, ws.direct
    if seen is None:
        return _NO_ANSWER
    if seen.outcome == "open":
        return None
    if direct is not None:
        return _against_direct(seen, direct, ws.no_upgrade)
    if seen.outcome == "failed":
        return _NO_ANSWER
    by = seen.via or seen.server
    if seen.refused_by_envoy:
        return _by_envoy(seen, ws.no_upgrade)
    if seen.status == 426 and (not seen.versions or "13" in seen.versions):
        by = f" by way of {by}" if by else ""
        return Hit(what=f"426 Upgrade Required{by}, in answer to a request for just that upgrade")
    if seen.status == _VERSION_NOT_SUPPORTED:
        # We asked in HTTP/1.1; nginx asks on in HTTP/1.0 unless told otherwise.
        by = f" by way of {by}" if by else ""
        return Hit(what=f"505 HTTP Version Not Supported{by}: the server was asked in HTTP/1.0")
    if seen.status == 400 and seen.via:
        return Hit(what=f"HTTP 400 through a proxy ({seen.via}) to a handshake in order")
    if seen.status in _STRIPS and by:
        return Skip(f"HTTP {seen.status} by {by}: --direct URL tells a proxy's doing from the rest")
    return Skip(f"HTTP {seen.status} says nothing about a proxy")


def _against_direct(seen: Handshake, direct: Handshake, plain: Handshake | None) -> Verdict:
    """Here it does not open: whether it does at the server itself, and what a plain GET gets here.

    Who is refused here without an Upgrade just the same is not refused for it.
    """
    if direct.outcome != "open":
        return Skip("the server itself does not open the socket either")
    answered = plain is not None and plain.outcome == "refused"
    if seen.outcome == "failed":
        if not answered:
            return Skip(f"nothing is answered here ({seen.detail}), not even a plain GET")
        return Hit(what=f"no answer here ({seen.detail}), 101 from the server itself")
    status = seen.status or 0
    if status in _NOT_THE_UPGRADE or 300 <= status < 400:
        if plain is None or not answered:
            return Skip(f"HTTP {status} here may have another cause than the upgrade")
        if plain.status == status:
            return Skip(f"HTTP {status} here to a plain GET, too: it is not the upgrade that fails")
    by = seen.via or seen.server
    by = f" ({by})" if by else ""
    return Hit(what=f"HTTP {status} here{by}, 101 from the server itself")


def _by_envoy(seen: Handshake, plain: Handshake | None) -> Verdict:
    """Envoy's own 403: for the upgrade's sake, or for everybody."""
    if plain is None or plain.outcome != "refused":
        return Skip("Envoy itself answers 403; what a plain GET gets is not known")
    if plain.status == seen.status:
        return Skip("Envoy itself answers 403 to a plain GET, too: a filter or a route refuses")
    return Hit(what=f"403 from Envoy itself to the upgrade, {plain.status} to a plain GET")


def _not_passed_on(proxied: ProxiedUpgrade) -> Verdict:
    """Return the half that a proxy's configuration decides."""
    missing = proxied.missing
    if not missing:
        return None
    return Hit(what=f"{proxied.place} is passed on without {', '.join(missing)}")


@rule(
    "WS-ACCEPT",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="The accept key is wrong",
    evidence="Sec-WebSocket-Accept is {accept} in a 101",
    why="It proves that somebody understood this very handshake. A cache or a server that fakes "
    "it answers for others, too; clients must fail the connection.",
    fix={
        "nginx": "# in the location where WebSockets pass\nproxy_cache off;",
        "any": "Answer with base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)): leave it "
        "to the server's WebSocket library, and keep caches away from 101.",
    },
    references=("RFC 6455 §4.2.2", "RFC 6455 §4.1"),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(accept="wrong"),
)
def accept(ws: WebSocketFacts) -> Verdict:
    """Return a 101 whose answer to the key is missing or another's."""
    if ws.handshake is None or ws.handshake.accept is None:
        return _NOT_OPEN
    wrong = ws.handshake.accept in {"wrong", "missing"}
    return Hit(accept=ws.handshake.accept) if wrong else None


@rule(
    "WS-SUBPROTO",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="A subprotocol nobody offered",
    evidence="the server chose {chosen}; offered was {offered}",
    why="The client must fail the connection: it does not know the language that follows.",
    fix={
        "any": "Choose one of the names in Sec-WebSocket-Protocol, or send the field not at all.",
    },
    references=("RFC 6455 §4.1",),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(foreign_subprotocol="soap"),
)
def subproto(ws: WebSocketFacts) -> Verdict:
    """Return the response names a subprotocol that the request did not."""
    if ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    if ws.handshake.foreign_subprotocol is None:
        return None
    offered = ", ".join(ws.subprotocols_offered) or "none"
    return Hit(chosen=ws.handshake.foreign_subprotocol, offered=offered)


@rule(
    "WS-EXT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="An extension nobody offered",
    evidence="the server switched on {extensions}",
    why="The client must fail the connection: frames would mean something else than it reads.",
    fix={
        "any": "Accept only extensions and parameters that stand in Sec-WebSocket-Extensions of "
        "the request.",
    },
    references=("RFC 6455 §4.1", "RFC 7692"),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(foreign_extensions=("x-webkit-deflate-frame",)),
)
def ext(ws: WebSocketFacts) -> Verdict:
    """Return another extension, or parameters that were not offered."""
    if ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    found = ws.handshake.foreign_extensions
    return Hit(extensions=found) if found else None


@rule(
    "WS-VERSION",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Version negotiation is missing",
    evidence="version 99 was answered with {what}",
    why="A client that speaks another version learns from Sec-WebSocket-Version of the refusal "
    "which one to try.",
    fix={
        "any": "Answer an unknown Sec-WebSocket-Version with 426 Upgrade Required and "
        "Sec-WebSocket-Version: 13.",
    },
    references=("RFC 6455 §4.4",),
    seed=("12.8.1",),
    good=GOOD,
    bad=GOOD.learn(wrong_version=OPEN),
)
def version(ws: WebSocketFacts) -> Verdict:
    """Return a refusal must list the versions; acceptance is worse.

    A refusal that has another cause says nothing of versions.
    """
    seen = ws.wrong_version
    if seen is None or seen.status is None:
        return Skip("no other version was asked for, or nothing came back")
    if seen.status in _OTHER_CAUSES:
        return Skip(f"HTTP {seen.status} has another cause than the version")
    if seen.outcome == "open":
        return Hit(what="HTTP 101, as if there were such a version")
    if "13" not in seen.versions:
        return Hit(what=f"HTTP {seen.status}, without Sec-WebSocket-Version")
    return None


@rule(
    "WS-CLEAR",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="WebSocket in clear",
    evidence="ws:// to a {reach} address",
    why="Whoever is on the way reads and changes every message, cookies and tokens included; and "
    "proxies that do not know the protocol break it more often than inside TLS.",
    fix={
        "nginx": "listen 443 ssl;\nssl_certificate fullchain.pem;\n"
        "ssl_certificate_key privkey.pem;",
        "caddy": "# a site whose address has no http:// has TLS by itself\n"
        "www.example.org {{\n\treverse_proxy localhost:8080\n}}",
        "any": "Serve wss:// and let port 80 do nothing but redirect pages to https.",
    },
    references=("RFC 6455 §10.6",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(secure=False),
    directives={"nginx": ("listen", "proxy_pass"), "caddy": ("site",)},
)
def clear(ws: WebSocketFacts) -> Verdict:
    """Only what leaves the machine is judged."""
    if ws.proxied is not None:
        return Hit(reach="public or private") if ws.proxied.in_clear else None
    if ws.secure is None or ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    if ws.secure:
        return None
    if ws.reach is None:
        return Skip("a jump host connects: how far the address reaches is not known")
    return None if ws.reach == "loopback" else Hit(reach=ws.reach)


@rule(
    "WS-ORIGIN",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Foreign origins may connect",
    evidence="the socket opened for Origin: {origin}{cookies}",
    why="A browser opens sockets across sites and sends along the cookies, HTTP credentials and "
    "client certificates that it has; CORS does not apply. Where one of them names a user, any "
    "page can act as that user (cross-site WebSocket hijacking). Where none does, pages can still "
    "reach what only the user's network can reach.",
    fix={
        "nginx": "# programs that are no browsers may send no Origin: the empty one passes\n"
        'if ($http_origin !~ "^(https://(www\\.)?example\\.org)?$") {{\n    return 403;\n}}',
        "apache": "# with mod_rewrite, before what proxies\nRewriteEngine on\n"
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
        "any": "Refuse with 403 every Origin that is not on a list.",
    },
    references=("RFC 6455 §10.2",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(foreign_origin=OPEN),
)
def origin(ws: WebSocketFacts) -> Verdict:
    """Critical where a cookie names a user, high where something else does that browsers send.

    Low where nothing was seen that does: public feeds are open to all sites on purpose.
    """
    seen = ws.foreign_origin
    if seen is None or seen.outcome == "failed":
        return Skip("no foreign origin was tried, or nothing came back")
    if seen.outcome != "open":
        return None
    if ws.sends_cookie or ws.sets_cookie:
        said = " with a cookie" if ws.sends_cookie else ", and a cookie was set"
        return Hit(Severity.CRITICAL, origin=ws.foreign_origin_sent, cookies=said)
    if ws.ambient:
        return Hit(origin=ws.foreign_origin_sent, cookies=f" with {' and '.join(ws.ambient)}")
    said = "; no cookie, HTTP authentication or client certificate was seen that names a user"
    return Hit(Severity.LOW, origin=ws.foreign_origin_sent, cookies=said)


@rule(
    "WS-OWN-ORIGIN",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="The server's own site is refused as Origin",
    evidence="Origin: {origin} was answered with {status}; the rest was checked without Origin, as "
    "clients that are not browsers connect",
    why="Pages of that site cannot open the socket. Where they live on another site, that is "
    "intended; then `--origin` names the right one, and the check covers what browsers see.",
    fix={
        "any": "Name the site whose pages use the socket: `--origin https://www.example.org`. If "
        "that is this one, add it to the server's list of allowed origins.",
    },
    references=("RFC 6455 §10.2",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(own_origin=REFUSED),
)
def own_origin(ws: WebSocketFacts) -> Verdict:
    """Return a handshake that opened without Origin only."""
    if ws.handshake is None:
        return _NO_ANSWER
    if ws.own_origin is None:
        return None
    return Hit(origin=ws.origin or "", status=ws.own_origin.status or 0)
