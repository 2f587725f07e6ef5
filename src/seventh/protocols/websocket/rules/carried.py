"""Rules about what carries a socket: HTTP/2 and HTTP/3, Expect on the way, compression."""

from __future__ import annotations

import re

import msgspec

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.rules.examples import GOOD, OPEN
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

EXPECT_SECONDS = 1.0
"""So much longer a handshake with Expect may take."""
_ENVOY_KEY = (
    "# in virtual_hosts, where the server behind speaks HTTP/1.1: Envoy makes up no key\n"
    "request_headers_to_add: [{{ header: {{ key: sec-websocket-key, "
    "value: dGhlIHNhbXBsZSBub25jZQ== }}, append_action: ADD_IF_ABSENT }}]"
)
_NOT_OPEN = Skip("the socket did not open")
_WINDOW = re.compile(r"server_max_window_bits=\"?([89]|1[0-5])\b")


@rule(
    "WS-NO-H2",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="No WebSocket over HTTP/2",
    evidence="{what}",
    why="Every socket of a page is then a TCP and a TLS connection of its own.",
    fix={
        "envoy": "# in HttpConnectionManager\nhttp2_protocol_options: {{ allow_connect: true }}\n"
        f"upgrade_configs: [{{{{ upgrade_type: websocket }}}}]\n{_ENVOY_KEY}",
        "haproxy": "# in frontend, since HAProxy 2.4; in global no "
        "h2-workaround-bogus-websocket-clients\n"
        "bind :443 ssl crt /etc/haproxy/site.pem alpn h2,http/1.1",
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
        "envoy": "# in HttpConnectionManager of the listener on UDP\n"
        "http3_protocol_options: {{ allow_extended_connect: true }}\n"
        f"upgrade_configs: [{{{{ upgrade_type: websocket }}}}]\n{_ENVOY_KEY}",
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
    if handshake.outcome == "open" and not handshake.sound:
        severity = Severity.HIGH if name == "HTTP/2" else Severity.MEDIUM
        wrong = "; ".join(handshake.breaches)
        return Hit(severity, what=f"it opens over {name}, and clients must fail it: {wrong}")
    if handshake.outcome != "open":
        # Browsers that see it announced on a connection they have use that, and do not fall back.
        severity = Severity.HIGH if name == "HTTP/2" else Severity.MEDIUM
        what = (
            f"{name} announces extended CONNECT and answers it with HTTP {handshake.status}, where "
            "HTTP/1.1 opens: clients that have such a connection use it and fail"
        )
        return Hit(severity, what=what)
    return None


@rule(
    "WS-100CONT",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Expect delays the handshake",
    evidence="{what}",
    why="A handshake has no content that could wait for a 100 (Continue). Where somebody on the "
    "way adds Expect, or answers it, sockets open late or not at all.",
    fix={
        "haproxy": "# in frontend\nhttp-request del-header Expect",
        "any": "Let no proxy add or hold back Expect on requests without a body.",
    },
    references=("RFC 9110 §10.1.1",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(continued=1),
)
def expect(ws: WebSocketFacts) -> Verdict:
    """Return a 100 that nobody asked for; or an Expect that costs a second or the handshake.

    No client may send Expect with a handshake by itself, so that what it costs is a remark.
    """
    if ws.continued is None or ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    if ws.continued:
        return Hit(what="a 100 Continue came although the request had no Expect")
    seen = ws.expecting
    if seen is None:
        return Skip("no handshake with Expect was tried")
    if seen.status == 417:
        return Hit(Severity.INFO, what="Expect: 100-continue is refused with 417")
    if seen.outcome == "failed":
        what = f"Expect: 100-continue ends the handshake: {seen.detail}"
        return Hit(Severity.INFO, what=what)
    longer = _longer(seen, ws.handshake)
    if longer is not None and longer > EXPECT_SECONDS:
        what = f"with Expect: 100-continue it takes {longer:.1f} s longer"
        return Hit(Severity.INFO, what=what)
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
    evidence="{extensions}: the server keeps the state of its compressor from message to message, "
    "up to {kib} KiB for each socket",
    why="The state is held as long as the socket is open, idle or not: with ten thousand sockets "
    "that many times as much.",
    fix={
        "node-ws": "perMessageDeflate: {{ serverNoContextTakeover: true, "
        "clientNoContextTakeover: true }}",
        "websockets": "ServerPerMessageDeflateFactory(server_no_context_takeover=True, "
        "client_no_context_takeover=True)",
        "any": "With many sockets, answer with server_no_context_takeover, with a smaller "
        "server_max_window_bits, or without compression.",
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
    """permessage-deflate without server_no_context_takeover.

    zlib's compressor takes 2^(window bits + 2) bytes and, at its usual memory level 8, 2^17 more.
    """
    if ws.handshake is None or ws.handshake.outcome != "open":
        return _NOT_OPEN
    if ws.no_context_takeover is None or ws.no_context_takeover:
        return None
    bits = _WINDOW.search("; ".join(ws.handshake.extensions))
    window = int(bits[1]) if bits is not None else 15
    return Hit(extensions=ws.handshake.extensions, kib=((1 << (window + 2)) + (1 << 17)) >> 10)
