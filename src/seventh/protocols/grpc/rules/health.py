"""Rules about health checking, deadlines and statuses."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import Answer, GrpcFacts, Watch
from seventh.protocols.grpc.rules.examples import ABSENT, GOOD, NO_HEALTH, NOT_CALLED
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

LATE_SECONDS = 0.25
"""How long after its deadline and a round trip a call may end."""
_APPLICATION = frozenset(
    {
        "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED",
        "OUT_OF_RANGE", "DATA_LOSS",
    }
)  # fmt: skip
"""Statuses that only an application may send (gRFC A54)."""
_REGISTER = (
    "from grpc_health.v1 import health, health_pb2_grpc\n"
    "servicer = health.HealthServicer()\n"
    "health_pb2_grpc.add_HealthServicer_to_server(servicer, server)"
)
_LOCKED = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


@rule(
    "GRPC-HEALTH-NONE",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="No health service",
    evidence="grpc.health.v1.Health/Check is UNIMPLEMENTED",
    why="Load balancers, Kubernetes and clients cannot see whether the server is ready.",
    fix={
        "grpcio": _REGISTER,
        "any": "Register the standard health service, and set the status of each service.",
    },
    references=("GRPC Health Checking Protocol",),
    seed=("12.12",),
    good=GOOD,
    bad=GOOD.learn(health=ABSENT, serving="", watch=None, listed=ABSENT),
)
def health_none(grpc: GrpcFacts) -> Verdict:
    """Report a server without the service."""
    if grpc.health is None:
        return NOT_CALLED
    if grpc.health.absent:
        return Hit()
    if not grpc.health.of_server:
        return Skip(f"the health check ends with {grpc.health.code}")
    return None


@rule(
    "GRPC-NOT-SERVING",
    Severity.CRITICAL,
    tier=1,
    source=Source.WIRE,
    title="Health status NOT_SERVING",
    evidence="{what}",
    phrases={"what": {
        "server": "the health of the server is {status}",
        "service": "the health of {service} is {status}",
        "unknown": "the server does not know the service {service}",
    }},
    why="Clients and load balancers with health checking send no calls to this server.",
    fix={
        "grpcio": 'servicer.set("", health_pb2.HealthCheckResponse.SERVING)',
        "any": "Find out why the service reports it: its log, its dependencies, a shutdown in "
        "progress. Set SERVING for the empty name and for each service once it is ready.",
    },
    references=("GRPC Health Checking Protocol",),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(serving="NOT_SERVING"),
)  # fmt: skip
def not_serving(grpc: GrpcFacts) -> Verdict:
    """Report every status but SERVING, and an unknown service."""
    if grpc.health is None:
        return NOT_CALLED
    named = {"service": grpc.service} if grpc.service else {}
    if grpc.service and grpc.health.code == "NOT_FOUND":
        return Hit(what="unknown", **named)
    if grpc.health.absent:
        return NO_HEALTH
    if not grpc.serving:
        return Skip(f"the health check ends with {grpc.health.code}")
    if grpc.serving == "SERVING":
        return None
    return Hit(what="service" if grpc.service else "server", status=grpc.serving, **named)


@rule(
    "GRPC-WATCH",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Watching health does not work",
    evidence="{what}",
    phrases={"what": {
        "absent": "grpc.health.v1.Health/Watch is UNIMPLEMENTED",
        "silent": "Watch sends no first status within {seconds} s",
        "ended": "Watch ends with {code} after {seconds} s, its deadline being {deadline} s",
        "refused": "Watch ends with {code} without a status",
    }},
    why="Clients with health checking watch each server. They treat one without a status as "
    "failed, or disable health checking.",
    fix={
        "grpcio": _REGISTER,
        "nginx": "# in the location that has grpc_pass\ngrpc_read_timeout 1h;\n"
        "grpc_buffer_size 4k;",
        "any": "Send the current status at once, then each change, and keep the stream open. "
        "Proxies must forward each message as it comes.",
    },
    references=("GRPC Health Checking Protocol", "GRPC proposal A17"),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(watch=Watch(deadline_seconds=0.5, ended_seconds=0.01, code="UNIMPLEMENTED",
                               origin="trailers-only")),
)  # fmt: skip
def watch(grpc: GrpcFacts) -> Verdict:
    """Report a stream without a first status, or that ends before its deadline."""
    if grpc.health is not None and grpc.health.absent:
        return NO_HEALTH
    seen = grpc.watch
    if seen is None:
        return Skip("Watch was not called, or the connection ended")
    if seen.streams:
        return None
    if seen.absent:
        return Hit(what="absent")
    if seen.code in _LOCKED:
        return Skip(f"Watch ends with {seen.code}")
    if seen.ended_seconds is None:
        return Hit(what="silent", seconds=f"{seen.waited_seconds:.2g}")
    if not seen.serving and seen.code == "DEADLINE_EXCEEDED":
        return Hit(what="silent", seconds=f"{seen.ended_seconds:.2g}")
    if not seen.serving:
        return Hit(what="refused", code=seen.code)
    return Hit(
        what="ended", code=seen.code, seconds=f"{seen.ended_seconds:.2g}",
        deadline=f"{seen.deadline_seconds:g}",
    )  # fmt: skip


@rule(
    "GRPC-HEALTH-LIST",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Health cannot be listed",
    evidence="grpc.health.v1.Health/List is UNIMPLEMENTED",
    why="Monitoring must know the name of each service. With List one call shows all.",
    fix={"any": "Update the health service of the gRPC library; List was added in 2025."},
    references=("GRPC Health Checking Protocol",),
    seed=("12.12",),
    good=GOOD,
    bad=GOOD.learn(listed=ABSENT),
)
def health_list(grpc: GrpcFacts) -> Verdict:
    """Report a health service without List."""
    if grpc.health is not None and grpc.health.absent:
        return NO_HEALTH
    if grpc.listed is None:
        return Skip("List was not called, or the connection ended")
    if grpc.listed.absent:
        return Hit()
    if not grpc.listed.of_server:
        return Skip(f"List ends with {grpc.listed.code}")
    return None


@rule(
    "GRPC-DEADLINE",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Deadlines are not honoured",
    evidence="{what}",
    phrases={"what": {
        "open": "a call with a deadline of {deadline} s is still open after {seconds} s",
        "late": "a call with a deadline of {deadline} s ends after {seconds} s",
    }},
    why="Work goes on for clients that have given up, which is most of the load when a server is "
    "overloaded.",
    fix={
        "grpcio": "while context.is_active():\n    ...  # end the method when it is not",
        "any": "Pass the call's context to everything that waits, and end the method when it is "
        "cancelled. Proxies must forward grpc-timeout.",
    },
    references=("GRPC PROTOCOL-HTTP2",),
    seed=("12.12",),
    good=GOOD,
    bad=GOOD.learn(watch=Watch(deadline_seconds=0.5, serving="SERVING", waited_seconds=1.0)),
)  # fmt: skip
def deadline(grpc: GrpcFacts) -> Verdict:
    """Report a Watch that outlives its deadline."""
    seen = grpc.watch
    if seen is None or not seen.serving:
        return Skip("no stream was open at its deadline: Watch does not work")
    if seen.ended_seconds is None and not seen.waited_seconds:
        return Skip("the connection ended before the deadline")
    if not seen.streams:
        return Skip("Watch ended before its deadline")
    given = f"{seen.deadline_seconds:g}"
    if seen.ended_seconds is None:
        return Hit(what="open", deadline=given, seconds=f"{seen.waited_seconds:.2g}")
    allowed = seen.deadline_seconds + (grpc.ttfb_seconds or 0.0) + LATE_SECONDS
    if seen.ended_seconds <= allowed:
        return None
    return Hit(what="late", deadline=given, seconds=f"{seen.ended_seconds:.2g}")


@rule(
    "GRPC-CONTROL-STATUS",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="The control plane leaks wrong statuses",
    evidence="a method that does not exist is answered with {code}, not UNIMPLEMENTED",
    why="Clients take this status for the application's own answer. A missing method or route is "
    "UNIMPLEMENTED or UNAVAILABLE.",
    fix={
        "any": "Correct the interceptor, filter or control plane that makes this status.",
    },
    references=("GRPC proposal A54",),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(unknown_method=Answer(code="NOT_FOUND", origin="trailers-only")),
)
def control_status(grpc: GrpcFacts) -> Verdict:
    """Report a status of applications for a method that does not exist."""
    answer = grpc.unknown_method
    if answer is None:
        return Skip("no method that does not exist was called")
    if not answer.of_server:
        return Skip(f"the call has no status of its own: {answer.code} stands in for it")
    return Hit(code=answer.code) if answer.code in _APPLICATION else None


@rule(
    "GRPC-PUSHBACK",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Retry pushback is malformed",
    evidence="{what}",
    phrases={"what": {
        "negative": "grpc-retry-pushback-ms is {value}: clients do not retry",
        "malformed": "grpc-retry-pushback-ms is not a number of milliseconds: {value}",
    }},
    why="Clients wait as long as the field says before they retry. A value that is negative or "
    "not a number forbids the retry.",
    fix={"any": "Send a number of milliseconds, such as 250; a negative one only to forbid it."},
    references=("GRPC proposal A6",),
    seed=("12.10.2",),
    good=GOOD,
    bad=GOOD.learn(pushback="-1"),
)  # fmt: skip
def pushback(grpc: GrpcFacts) -> Verdict:
    """Report a pushback that forbids the retry."""
    value = grpc.pushback
    if value is None:
        return Skip("no response has grpc-retry-pushback-ms")
    if value.isascii() and value.isdecimal() and int(value) <= 0x7FFFFFFF:
        return None
    negative = value[:1] == "-" and value[1:].isascii() and value[1:].isdecimal()
    return Hit(what="negative" if negative else "malformed", value=value)
