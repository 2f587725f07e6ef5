"""The steps that need permission: --call (tiers 2 and 3), and --hold (tier 4)."""

from __future__ import annotations

import asyncio
from collections import Counter

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.grpc import GrpcOptions
from seventh.protocols.grpc.client.calling import Outcome, refused, run_call
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.descriptors import Method, describe
from seventh.protocols.grpc.client.endpoint import Endpoint
from seventh.protocols.grpc.client.requests import requests_of
from seventh.protocols.grpc.facts.calls import Big, Called, Held, Paused, Spread
from seventh.protocols.grpc.wire import protobuf as pb
from seventh.protocols.grpc.wire import services
from seventh.protocols.grpc.wire.framing import MAX_MESSAGE
from seventh.protocols.grpc.wire.status import first, is_pushback
from seventh.web.limits import H2_STREAM_WINDOW
from seventh.wire.text import printable

MOST_RECEIVED = 1000
"""The responses after which a stream is cancelled."""
MOST_BYTES = 32 * 1024 * 1024
"""The bytes that a connection with the method's responses may receive."""
PAUSE_SECONDS = 1.0
"""How long nothing is read of a stream."""
_PADDING_FIELD = 100_000
"""A field that no message has; parsers keep or skip what they do not know."""
_MOST_PUSHBACK_SECONDS = 2.0
_MAX_BACKEND = 80


async def run(endpoint: Endpoint) -> None:
    """Take the steps that are permitted."""
    ctx = endpoint.ctx
    own = ctx.options.of(GrpcOptions)
    if own.call is not None and ctx.denied(2) is None:
        try:
            await _call_steps(endpoint, own)
        except Failed as failed:
            ctx.fail(failed)
    if ctx.holds:
        try:
            await _hold(endpoint)
        except Failed as failed:
            endpoint.notes.unknown("hold", failed.detail)


async def _call_steps(endpoint: Endpoint, own: GrpcOptions) -> None:
    ctx = endpoint.ctx
    assert own.call is not None  # noqa: S101 - the caller's condition
    ctx.budget.allow_bytes(MOST_BYTES)
    channel = await endpoint.open()
    try:
        with ctx.watch.phase("grpc.describe"):
            method = await describe(channel, own.call, endpoint.patience)
        requests = [method.encode(value) for value in requests_of(ctx.options)]
        if not method.many_requests:
            requests = requests[:1]
        await _call(endpoint, channel, method, requests)
        if method.many_replies:
            await _further(endpoint, "backpressure", _paused(endpoint, method, requests))
        if own.calls > 1 and own.backend_header is not None:
            await _further(endpoint, "backends", _spread(endpoint, method, requests, own))
        if ctx.denied(3) is None:
            await _further(endpoint, "large requests", _big(endpoint, method, requests))
    finally:
        await channel.aclose()


async def _further(endpoint: Endpoint, topic: str, step: object) -> None:
    try:
        await step  # type: ignore[misc]
    except Failed as failed:
        endpoint.notes.unknown(topic, failed.detail)


async def _call(
    endpoint: Endpoint, channel: Channel, method: Method, requests: list[bytes]
) -> None:
    """Make the call, once more after a pushback, and learn it. Raises Failed unless it is OK."""
    attempts = Counter(first=1)
    with endpoint.ctx.watch.phase("grpc.call") as timer:
        outcome = await _attempt(endpoint, channel, method, requests)
        pushback = outcome.status.pushback
        if pushback is not None and endpoint.notes.facts.pushback is None:
            endpoint.notes.learn(pushback=pushback)
        if pushback is not None and is_pushback(pushback) and not outcome.received:
            delay = int(pushback) / 1000
            if delay <= min(_MOST_PUSHBACK_SECONDS, endpoint.ctx.budget.seconds_left / 2):
                await asyncio.sleep(delay)
                attempts["pushback"] += 1
                outcome = await _attempt(endpoint, channel, method, requests)
        timer.begin(outcome.begun)
        timer.stop(outcome.ended)
    endpoint.notes.learn(called=_called(method, outcome, dict(attempts)))
    if not outcome.status.ok:
        failed = refused(method.name, outcome.status)
        failed.phase = "grpc.call"
        raise failed


async def _attempt(
    endpoint: Endpoint, channel: Channel, method: Method, requests: list[bytes]
) -> Outcome:
    return await run_call(
        channel, method.path, requests, method.decode, timeout=endpoint.patience,
        most=MOST_RECEIVED,
    )  # fmt: skip


def _called(method: Method, outcome: Outcome, attempts: dict[str, int]) -> Called:
    between = None
    if outcome.received > 1 and outcome.first is not None and outcome.last is not None:
        between = outcome.last.since(outcome.first) / (outcome.received - 1)
    return Called(
        method=method.name, kind=method.kind, code=outcome.status.name,
        message=outcome.status.message, sent=outcome.sent, received=outcome.received,
        first_message_seconds=outcome.first.since(outcome.begun) if outcome.first else None,
        seconds=outcome.ended.since(outcome.begun), message_seconds=between,
        message_bytes=outcome.largest if outcome.received else None,
        truncated=outcome.truncated, attempts=attempts,
    )  # fmt: skip


async def _paused(endpoint: Endpoint, method: Method, requests: list[bytes]) -> None:
    """Read nothing of the responses for PAUSE_SECONDS; learn what the server does. Raises Failed.

    The connection goes on reading, so that only the stream's window stops the server.
    """
    channel = await endpoint.open()
    try:
        with endpoint.ctx.watch.phase("grpc.paused"):
            call = await channel.call(
                method.path, requests[0], end=len(requests) == 1, timeout=endpoint.patience
            )
            for message in requests[1:]:
                await call.send(message)
            if len(requests) > 1:
                await call.finish()
            await call.stream.head(endpoint.ctx.budget.within(endpoint.patience))
            begun = now_ns()
            channel.http.stream.expect_silence()
            await channel.http.idle(endpoint.ctx.budget.within(PAUSE_SECONDS))
            exchange = call.stream.exchange
            received = exchange.received_bytes
            failed = exchange.failed or channel.http.failure
            outcome, detail = "waited", ""
            if failed is not None:
                overran = failed.reason is Reason.PROTOCOL_VIOLATION
                outcome, detail = "overran" if overran else "reset", failed.detail
            elif exchange.ended or received < H2_STREAM_WINDOW:
                outcome = "ended"
            call.cancel()
    finally:
        channel.close()
    endpoint.notes.learn(
        paused=Paused(
            outcome=outcome,  # type: ignore[arg-type]
            received_bytes=received, window_bytes=H2_STREAM_WINDOW,
            seconds=(now_ns() - begun) / 1e9, detail=detail,
        )
    )  # fmt: skip


async def _big(endpoint: Endpoint, method: Method, requests: list[bytes]) -> None:
    """Send a request above the usual limit on a connection of its own. Raises Failed."""
    message = requests[0] + pb.bytes_field(_PADDING_FIELD, bytes(MAX_MESSAGE))
    channel = await endpoint.open()
    code = detail = ""
    outcome = "cut"
    try:
        with endpoint.ctx.watch.phase("grpc.big"):
            result = await run_call(
                channel, method.path, [message], lambda _: None, timeout=endpoint.patience, most=1
            )
        code, detail = result.status.name, result.status.message
        if result.status.origin == "client" and not result.received:
            endpoint.notes.unknown("large requests", f"the call ends with {result.status}")
            return
        if result.received or result.status.ok:
            outcome = "accepted"
        elif code == "RESOURCE_EXHAUSTED" and result.status.origin != "reset":
            outcome = "refused"
    except Failed as failed:
        if failed.reason not in {Reason.PEER_CLOSED, Reason.PEER_RESET}:
            raise
        detail = failed.detail
    finally:
        channel.close()
    endpoint.notes.learn(
        big=Big(outcome=outcome, bytes=len(message), code=code, detail=detail)  # type: ignore[arg-type]
    )


async def _spread(
    endpoint: Endpoint, method: Method, requests: list[bytes], own: GrpcOptions
) -> None:
    """Make the calls of --calls on one connection, and count the backends. Raises Failed."""
    assert own.backend_header is not None  # noqa: S101 - the caller's condition
    name = own.backend_header.lower()
    backends: Counter[str] = Counter()
    unnamed = 0
    channel = await endpoint.open()
    try:
        with endpoint.ctx.watch.phase("grpc.spread"):
            for _ in range(own.calls):
                result = await run_call(
                    channel, method.path, requests, lambda _: None, timeout=endpoint.patience,
                    most=1,
                )  # fmt: skip
                value = first((*result.headers, *result.trailers), name)
                if value is None:
                    unnamed += 1
                else:
                    backends[printable(value, _MAX_BACKEND)] += 1
    finally:
        channel.close()
    endpoint.notes.learn(
        spread=Spread(
            calls=own.calls, backends=dict(backends), unnamed=unnamed,
            addresses=len(await endpoint.ctx.addresses()),
        )
    )  # fmt: skip


async def _hold(endpoint: Endpoint) -> None:
    """Hold a Watch open for --hold, and learn whether it is cut. Raises Failed."""
    ctx = endpoint.ctx
    ctx.extend()
    seconds = ctx.options.hold_seconds
    channel = await endpoint.open()
    try:
        with ctx.watch.phase("grpc.hold"):
            call = await channel.call(
                services.WATCH, services.health_request(endpoint.service), end=True
            )
            message = await call.receive(ctx.budget.within(endpoint.patience))
            if message is None:
                endpoint.notes.unknown("hold", f"Watch ends with {call.status}")
                return
            begun = now_ns()
            channel.http.stream.expect_silence()
            code = detail = ""
            cut = False
            try:
                while await call.receive(ctx.budget.within(seconds)) is not None:
                    pass
                cut, status = True, call.status
                assert status is not None  # noqa: S101 - receive() returned None
                code, detail = status.name, status.message
            except Failed as failed:
                cut = failed.reason is not Reason.PEER_SILENT
                detail = failed.detail if cut else ""
            held = (now_ns() - begun) / 1e9
    finally:
        channel.close()
    endpoint.notes.learn(held=Held(seconds=held, cut=cut, code=code, detail=detail))
