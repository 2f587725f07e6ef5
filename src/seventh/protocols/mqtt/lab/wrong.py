"""Brokers that break the protocol, or are none."""

from __future__ import annotations

from seventh.labkit.web.peer import Peer, linger
from seventh.protocols.mqtt.lab.setup import Hostile
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import Auth, Connack, Publish
from seventh.protocols.mqtt.wire.properties import Properties

_ACCEPTED = encode(Connack(), 5)


def saying(data: bytes) -> Hostile:
    """Return a broker that answers the first bytes with ``data``."""

    async def hostile(peer: Peer) -> None:
        await peer.receive()
        await peer.send(data)
        await linger(peer)

    return hostile


async def close(peer: Peer) -> None:
    """End the connection at the first bytes."""
    await peer.receive()


async def flood(peer: Peer) -> None:
    """Accept the client, and send it messages without end."""
    await peer.receive()
    message = encode(Publish(topic="flood", payload=b"x" * 1000, retain=True), 5)
    await peer.send(_ACCEPTED)
    while True:
        await peer.send(message * 50)


async def silent_ping(peer: Peer) -> None:
    """Accept the client, and answer nothing more."""
    await peer.receive()
    await peer.send(_ACCEPTED)
    await linger(peer)


HUGE = saying(b"\x20\xff\xff\xff\x7f")
FIVE_BYTES = saying(b"\x20\xff\xff\xff\xff\x7f")
TWICE = saying(b"\x20\x09\x00\x00\x06\x21\x00\x05\x21\x00\x05")
UNDEFINED = saying(b"\x20\x05\x00\x00\x02\x7e\x01")
EARLY = saying(encode(Publish(topic="early"), 5))
AUTH = saying(encode(Auth(properties=Properties(authentication_method="x")), 5))
ENDLESS_AUTH = saying(b"\xf0\x07\x18\x05\x15\x00\x02xy" * 100)
WEB = saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
CONTROLS = saying(
    encode(Connack(properties=Properties(reason_string="\x1b]0;owned\x07", receive_maximum=20)), 5)
)
