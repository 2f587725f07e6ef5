"""What a broker does around a connection: wills, sessions, keep alive, a client id's second use."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from seventh.model.failure import Failed
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt.client.connection import random_client_id
from seventh.protocols.mqtt.client.session import ENDS, Client
from seventh.protocols.mqtt.facts.live import KeptAlive, Resumed, TakenOver, Willed
from seventh.protocols.mqtt.probe.messages import same
from seventh.protocols.mqtt.probe.workspace import Workspace
from seventh.protocols.mqtt.wire.packets import Disconnect, Publish, Will
from seventh.protocols.mqtt.wire.properties import Properties

OFFLINE = 3
"""The messages that wait for the session."""
LEAVING_SECONDS = 1.0
"""How long to wait for a broker's close after DISCONNECT; what is published before may be sent to
the connection that ends, and comes again only after the broker's own time for acknowledgements."""
EXPIRY_SECONDS = 1
EXPIRED_SECONDS = 2.1
"""After so long it has expired also where brokers count whole seconds."""
KEEP_ALIVE_SECONDS = 1

# -- the will --------------------------------------------------------------------------------------


async def will(work: Workspace, publisher: Client, subscriber: Client) -> None:
    """Close one connection abruptly and one with DISCONNECT, and look for their wills."""
    message = work.message("will", b"closed abruptly")
    wanted = Will(topic=message.topic, payload=message.payload, qos=message.qos)
    closed = await work.connect(will=wanted)
    begun = now_ns()
    closed.abort()
    arrival = await subscriber.await_message(same(message), work.until)
    seconds = arrival.at.since(begun) if arrival is not None else None
    work.facts.learn(will=Willed(after_close=arrival is not None, seconds=seconds))
    unwanted = msgspec.structs.replace(wanted, payload=b"left properly")
    left = await work.connect(will=unwanted)
    await left.disconnect()
    last = work.message("will")
    await publisher.publish(last, work.until)
    before, came = await subscriber.messages_until(same(last), work.until)
    if came:
        sent = any(each.message.payload == unwanted.payload for each in before)
        known = work.facts.facts.will or Willed()
        work.facts.learn(will=msgspec.structs.replace(known, after_disconnect=sent))


# -- a session that is resumed ---------------------------------------------------------------------


async def resume(work: Workspace, publisher: Client) -> None:
    """Subscribe, leave, have messages published, and come back."""
    if not work.maximum_qos:
        work.endpoint.notes.unknown("sessions", "the broker has QoS 0 alone")
        return
    first = await work.connect(kept=True)
    await first.subscribe(work.named("offline"), 1, work.until)
    await first.leave(work.within(LEAVING_SECONDS))
    short = work.message("offline", properties=Properties(message_expiry_seconds=EXPIRY_SECONDS))
    sent = [work.message("offline") for _ in range(OFFLINE)]
    expires = work.who.version == 5 and work.has(EXPIRED_SECONDS + 1)
    begun = now_ns()
    for message in [short, *sent] if expires else sent:
        published = await publisher.publish(message, work.until)
        if published.failed is not None:
            raise published.failed
    if expires:
        await asyncio.sleep(EXPIRED_SECONDS - (now_ns() - begun) / 1e9)
    again = await work.connect(first.client_id, resumed=True)
    found = Resumed(
        present=again.connack.session_present, sent=OFFLINE, received=0,
        stated_seconds=first.connack.properties.session_expiry_seconds,
    )  # fmt: skip
    work.facts.learn(resumed=found)
    if found.present:
        work.facts.learn(resumed=await _offline(work, again, found, [short, *sent], expires))
    await work.end_session(again)


async def _offline(
    work: Workspace, client: Client, found: Resumed, messages: list[Publish], expires: bool
) -> Resumed:
    """Count the messages that were kept."""
    payloads = [message.payload for message in messages]
    left, until, came = set(payloads[1:]), work.until, False
    while left:
        arrival = await client.await_message(lambda one: one.payload in payloads, until)
        if arrival is None:
            break
        came = came or arrival.message.payload == payloads[0]
        left.discard(arrival.message.payload)
    return msgspec.structs.replace(
        found, received=OFFLINE - len(left), expired_came=came if expires else None
    )


# -- keep alive ------------------------------------------------------------------------------------


async def stay_silent(work: Workspace) -> None:
    """Send nothing after CONNECT, and learn when the broker ends the connection."""
    client = await work.connect(keep_alive_seconds=KEEP_ALIVE_SECONDS)
    begun = now_ns()
    stated = client.connack.properties.server_keep_alive_seconds
    interval = KEEP_ALIVE_SECONDS if stated is None else stated
    found = KeptAlive(keep_alive_seconds=interval, stated=stated is not None)
    work.facts.learn(kept_alive=found)
    if not interval:
        client.abort()
        return
    client.connection.stream.expect_silence()
    until, code = work.within(found.limit_seconds), None
    try:
        while True:
            packet, _ = await client.connection.receive(until)
            if isinstance(packet, Disconnect):
                code = int(packet.code)
    except Failed as failed:
        waited = (now_ns() - begun) / 1e9
        ended = waited if failed.reason in ENDS else None
        found = msgspec.structs.replace(
            found, closed_seconds=ended, waited_seconds=waited, code=code
        )
        work.facts.learn(kept_alive=found)
    client.abort()


# -- a client id that is used twice ----------------------------------------------------------------


async def take_over(work: Workspace, *, anonymous: bool) -> None:
    """Connect twice with one client id, then again without the credential."""
    found = TakenOver(same=await _second(work, anonymous=False))
    work.facts.learn(taken_over=found)
    if work.who.login is not None and anonymous:
        other = await _second(work, anonymous=True)
        work.facts.learn(taken_over=msgspec.structs.replace(found, other=other))


async def _second(work: Workspace, *, anonymous: bool) -> Literal["ended", "kept", "refused"]:
    """Return what becomes of the first connection."""
    client_id = random_client_id()
    first = await work.connect(client_id)
    try:
        second = await work.connect(client_id, anonymous=anonymous)
    except Failed as failed:
        if failed.reason in ENDS or failed.reason.value.startswith(("auth-", "unexpected-")):
            return "refused"
        raise
    try:
        await first.connection.ping(work.until)
    except Failed as failed:
        if failed.reason not in ENDS:
            raise
        return "ended"
    finally:
        first.abort()
        second.abort()
    return "kept"
