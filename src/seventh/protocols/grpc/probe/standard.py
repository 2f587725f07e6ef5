"""What a server shows besides its health: reflection, admin services, limits, deadlines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, Reason
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.endpoint import Endpoint
from seventh.protocols.grpc.facts import SENT_METADATA_BYTES
from seventh.protocols.grpc.probe import health
from seventh.protocols.grpc.wire import services
from seventh.wire.text import printable

UNKNOWN_METHOD = "/seventh.Absent/Method"
_MAX_NAME = 200
_FIELD_OVERHEAD = 32
"""What each field counts besides its name and value (RFC 9113 §6.5.2)."""
Step = Callable[[Endpoint, Channel], Awaitable[None]]


async def run(endpoint: Endpoint, channel: Channel) -> None:
    """Ask everything on one connection, while a Watch waits for its deadline. Raises Failed."""
    try:
        call = await health.begin_watch(endpoint, channel)
        endpoint.notes.learn(streams=2)
        await health.watch_first(endpoint, call)
    except Failed as failed:
        _no_answer(endpoint, "Watch", failed)
        if channel.spent:
            raise
        call = None
    for topic, step in (("PING", _ping), ("List", health.list_all), ("reflection", _reflect)):
        await _try(endpoint, channel, topic, step)
    if call is not None:
        try:
            await health.watch_end(endpoint, call)
        except Failed as failed:
            _no_answer(endpoint, "the deadline", failed)
            call.cancel()
            if channel.spent:
                raise
    with endpoint.ctx.watch.phase("grpc.variants"):
        for topic, step in (
            ("unknown methods", _unknown_method), ("channelz", _channelz), ("CSDS", _csds),
            ("compression", _compressed), ("metadata", _metadata),
        ):  # fmt: skip
            await _try(endpoint, channel, topic, step)


async def _try(endpoint: Endpoint, channel: Channel, topic: str, step: Step) -> None:
    """Take a step; a failure leaves its facts unknown. Raises Failed once time is up."""
    if channel.spent:
        endpoint.notes.unknown(topic, f"the connection ended: {channel.http.stats.spent}")
        return
    try:
        await step(endpoint, channel)
    except Failed as failed:
        _no_answer(endpoint, topic, failed)


def _no_answer(endpoint: Endpoint, topic: str, failed: Failed) -> None:
    endpoint.notes.unknown(topic, failed.detail)
    if failed.reason in {Reason.PROTOCOL_VIOLATION, Reason.BUDGET_EXCEEDED}:
        endpoint.ctx.fail(failed)


async def _ping(endpoint: Endpoint, channel: Channel) -> None:
    with endpoint.ctx.watch.phase("grpc.ping") as timer:
        ping = await channel.http.ping(endpoint.ctx.budget.within(endpoint.patience))
        timer.begin(ping.sent)
        timer.stop(ping.back)
    endpoint.notes.learn(ping_seconds=ping.seconds)


async def _reflect(endpoint: Endpoint, channel: Channel) -> None:
    """List the services by reflection v1, and by v1alpha if v1 is absent."""
    with endpoint.ctx.watch.phase("grpc.reflection"):
        for version, path in services.REFLECTION.items():
            call = await channel.call(
                path, services.list_services(), end=True, timeout=endpoint.patience
            )
            try:
                message = await call.receive()
                if message is not None:
                    listed = services.reflected(message).services or ()
                    names = tuple(printable(name, _MAX_NAME) for name in listed)
                    endpoint.notes.learn(services=names)
                    await call.receive()
                status = call.status
            finally:
                call.cancel()
            if status is None:  # more responses than requests
                endpoint.notes.unknown("reflection", "more than one response to one request")
                return
            answer = health.answer(status, call.stream.status)
            endpoint.notes.learn(**{f"reflection_{version}": answer})
            if not answer.absent:
                return


async def _variant(
    endpoint: Endpoint, channel: Channel, fact: str, path: str, message: bytes = b"", **how: object
) -> None:
    reply = await channel.unary(path, message, timeout=endpoint.patience, **how)  # type: ignore[arg-type]
    health.learn_reply(endpoint, reply)
    endpoint.notes.learn(**{fact: health.answer_of(reply)})


async def _unknown_method(endpoint: Endpoint, channel: Channel) -> None:
    await _variant(endpoint, channel, "unknown_method", UNKNOWN_METHOD)


async def _channelz(endpoint: Endpoint, channel: Channel) -> None:
    await _variant(endpoint, channel, "channelz", services.CHANNELZ)


async def _csds(endpoint: Endpoint, channel: Channel) -> None:
    await _variant(endpoint, channel, "csds", services.CSDS)


async def _compressed(endpoint: Endpoint, channel: Channel) -> None:
    message = services.health_request(endpoint.service)
    await _variant(endpoint, channel, "compressed", services.CHECK, message, encoding="gzip")


async def _metadata(endpoint: Endpoint, channel: Channel) -> None:
    """Check health with SENT_METADATA_BYTES of metadata."""
    name = "x-seventh-padding"
    own = sum(
        len(key) + len(value) + _FIELD_OVERHEAD
        for key, value in channel.request(services.CHECK, timeout=1.0).headers
    )
    room = SENT_METADATA_BYTES - own - 4 * (_FIELD_OVERHEAD + 16) - len(services.CHECK)
    padding = max(0, room - len(name) - _FIELD_OVERHEAD - len(channel.authority))
    message = services.health_request(endpoint.service)
    await _variant(
        endpoint, channel, "metadata", services.CHECK, message, metadata=((name, "x" * padding),)
    )
