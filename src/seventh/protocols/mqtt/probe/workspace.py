"""A random topic of our own on the broker, its clients, and what has to be removed."""

from __future__ import annotations

import asyncio
import secrets
from typing import NamedTuple

import msgspec

from seventh.model.failure import Failed
from seventh.net.on_failure import on_failure
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt.client.causes import refused
from seventh.protocols.mqtt.client.connection import Connection, Login, connect_packet
from seventh.protocols.mqtt.client.endpoint import Endpoint
from seventh.protocols.mqtt.client.session import Client
from seventh.protocols.mqtt.facts.live import Live
from seventh.protocols.mqtt.wire.packets import Connack, Publish, Version, Will
from seventh.protocols.mqtt.wire.session import Session

PATIENCE_SECONDS = 3.0
"""How long an acknowledgement or a message may take."""
RESERVED_SECONDS = 1.0
"""What is left of the target's time to remove things."""
SESSION_SECONDS = 60
"""How long the broker is to keep a session: it ends also if we cannot end it."""


class Who(NamedTuple):
    """Whose connections they are: without a login, those of an anonymous client."""

    login: Login | None
    version: Version


class Workspace:
    """One random topic; :meth:`clean_up` removes what was left under it."""

    def __init__(self, endpoint: Endpoint, who: Who, prefix: str) -> None:
        self.endpoint = endpoint
        self.who = who
        self.topic = f"{prefix}/{secrets.token_hex(8)}" if prefix else secrets.token_hex(8)
        self.facts = endpoint.notes.part("live", Live)
        self.maximum_qos = 2
        self.wildcard = f"{self.topic}/#"
        self._retained: set[str] = set()
        self._sessions: set[str] = set()

    @property
    def until(self) -> int:
        """The deadline of a reply to what is sent now."""
        return self.within(PATIENCE_SECONDS)

    def within(self, seconds: float) -> int:
        """Return ``seconds`` from now, or when only the time for cleaning up is left."""
        budget = self.endpoint.ctx.budget
        last = budget.deadline_ns - int(RESERVED_SECONDS * 1e9)
        return min(budget.within(seconds), max(last, now_ns()))

    def has(self, seconds: float) -> bool:
        """Return whether so much time is left."""
        return self.endpoint.ctx.budget.seconds_left - RESERVED_SECONDS >= seconds

    def named(self, name: str) -> str:
        """Return the topic ``name`` below ours."""
        return f"{self.topic}/{name}"

    # -- clients -----------------------------------------------------------------------------------

    async def connect(
        self,
        client_id: str = "",
        *,
        anonymous: bool = False,
        kept: bool = False,
        resumed: Session | bool = False,
        keep_alive_seconds: int = 30,
        will: Will | None = None,
    ) -> Client:
        """Return a new client. Raises Failed, also for a refusal.

        ``kept``: the broker is to keep the session; ``resumed``: it has one, whose state may be
        given.
        """
        login, version = self.who
        login = None if anonymous else login
        kept = kept or bool(resumed)
        packet = connect_packet(version, login, SESSION_SECONDS if kept and version == 5 else None)
        packet = msgspec.structs.replace(
            packet, client_id=client_id or packet.client_id, will=will,
            keepalive_seconds=keep_alive_seconds,
            # The clean session of 3.1.1 is both: it begins and ends with the connection.
            clean_start=not (resumed or (kept and version == 4)),
        )  # fmt: skip
        if kept:
            self._sessions.add(packet.client_id)
        connection = Connection(self.endpoint.ctx, await self.endpoint.open(), version)
        with on_failure(connection.stream.close):
            answer = await connection.connect(packet, self.until)
            connack = answer.packet
            assert isinstance(connack, Connack)  # noqa: S101 - what was awaited
            if connack.code.failed:
                reason = connack.properties.reason_string or ""
                raise refused(connack.code, reason, with_login=login is not None)
        state = resumed if isinstance(resumed, Session) else None
        return Client(connection, connack, packet.client_id, state)

    async def subscriber(self, name: str, qos: int = 1) -> Client:
        """Return a client that is subscribed to ``name`` below our topic. Raises Failed."""
        client = await self.connect()
        with on_failure(client.abort):
            await client.subscribe(self.named(name), min(qos, self.maximum_qos), self.until)
        return client

    def message(self, name: str, payload: bytes = b"", qos: int = 1, **more: object) -> Publish:
        """Return a message below our topic, with the QoS that the broker permits."""
        return Publish(
            topic=self.named(name), payload=payload or secrets.token_hex(8).encode(),
            qos=min(qos, self.maximum_qos), **more,  # type: ignore[arg-type]
        )  # fmt: skip

    # -- the end -----------------------------------------------------------------------------------

    def retains(self, name: str) -> None:
        """Note that the broker has a retained message below our topic."""
        self._retained.add(name)

    def removed(self, name: str) -> None:
        """Note that a retained message was removed."""
        self._retained.discard(name)

    async def end_session(self, client: Client) -> None:
        """Disconnect, and have the broker forget the session. Raises Failed."""
        await client.disconnect(end_session=True)
        if self.who.version == 5:
            self._sessions.discard(client.client_id)
        else:
            await self._forget(client.client_id)

    async def _forget(self, client_id: str) -> None:
        """End a session by one that begins anew and is not kept."""
        client = await self.connect(client_id)
        await client.disconnect()
        self._sessions.discard(client_id)

    async def clean_up(self) -> None:
        """Remove retained messages and sessions, and learn what could not be removed."""
        removals = [self._remove(name) for name in sorted(self._retained)]
        removals += [self._forget(client_id) for client_id in sorted(self._sessions)]
        for ended in await asyncio.gather(*removals, return_exceptions=True):
            if ended is not None and not isinstance(ended, Failed):
                raise ended
        left = [f"the retained message of {self.named(name)}" for name in sorted(self._retained)]
        left += [f"the session of {client_id}" for client_id in sorted(self._sessions)]
        if left:
            self.facts.learn(left_behind=tuple(left))

    async def _remove(self, name: str) -> None:
        client = await self.connect()
        qos = min(1, self.maximum_qos)
        empty = Publish(topic=self.named(name), qos=qos, retain=True)
        published = await client.publish(empty, self.endpoint.until)
        await client.disconnect()
        if published.failed is None:
            self._retained.discard(name)
