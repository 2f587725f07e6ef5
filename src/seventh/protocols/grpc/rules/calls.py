"""Rules about the calls of ``--call``, and about a stream that is held."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.calls import Big, Held, Paused, Spread
from seventh.protocols.grpc.rules import proxied
from seventh.protocols.grpc.rules.examples import GOOD, MIB
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "GRPC-BACKPRESSURE",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Flow control is not respected",
    evidence="{what}",
    phrases={"what": {
        "overran": "the server sends more than the window of {window} bytes",
        "reset": "the server ends the stream after {received} bytes, because the reader pauses "
        "for {seconds} s",
    }},
    why="A slow reader must stop the sender. Otherwise one of the two runs out of memory, or slow "
    "clients lose their streams.",
    fix={
        "any": "Send the next message only when the library is ready for it: await the write in "
        "asyncio, onReadyHandler in Java, a Send that blocks in Go.",
    },
    references=("RFC 9113 §5.2",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(
        paused=Paused(outcome="reset", received_bytes=MIB, window_bytes=MIB, seconds=1.0)
    ),
)  # fmt: skip
def backpressure(grpc: GrpcFacts) -> Verdict:
    """Report a stream that does not survive a pause of its reader."""
    seen = grpc.paused
    if seen is None:
        return Skip("no stream was read slowly: --call with a method that streams responses")
    if seen.outcome == "ended":
        return Skip(f"the stream has only {seen.received_bytes} bytes, less than the window")
    if seen.outcome == "waited":
        return None
    return Hit(
        what=seen.outcome, window=seen.window_bytes, received=seen.received_bytes,
        seconds=f"{seen.seconds:.2g}",
    )  # fmt: skip


@rule(
    "GRPC-MSG-LIMIT",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="No clear limit on message size",
    evidence="{what}",
    phrases={"what": {
        "accepted": "a request of {bytes} bytes is accepted",
        "cut": "a request of {bytes} bytes ends with {code}, not RESOURCE_EXHAUSTED",
    }},
    why="The usual limit is 4 MiB. Without a limit, a few requests fill the server's memory; "
    "with another end, clients cannot know that the size is the cause.",
    fix={
        "grpcio": 'grpc.server(pool, options=[("grpc.max_receive_message_length", 4194304)])',
        "nginx": "# in http {{}}, above the server's own limit, so that the server answers\n"
        "client_max_body_size 8m;",
        "any": "Set the maximum size of received messages in the server, and a larger one in "
        "proxies.",
    },
    references=("GRPC PROTOCOL-HTTP2",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(big=Big(outcome="accepted", bytes=4 * MIB + 1, code="OK")),
)  # fmt: skip
def msg_limit(grpc: GrpcFacts) -> Verdict:
    """Report a large request that is accepted, or ended without a clear status."""
    seen = grpc.big
    if seen is None:
        return Skip("no large request was sent: --call and --allow-write")
    if seen.outcome == "refused":
        return None
    return Hit(what=seen.outcome, bytes=seen.bytes, code=seen.code or "nothing")


@rule(
    "GRPC-LB-PIN",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="All calls go to one backend",
    evidence="{calls} calls reach one backend, and the name has {addresses} addresses",
    why="A client keeps one connection. A balancer of connections then sends all its calls to one "
    "backend, however many there are.",
    fix={
        "any": "Balance calls, not connections: a proxy for HTTP/2 such as Envoy, "
        '{{"loadBalancingConfig": [{{"round_robin": {{}}}}]}} in the service config with a name '
        "that has all addresses, or a maximum connection age in the server.",
    },
    references=("GRPC proposal A27", "GRPC proposal A62"),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(spread=Spread(calls=12, backends={"a": 12}, addresses=3)),
)
def lb_pin(grpc: GrpcFacts) -> Verdict:
    """Report one backend for a name of several addresses."""
    seen = grpc.spread
    if seen is None:
        return Skip("no calls were counted: --call, --calls N and --backend-header NAME")
    if seen.unnamed:
        return Skip(f"{seen.unnamed} of {seen.calls} responses do not have --backend-header")
    if len(seen.backends) > 1:
        return None
    if seen.addresses < 2:
        return Skip("the name has one address: whether there are more backends is not known")
    return Hit(calls=seen.calls, addresses=seen.addresses)


@rule(
    "GRPC-PROXY-CUT",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Long-lived streams are closed by a proxy",
    evidence="{cut}{code}",
    phrases={
        "cut": {
            "held": "a stream without messages is closed after {seconds} s",
            "total": "a call to {place} ends after {total:g} s, however busy it is",
            "idle": "a call to {place} ends after {idle:g} s of silence",
        },
        "code": {"known": ", with {status}"},
    },
    why="Watches and subscriptions end although neither side wants it. Proxies close streams "
    "after 15, 60 or 300 s unless they are configured otherwise.",
    fix={
        "envoy": "# in the route\ntimeout: 0s\nidle_timeout: 3600s\n"
        "max_stream_duration: {{ grpc_timeout_header_max: 0s }}",
        "nginx": "# in the location that has grpc_pass\ngrpc_read_timeout 1h;\n"
        "grpc_send_timeout 1h;",
        "any": "Raise the timeouts of streams in each proxy between client and server.",
    },
    references=("GRPC PROTOCOL-HTTP2",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(held=Held(seconds=15.0, cut=True, code="UNAVAILABLE")),
    directives={
        "nginx": ("grpc_pass", "grpc_read_timeout", "grpc_send_timeout"),
        "envoy": ("timeout", "idle_timeout"),
    },
)
def proxy_cut(grpc: GrpcFacts) -> Verdict:
    """Report a held stream that did not last, and limits of a proxy's file."""
    if grpc.proxied is not None:
        return proxied.proxy_cut(grpc.proxied)
    seen = grpc.held
    if seen is None:
        return Skip("no stream was held open: --hold SECONDS --intrusive")
    if not seen.cut:
        return None
    known = {"code": "known", "status": seen.code} if seen.code else {}
    return Hit(cut="held", seconds=f"{seen.seconds:.3g}", **known)
