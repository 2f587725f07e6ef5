"""Messages on our own topic: each QoS, order, retained and shared ones, topic aliases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from seventh.model.failure import Failed
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mqtt.client.session import ENDS, Client, Published
from seventh.protocols.mqtt.facts.live import Exchange, Ordered, Retained
from seventh.protocols.mqtt.probe.workspace import Workspace
from seventh.protocols.mqtt.wire.packets import Puback, Publish, Pubrec
from seventh.protocols.mqtt.wire.properties import Properties

ORDERED = 20
"""How many messages are sent at once."""
SHARED = 6
_RETURN_SECONDS = 1.2
FAILED = 0x80
"""From here on, a reason code is a failure."""
_STEPS = {0: (), 1: ("puback",), 2: ("pubrec", "pubcomp")}


def same(message: Publish) -> Callable[[Publish], bool]:
    """Return what recognises a message by its topic and its random payload."""
    return lambda one: (one.topic, one.payload) == (message.topic, message.payload)


# -- one message of each QoS -----------------------------------------------------------------------


async def exchange_all(work: Workspace, publisher: Client, subscriber: Client) -> None:
    """Send a message with each QoS that the broker permits, and learn how far it comes."""
    # QoS 1 first: its code shows what is refused, where QoS 0 is only lost.
    for qos in (1, 0, 2):
        if qos > work.maximum_qos:
            continue
        found = await _exchange(work, publisher, subscriber, qos)
        known = (*work.facts.facts.exchanges, found)
        work.facts.learn(exchanges=tuple(sorted(known, key=lambda each: each.qos)))
        if found.missing is not None or (found.code or 0) >= FAILED:
            break


async def _exchange(work: Workspace, publisher: Client, subscriber: Client, qos: int) -> Exchange:
    message = work.message(f"qos{qos}", qos=qos)
    published = await publisher.publish(message, work.until)
    found = _acknowledged(work.endpoint.ctx, published, qos)
    if (found.code or 0) >= FAILED or found.missing == "connection":
        return found
    arrival = await subscriber.await_message(same(message), work.until)
    if arrival is None:
        return msgspec.structs.replace(found, missing=found.missing or "message")
    if qos == 1:
        work.endpoint.ctx.watch.record("mqtt.deliver", published.sent.ns, arrival.at)
    return msgspec.structs.replace(
        found, deliver_seconds=arrival.at.since(published.sent), delivered_qos=arrival.message.qos
    )


def _acknowledged(ctx: ProbeContext, published: Published, qos: int) -> Exchange:
    """Return how far a message came, and record the phases of its acknowledgements."""
    seconds: dict[str, float] = {}
    code: int | None = None
    for packet, mark in published.acknowledged:
        name = type(packet).__name__.lower()
        begin = published.released if name == "pubcomp" else None
        begin = begin or published.sent
        ctx.watch.record(f"mqtt.{name}", begin.ns, mark)
        seconds[f"{name}_seconds"] = mark.since(begin)
        if isinstance(packet, Puback | Pubrec):
            code = int(packet.code)
    missing = None
    if published.failed is not None:
        ended = published.failed.reason in ENDS
        missing = "connection" if ended else _STEPS[qos][len(seconds)]
    return Exchange(qos=qos, missing=missing, code=code, **seconds)  # type: ignore[arg-type]


# -- order -----------------------------------------------------------------------------------------


async def order(work: Workspace, publisher: Client, subscriber: Client) -> None:
    """Send messages at once on one topic, and learn in which order they arrive."""
    messages = [work.message("order", b"%d" % number) for number in range(ORDERED)]
    until, found = work.until, list[int]()

    async def collect() -> bool:
        while len(set(found)) < ORDERED:
            arrival = await subscriber.await_message(
                lambda one: one.topic == messages[0].topic and one.payload.isdigit(), until
            )
            if arrival is None:
                return False
            found.append(int(arrival.message.payload))
        return True

    acknowledged, _ = await all_of((publisher.publish_ahead(messages, until), collect()))
    if not acknowledged:
        work.endpoint.notes.unknown("order", "not all messages were acknowledged")
        return
    first = list(dict.fromkeys(found))  # QoS 1 may repeat a message
    misplaced = sum(1 for index, number in enumerate(first) if number < max(first[: index + 1]))
    work.facts.learn(order=Ordered(sent=ORDERED, received=len(first), misplaced=misplaced))


async def repeat(work: Workspace, subscriber: Client) -> None:
    """Lose the connection before PUBREC is read, send the message again, and count deliveries."""
    if work.maximum_qos < 2:
        return
    first = await work.connect(kept=True)
    # Some brokers keep no session that has no subscription.
    await first.subscribe(work.named("repeat-kept"), 1, work.until)
    message = work.message("repeat", qos=2)
    for packet in first.session.publish(message):
        await first.connection.send(packet)
    while not isinstance((await first.connection.receive(work.until))[0], Pubrec):
        pass
    first.abort()
    again = await _return(work, first)
    if not again.connack.session_present:
        again.abort()
        work.endpoint.notes.unknown("repeated messages", "the session was not kept")
        return
    if await again.send_again(work.until):
        last = work.message("repeat", qos=2)
        await again.publish(last, work.until)
        before, came = await subscriber.messages_until(same(last), work.until)
        if came:
            copies = sum(1 for arrival in before if same(message)(arrival.message))
            work.facts.learn(repeated_copies=copies)
    await work.end_session(again)


async def _return(work: Workspace, first: Client) -> Client:
    """Connect as ``first`` again; once more for a broker that has not let go of it (NATS: 1 s)."""
    try:
        return await work.connect(first.client_id, resumed=first.session)
    except Failed as failed:
        if failed.reason not in ENDS or not work.has(_RETURN_SECONDS):
            raise
    await asyncio.sleep(_RETURN_SECONDS)
    return await work.connect(first.client_id, resumed=first.session)


# -- retained messages -----------------------------------------------------------------------------


async def retain(work: Workspace, publisher: Client) -> None:
    """Retain a message, have new subscribers get it, and remove it."""
    if publisher.connack.properties.retain_available == 0:
        return
    name, message = "retained", work.message("retained", retain=True)
    work.retains(name)
    if (await publisher.publish(message, work.until)).failed is not None:
        work.endpoint.notes.unknown("retained messages", "the message was not acknowledged")
        return
    subscriber = await work.subscriber(name)
    copies = int(await subscriber.await_message(same(message), work.until) is not None)
    copies += await _count(work, publisher, subscriber, message)
    subscriber.abort()
    work.facts.learn(retained=Retained(copies=copies))
    empty = msgspec.structs.replace(message, payload=b"")
    if (await publisher.publish(empty, work.until)).failed is not None or not copies:
        return
    work.removed(name)
    late = await work.subscriber(name)
    cleared = not await _count(work, publisher, late, message)
    late.abort()
    if not cleared:
        work.retains(name)
    work.facts.learn(retained=Retained(copies=copies, cleared=cleared))


async def _count(work: Workspace, publisher: Client, subscriber: Client, message: Publish) -> int:
    """Return how often a message comes before another one that is published now."""
    last = msgspec.structs.replace(work.message("x"), topic=message.topic)
    await publisher.publish(last, work.until)
    before, _ = await subscriber.messages_until(same(last), work.until)
    return sum(1 for arrival in before if same(message)(arrival.message))


# -- what MQTT 5 adds ------------------------------------------------------------------------------


async def share(work: Workspace, publisher: Client) -> None:
    """Publish to a shared subscription of two clients, and count what each of them gets."""
    stated = publisher.connack.properties.shared_available
    if work.who.version != 5 or stated == 0 or not work.maximum_qos:
        return
    pattern = f"$share/{work.topic.rpartition('/')[2]}/{work.named('shared')}"
    last = work.message("shared-end")
    members: list[Client] = []
    for _ in range(2):
        member = await work.subscriber("shared-end")
        members.append(member)
        code, _, _ = await member.subscribe(pattern, 1, work.until)
        if code.failed:
            work.endpoint.notes.unknown("shared subscriptions", f"refused with 0x{code:02x}")
            return
    sent = [work.message("shared") for _ in range(SHARED)]
    if not await publisher.publish_ahead([*sent, last], work.until):
        return
    counts = []
    for member in members:
        got, _ = await member.messages_until(same(last), work.until)
        counts.append(len(got))
        member.abort()
    work.facts.learn(shared=tuple(counts), shared_sent=SHARED)


async def alias(work: Workspace, subscriber: Client) -> None:
    """Send a message with a topic alias alone, after one that sets it."""
    publisher = await work.connect()
    if not publisher.connack.properties.topic_alias_maximum:
        publisher.abort()
        return
    properties = Properties(topic_alias=1)
    first = work.message("alias", properties=properties)
    short = msgspec.structs.replace(work.message("alias"), topic="", properties=properties)
    published = [await publisher.publish(each, work.until) for each in (first, short)]
    named = msgspec.structs.replace(short, topic=first.topic)
    arrival = None
    if published[1].failed is None or published[1].failed.reason not in ENDS:
        arrival = await subscriber.await_message(same(named), work.until)
    publisher.abort()
    work.facts.learn(alias="lost" if arrival is None else "delivered")
