"""Hostile brokers, over TCP and inside WebSocket: typed, bounded, within the deadline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web.peer import Peer
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mqtt import MqttOptions
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.lab import serve_setup, wrong
from seventh.protocols.mqtt.lab.setup import Hostile, Setup
from seventh.protocols.mqtt.wire.codec import Decoder
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Auth,
    Connack,
    Connect,
    Pingreq,
    Pingresp,
    Publish,
    Pubrel,
    Suback,
    Subscribe,
)
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.protocols.mqtt.wire.session import Session
from tests.hostile.bounds import bounded
from tests.hostile.servers import dripping, flooding
from tests.options import changed
from tests.reports import facts, found

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


# -- after the connection, in the steps that publish -----------------------------------------------


async def never_delivers(peer: Peer) -> None:
    """Acknowledge everything, and deliver nothing."""
    await _answer(peer, b"")


async def floods_subscribers(peer: Peer) -> None:
    """Answer a subscription with messages without end."""
    await _answer(peer, encode(Publish(topic="x", payload=b"\0\x1b" * 50), 5) * 2000)


async def asks_for_ever(peer: Peer) -> None:
    """Answer CONNECT and each AUTH with one AUTH more."""
    again = Properties(authentication_method="JWT", authentication_data=b"\0" * 1000)
    while await peer.receive():
        await peer.send(encode(Auth(code=Code.CONTINUE_AUTHENTICATION, properties=again), 5))


async def _answer(peer: Peer, after_suback: bytes) -> None:
    decoder, replies = Decoder("broker"), Session()
    while data := await peer.receive():
        for packet in decoder.receive(data):
            version = decoder.version or 4
            match packet:
                case Connect():
                    await peer.send(encode(Connack(), version))
                case Pingreq():
                    await peer.send(encode(Pingresp(), version))
                case Subscribe(packet_id=number):
                    await peer.send(encode(Suback(packet_id=number, codes=(Code(0),)), version))
                    while after_suback:
                        await peer.send(after_suback)
                case Publish() | Pubrel():
                    for reply in replies.receive(packet).replies:
                        await peer.send(encode(reply, version))


@pytest.mark.parametrize("seconds", [1.0, 3.0])
async def test_a_broker_that_acknowledges_and_never_delivers(kit: Kit, seconds: float) -> None:
    report = await published(kit, never_delivers, seconds)
    learnt = facts(report, MqttFacts)
    assert (report.failure, learnt.live is not None) == (None, True)
    if seconds > 2:
        assert "MQTT-ACL-SILENT" in found(report)


async def test_a_broker_that_floods_subscribers(kit: Kit) -> None:
    report = await published(kit, floods_subscribers, 2.0)
    learnt = facts(report, MqttFacts)
    assert report.failure is None
    assert "publishing" in learnt.unknown
    assert "\x1b" not in str(report)


async def test_an_authentication_without_end(kit: Kit, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("secret\n", encoding="ascii")
    own = (MqttOptions(auth_method="JWT"),)
    report = await published(
        kit, asks_for_ever, 2.0, token_file=str(token), allow_plaintext=True, rooms=own
    )
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert "secret" not in str(report)


async def published(kit: Kit, hostile: Hostile, seconds: float, **more: Any) -> Report:
    setup = Setup(secure=False, logs_in=False, hostile=hostile)
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=seconds))
        with bounded(seconds, MEBIBYTES):
            return await check_one(target, changed(options, allow_write=True, **more))
