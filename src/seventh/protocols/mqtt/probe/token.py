"""Whether a connection outlives the token with which it logged in."""

from __future__ import annotations

import time

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt.client.causes import refused
from seventh.protocols.mqtt.client.connection import Connection, Login, connect_packet
from seventh.protocols.mqtt.client.endpoint import Endpoint
from seventh.protocols.mqtt.client.session import ENDS
from seventh.protocols.mqtt.facts.live import Token
from seventh.protocols.mqtt.wire.packets import Connack, Disconnect, Version
from seventh.wire.jwt import expiry_of

GRACE_SECONDS = 2.0
"""How much later than the token's end the broker may close the connection."""
LEFT_SECONDS = 1.0
"""What is needed after the wait, for a ping."""


async def run(endpoint: Endpoint, login: Login, version: Version) -> None:
    """Log in, wait until the token has expired, and ping. Raises Failed."""
    budget = endpoint.ctx.budget
    expiry = expiry_of((login.password or b"").decode())
    if expiry is None:
        endpoint.notes.learn(token=Token(method=login.method))
        return
    left = expiry - time.time()  # exp is wall-clock time
    wait = max(0.0, left) + GRACE_SECONDS
    found = Token(method=login.method, lifetime_seconds=left, outcome="not-reached")
    endpoint.notes.learn(token=found)
    if wait > budget.seconds_left - LEFT_SECONDS:
        return
    connection = Connection(endpoint.ctx, await endpoint.open(), version)
    code: int | None = None
    with endpoint.ctx.watch.phase("mqtt.token"):
        answer = await connection.connect(connect_packet(version, login), endpoint.until)
        begun, still = now_ns(), False
        assert isinstance(answer.packet, Connack)  # noqa: S101 - what was awaited
        if not answer.packet.code.failed:
            code = await _until_closed(connection, budget.within(wait))
            still = code is None and await _answers(endpoint, connection)
        elif left > 0:
            raise refused(answer.packet.code, "", with_login=True)
    connection.stream.close()
    endpoint.notes.learn(
        token=Token(
            method=login.method, lifetime_seconds=left, outcome="open" if still else "closed",
            after_seconds=(now_ns() - begun) / 1e9 - max(0.0, left), code=code,
        )
    )  # fmt: skip


async def _until_closed(connection: Connection, until_ns: int) -> int | None:
    """Wait for the end of the connection, or the time; return a DISCONNECT's code."""
    connection.stream.expect_silence()
    try:
        while True:
            packet, _ = await connection.receive(until_ns)
            if isinstance(packet, Disconnect):
                return int(packet.code)
    except Failed as failed:
        if failed.reason not in {Reason.PEER_SILENT, *ENDS}:
            raise
    finally:
        connection.stream.expect_answers()
    return None


async def _answers(endpoint: Endpoint, connection: Connection) -> bool:
    try:
        await connection.ping(endpoint.until)
    except Failed as failed:
        if failed.reason not in {Reason.PEER_SILENT, *ENDS}:
            raise
        return False
    return True
