"""The steps that subscribe and publish, each by itself: one that fails does not end the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from seventh.model.failure import Failed
from seventh.net.wait import all_of
from seventh.protocols.mqtt import MqttOptions
from seventh.protocols.mqtt.client.endpoint import Endpoint
from seventh.protocols.mqtt.client.session import Client
from seventh.protocols.mqtt.probe import messages, pair, rights, sessions
from seventh.protocols.mqtt.probe.workspace import Who, Workspace

CONNECTIONS = 40
"""What the steps need besides the check's own connections."""
_NO_TIME = "no time left: give a longer --timeout"


async def run(endpoint: Endpoint, who: Who) -> None:
    """Take the steps that are permitted, as the client ``who``."""
    ctx = endpoint.ctx
    writes = ctx.denied(3) is None
    if not writes and ctx.denied(2) is not None:
        return
    ctx.grant(CONNECTIONS)
    work = Workspace(endpoint, who, ctx.options.of(MqttOptions).topic_prefix)
    try:
        if writes:
            await _step(work, "publishing", partial(_publishing, work))
            other = ctx.options.of(MqttOptions).pair
            if other is not None and work.facts.facts.denied is None:
                await _step(work, "the pair", partial(pair.run, work, other))
        if ctx.denied(2) is None or writes:
            await _step(work, "$SYS", partial(_listen, work, "system", "$SYS/#"))
        if ctx.denied(4) is None:
            await _step(work, "all topics", partial(_listen, work, "everything", "#"))
    finally:
        await work.clean_up()


async def _step(work: Workspace, name: str, step: Callable[[], Awaitable[None]]) -> None:
    """Take one step; learn why it is unknown if it fails."""
    try:
        await step()
    except Failed as failed:
        detail = failed.detail if work.has(0.1) else _NO_TIME
        work.endpoint.notes.unknown(name, detail)


async def _listen(work: Workspace, fact: str, pattern: str) -> None:
    work.endpoint.notes.learn(**{fact: await rights.listen(work, pattern)})


async def _publishing(work: Workspace) -> None:
    """Publish and subscribe on our own topic. Raises Failed if not even that is possible."""
    facts = work.facts
    facts.learn(identity="anonymous" if work.who.login is None else "login")
    publisher = await work.connect()
    stated = publisher.connack.properties.maximum_qos
    work.maximum_qos = 2 if stated is None else stated
    subscriber = await work.connect()
    code, sent, back = await subscriber.subscribe(work.wildcard, 2, work.until)
    work.endpoint.ctx.watch.record("mqtt.subscribe", sent.ns, back)
    facts.learn(subscribe_seconds=back.since(sent))
    if code.failed:
        facts.learn(denied=int(code))
        return
    facts.learn(granted_qos=int(code))
    await messages.exchange_all(work, publisher, subscriber)
    refusals = [each.code for each in facts.facts.exchanges if (each.code or 0) >= messages.FAILED]
    if refusals:
        facts.learn(denied=refusals[0])
        return
    if any(each.missing and each.qos < 2 for each in facts.facts.exchanges):
        return
    if any(each.missing for each in facts.facts.exchanges):
        work.maximum_qos = 1
    # Each of the three waits on its own, the first for the broker and the others for a time.
    await all_of(
        (
            _in_turn(work, subscriber),
            _step(work, "sessions", partial(_resume, work)),
            _step(work, "keep alive", partial(sessions.stay_silent, work)),
        )
    )


async def _resume(work: Workspace) -> None:
    await sessions.resume(work, await work.connect())


async def _in_turn(work: Workspace, subscriber: Client) -> None:
    """Take the steps that need no waiting, with a publisher without anything in flight."""
    publisher = await work.connect()
    learnt = work.endpoint.notes.facts
    anonymous = bool(learnt.anonymous)
    for name, step in (
        ("order", partial(messages.order, work, publisher, subscriber)),
        ("retained messages", partial(messages.retain, work, publisher)),
        ("the will", partial(sessions.will, work, publisher, subscriber)),
        ("repeated messages", partial(messages.repeat, work, subscriber)),
        ("shared subscriptions", partial(messages.share, work, publisher)),
        ("topic aliases", partial(messages.alias, work, subscriber)),
        ("the client id", partial(sessions.take_over, work, anonymous=anonymous)),
        ("other topics", partial(rights.foreign, work)),
    ):
        await _step(work, name, step)
    subscriber.abort()
    publisher.abort()
