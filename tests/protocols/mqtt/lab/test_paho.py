"""paho-mqtt, with its own thread, as a client of the reference broker."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.protocols.mqtt.lab import serve_setup
from seventh.protocols.mqtt.lab.setup import PASSWORD, USER, Setup

SECONDS = 10.0


def exchange(port: int, ca_file: str, version: Any) -> tuple[list[tuple[str, bytes, int]], str]:
    """Publish with each QoS and receive it; return the messages and the reply to CONNECT."""
    events: queue.Queue[Any] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="paho", protocol=version)
    client.username_pw_set(USER, PASSWORD)
    client.tls_set(ca_file)
    client.on_connect = lambda *given: events.put(str(given[3]))
    client.on_subscribe = lambda *_: events.put("subscribed")
    client.on_message = lambda _, __, m: events.put((m.topic, m.payload, m.qos))
    client.connect("localhost", port)
    client.loop_start()
    try:
        connected = events.get(timeout=SECONDS)
        client.subscribe("p/#", 2)
        assert events.get(timeout=SECONDS) == "subscribed"
        for qos in range(3):
            client.publish("p/x", b"%d" % qos, qos).wait_for_publish(SECONDS)
        got = [events.get(timeout=SECONDS) for _ in range(3)]
    finally:
        client.disconnect()
        client.loop_stop()
    return got, connected


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])
async def test_each_qos(kit: Kit, version: Any) -> None:
    async with serve_setup(Setup(), kit) as served:
        target, _ = start.job(served, Options())
        ca_file = str(kit.authority.ca_file)
        got, connected = await asyncio.to_thread(exchange, target.port, ca_file, version)
    assert connected == "Success"
    assert got == [("p/x", b"%d" % qos, qos) for qos in range(3)]
