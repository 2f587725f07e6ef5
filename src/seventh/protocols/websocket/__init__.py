"""The WebSocket room: the handshake to the letter (RFC 6455, 8441, 9220), and what follows it."""

from typing import Annotated

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class WebSocketOptions(RoomOptions, frozen=True, kw_only=True):
    """What the handshake asks for, and what is published."""

    origin: Annotated[
        str | None,
        Option(
            flag="origin", metavar="URL", help="Origin of the handshake",
            default="the target's own site",
        ),
    ] = None  # fmt: skip
    subprotocols: Annotated[
        tuple[str, ...],
        Option(
            flag="subprotocol", metavar="NAME",
            help="subprotocol to offer; may be repeated, the preferred one first",
        ),
    ] = ()  # fmt: skip
    message_template: Annotated[
        str | None,
        Option(
            flag="message-template", aliases=("echo-template",), metavar="TEXT",
            help="text to publish with --allow-write; {id} becomes a unique token; all lines but "
            "the last are sent once by each socket; may be file:PATH",
        ),
    ] = None  # fmt: skip
    sockets: Annotated[
        int,
        Meta(ge=2, le=50),
        Option(flag="sockets", metavar="N", help="sockets of a fan-out"),
    ] = 10
    direct: Annotated[
        str | None,
        Option(
            flag="direct", metavar="URL",
            help="backend URL that bypasses the proxy, for comparison",
        ),
    ] = None  # fmt: skip


SPEC = Spec(
    name="websocket",
    title="WebSocket",
    schemes=(
        Scheme(name="ws", port=80, well_known=False),
        Scheme(name="wss", port=443, well_known=False),
    ),
    phases=(
        PhaseSpec("ws.upgrade", "from the handshake request to the first byte of its answer"),
        PhaseSpec("ws.greeting", "listening for what the server says unasked, 0.3 s at most"),
        PhaseSpec("ws.ping", "from a ping to the pong that carries the same data"),
        PhaseSpec("ws.close", "from our close frame to the server's"),
        PhaseSpec("ws.version", "a handshake for version 99, which nobody has"),
        PhaseSpec("ws.plain", "the same GET without asking for an upgrade"),
        PhaseSpec("ws.origin", "a handshake from a foreign origin"),
        PhaseSpec("ws.expect", "a handshake with Expect: 100-continue"),
        PhaseSpec("ws.elsewhere", "a handshake at another of the name's addresses"),
        PhaseSpec("ws.direct", "the same handshake with the server behind the proxy"),
        PhaseSpec("ws.h2", "a handshake over HTTP/2, its TLS included"),
        PhaseSpec("quic", "the handshake of QUIC, before one over HTTP/3"),
        PhaseSpec("quic.hello", "its first part"),
        PhaseSpec("quic.finish", "its second part"),
        PhaseSpec("ws.h3", "a handshake over HTTP/3, once QUIC's is done"),
        PhaseSpec("ws.token", "holding a socket beyond the end of its token"),
        PhaseSpec("ws.fanout", "publishing to several sockets and waiting for every receiver"),
        PhaseSpec("ws.violations", "saying what no client may say, one socket each"),
        PhaseSpec("ws.long", "longer and longer messages, until one is refused"),
        PhaseSpec("ws.rate", "two hundred messages at once, until the last one is read"),
        PhaseSpec("ws.slow", "asking for much and reading nothing"),
        PhaseSpec("ws.hold", "while sockets were held without a word from us"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "handshake request to response",
            "upgrade_seconds",
        ),
        Metric(
            "seventh_ws_connections", "gauge", "the most sockets that stood open at once",
            "open_sockets",
        ),
        Metric("seventh_ws_ping_seconds", "histogram", "median ping to pong", "ping_seconds"),
        Metric("seventh_ws_close_seconds", "gauge", "close frame to close frame", "close_seconds"),
        Metric(
            "seventh_ws_greeting_seconds", "gauge",
            "from the handshake's answer to the first message that nobody asked for",
            "greeting_seconds",
        ),
        Metric(
            "seventh_ws_fanout_seconds", "gauge",
            "from publishing to that share of all deliveries; 1 is the last", "fanout_seconds",
            label="quantile",
        ),
        Metric(
            "seventh_ws_fanout_ratio", "gauge", "receivers reached for each that should have been",
            "fanout_ratio",
        ),
    ),
    options=WebSocketOptions,
    shared=(
        "ca_file", "ca_store", "server_name", "cert_file", "key_file", "token_file", "headers",
        "hold_seconds",
    ),
    tiers={
        0: "opens a socket, pings it and closes it; asks for one over HTTP/2 and HTTP/3",
        1: "further handshakes: a foreign origin, a version that nobody has, a plain GET, Expect",
        2: "holds a socket until shortly after the token's end",
        3: "publishes the message of --message-template a few times to up to 50 sockets of its own",
        4: "sends frames that break the protocol, 16 MiB in one message, 200 messages in a second, "
        "stops reading, and holds sockets without a word",
    },
    standards=("RFC 6455", "RFC 7692", "RFC 8441", "RFC 9110", "RFC 9220"),
    connections=16,
)  # fmt: skip
