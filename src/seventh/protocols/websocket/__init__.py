"""WebSocket: the handshake (RFC 6455, 8441, 9220), and the open socket."""

from typing import Annotated, Literal

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class WebSocketOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of the handshake and of the fan-out."""

    origin: Annotated[
        str | None,
        Option(
            flag="origin", metavar="URL", help="Origin of the handshake",
            default="the target's own origin",
        ),
    ] = None  # fmt: skip
    subprotocols: Annotated[
        tuple[str, ...],
        Option(
            flag="subprotocol", metavar="NAME",
            help="subprotocol to offer; repeat it for several, the preferred one first",
        ),
    ] = ()  # fmt: skip
    message_template: Annotated[
        str | None,
        Option(
            flag="message-template", aliases=("echo-template",), metavar="TEXT",
            help="text to publish with --allow-write, or file:PATH; {id} becomes a unique token; "
            "each socket first sends all lines but the last",
        ),
    ] = None  # fmt: skip
    send_text: Annotated[
        str | None,
        Option(
            flag="send", metavar="TEXT", help="text to send after the handshake, or file:PATH",
            needs=("allow-write", "the server decides what a text does, and others may see it"),
        ),
    ] = None  # fmt: skip
    expect_message: Annotated[
        str | None,
        Option(
            flag="expect", metavar="REGEX",
            help="regular expression that a message must contain, after the text of --send if any",
        ),
    ] = None  # fmt: skip
    sockets: Annotated[
        int,
        Meta(ge=2, le=50),
        Option(flag="sockets", metavar="N", help="number of sockets of the fan-out"),
    ] = 10
    direct: Annotated[
        str | None,
        Option(
            flag="direct", metavar="URL",
            help="backend URL that bypasses the proxy, for comparison",
        ),
    ] = None  # fmt: skip


_LOCAL: tuple[tuple[str, Literal["gauge", "counter"], str], ...] = (
    ("used_ratio", "gauge", "open descriptors of a server / its limit, the highest"),
    ("tracked_ratio", "gauge", "connections that the firewall tracks / its limit"),
    ("listen_overflows", "counter", "connections that met a full queue of a server"),
    ("listen_drops", "counter", "connections that were dropped before a server accepted them"),
    ("tcp_sockets", "gauge", "TCP sockets in use"),
)
"""Of the metrics that `seventh local` reads: the fact, after which it is named, the kind, and the
meaning."""

SPEC = Spec(
    name="websocket",
    title="WebSocket",
    schemes=(
        Scheme(name="ws", port=80, well_known=False),
        Scheme(name="wss", port=443, well_known=False),
    ),
    phases=(
        PhaseSpec("ws.upgrade", "from the handshake request to the first byte of the response"),
        PhaseSpec("ws.greeting", "waiting up to 0.3 s for a message that the server sends first"),
        PhaseSpec(
            "ws.reply", "from the text of --send, or the handshake's response, to the message that "
            "--expect matches",
        ),
        PhaseSpec("ws.ping", "from a ping to the pong with the same data"),
        PhaseSpec("ws.close", "from our close frame to the server's"),
        PhaseSpec("ws.version", "a handshake for version 99, which does not exist"),
        PhaseSpec("ws.plain", "the same GET without Upgrade"),
        PhaseSpec("ws.origin", "a handshake from a foreign origin"),
        PhaseSpec("ws.expect", "a handshake with Expect: 100-continue"),
        PhaseSpec("ws.elsewhere", "a handshake at another address of the name"),
        PhaseSpec("ws.direct", "the same handshake with the backend behind the proxy"),
        PhaseSpec("ws.h2", "a handshake over HTTP/2, including TLS"),
        PhaseSpec("quic", "the QUIC handshake"),
        PhaseSpec("quic.hello", "the first part of the QUIC handshake"),
        PhaseSpec("quic.finish", "the second part of the QUIC handshake"),
        PhaseSpec("ws.h3", "a handshake over HTTP/3, after the QUIC handshake"),
        PhaseSpec("ws.token", "keeping a socket open until its token has expired"),
        PhaseSpec("ws.fanout", "publishing to several sockets and waiting for all receivers"),
        PhaseSpec("ws.violations", "sending invalid frames, each on a socket of its own"),
        PhaseSpec("ws.long", "sending longer messages until one is refused"),
        PhaseSpec("ws.rate", "sending 200 messages at once, until the server has read the last"),
        PhaseSpec("ws.slow", "requesting data and reading nothing"),
        PhaseSpec("ws.hold", "keeping idle sockets open"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "handshake request to response",
            "upgrade_seconds",
        ),
        Metric(
            "seventh_ws_connections", "gauge", "the most sockets open at once",
            "open_sockets",
        ),
        Metric(
            "seventh_ws_reply_seconds", "gauge", "text sent to the expected message",
            "reply.seconds",
        ),
        Metric("seventh_ws_ping_seconds", "histogram", "median ping to pong", "ping_seconds"),
        Metric("seventh_ws_close_seconds", "gauge", "close frame to close frame", "close_seconds"),
        Metric(
            "seventh_ws_greeting_seconds", "gauge",
            "handshake response to the server's first message",
            "greeting_seconds",
        ),
        Metric(
            "seventh_ws_fanout_seconds", "gauge",
            "publishing to that share of all deliveries; 1 is the last", "fanout_seconds",
            label="quantile",
        ),
        Metric(
            "seventh_ws_fanout_ratio", "gauge", "deliveries for each that was expected",
            "fanout_ratio",
        ),
        *(
            Metric(
                f"seventh_ws_{fact}" + ("_total" if kind == "counter" else ""), kind, meaning,
                f"local.{fact}", source="local",
            )
            for fact, kind, meaning in _LOCAL
        ),
    ),
    options=WebSocketOptions,
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "token_file",
        "headers", "hold_seconds",
    ),
    tiers={
        0: "opens a socket, pings it and closes it; opens one over HTTP/2 and HTTP/3",
        1: "further handshakes: a foreign origin, version 99, a plain GET, Expect",
        2: "keeps a socket open until shortly after its token expires",
        3: "sends the text of --send; publishes the message of --message-template a few times to "
        "up to 50 sockets of its own",
        4: "sends invalid frames, a message of 16 MiB and 200 messages at once, stops reading, and "
        "keeps up to ten idle sockets open",
    },
    layers=("tls",),
    standards=("RFC 6455", "RFC 7692", "RFC 8441", "RFC 9110", "RFC 9220"),
    connections=18,
)  # fmt: skip
