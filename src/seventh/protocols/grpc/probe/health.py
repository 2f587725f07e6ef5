"""Health checking: Check, Watch and List."""

from __future__ import annotations

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.stopwatch import now_ns, user_mark
from seventh.protocols.grpc.client.call import GRACE_SECONDS, Call, Reply
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.endpoint import Endpoint
from seventh.protocols.grpc.facts import SERVING, Answer, Foreign, Watch
from seventh.protocols.grpc.wire import services
from seventh.protocols.grpc.wire.response import NotGrpc
from seventh.protocols.grpc.wire.status import Status, first
from seventh.wire.text import printable

DEADLINE_SECONDS = 0.5
"""The deadline of Watch."""
_UNAVAILABLE = frozenset({429, 502, 503, 504})
_MAX_ENCODINGS = 16
_MAX_NAME = 200


async def check(endpoint: Endpoint, channel: Channel) -> Failed | None:
    """Ask for the health and learn the answer; return the failure that it means, if any.

    Raises Failed where the connection ends.
    """
    with endpoint.ctx.watch.phase("grpc.unary") as timer:
        reply = await _call(endpoint, channel)
        timer.begin(reply.sent)
        if reply.first is not None:
            timer.stop(reply.first)
        answer, serving = _judged(reply)
    learn_reply(endpoint, reply)
    endpoint.notes.learn(
        health=answer, serving=serving, ttfb_seconds=reply.seconds,
        streams=max(1, endpoint.notes.facts.streams or 0),
    )  # fmt: skip
    return failure_of(answer, serving, endpoint.service, reply.not_grpc)


async def ask(endpoint: Endpoint, channel: Channel) -> tuple[Answer, str]:
    """Ask for the health; return the answer and the status by name. Raises Failed."""
    return _judged(await _call(endpoint, channel))


async def _call(endpoint: Endpoint, channel: Channel) -> Reply:
    return await channel.unary(
        services.CHECK, services.health_request(endpoint.service), timeout=endpoint.patience
    )


def _judged(reply: Reply) -> tuple[Answer, str]:
    serving = services.serving(reply.message) if reply.message is not None else ""
    return answer_of(reply), serving


def answer_of(reply: Reply) -> Answer:
    """Return a reply's end as a fact."""
    return answer(reply.status, reply.http_status, reply.seconds)


def answer(status: Status, http_status: int, seconds: float | None = None) -> Answer:
    """Return the end of a call as a fact."""
    return Answer(
        code=status.name, message=status.message, origin=status.origin, http_status=http_status,
        seconds=seconds,
    )  # fmt: skip


def learn_reply(endpoint: Endpoint, reply: Reply) -> None:
    """Learn what every reply shows: proxies' pages, contradictions, encodings, pushback."""
    facts, notes = endpoint.notes.facts, endpoint.notes
    if reply.not_grpc is not None and facts.foreign is None:
        seen = reply.not_grpc
        notes.learn(
            foreign=Foreign(
                http_status=seen.http_status, content_type=seen.content_type, server=seen.server,
                detail=seen.beginning,
            )
        )  # fmt: skip
    elif reply.status.origin == "http" and facts.foreign is None:
        kind = printable(first(reply.headers, "content-type") or "", 120)
        notes.learn(foreign=Foreign(http_status=reply.http_status, content_type=kind))
    unavailable = reply.http_status in _UNAVAILABLE
    if unavailable and answer_of(reply).of_server and reply.status.name != "UNAVAILABLE":
        notes.learn(misleading=facts.misleading or answer_of(reply))
    if reply.status.pushback is not None and facts.pushback is None:
        notes.learn(pushback=reply.status.pushback)
    announced = first(reply.headers, "grpc-accept-encoding")
    if facts.accepted_encodings is None and reply.first is not None and reply.not_grpc is None:
        names = [name.strip().lower() for name in (announced or "").split(",")]
        notes.learn(
            accepted_encodings=tuple(printable(n, 40) for n in names if n)[:_MAX_ENCODINGS],
            server=printable(first(reply.headers, "server") or "", 100),
        )  # fmt: skip


def failure_of(
    answer: Answer, serving: str, service: str, foreign: NotGrpc | None
) -> Failed | None:
    """Return the failure that an answer of Check means; None if it is SERVING or unimplemented."""
    phase = "grpc.unary"
    if foreign is not None:
        kind = foreign.content_type or "no content-type"
        return Failed(
            Reason.PROTOCOL_MISMATCH,
            f"the response is not gRPC: HTTP {foreign.http_status}, {kind}", phase=phase,
        )  # fmt: skip
    named = f" of {printable(service, _MAX_NAME)}" if service else ""
    if answer.ok:
        if serving == SERVING:
            return None
        return Failed(Reason.UNEXPECTED_ANSWER, f"the health{named} is {serving}", phase=phase)
    if answer.absent and not service:
        return None
    detail = f"the health check{named} ends with {answer.code}"
    detail += f": {answer.message}" if answer.message else ""
    reasons = {
        "UNAUTHENTICATED": Reason.AUTH_REQUIRED, "PERMISSION_DENIED": Reason.AUTH_REJECTED,
    }  # fmt: skip
    reason = reasons.get(answer.code, Reason.UNEXPECTED_ANSWER)
    if answer.origin == "client":
        reason = Reason.PEER_SILENT if answer.code == "DEADLINE_EXCEEDED" else reason
    if answer.origin == "reset":
        reason = Reason.PEER_RESET
    return Failed(reason, detail, phase=phase)


# -- Watch -----------------------------------------------------------------------------------------


async def begin_watch(endpoint: Endpoint, channel: Channel) -> Call:
    """Begin a Watch with a deadline that this client itself does not enforce. Raises Failed."""
    rtt = endpoint.notes.facts.ttfb_seconds or 0.0
    wait = DEADLINE_SECONDS + max(GRACE_SECONDS, 4 * rtt)
    return await channel.call(
        services.WATCH, services.health_request(endpoint.service), end=True,
        timeout=DEADLINE_SECONDS, wait=wait,
    )  # fmt: skip


async def watch_first(endpoint: Endpoint, call: Call) -> None:
    """Wait for the first status of a Watch, and learn it. Raises Failed."""
    exchange = call.stream.exchange
    with endpoint.ctx.watch.phase("grpc.first_message") as timer:
        message = await call.receive()
        timer.begin(exchange.sent)
        seconds = None
        if message is not None:
            timer.stop(call.arrivals[0])
            seconds = call.arrivals[0].since(exchange.sent)
    known = services.serving(message) if message is not None else ""
    endpoint.notes.learn(
        watch=Watch(deadline_seconds=DEADLINE_SECONDS, serving=known, first_message_seconds=seconds)
    )


async def watch_end(endpoint: Endpoint, call: Call) -> None:
    """Wait for the end of a Watch, and learn when and how it came. Raises Failed."""
    exchange = call.stream.exchange
    with endpoint.ctx.watch.phase("grpc.deadline") as timer:
        timer.begin(exchange.sent)
        for _ in range(services.MAX_SERVICES):
            if await call.receive() is None:
                break
        else:
            call.cancel()
            raise ProtocolViolation(
                f"more than {services.MAX_SERVICES} messages of Watch within its deadline"
            )
        status = call.status
        assert status is not None  # noqa: S101 - receive() returned None
        ended = status.origin != "client"
        if ended:
            timer.stop(exchange.last)
    endpoint.notes.learn_part(
        "watch", Watch, code=status.name if ended else "", origin=status.origin,
        detail=status.message,
        ended_seconds=exchange.last.since(exchange.sent) if ended else None,
        waited_seconds=(max(now_ns(), exchange.sent.ns) - exchange.sent.ns) / 1e9,
    )  # fmt: skip
    if status.pushback is not None and endpoint.notes.facts.pushback is None:
        endpoint.notes.learn(pushback=status.pushback)


async def list_all(endpoint: Endpoint, channel: Channel) -> None:
    """Ask for the health of all services, and learn it. Raises Failed."""
    with endpoint.ctx.watch.phase("grpc.list") as timer:
        reply = await channel.unary(services.LIST, b"", timeout=endpoint.patience)
        timer.begin(reply.sent)
        timer.stop(reply.first or user_mark())
    learn_reply(endpoint, reply)
    statuses = services.health_list(reply.message) if reply.message is not None else None
    if statuses is not None:
        statuses = {printable(name, _MAX_NAME): status for name, status in statuses.items()}
    endpoint.notes.learn(listed=answer_of(reply), statuses=statuses)
