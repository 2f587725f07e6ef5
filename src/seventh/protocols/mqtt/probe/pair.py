"""--pair: a message to the target that another broker is to deliver."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.target import Target
from seventh.net.on_failure import on_failure
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt import MqttOptions
from seventh.protocols.mqtt.client.endpoint import Endpoint
from seventh.protocols.mqtt.facts.live import Paired
from seventh.protocols.mqtt.probe.messages import FAILED, same
from seventh.protocols.mqtt.probe.workspace import Workspace

WAIT_SECONDS = 5.0
"""How long a bridge or a cluster may take."""


async def run(work: Workspace, other: Target) -> None:
    """Subscribe there, publish here. Raises Failed."""
    there = await _workspace(work, other)
    subscriber = await there.connect()
    with on_failure(subscriber.abort):
        code, _, _ = await subscriber.subscribe(work.named("pair"), 1, work.until)
        own, message = work.message("pair"), work.message("pair")
        works = not code.failed and (await subscriber.publish(own, work.until)).failed is None
        works = works and await subscriber.await_message(same(own), work.until) is not None
        publisher = await work.connect()
        published = await publisher.publish(message, work.until)
        publisher.abort()
        arrival = None
        if works:
            arrival = await subscriber.await_message(same(message), work.within(WAIT_SECONDS))
    subscriber.abort()
    end = arrival.at.ns if arrival is not None else now_ns()
    if arrival is not None:
        work.endpoint.ctx.watch.record("mqtt.pair", published.sent.ns, arrival.at)
    accepted = published.failed is None and (published.code or 0) < FAILED
    work.endpoint.notes.learn(
        pair=Paired(
            target=str(other), acknowledged=accepted, works=works, delivered=arrival is not None,
            waited_seconds=(end - published.sent.ns) / 1e9,
        )
    )  # fmt: skip


async def _workspace(work: Workspace, other: Target) -> Workspace:
    """Return a topic on the other broker. Raises Failed."""
    ctx = work.endpoint.ctx
    endpoint = Endpoint(ctx, other)
    if work.who.login is not None and not (endpoint.secure or ctx.options.allow_plaintext):
        raise Failed(
            Reason.OPTIONS_UNUSABLE, f"the credential is not sent to {other} without TLS: give "
            "--allow-plaintext"
        )  # fmt: skip
    first, *_ = await ctx.addresses_of(other.host, other.port)
    endpoint.use(first)
    return Workspace(endpoint, work.who, ctx.options.of(MqttOptions).topic_prefix)
