"""Hostile brokers, over TCP and inside WebSocket: typed, bounded, within the deadline."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web.peer import Peer
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.mqtt.lab import serve_setup, wrong
from seventh.protocols.mqtt.lab.setup import Hostile, Setup
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import Connack, Pingresp
from seventh.protocols.mqtt.wire.properties import Properties
from tests.hostile.bounds import bounded
from tests.hostile.servers import dripping, flooding

SECONDS = 1.0
MEBIBYTES = 24


async def pings(peer: Peer) -> None:
    """Send replies that answer nothing, without end."""
    await peer.receive()
    while True:
        await peer.send(encode(Pingresp(), 5) * 10_000)


async def properties(peer: Peer) -> None:
    """Accept the client with as many properties as fit, of which some are control characters."""
    await peer.receive()
    pairs = (("\x1b[2J\u202e", "x" * 60_000),) * 4
    await peer.send(
        encode(Connack(properties=Properties(user_properties=pairs, reason_string="\x1b[2J")), 5)
    )
    await peer.receive()


WRONG: dict[str, tuple[Hostile, Reason]] = {
    "huge": (wrong.HUGE, Reason.PROTOCOL_VIOLATION),
    "five bytes of length": (wrong.FIVE_BYTES, Reason.PROTOCOL_VIOLATION),
    "a property twice": (wrong.TWICE, Reason.PROTOCOL_VIOLATION),
    "an undefined property": (wrong.UNDEFINED, Reason.PROTOCOL_VIOLATION),
    "a message first": (wrong.EARLY, Reason.PROTOCOL_VIOLATION),
    "endless AUTH": (wrong.ENDLESS_AUTH, Reason.PROTOCOL_VIOLATION),
    "AUTH that succeeds": (wrong.AUTH, Reason.PROTOCOL_VIOLATION),
    "replies to nothing": (pings, Reason.PROTOCOL_VIOLATION),
    "retained messages without end": (wrong.flood, Reason.PROTOCOL_VIOLATION),
    "silence after CONNACK": (wrong.silent_ping, Reason.PEER_SILENT),
    "properties and then the end": (properties, Reason.PEER_CLOSED),
    "the end": (wrong.close, Reason.PEER_CLOSED),
}


WAITS = "silence after CONNACK"
CASES = [(name, websocket) for name in WRONG for websocket in (False, True) if name != WAITS]


@pytest.mark.parametrize(("name", "websocket"), [*CASES, (WAITS, True)])
@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_brokers(kit: Kit, name: str, verb: str, websocket: bool) -> None:
    hostile, reason = WRONG[name]
    setup = Setup(secure=False, websocket=websocket, logs_in=False, hostile=hostile)
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=SECONDS))
        with bounded(SECONDS, MEBIBYTES):
            report = await (check_one if verb == "check" else pulse_one)(target, options)
    assert report.failure is not None
    assert report.failure.reason is reason, report.failure
    assert report.failure.phase.startswith("mqtt."), report.failure
    assert "\x1b" not in str(report)


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize(
    ("server", "reasons"),
    [
        (flooding(b"\x20\x03\x00\x00\x00" * 1000), {Reason.PROTOCOL_VIOLATION}),
        (flooding(b"\x00" * 1000), {Reason.PROTOCOL_VIOLATION}),
        (dripping(encode(Connack(properties=Properties(reason_string="x" * 90)), 5)),
         {Reason.BUDGET_EXCEEDED, Reason.PEER_SILENT}),
    ],
    ids=["connacks", "zeros", "drips"],
)  # fmt: skip
async def test_bytes(server: object, reasons: set[Reason], verb: str) -> None:
    async with tcp_server(server) as port:  # type: ignore[arg-type]
        target = Target(scheme="mqtt", host="127.0.0.1", port=port)
        with bounded(SECONDS, MEBIBYTES):
            report = await (check_one if verb == "check" else pulse_one)(
                target, Options(timeout_seconds=0.8)
            )
    assert report.failure is not None
    assert report.failure.reason in reasons, report.failure
