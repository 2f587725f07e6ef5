"""Rules about the opening handshake: its letter, who gets through it, and over what."""

from __future__ import annotations

import msgspec

from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.rules_examples import GOOD, OPEN, answered, turned_away
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NO_ANSWER = Skip("the handshake was not answered")
_NOT_OPEN = Skip("the socket did not open")
EXPECT_SECONDS = 1.0
"""So much longer a handshake with Expect may take."""
_NGINX = (
    "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}   # in http {{}}\n"
    "proxy_http_version 1.1;\n"
    "proxy_set_header Upgrade $http_upgrade;\n"
    "proxy_set_header Connection $connection_upgrade;"
)
_STRIPS = frozenset({200, 400, 426})
_VERSION_NOT_SUPPORTED = 505


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
        "apache": "RewriteEngine on\nRewriteCond %{{HTTP:Upgrade}} websocket [NC]\n"
        "RewriteRule ^/(.*) ws://127.0.0.1:8080/$1 [P,L]",
        "haproxy": "timeout tunnel 1h   # and `option http-server-close`, not `option httpclose`",
        "any": "Let the proxy speak HTTP/1.1 to the server and pass Upgrade and Connection on.",
    },
    references=("RFC 6455 §4.1", "RFC 9110 §7.8"),
    seed=("12.11.7",),
    good=GOOD,
    bad=turned_away(426, via="via: 1.1 edge"),
    directives={"nginx": ("proxy_set_header", "proxy_http_version", "proxy_pass")},
)
def stripped(ws: WebSocketFacts) -> Verdict:
    """Refused here and opened directly; or an answer that only a lost Upgrade explains."""
    if ws.proxied is not None:
        return _not_passed_on(ws.proxied)
    seen, direct = ws.handshake, ws.direct
    if seen is None or seen.outcome == "failed":
        return _NO_ANSWER
    if seen.outcome == "open":
        return None
    by = seen.via or seen.server
    if direct is not None and direct.outcome == "open":
        by = f" ({by})" if by else ""
        return Hit(what=f"HTTP {seen.status} here{by}, 101 from the server itself")
    if direct is not None:
        return Skip("the server itself does not open the socket either")
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


def _not_passed_on(proxied: ProxiedUpgrade) -> Verdict:
    """The half that a proxy's configuration decides."""
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
        "nginx": "proxy_cache off;   # where WebSockets pass",
        "any": "Answer with base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)): leave it "
        "to the server's WebSocket library, and keep caches away from 101.",
    },
    references=("RFC 6455 §4.2.2",),
    seed=("12.8.1",),
    good=GOOD,
    bad=answered(accept="wrong"),
)
def accept(ws: WebSocketFacts) -> Verdict:
    """A 101 whose answer to the key is missing or another's."""
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
    """The response names a subprotocol that the request did not."""
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
    """Another extension, or parameters that were not offered."""
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
    """A refusal should list the versions; acceptance is worse."""
    seen = ws.wrong_version
    if seen is None or seen.status is None:
        return Skip("no other version was asked for, or nothing came back")
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
        "any": "Serve wss:// and let port 80 do nothing but redirect pages to https.",
    },
    references=("RFC 6455 §10.6",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(secure=False),
    directives={"nginx": ("listen", "proxy_pass")},
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
    evidence="the socket opened for Origin: {origin}",
    why="A browser opens sockets across sites with the user's cookies, and no CORS stops it: any "
    "page can then speak in the user's name (cross-site WebSocket hijacking).",
    fix={
        "nginx": 'if ($http_origin !~ "^https://(www\\.)?example\\.org$") {{ return 403; }}',
        "node-ws": "new WebSocketServer({{ verifyClient: (i) => ALLOWED.has(i.origin) }})",
        "websockets": 'serve(handler, origins=["https://example.org"])',
        "any": "Refuse with 403 every Origin that is not on a list.",
    },
    references=("RFC 6455 §10.2",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(foreign_origin=OPEN),
)
def origin(ws: WebSocketFacts) -> Verdict:
    """Critical where a cookie is what the server knows its users by."""
    seen = ws.foreign_origin
    if seen is None or seen.outcome == "failed":
        return Skip("no foreign origin was tried, or nothing came back")
    if seen.outcome != "open":
        return None
    cookies = ws.sends_cookie or ws.sets_cookie
    return Hit(Severity.CRITICAL if cookies else None, origin=ws.foreign_origin_sent)


@rule(
    "WS-NO-H2",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="No WebSocket over HTTP/2",
    evidence="{what}",
    why="Every socket of a page is then a TCP and a TLS connection of its own.",
    fix={
        "envoy": "http2_protocol_options: {{ allow_connect: true }}\n"
        "upgrade_configs: [{{ upgrade_type: websocket }}]",
        "haproxy": "bind :443 ssl crt site.pem alpn h2,http/1.1",
        "any": "Announce SETTINGS_ENABLE_CONNECT_PROTOCOL = 1 and take extended CONNECT.",
    },
    references=("RFC 8441",),
    seed=("12.8.1",),
    good=GOOD,
    bad=GOOD.learn(h2=Tunnelled(spoken=True, enabled=False)),
)
def no_h2(ws: WebSocketFacts) -> Verdict:
    """Inside TLS only: in clear no browser speaks HTTP/2."""
    return _tunnelled(ws.h2, "HTTP/2")


@rule(
    "WS-NO-H3",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="No WebSocket over HTTP/3",
    evidence="{what}",
    why="Sockets stay on TCP: one lost packet holds up all of them, and a change of network ends "
    "them.",
    fix={
        "any": "Serve HTTP/3 with SETTINGS_ENABLE_CONNECT_PROTOCOL = 1, where the server can.",
    },
    references=("RFC 9220",),
    seed=("12.8.1",),
    good=GOOD,
    bad=GOOD.learn(h3=Tunnelled(spoken=False)),
)
def no_h3(ws: WebSocketFacts) -> Verdict:
    """QUIC was tried on the same port."""
    return _tunnelled(ws.h3, "HTTP/3")


def _tunnelled(seen: Tunnelled | None, name: str) -> Verdict:
    if seen is None or seen.spoken is None:
        return Skip(f"{name} was not tried, or nothing was learnt")
    if not seen.spoken:
        return Hit(what=f"the server does not speak {name} on this port")
    if seen.enabled is None:
        return Skip(f"no SETTINGS came over {name}: {seen.detail}")
    if not seen.enabled:
        return Hit(what=f"the server speaks {name} without extended CONNECT")
    handshake = seen.handshake
    if handshake is None:
        return Skip(f"the handshake over {name} was not answered: {seen.detail}")
    if handshake.outcome != "open":
        return Hit(what=f"{name} announces extended CONNECT and answers HTTP {handshake.status}")
    return None


@rule(
    "WS-100CONT",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Expect delays the handshake",
    evidence="{what}",
    why="A handshake has no body that could wait for a 100 Continue. Somebody on the way adds "
    "Expect or waits for what never comes.",
    fix={
        "nginx": 'proxy_set_header Expect "";',
        "haproxy": "http-request del-header Expect",
        "any": "Let no proxy add or hold back Expect on requests without a body.",
    },
    references=("RFC 9110 §10.1.1",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(continued=1),
)
def expect(ws: WebSocketFacts) -> Verdict:
    """A 100 that nobody asked for; or an Expect that costs a second or the handshake."""
    if ws.continued is None or ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    if ws.continued:
        return Hit(what="a 100 Continue came although the request had no Expect")
    seen = ws.expecting
    if seen is None:
        return Skip("no handshake with Expect was tried")
    if seen.status == 417:
        return Hit(what="Expect: 100-continue is refused with 417")
    if seen.outcome == "failed":
        return Hit(what=f"Expect: 100-continue ends the handshake: {seen.detail}")
    longer = _longer(seen, ws.handshake)
    if longer is not None and longer > EXPECT_SECONDS:
        return Hit(what=f"with Expect: 100-continue it takes {longer:.1f} s longer")
    return None


def _longer(seen: Handshake, first: Handshake) -> float | None:
    if seen.seconds is None or first.seconds is None:
        return None
    return seen.seconds - first.seconds


@rule(
    "WS-DEFLATE",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Compression state costs memory",
    evidence="{extensions}: the server keeps its compression window from message to message",
    why="Context takeover holds some 300 KiB for each socket, which counts when there are ten "
    "thousand.",
    fix={
        "node-ws": "perMessageDeflate: {{ serverNoContextTakeover: true, "
        "clientNoContextTakeover: true }}",
        "websockets": "ServerPerMessageDeflateFactory(server_no_context_takeover=True, "
        "client_no_context_takeover=True)",
        "any": "With many sockets, answer with server_no_context_takeover, or without compression.",
    },
    references=("RFC 7692",),
    seed=("12.8.2",),
    good=GOOD,
    bad=GOOD.learn(
        no_context_takeover=False,
        handshake=msgspec.structs.replace(OPEN, extensions=("permessage-deflate",)),
    ),
)
def deflate(ws: WebSocketFacts) -> Verdict:
    """permessage-deflate without server_no_context_takeover."""
    if ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    if ws.no_context_takeover is None or ws.no_context_takeover:
        return None
    return Hit(extensions=ws.handshake.extensions)


__all__ = [
    "accept",
    "clear",
    "deflate",
    "expect",
    "ext",
    "no_h2",
    "no_h3",
    "origin",
    "stripped",
    "subproto",
    "version",
]
