"""Rules about the open socket: tokens, pings, idle time, closing, and broadcasts."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.live import Fanout, Hold, Token
from seventh.protocols.websocket.rules.examples import GOOD, answered, fanned
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

FANOUT_SECONDS = 0.5
"""The longest that 95 of 100 receivers should wait."""
JUDGING_SECONDS = 60.0
"""The longest interval of servers that ping."""
SAME_AGE_SECONDS = 0.2
LEAST_IDLE_SECONDS = 120.0
"""The shortest idle timeout of a proxy that allows a ping a minute."""
_PROXY_TIMEOUT = (
    "# in the location that has proxy_pass\nproxy_read_timeout 3600s;\nproxy_send_timeout 3600s;"
)


@rule(
    "WS-TOKEN-URL",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Credential in the URL",
    evidence="the target's URL contains {parameters}",
    why="URLs appear in access logs, browser histories and monitoring; anyone who reads those can "
    "connect.",
    fix={
        "nginx": "# in http {{}}; $uri has no query\n"
        "log_format ws '$remote_addr [$time_iso8601] $request_method $uri $status';\n"
        "# in server {{}}\naccess_log /var/log/nginx/ws.log ws;",
        "any": "Send the token in a header, a cookie or the first message; if only the URL is "
        "possible, use a single-use ticket that expires within seconds.",
    },
    references=("OWASP WebSocket Security Cheat Sheet",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(credential_parameters=("access_token",)),
)
def token_url(ws: WebSocketFacts) -> Verdict:
    """Judge parameters named as credentials and JWTs in a URL that the server accepted."""
    if ws.credential_parameters is None:
        return Skip("the check ended before the handshake")
    if not ws.credential_parameters:
        return None
    if ws.handshake is None or ws.handshake.outcome != "open":
        return Skip("the socket did not open, so the server may not accept the credential")
    return Hit(parameters=ws.credential_parameters)


@rule(
    "WS-TOKEN-STALE",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Socket stays open after its token expires",
    evidence="{what}",
    phrases={
        "what": {
            "expired": "a token that expired {seconds} s earlier opened a socket",
            "open": "the socket still answers {seconds} s after its token expired",
        }
    },
    why="An expired or revoked token still reads and writes while the socket stays open, which "
    "can be days.",
    fix={
        "any": "Store the token's exp with the socket and close the socket then with 4401 or 1008, "
        "or request a new token in a message.",
    },
    references=("RFC 6455 §10.5", "RFC 7519 §4.1.4"),
    seed=("12.8.3",),
    good=GOOD.learn(
        token=Token(source="--token-file", lifetime_seconds=2.0, outcome="closed", close_code=4401)
    ),
    bad=GOOD.learn(
        token=Token(source="--token-file", lifetime_seconds=2.0, outcome="open", after_seconds=1.0)
    ),
)
def token_stale(ws: WebSocketFacts) -> Verdict:
    """Judge a socket by the exp of its JWT, which is read and not verified."""
    token = ws.token
    if token is None:
        return Skip("no JWT was given")
    if token.outcome is None or token.lifetime_seconds is None:
        return Skip("the token has no exp claim")
    if token.outcome == "not-reached":
        left = token.lifetime_seconds
        return Skip(f"the token expires in {left:.0f} s: give a longer --timeout to wait for it")
    if token.outcome != "open":
        # A server that refuses an expired token may still keep a socket beyond it.
        return None if token.lifetime_seconds > 0 else Skip("the token had expired: give a new one")
    if token.lifetime_seconds <= 0:
        return Hit(what="expired", seconds=f"{abs(token.lifetime_seconds):.0f}")
    return Hit(what="open", seconds=f"{token.after_seconds or 0.0:.1f}")


@rule(
    "WS-NO-PONG",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Ping not answered",
    evidence="no pong within {seconds} s",
    why="An endpoint must answer every ping. Clients and proxies that ping treat the connection "
    "as dead and close it.",
    fix={
        "any": "Read the socket continuously: the library answers pings only while it reads. Do "
        "not block in its receive handler.",
    },
    references=("RFC 6455 §5.5.2",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(
        pings_seconds=(), ping_seconds=None, pong_wait_seconds=10.0, closed_on_ping=False
    ),
)
def no_pong(ws: WebSocketFacts) -> Verdict:
    """Judge a ping without a pong on a connection that stayed open."""
    if ws.pings_sent is None:
        return Skip("no ping was sent")
    if ws.pong_wait_seconds is None:
        return None
    if ws.closed_on_ping:
        return Skip("the server closed the socket before it could answer")
    if ws.pong_wait_seconds < 1:
        return Skip("no time left to wait for the pong: give a longer --timeout")
    return Hit(seconds=f"{ws.pong_wait_seconds:.1f}")


@rule(
    "WS-NO-SERVER-PING",
    Severity.LOW,
    tier=4,
    source=Source.WIRE,
    title="Server sends no pings",
    evidence="no ping received in {seconds} s{short}",
    phrases={"short": {"short": "; use --hold 60 to be certain"}},
    why="A server without pings keeps sockets whose clients have disappeared, until descriptors or "
    "memory run out.",
    fix={
        "node-ws": "setInterval(() => wss.clients.forEach((c) => c.ping()), 30000)",
        "websockets": 'serve(handler, "", 8080, ping_interval=20, ping_timeout=20)',
        "uvicorn": "uvicorn app:app --ws-ping-interval 20 --ws-ping-timeout 20",
        "any": "Ping every socket every 20 to 30 seconds and close those that do not answer.",
    },
    references=("RFC 6455 §5.5.2",),
    seed=("12.11.7",),
    good=GOOD.learn(hold=Hold(seconds=60.0, pings=3, ping_seconds=20.0)),
    bad=GOOD.learn(hold=Hold(seconds=60.0)),
)
def no_server_ping(ws: WebSocketFacts) -> Verdict:
    """Judge a hold without a ping: low after a minute, informational before.

    A server that keeps sending messages detects dead clients by them.
    """
    if ws.hold is None:
        return Skip("no socket was held: give --intrusive --hold 60")
    if ws.hold.pings:
        return None
    if ws.hold.messages >= max(2, ws.hold.seconds / JUDGING_SECONDS):  # one may be a greeting
        return not_applicable(
            "the server sends messages by itself, which detect dead clients as well"
        )
    if ws.hold.cuts_seconds or ws.hold.closes:
        return Skip("the socket closed before a ping was due")
    seconds = f"{ws.hold.seconds:.0f}"
    if ws.hold.seconds < JUDGING_SECONDS - 1:
        return Hit(Severity.INFO, seconds=seconds, short="short")
    return Hit(seconds=seconds)


@rule(
    "WS-IDLE-CUT",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Idle sockets cut without a close frame",
    evidence="{what}",
    phrases={
        "what": {
            "ages": "idle sockets end without a close frame after {ages} s",
            "same-age": "idle sockets end without a close frame after {ages} s, each at the same "
            "age",
            "idle-timeout": "the proxy cuts sockets after {ages} s without data",
            "life-timeout": "the proxy cuts sockets after {ages} s, idle or not",
        }
    },
    why="An idle timeout is shorter than the application's pauses: clients see 1006 and reconnect "
    "repeatedly.",
    fix={
        "nginx": _PROXY_TIMEOUT,
        "apache": "# in the virtual host; ProxyTimeout and timeout= do not apply to WebSocket\n"
        "Timeout 3600",
        "haproxy": "# in defaults\ntimeout tunnel 1h",
        "caddy": "# without stream_timeout, which cuts busy sockets as well\n"
        "reverse_proxy localhost:8080 {{\n\ttransport http {{\n\t\tread_timeout 1h\n\t}}\n}}",
        "aws-alb": "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN "
        "--attributes Key=idle_timeout.timeout_seconds,Value=3600",
        "envoy": "# in HttpConnectionManager; max_stream_duration cuts busy sockets as well\n"
        "stream_idle_timeout: 3600s\n# or in route, which overrides it\nidle_timeout: 3600s",
        "any": "Raise the idle timeout of proxies and load balancers, and ping at less than half "
        "of it.",
    },
    seed=("12.11.7",),
    good=GOOD.learn(hold=Hold(seconds=60.0, pings=3)),
    bad=GOOD.learn(hold=Hold(seconds=60.0, cuts_seconds=(30.0, 30.1))),
    choice=("caddy",),
    directives={
        "nginx": ("proxy_read_timeout", "proxy_pass"),
        "caddy": ("read_timeout", "stream_timeout"),
    },
)
def idle_cut(ws: WebSocketFacts) -> Verdict:
    """Judge sockets that ended during a hold: two of one age show a timer."""
    if ws.proxied is not None:
        idle, life = ws.proxied.idle_seconds, ws.proxied.life_seconds
        if life is not None and life < LEAST_IDLE_SECONDS:
            return Hit(what="life-timeout", ages=f"{life:g}")
        if idle is not None and idle < LEAST_IDLE_SECONDS:
            return Hit(what="idle-timeout", ages=f"{idle:g}")
        return None
    if ws.hold is None:
        return Skip("no socket was held: give --intrusive --hold SECONDS")
    cuts = ws.hold.cuts_seconds
    if not cuts:
        return None
    if ws.hold.carried:
        return Skip(
            "a socket was cut, by the server or by a proxy: hold it without --proxy and --via"
        )
    same = len(cuts) > 1 and max(cuts) - min(cuts) <= max(SAME_AGE_SECONDS, 0.05 * max(cuts))
    return Hit(what="same-age" if same else "ages", ages=tuple(f"{age:.1f}" for age in cuts))


@rule(
    "WS-CLOSE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Closing handshake incomplete",
    evidence="{what}",
    phrases={
        "what": {
            "no-frame": "no close frame in response to ours (clients report 1006)",
            "no-code": "the close frame in response to 1000 has no code (clients report 1005)",
        }
    },
    why="Clients report 1006 or 1005 for a normal close, so real losses cannot be found among "
    "them.",
    fix={
        "any": "Answer a close frame with one that repeats its code, then close the connection.",
    },
    references=("RFC 6455 §5.5.1", "RFC 6455 §7.1.5"),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(close_frame=False, close_code=None),
)
def close(ws: WebSocketFacts) -> Verdict:
    """Judge the response to our close frame; it is required, its code is not."""
    if ws.close_sent is None or ws.close_frame is None:
        return Skip("no close frame was sent")
    if not ws.close_frame:
        return Hit(what="no-frame")
    if ws.close_code is None:
        return Hit(Severity.INFO, what="no-code")
    return None


@rule(
    "WS-LIMITS-UNDECLARED",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Limits not declared to clients",
    evidence="neither the response nor a first message declares a size or rate limit",
    why="Clients find the limits only by exceeding them, usually under load.",
    fix={
        "nginx": "# always adds it to the 101 as well\n"
        "add_header RateLimit-Policy '\"messages\";q=20;w=1' always;",
        "any": "Declare the largest message, the messages per second and the ping interval in a "
        "first message or in a field such as RateLimit-Policy.",
    },
    references=("draft-ietf-httpapi-ratelimit-headers",),
    seed=("12.10.2",),
    good=GOOD,
    bad=answered(subprotocol=None).learn(limits_declared=()),
)
def limits_undeclared(ws: WebSocketFacts) -> Verdict:
    """Judge what the response and the first message declare; a subprotocol may do so itself."""
    if ws.limits_declared is None or ws.greeting_bytes is None:
        return Skip("the socket did not open, or its first message was not awaited")
    if ws.limits_declared:
        return None
    if ws.handshake is not None and ws.handshake.subprotocol is not None:
        return Skip(f"the subprotocol {ws.handshake.subprotocol} may define limits itself")
    return Hit()


# -- fan-out ---------------------------------------------------------------------------------------


def _published(ws: WebSocketFacts) -> Fanout | Skip:
    """Return what became of the messages, where any reached another socket."""
    fanout = ws.fanout
    if fanout is None:
        return Skip("nothing was published: give --allow-write --message-template TEXT")
    if not fanout.rounds or not fanout.expected:
        return Skip("nothing could be published")
    if not fanout.delivered:
        who = "only the sender" if fanout.echoed else "no socket"
        return Skip(f"{who} received the message: the endpoint or the template does not broadcast")
    return fanout


@rule(
    "WS-FANOUT-SLOW",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Broadcast delivery slow",
    evidence="95 % of the deliveries to {sockets} sockets took up to {p95} ms (median: {p50} ms)",
    why="A broker, or a loop that writes to one socket after another, delays the last sockets, and "
    "all of them as their number grows.",
    fix={
        "any": "Write to all sockets without waiting for each; distribute sockets over processes "
        "that subscribe to one broker.",
    },
    seed=("12.8.2",),
    good=fanned(),
    bad=fanned(p95_seconds=1.2, max_seconds=1.5),
)
def fanout_slow(ws: WebSocketFacts) -> Verdict:
    """Judge the time from publishing to 95 of 100 deliveries."""
    fanout = _published(ws)
    if isinstance(fanout, Skip):
        return fanout
    if fanout.p95_seconds is None:
        return Skip("no delivery was timed")
    if fanout.p95_seconds <= FANOUT_SECONDS:
        return None
    return Hit(
        p95=round(fanout.p95_seconds * 1000),
        p50=round((fanout.p50_seconds or 0) * 1000),
        sockets=fanout.sockets,
    )


@rule(
    "WS-FANOUT-LOSS",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="Broadcasts lost",
    evidence="{delivered} of {expected} deliveries arrived within {seconds} s",
    why="Users see different states without an error. A common cause: the sockets are on several "
    "nodes that do not share messages.",
    fix={
        "socket.io": "io.adapter(createAdapter(pubClient, subClient))   # @socket.io/redis-adapter",
        "any": "Subscribe every node to one broker, and number the messages so that clients can "
        "request those that they missed.",
    },
    seed=("12.8.2",),
    good=fanned(),
    bad=fanned(delivered=30),
)
def fanout_loss(ws: WebSocketFacts) -> Verdict:
    """Judge deliveries that did not arrive."""
    fanout = _published(ws)
    if isinstance(fanout, Skip):
        return fanout
    if fanout.delivered >= fanout.expected:
        return None
    return Hit(
        delivered=fanout.delivered, expected=fanout.expected, seconds=f"{fanout.wait_seconds:g}"
    )
