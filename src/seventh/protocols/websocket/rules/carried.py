"""Rules about what carries a socket: HTTP/2 and HTTP/3, Expect, compression."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import Tunnelled, WebSocketFacts
from seventh.protocols.websocket.rules.examples import GOOD, NOT_OPEN, OPEN
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

EXPECT_SECONDS = 1.0
"""How much longer a handshake with Expect may take."""
_ENVOY_KEY = (
    "# in virtual_hosts, if the upstream uses HTTP/1.1: Envoy generates no key\n"
    "request_headers_to_add: [{{ header: {{ key: sec-websocket-key, "
    "value: dGhlIHNhbXBsZSBub25jZQ== }}, append_action: ADD_IF_ABSENT }}]"
)
_WINDOW = re.compile(r"server_max_window_bits=\"?([89]|1[0-5])\b")


def _phrases(version: str) -> Mapping[str, Mapping[str, str]]:
    return {
        "what": {
            "no-http": f"{version} not supported on this port",
            "no-connect": f"{version} supported without extended CONNECT",
            "invalid": f"the handshake over {version} is invalid, so clients must fail it: ",
            "refused": f"the server announces extended CONNECT over {version} and refuses it with "
            "HTTP {status}, while HTTP/1.1 succeeds: clients that reuse such a connection fail",
        },
        "breaches": {
            "subprotocol": "the subprotocol {subprotocol} was not offered",
            "extension": "the extension {extensions} was not offered",
            "malformed": "Sec-WebSocket-Protocol does not name exactly one token",
        },
    }


@rule(
    "WS-NO-H2",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="WebSocket over HTTP/2 not supported",
    evidence="{what}{breaches}",
    phrases=_phrases("HTTP/2"),
    why="Each socket of a page then needs its own TCP and TLS connection.",
    fix={
        "envoy": "# in HttpConnectionManager\nhttp2_protocol_options: {{ allow_connect: true }}\n"
        f"upgrade_configs: [{{{{ upgrade_type: websocket }}}}]\n{_ENVOY_KEY}",
        "haproxy": "# in frontend, since HAProxy 2.4; in global no "
        "h2-workaround-bogus-websocket-clients\n"
        "bind :443 ssl crt /etc/haproxy/site.pem alpn h2,http/1.1",
        "any": "Send SETTINGS_ENABLE_CONNECT_PROTOCOL = 1 and accept extended CONNECT.",
    },
    references=("RFC 8441",),
    seed=("12.8.1",),
    good=GOOD,
    bad=GOOD.learn(h2=Tunnelled(spoken=True, enabled=False)),
)
def no_h2(ws: WebSocketFacts) -> Verdict:
    """Judge HTTP/2 inside TLS; browsers do not use it in clear."""
    return _tunnelled(ws.h2, "HTTP/2", Severity.HIGH)


@rule(
    "WS-NO-H3",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="WebSocket over HTTP/3 not supported",
    evidence="{what}{breaches}",
    phrases=_phrases("HTTP/3"),
    why="Sockets stay on TCP: one lost packet delays all of them, and a change of network closes "
    "them.",
    fix={
        "envoy": "# in HttpConnectionManager of the listener on UDP\n"
        "http3_protocol_options: {{ allow_extended_connect: true }}\n"
        f"upgrade_configs: [{{{{ upgrade_type: websocket }}}}]\n{_ENVOY_KEY}",
        "any": "Serve HTTP/3 with SETTINGS_ENABLE_CONNECT_PROTOCOL = 1 if the server supports it.",
    },
    references=("RFC 9220",),
    seed=("12.8.1",),
    good=GOOD,
    bad=GOOD.learn(h3=Tunnelled(spoken=False)),
)
def no_h3(ws: WebSocketFacts) -> Verdict:
    """Judge HTTP/3 on the same port number."""
    return _tunnelled(ws.h3, "HTTP/3", Severity.MEDIUM)


def _tunnelled(seen: Tunnelled | None, version: str, broken: Severity) -> Verdict:
    """Judge WebSocket over ``version``; ``broken`` is the severity of an offer that fails.

    Browsers that see extended CONNECT announced on a connection use it and do not fall back.
    """
    if seen is None or seen.spoken is None:
        return Skip(f"{version} was not tried or gave no result")
    if not seen.spoken:
        return Hit(what="no-http")
    if seen.enabled is None:
        return Skip(f"no SETTINGS received over {version}: {seen.detail}")
    if not seen.enabled:
        return Hit(what="no-connect")
    handshake = seen.handshake
    if handshake is None:
        return Skip(f"no response to the handshake over {version}: {seen.detail}")
    if handshake.outcome != "open":
        return Hit(broken, what="refused", status=handshake.status or 0)
    if handshake.sound:
        return None
    breaches = {
        "subprotocol": handshake.foreign_subprotocol,
        "extension": handshake.foreign_extensions,
        "malformed": handshake.problems,
    }
    return Hit(
        broken,
        what="invalid",
        breaches=tuple(code for code, found in breaches.items() if found),
        subprotocol=handshake.foreign_subprotocol or "",
        extensions=handshake.foreign_extensions,
    )


@rule(
    "WS-100CONT",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="100-continue mishandled in the handshake",
    evidence="{what}",
    phrases={
        "what": {
            "unsolicited": "100 Continue received although the request had no Expect",
            "refused": "Expect: 100-continue is refused with 417",
            "failed": "the handshake fails with Expect: 100-continue: {detail}",
            "slow": "the handshake takes {seconds} s longer with Expect: 100-continue",
        }
    },
    why="A handshake has no content that could wait for 100 Continue. If a proxy adds Expect or "
    "answers it, sockets open late or not at all.",
    fix={
        "haproxy": "# in frontend\nhttp-request del-header Expect",
        "any": "Configure proxies not to add Expect to requests without content, and not to delay "
        "requests that have it.",
    },
    references=("RFC 9110 §10.1.1",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(continued=1),
)
def expect(ws: WebSocketFacts) -> Verdict:
    """Judge a 100 without Expect, and what an Expect costs.

    No client may send Expect with a handshake by itself, so its cost is informational.
    """
    if ws.continued is None or ws.handshake is None or ws.handshake.outcome != "open":
        return NOT_OPEN
    if ws.continued:
        return Hit(what="unsolicited")
    seen = ws.expecting
    if seen is None:
        return Skip("no handshake with Expect was tried")
    if seen.status == 417:
        return Hit(Severity.INFO, what="refused")
    if seen.outcome == "failed":
        return Hit(Severity.INFO, what="failed", detail=seen.detail)
    if seen.seconds is None or ws.handshake.seconds is None:
        return None
    longer = seen.seconds - ws.handshake.seconds
    if longer > EXPECT_SECONDS:
        return Hit(Severity.INFO, what="slow", seconds=f"{longer:.1f}")
    return None


@rule(
    "WS-DEFLATE",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Compression context kept for every socket",
    evidence="{extensions}: the server keeps its compressor between messages, up to {kib} KiB for "
    "each socket",
    why="The memory stays allocated while the socket is open, even if it is idle: ten thousand "
    "sockets need ten thousand times as much.",
    fix={
        "node-ws": "perMessageDeflate: {{ serverNoContextTakeover: true, "
        "clientNoContextTakeover: true }}",
        "websockets": "ServerPerMessageDeflateFactory(server_no_context_takeover=True, "
        "client_no_context_takeover=True)",
        "any": "With many sockets, respond with server_no_context_takeover or a smaller "
        "server_max_window_bits, or disable compression.",
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
    """Judge permessage-deflate without server_no_context_takeover (RFC 7692 §7.1.1.1).

    zlib's compressor takes 2^(window bits + 2) bytes and, at its usual memory level 8, 2^17 more.
    """
    if ws.handshake is None or ws.handshake.outcome != "open":
        return NOT_OPEN
    if ws.no_context_takeover is None or ws.no_context_takeover:
        return None
    bits = _WINDOW.search("; ".join(ws.handshake.extensions))
    window = int(bits[1]) if bits is not None else 15
    return Hit(extensions=ws.handshake.extensions, kib=((1 << (window + 2)) + (1 << 17)) >> 10)
