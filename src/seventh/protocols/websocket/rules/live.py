"""Rules about the open socket: pings, closing, tokens, and what is broadcast."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.live import Fanout, Hold, Token
from seventh.protocols.websocket.rules.examples import GOOD, answered
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NOT_OPEN = Skip("the socket did not open")
FANOUT_SECONDS = 0.5
"""What 95 of 100 receivers should not wait longer for."""
JUDGING_SECONDS = 60.0
"""A server that pings at all does so at least this often."""
SAME_AGE_SECONDS = 0.2
_PROXY_TIMEOUT = (
    "# in the location that has proxy_pass\nproxy_read_timeout 3600s;\nproxy_send_timeout 3600s;"
)


@rule(
    "WS-TOKEN-URL",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="A credential stands in the URL",
    evidence="the target's URL carries {parameters}",
    why="URLs end up in access logs, histories and monitoring; whoever reads those can connect.",
    fix={
        "nginx": "# in http {{}}; $uri has no query\n"
        "log_format ws '$remote_addr [$time_iso8601] $request_method $uri $status';\n"
        "# in server {{}}\naccess_log /var/log/nginx/ws.log ws;",
        "any": "Send the token in a header, a cookie or the first message; where only the URL is "
        "left, a ticket that is good once and for seconds.",
    },
    references=("OWASP WebSocket Security Cheat Sheet",),
    seed=("12.8.3",),
    good=GOOD,
    bad=GOOD.learn(credential_parameters=("access_token",)),
)
def token_url(ws: WebSocketFacts) -> Verdict:
    """Return names that mean a credential, or a JWT anywhere in the URL, and the server took it."""
    if ws.credential_parameters is None:
        return Skip("the conversation ended before the handshake")
    if not ws.credential_parameters:
        return None
    if ws.handshake is None or ws.handshake.outcome != "open":
        return Skip("the socket did not open, so the server may not take it")
    return Hit(parameters=ws.credential_parameters)


@rule(
    "WS-TOKEN-STALE",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Connections outlive their token",
    evidence="{what}",
    why="A token that was withdrawn or has ended still reads and writes, for as long as the socket "
    "stands: that can be days.",
    fix={
        "any": "Note the token's exp with the socket and close it then with 4401 or 1008, or ask "
        "for a new one in a message.",
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
    """Return the exp of a JWT was read here, not verified."""
    token = ws.token
    if token is None:
        return Skip("no token was given that is a JWT")
    if token.outcome is None or token.lifetime_seconds is None:
        return Skip("the token does not say when it ends")
    if token.outcome == "not-reached":
        left = token.lifetime_seconds
        return Skip(f"the token is good for {left:.0f} s more: a longer --timeout waits for it")
    if token.outcome != "open":
        return None
    if token.lifetime_seconds <= 0:
        ago = -token.lifetime_seconds
        return Hit(what=f"a token that had ended {ago:.0f} s before opened a socket")
    after = token.after_seconds or 0.0
    return Hit(what=f"the socket still answers {after:.1f} s after its token's end")


@rule(
    "WS-NO-PONG",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Pings stay unanswered",
    evidence="no pong within {seconds} s",
    why="An endpoint must answer every ping. Clients and proxies that ping take the connection "
    "for dead and end it.",
    fix={
        "any": "Let the library read the socket all the time: it answers pings only while it "
        "reads. Do not wait for the application inside its receive handler.",
    },
    references=("RFC 6455 §5.5.2",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(
        pings_seconds=(), ping_seconds=None, pong_wait_seconds=10.0, closed_on_ping=False
    ),
)
def no_pong(ws: WebSocketFacts) -> Verdict:
    """Return a ping that was waited for in vain, while the connection stood."""
    if ws.pings_sent is None:
        return Skip("no ping was sent")
    if ws.pong_wait_seconds is None:
        return None
    if ws.closed_on_ping:
        return Skip("the server ended the socket before it could answer")
    if ws.pong_wait_seconds < 1:
        return Skip("there was no time to wait for the pong: --timeout")
    return Hit(seconds=f"{ws.pong_wait_seconds:.1f}")


@rule(
    "WS-NO-SERVER-PING",
    Severity.LOW,
    tier=4,
    source=Source.WIRE,
    title="The server never pings",
    evidence="no ping came in {seconds} s{short}",
    why="Without pings of its own a server keeps sockets whose clients are gone: descriptors and "
    "memory run out.",
    fix={
        "node-ws": "setInterval(() => wss.clients.forEach((c) => c.ping()), 30000)",
        "websockets": 'serve(handler, "", 8080, ping_interval=20, ping_timeout=20)',
        "uvicorn": "uvicorn app:app --ws-ping-interval 20 --ws-ping-timeout 20",
        "any": "Ping every socket each 20 to 30 seconds and drop those that do not answer.",
    },
    references=("RFC 6455 §5.5.2",),
    seed=("12.11.7",),
    good=GOOD.learn(hold=Hold(seconds=60.0, pings=3, ping_seconds=20.0)),
    bad=GOOD.learn(hold=Hold(seconds=60.0)),
)
def no_server_ping(ws: WebSocketFacts) -> Verdict:
    """Low after a minute; a shorter hold is only a hint.

    A server that goes on saying something finds dead clients by that.
    """
    if ws.hold is None:
        return Skip("no socket was held: --intrusive --hold 60")
    if ws.hold.pings:
        return None
    if ws.hold.messages >= max(2, ws.hold.seconds / JUDGING_SECONDS):  # one may be a greeting
        return not_applicable(
            "the server sends messages of its own, which find dead clients as well"
        )
    if ws.hold.cuts_seconds or ws.hold.closes:
        return Skip("the socket was ended before a ping could be expected")
    short = "" if ws.hold.seconds >= JUDGING_SECONDS - 1 else "; --hold 60 would tell for sure"
    severity = Severity.INFO if short else None
    return Hit(severity, seconds=f"{ws.hold.seconds:.0f}", short=short)


@rule(
    "WS-IDLE-CUT",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Idle connections are cut",
    evidence="idle sockets end without a close frame after {ages}{same}",
    why="Somebody's idle timer is shorter than the silence of the application: clients see 1006 "
    "and reconnect, again and again.",
    fix={
        "nginx": _PROXY_TIMEOUT,
        "apache": "# in the virtual host; ProxyTimeout and timeout= do not count for WebSocket\n"
        "Timeout 3600",
        "haproxy": "# in defaults\ntimeout tunnel 1h",
        "caddy": "# without stream_timeout, which cuts busy sockets as well\n"
        "reverse_proxy localhost:8080 {{\n\ttransport http {{\n\t\tread_timeout 1h\n\t}}\n}}",
        "aws-alb": "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN "
        "--attributes Key=idle_timeout.timeout_seconds,Value=3600",
        "envoy": "# in HttpConnectionManager; max_stream_duration cuts busy sockets as well\n"
        "stream_idle_timeout: 3600s\n# or in route, which goes before it\nidle_timeout: 3600s",
        "any": "Raise the idle timeout of what stands between, and ping at less than half of it.",
    },
    seed=("12.11.7",),
    good=GOOD.learn(hold=Hold(seconds=60.0, pings=3)),
    bad=GOOD.learn(hold=Hold(seconds=60.0, cuts_seconds=(30.0, 30.1))),
    directives={
        "nginx": ("proxy_read_timeout", "proxy_pass"),
        "caddy": ("read_timeout", "stream_timeout"),
    },
)
def idle_cut(ws: WebSocketFacts) -> Verdict:
    """Return two sockets of different age that end at the same age show a timer."""
    if ws.proxied is not None:
        idle, life = ws.proxied.idle_seconds, ws.proxied.life_seconds
        if life is not None and life < LEAST_IDLE_SECONDS:
            return Hit(ages=(f"{life:g} s",), same=", busy or not, by the proxy's own timer")
        if idle is None or idle >= LEAST_IDLE_SECONDS:
            return None
        return Hit(ages=(f"{idle:g} s",), same=" of silence, by the proxy's own timer")
    if ws.hold is None:
        return Skip("no socket was held: --intrusive --hold SECONDS")
    cuts = ws.hold.cuts_seconds
    if not cuts:
        return None
    same = len(cuts) > 1 and max(cuts) - min(cuts) <= max(SAME_AGE_SECONDS, 0.05 * max(cuts))
    ages = tuple(f"{age:.1f} s" for age in cuts)
    return Hit(ages=ages, same=": each at the same age" if same else "")


@rule(
    "WS-CLOSE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No clean close",
    evidence="{what}",
    why="Clients report 1006 or 1005 for an end that was in order, and real losses drown among "
    "them.",
    fix={
        "any": "Answer a close frame with one that carries its code, then end the connection.",
    },
    references=("RFC 6455 §5.5.1", "RFC 6455 §7.1.5"),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(close_frame=False, close_code=None),
)
def close(ws: WebSocketFacts) -> Verdict:
    """No close frame in answer to ours, which must come; or one without a code, which may."""
    if ws.close_sent is None or ws.close_frame is None:
        return Skip("no close frame was sent")
    if not ws.close_frame:
        return Hit(what="no close frame answers ours (a client sees 1006)")
    if ws.close_code is None:
        what = "the close frame that answers 1000 names no code (a client sees 1005)"
        return Hit(Severity.INFO, what=what)
    return None


@rule(
    "WS-LIMITS-UNDECLARED",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Limits are not told",
    evidence="neither the response nor a first message speaks of a size or a rate",
    why="Clients find the limits by running into them, mostly under load.",
    fix={
        "nginx": "# reaches the 101, too\n"
        "add_header RateLimit-Policy '\"messages\";q=20;w=1' always;",
        "any": "Say in a first message or in a field such as RateLimit-Policy how long a message "
        "may be, how many a second may bring, and how often to ping.",
    },
    references=("draft-ietf-httpapi-ratelimit-headers",),
    seed=("12.10.2",),
    good=GOOD,
    bad=answered(subprotocol=None).learn(limits_declared=()),
)
def limits_undeclared(ws: WebSocketFacts) -> Verdict:
    """Return a subprotocol's own specification may say it; that is not seen here."""
    if ws.limits_declared is None or ws.greeting_bytes is None:
        return Skip("the socket did not open, or was not listened to")
    if ws.limits_declared:
        return None
    if ws.handshake is not None and ws.handshake.subprotocol is not None:
        return Skip(f"the subprotocol {ws.handshake.subprotocol} may have limits of its own")
    return Hit()


# -- fan-out ---------------------------------------------------------------------------------------


def _fanned(**changes: float | int | None) -> WebSocketFacts:
    known = {
        "sockets": 10, "rounds": 5, "expected": 45, "delivered": 45,
        "p50_seconds": 0.01, "p95_seconds": 0.02, "max_seconds": 0.03, "wait_seconds": 2.0,
    }  # fmt: skip
    return GOOD.learn(fanout=Fanout(**{**known, **changes}))  # type: ignore[arg-type]


def _unjudged(ws: WebSocketFacts) -> Skip | None:
    fanout = ws.fanout
    if fanout is None:
        return Skip("nothing was published: --allow-write --message-template TEXT")
    if not fanout.rounds or not fanout.expected:
        return Skip("nothing could be published")
    if not fanout.delivered:
        what = "only the sender gets it back" if fanout.echoed else "nobody gets it"
        return Skip(f"{what}: the endpoint or the template does not broadcast")
    return None


@rule(
    "WS-FANOUT-SLOW",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Broadcasts arrive late",
    evidence="{p95} ms to 95 % of {sockets} sockets (half of them: {p50} ms)",
    why="A broker or a loop that serves socket after socket holds up the last ones, and all of "
    "them as their number grows.",
    fix={
        "any": "Write to all sockets at once and wait for none; spread sockets over processes "
        "behind a broker's publish and subscribe.",
    },
    seed=("12.8.2",),
    good=_fanned(),
    bad=_fanned(p95_seconds=1.2, max_seconds=1.5),
)
def fanout_slow(ws: WebSocketFacts) -> Verdict:
    """From publishing to 95 of 100 deliveries, against half a second."""
    unjudged = _unjudged(ws)
    fanout = ws.fanout
    if unjudged is not None or fanout is None or fanout.p95_seconds is None:
        return unjudged or Skip("nothing was delivered")
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
    title="Broadcasts do not reach all",
    evidence="{delivered} of {expected} deliveries came within {seconds} s",
    why="Users see different states of the same thing and nobody notices. Often the sockets are on "
    "several nodes that do not share their messages.",
    fix={
        "socket.io": "io.adapter(createAdapter(pubClient, subClient))   # @socket.io/redis-adapter",
        "any": "Let every node subscribe to one broker, and number the messages so that a client "
        "can ask for what it missed.",
    },
    seed=("12.8.2",),
    good=_fanned(),
    bad=_fanned(delivered=30),
)
def fanout_loss(ws: WebSocketFacts) -> Verdict:
    """Return some got it and some did not."""
    unjudged = _unjudged(ws)
    fanout = ws.fanout
    if unjudged is not None or fanout is None:
        return unjudged
    if fanout.delivered >= fanout.expected:
        return None
    return Hit(
        delivered=fanout.delivered, expected=fanout.expected, seconds=f"{fanout.wait_seconds:g}"
    )


LEAST_IDLE_SECONDS = 120.0
"""A proxy that waits at least so long leaves room for a ping a minute."""
