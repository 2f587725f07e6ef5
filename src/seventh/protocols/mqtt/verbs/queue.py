"""What is to be published, in its order: the messages, and how far they were acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from seventh.protocols.mqtt.wire.packets import Publish
from seventh.protocols.mqtt.wire.properties import NONE, Properties

WINDOW = 256
"""The most messages after the last one of which all before it are acknowledged that are sent."""
KEY = "idempotency-key"
"""The user property that tells a message which is delivered again from another one."""
_IDS = 65_535


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message to publish."""

    number: int
    """Its place in the queue's order, from 1."""
    at: float
    """When it was accepted, in seconds of the Unix epoch."""
    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    expiry_seconds: int | None = None
    content_type: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    """User properties."""

    @property
    def packet_id(self) -> int:
        """Its packet id: the same in every process that sends it, so that QoS 2 can be resumed."""
        return self.number % _IDS + 1

    def packet(self, version: int, *, dup: bool, now: float) -> Publish:
        """Return it as a packet; MQTT 3.1.1 has no properties.

        The time that it has waited is taken from its expiry.
        """
        properties = NONE
        if version == 5:
            left = self.expiry_seconds
            if left is not None:
                left = max(1, left - max(0, int(now - self.at)))
            properties = Properties(
                message_expiry_seconds=left, content_type=self.content_type,
                user_properties=self.properties,
            )  # fmt: skip
        return Publish(
            topic=self.topic, payload=self.payload, qos=self.qos, retain=self.retain,
            dup=dup and self.qos > 0, packet_id=self.packet_id if self.qos else None,
            properties=properties,
        )  # fmt: skip


class Progress(msgspec.Struct, kw_only=True):
    """How far the messages of a queue are acknowledged."""

    done: int = 0
    """All messages up to this number have ended: acknowledged, refused or too old."""
    ended: set[int] = msgspec.field(default_factory=set)
    """Later ones that have."""
    received: set[int] = msgspec.field(default_factory=set)
    """Messages of QoS 2 that the broker has received (PUBREC), and not yet completed."""

    def end(self, number: int) -> None:
        """Record that a message has ended."""
        self.received.discard(number)
        if number > self.done:
            self.ended.add(number)
        while self.done + 1 in self.ended:
            self.done += 1
            self.ended.discard(self.done)

    def skip(self, number: int) -> None:
        """Record that all messages up to ``number`` have ended."""
        self.done = max(self.done, number)
        self.ended = {each for each in self.ended if each > self.done}
        self.received = {each for each in self.received if each > self.done}
        self.end(self.done)


class Queue(Protocol):
    """The messages of one run of ``pub``."""

    renew: bool
    """Whether the broker has to forget its session: messages it may have received are dropped."""

    @property
    def progress(self) -> Progress:
        """How far they are acknowledged."""

    @property
    def last(self) -> int:
        """The number of the last message; 0 without one."""

    @property
    def waiting(self) -> int:
        """How many messages have not ended."""

    def add(self, messages: Iterable[Message]) -> None:
        """Accept messages, whose numbers follow :attr:`last`: they survive the process if stored.

        Raises Failed if none of them could be stored.
        """

    def after(self, number: int) -> Message | None:
        """Return the next message after ``number`` that has not ended; None if there is none."""

    def keep_refused(self, message: Message, why: str) -> None:
        """Put a message aside that the broker refuses for good, before it is ended."""

    def record(self, *, at_once: bool) -> None:
        """Store the progress; ``at_once``: also against a power failure, before this returns."""


class Memory:
    """A queue that ends with the process."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.renew = False
        self.last = 0
        self._messages: dict[int, Message] = {}

    @property
    def waiting(self) -> int:
        """See :class:`Queue`."""
        return self.last - self.progress.done - len(self.progress.ended)

    def add(self, messages: Iterable[Message]) -> None:
        """See :class:`Queue`."""
        for message in messages:
            self._messages[message.number] = message
            self.last = message.number

    def after(self, number: int) -> Message | None:
        """See :class:`Queue`."""
        for each in range(max(number, self.progress.done) + 1, self.last + 1):
            if each in self._messages and each not in self.progress.ended:
                return self._messages[each]
        return None

    def keep_refused(self, message: Message, why: str) -> None:
        """Do nothing: the result says what was refused."""

    def record(self, *, at_once: bool) -> None:
        """Forget what has ended."""
        for number in list(self._messages):  # in their order, so that few are looked at
            if number > self.progress.done:
                break
            del self._messages[number]
