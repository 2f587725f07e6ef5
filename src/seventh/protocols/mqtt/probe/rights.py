"""What the client may read and write outside of its own topic."""

from __future__ import annotations

import re
import secrets

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt.client.session import ENDS
from seventh.protocols.mqtt.facts.live import Foreign, Wildcard
from seventh.protocols.mqtt.probe.messages import same
from seventh.protocols.mqtt.probe.workspace import Workspace
from seventh.protocols.mqtt.wire.packets import Publish

LISTEN_SECONDS = 1.0
"""How long messages to a wildcard are counted …"""
MAX_MESSAGES = 1000
"""… and how many at most."""
_COUNTS = {
    "$SYS/broker/messages/stored": "stored",
    "$SYS/broker/store/messages/count": "stored",
    "$SYS/broker/retained messages/count": "retained",
    "$SYS/broker/clients/connected": "connected",
    "$SYS/broker/clients/disconnected": "disconnected",
    "$SYS/broker/publish/messages/dropped": "dropped",
}
"""What of a broker's own counts is kept."""
_NUMBER = re.compile(rb"\d{1,15}(\.\d{1,6})?")


async def foreign(work: Workspace) -> None:
    """Subscribe and publish to a random topic outside of ours, and learn what is permitted."""
    client = await work.connect()
    qos = min(1, work.maximum_qos)
    message = Publish(
        topic=f"{secrets.token_hex(8)}/seventh", payload=secrets.token_hex(8).encode(), qos=qos
    )
    found = Foreign()
    try:
        code, _, _ = await client.subscribe(message.topic, qos, work.until)
        found = Foreign(read_code=int(code))
        published = await client.publish(message, work.until)
        acknowledged = published.failed is None
        code_5 = published.code if work.who.version == 5 else None
        found = msgspec.structs.replace(
            found, write_code=None if code_5 is None else int(code_5), acknowledged=acknowledged
        )
        if acknowledged and not (code.failed or (code_5 is not None and code_5.failed)):
            arrival = await client.await_message(same(message), work.within(LISTEN_SECONDS))
            found = msgspec.structs.replace(found, delivered=arrival is not None)
    except Failed as failed:
        if failed.reason not in ENDS:  # that is how some brokers deny
            raise
    finally:
        client.abort()
    work.facts.learn(foreign=found)


async def listen(work: Workspace, pattern: str) -> Wildcard:
    """Subscribe to topics of others, and count the messages that come. Raises Failed."""
    client = await work.connect()
    connection = client.connection
    code, _, _ = await client.subscribe(pattern, 0, work.until)
    until, count, numbers = work.within(LISTEN_SECONDS), 0, dict[str, float]()
    if not code.failed and pattern == "#":
        # One that is certainly there, so that silence means something.
        publisher = await work.connect()
        await publisher.publish(
            Publish(topic=f"{secrets.token_hex(8)}/seventh", payload=b"x"), work.until
        )
        publisher.abort()
    try:
        while not code.failed and count < MAX_MESSAGES and now_ns() < until:
            packet, _ = await connection.receive(until)
            if isinstance(packet, Publish) and not packet.topic.startswith(work.topic):
                count += 1
                name = _COUNTS.get(packet.topic)
                if name is not None and _NUMBER.fullmatch(packet.payload):
                    numbers[name] = float(packet.payload)
    except Failed as failed:
        if failed.reason not in {Reason.PEER_SILENT, *ENDS}:
            raise
    client.abort()
    return Wildcard(code=int(code), messages=count, numbers=numbers)
