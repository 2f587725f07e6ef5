"""``seventh mqtt sub``: messages as they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import msgspec

from seventh.model.failure import UsageError
from seventh.net.work import Work
from seventh.protocols.mqtt import SubOptions
from seventh.protocols.mqtt.verbs.link import Client, random_id
from seventh.protocols.mqtt.verbs.payload import decode
from seventh.protocols.mqtt.verbs.subscriber import Subscriber, check_filters
from seventh.protocols.mqtt.wire.packets import Publish, Subscription
from seventh.wire.text import printable

SESSION_SECONDS = 300
"""How long the broker keeps the session of a client that lost its connection."""
_MAX_SHOWN = 10_000
_VERSIONS: dict[str | None, Any] = {"5": 5, "3.1.1": 4, None: None}


class Received(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message."""

    topic: str
    at: float
    """When it arrived, in seconds of the Unix epoch."""
    qos: int
    retain: bool
    bytes: int
    encoding: str
    """json, text or msgpack: ``payload`` is the value; base64: it is the bytes."""
    payload: Any
    dup: bool = False
    content_type: str | None = None
    expiry_seconds: int | None = None
    response_topic: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    """User properties."""

    def __str__(self) -> str:
        text = self.payload if isinstance(self.payload, str) else _json(self.payload)
        mark = " (retained)" if self.retain else ""
        return f"{printable(self.topic, 500)}{mark} {printable(text, _MAX_SHOWN)}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def received(message: Publish, asked: str) -> Received:
    """Return a message as it is shown."""
    properties = message.properties
    decoded = decode(message.payload, asked, properties.content_type or "")
    return Received(
        topic=message.topic, at=round(time.time(), 6), qos=message.qos, retain=message.retain,
        bytes=len(message.payload), encoding=decoded.encoding, payload=decoded.value,
        dup=message.dup, content_type=properties.content_type,
        expiry_seconds=properties.message_expiry_seconds,
        response_topic=properties.response_topic, properties=properties.user_properties,
    )  # fmt: skip


async def sub(work: Work) -> None:
    """Show messages until enough have come, or the time is over. Raises Failed."""
    given = work.ctx.options.of(SubOptions)
    filters = tuple(work.arguments["filter"])
    if not filters:
        raise UsageError("seventh mqtt sub: a filter is required, such as site/+/temperature")
    check_filters(filters)
    if given.keep_seconds and given.subscriber_id is None:
        raise UsageError("--keep needs --client-id ID: the session is found again by it")
    left = given.count or 0

    def take(message: Publish) -> bool:
        nonlocal left
        if message.retain and given.retained == "skip":
            return True
        work.show(received(message, given.decode))
        left -= 1
        return left != 0

    client = Client(
        given.subscriber_id or random_id(), given.keep_seconds or SESSION_SECONDS,
        _VERSIONS[given.subscriber_version], clean=not given.keep_seconds,
    )  # fmt: skip
    subscriptions = tuple(
        Subscription(
            filter=each, qos=given.max_qos, retain_as_published=False,
            retain_handling=2 if given.retained == "skip" else 0,
        )
        for each in filters
    )  # fmt: skip
    subscriber = Subscriber(work, client, subscriptions, take)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(given.for_seconds):
            await subscriber.run(given.keep_seconds or 0)
