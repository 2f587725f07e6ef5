"""The check of a gRPC server: its health, or everything that it shows without a method's name."""

from __future__ import annotations

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.endpoint import Endpoint
from seventh.protocols.grpc.probe import health, permitted, standard
from seventh.wire.address import is_literal

RESERVED = 6
"""The connections that the TLS inspection leaves to the rest."""
_NO_INSPECTION = NO_TLS_AT_ALL - {Reason.PROTOCOL_MISMATCH} | {Reason.PEER_RESET}
_MAX_CONFIGS = 8


async def pulse(ctx: ProbeContext) -> None:
    """Check the health once. Raises Failed unless it is SERVING, or there is no health service."""
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.use(below.address)
    channel = await endpoint.open_verified(below)
    failed = await health.check(endpoint, channel)
    endpoint.learn_settings(channel)
    await channel.aclose()
    if failed is not None:
        raise failed


async def check(ctx: ProbeContext) -> None:
    """Learn all facts from the first address, and compare the other addresses with it."""
    endpoint = Endpoint(ctx)
    first, *others = await ctx.connect_all()
    for other in others:
        other.close()
    endpoint.use(first.address)
    failed: Failed | None = None
    try:
        await _first_channel(endpoint, first)
    except Failed as error:
        failed = error
    if endpoint.secure and (failed is None or failed.reason not in _NO_INSPECTION):
        await _inspect(endpoint)
    await _service_config(endpoint)
    if others and failed is None:
        await _compare(endpoint, first, others)
    if failed is None:
        await permitted.run(endpoint)
    if failed is not None:
        raise failed
    refused = certificate_failure(ctx.notes(TlsFacts).facts) if endpoint.secure else None
    if refused is not None:
        ctx.fail(refused)


async def _first_channel(endpoint: Endpoint, below: Stream) -> None:
    """Learn everything that one connection shows. Raises Failed if it is not gRPC."""
    channel = await endpoint.open(below)
    try:
        await endpoint.settle(channel)
        if endpoint.ctx.denied(1) is not None:
            return
        failed = await health.check(endpoint, channel)
        if endpoint.notes.facts.foreign is not None:
            assert failed is not None  # noqa: S101 - what is not gRPC is a failure
            raise failed
        if failed is not None:
            endpoint.ctx.fail(failed)
        await standard.run(endpoint, channel)
    finally:
        _learn_end(endpoint, channel)
        await channel.aclose()


def _learn_end(endpoint: Endpoint, channel: Channel) -> None:
    goaway = channel.http.stats.goaway
    if goaway is not None:
        endpoint.notes.learn(goaway=str(goaway))


async def _inspect(endpoint: Endpoint) -> None:
    """Learn the TLS facts, and leave enough connections to the rest of the check."""
    ctx = endpoint.ctx

    async def connect() -> Stream:
        if ctx.connections_left(endpoint.address) <= RESERVED:
            raise Failed(Reason.BUDGET_EXCEEDED, "the remaining connections are reserved for gRPC")
        return await endpoint.connect()

    try:
        await inspect_tls(ctx, connect, endpoint.name, ("h2",))
    except Failed as failed:
        endpoint.notes.unknown("TLS", failed.detail)


async def _service_config(endpoint: Endpoint) -> None:
    """Look up the service config of the name (gRFC A2)."""
    ctx = endpoint.ctx
    if ctx.carried or is_literal(endpoint.target.host) or endpoint.target.host == "localhost":
        return
    found = await ctx.records(f"_grpc_config.{endpoint.target.host}", "TXT")
    if found.outcome in {"ok", "no-data", "nxdomain"}:
        endpoint.notes.learn(service_config=found.answers[:_MAX_CONFIGS])
    else:
        endpoint.notes.unknown("service config", f"DNS: {found.outcome}")


async def _compare(endpoint: Endpoint, first: Stream, others: list[Stream]) -> None:
    """Compare health, settings and certificates of the name's addresses."""
    facts = endpoint.notes.facts
    ctx = endpoint.ctx

    async def traits(stream: Stream) -> dict[str, str]:
        certificate = {}
        if endpoint.secure:
            fresh = await ctx.connect_again(stream.address)
            certificate = await identity(ctx, fresh, endpoint.name)
        if stream is first:
            code = facts.health.code if facts.health is not None else "none"
            return {**certificate, "health": facts.serving or code}
        with ctx.watch.phase("grpc.elsewhere", stream.address.ip):
            channel = await endpoint.open(await ctx.connect_again(stream.address))
            try:
                answer, serving = await health.ask(endpoint, channel)
            finally:
                channel.close()
        return {**certificate, "health": serving or answer.code}

    await ctx.compare([first, *others], traits)
