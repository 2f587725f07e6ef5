"""The reference broker of the lab: what a rule or a client's test needs; it is no product."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec

from seventh.labkit.web.peer import Peer
from seventh.protocols.mqtt.lab.client import Client
from seventh.protocols.mqtt.lab.setup import Rights, Setup
from seventh.protocols.mqtt.lab.state import State, Subscribed
from seventh.protocols.mqtt.wire.packets import Connect, Publish, Will
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.protocols.mqtt.wire.topics import matches, shared

_ALL = Rights()
_FOREVER = 0xFFFFFFFF


class Broker:
    """All clients of one reference broker."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.states: dict[str, State] = {}
        now = time.monotonic()
        self.retained: dict[str, tuple[Publish, float]] = {
            topic: (Publish(topic=topic, payload=payload, retain=True), now)
            for topic, payload in setup.system.items()
        }
        """By topic, the last message to retain and when it came."""
        self._turns: dict[str, int] = {}
        """By shared filter, how many messages it has had."""
        self._wills: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, peer: Peer) -> None:
        """Serve one connection until its end."""
        if self.setup.hostile is not None:
            await self.setup.hostile(peer)
            return
        await Client(self, peer).run()

    # -- sessions ----------------------------------------------------------------------------------

    async def attach(self, packet: Connect, client_id: str, expiry: int) -> tuple[State, bool]:
        """Return the session of a client, and whether it was there before."""
        state = self.states.get(client_id)
        if state is not None and state.client is not None:
            if "keeps-other-client" in self.setup.flaws:
                state.client = None
            else:
                await state.client.end(Code.SESSION_TAKEN_OVER)
        if will := self._wills.pop(client_id, None):
            will.cancel()
        ended = (
            state is not None and state.ends_at is not None and state.ends_at <= time.monotonic()
        )
        present = state is not None and not packet.clean_start and not ended
        present = present and "forgets-session" not in self.setup.flaws
        if state is None or not present:
            state = State(client_id, packet.user or "", self.setup, packet.version)
            self.states[client_id] = state
        state.expiry_seconds, state.ends_at = expiry, None
        return state, present

    async def detach(self, state: State, client: Client, will: Will | None) -> None:
        """End a connection: publish the will, and keep the session as long as it is to be."""
        if state.client is not client:
            return
        state.client = None
        state.session.close()
        if state.expiry_seconds == 0:
            self.states.pop(state.client_id, None)
        elif state.expiry_seconds != _FOREVER:
            state.ends_at = time.monotonic() + state.expiry_seconds
        if will is None or "no-will" in self.setup.flaws:
            return
        delay = min(will.properties.will_delay_seconds or 0, state.expiry_seconds)
        if not delay:
            await self._publish_will(state, will)
            return
        loop = asyncio.get_running_loop()
        self._wills[state.client_id] = loop.call_later(delay, self._start_will, state, will)

    def _start_will(self, state: State, will: Will) -> None:
        task = asyncio.get_running_loop().create_task(self._publish_will(state, will))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish_will(self, state: State, will: Will) -> None:
        properties = msgspec.structs.replace(will.properties, will_delay_seconds=None)
        message = Publish(
            topic=will.topic, payload=will.payload, qos=will.qos, retain=will.retain,
            properties=properties,
        )  # fmt: skip
        if self.may_write(state.user, will.topic):
            await self.publish(message, state.client_id)

    def is_others(self, packet: Connect, client_id: str) -> bool:
        """Return whether the client id is in use by another user."""
        state = self.states.get(client_id)
        if state is None or state.client is None or "taken-by-anybody" in self.setup.flaws:
            return False
        return state.user != (packet.user or "")

    # -- rights ------------------------------------------------------------------------------------

    def may_write(self, user: str, topic: str) -> bool:
        """Return whether a user may publish to ``topic``."""
        rights = self.setup.rights.get(user, _ALL)
        return any(matches(pattern, topic) for pattern in rights.write)

    def may_read(self, user: str, pattern: str) -> bool:
        """Return whether a user may subscribe to ``pattern``, as a part of one of its filters."""
        rights = self.setup.rights.get(user, _ALL)
        return any(each == pattern or matches(each, pattern) for each in rights.read)

    # -- messages ----------------------------------------------------------------------------------

    async def publish(self, message: Publish, sender: str) -> bool:
        """Retain and deliver a message; return whether there is a subscriber."""
        flaws = self.setup.flaws
        if message.retain and "retains-nothing" not in flaws:
            if message.payload:
                self.retained[message.topic] = (message, time.monotonic())
            elif "retains-for-ever" not in flaws:
                self.retained.pop(message.topic, None)
        found = False
        for state, subscribed in self._receivers(message.topic, sender):
            found = True
            await state.deliver(delivery(message, subscribed))
        return found

    def _receivers(self, topic: str, sender: str) -> Iterator[tuple[State, list[Subscribed]]]:
        """Yield each session that gets a message, with the subscriptions that match it."""
        groups: dict[str, list[tuple[State, Subscribed]]] = {}
        for state in list(self.states.values()):
            own = []
            for each in state.subscriptions.values():
                if not matches(each.pattern, topic):
                    continue
                if shared(each.wanted.filter) is not None:
                    groups.setdefault(each.wanted.filter, []).append((state, each))
                elif not (each.wanted.no_local and state.client_id == sender):
                    own.append(each)
            if own:
                yield state, own
        for name, members in groups.items():
            if "shares-with-all" in self.setup.flaws:
                yield from ((state, [each]) for state, each in members)
                continue
            connected = [one for one in members if one[0].client is not None] or members
            turn = self._turns[name] = self._turns.get(name, -1) + 1
            state, each = connected[turn % len(connected)]
            yield state, [each]

    async def send_retained(self, state: State, new: Subscribed, *, existed: bool) -> None:
        """Deliver retained messages to a new subscription (§3.3.1.3, §3.8.3.1)."""
        handling = new.wanted.retain_handling
        if handling == 2 or (handling == 1 and existed) or shared(new.wanted.filter) is not None:
            return
        for topic, (message, since) in list(self.retained.items()):
            expiry = message.properties.message_expiry_seconds
            waited = int(time.monotonic() - since)
            if expiry is not None and waited >= expiry:
                del self.retained[topic]
            elif matches(new.pattern, topic):
                left = None if expiry is None else expiry - waited
                properties = msgspec.structs.replace(
                    message.properties, message_expiry_seconds=left
                )
                aged = msgspec.structs.replace(message, properties=properties)
                made = msgspec.structs.replace(delivery(aged, [new]), retain=True)
                for _ in range(2 if "retains-twice" in self.setup.flaws else 1):
                    await state.deliver(made)


def delivery(message: Publish, subscribed: list[Subscribed]) -> Publish:
    """Return a message as a subscriber gets it: once, with the highest QoS of what matches."""
    numbers = tuple(each.number for each in subscribed if each.number is not None)
    properties: Properties = msgspec.structs.replace(message.properties, subscription_ids=numbers)
    return msgspec.structs.replace(
        message, dup=False, packet_id=None, properties=properties,
        qos=min(message.qos, max(each.wanted.qos for each in subscribed)),
        retain=message.retain and any(each.wanted.retain_as_published for each in subscribed),
    )  # fmt: skip
