"""What the reference broker keeps of a client between its connections."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from seventh.protocols.mqtt.lab.setup import Setup
from seventh.protocols.mqtt.wire.packets import Publish, Subscription, Version
from seventh.protocols.mqtt.wire.session import MAX_RECEIVE_MAXIMUM, Session
from seventh.protocols.mqtt.wire.topics import shared

if TYPE_CHECKING:
    from seventh.protocols.mqtt.lab.client import Client


class Subscribed(msgspec.Struct, frozen=True):
    """One subscription of a session."""

    wanted: Subscription
    number: int | None
    """Its subscription id."""

    @property
    def pattern(self) -> str:
        """The filter to match, without the group of a shared subscription."""
        parts = shared(self.wanted.filter)
        return parts.filter if parts is not None else self.wanted.filter


class State:
    """What the broker keeps of one client id."""

    def __init__(self, client_id: str, user: str, setup: Setup, version: Version) -> None:
        self.client_id = client_id
        self.user = user
        stated = setup.receive_maximum if version == 5 else None  # 3.1.1 has no such limit
        self.session = Session(stated or MAX_RECEIVE_MAXIMUM)
        self.subscriptions: dict[str, Subscribed] = {}
        self.client: Client | None = None
        self.expiry_seconds = 0
        self.ends_at: float | None = None
        """When the session ends, on the monotonic clock; None while connected, or never."""
        self._setup = setup
        self._waiting: deque[tuple[float, Publish]] = deque()
        """What came while there was no connection, and when."""

    async def deliver(self, message: Publish) -> None:
        """Send a message, or keep it for the next connection."""
        if self.client is None:
            if message.qos and "drops-offline" not in self._setup.flaws:
                self._waiting.append((time.monotonic(), message))
                if len(self._waiting) > self._setup.max_queued:
                    self._waiting.popleft()
            return
        packets = self.session.publish(message)
        if self.session.queued > self._setup.max_queued:
            self.session.drop_queued()
        for packet in packets:
            await self.client.send(packet)

    async def deliver_waiting(self) -> None:
        """Send what was kept and has not expired (§3.3.2.3.3)."""
        waiting, self._waiting = self._waiting, deque()
        for since, message in waiting:
            expiry = message.properties.message_expiry_seconds
            waited = int(time.monotonic() - since)
            if expiry is None:
                await self.deliver(message)
            elif waited < expiry or "delivers-expired" in self._setup.flaws:
                left = replace(message.properties, message_expiry_seconds=max(0, expiry - waited))
                await self.deliver(replace(message, properties=left))
