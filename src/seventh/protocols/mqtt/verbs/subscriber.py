"""Receiving messages over one connection after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from seventh.model.failure import Failed, Reason, UsageError
from seventh.net.work import Work
from seventh.protocols.mqtt.client.causes import code_text
from seventh.protocols.mqtt.verbs.link import (
    RECEIVE_MAXIMUM,
    Backoff,
    Client,
    Link,
    connect,
    login_of,
    may_pass,
)
from seventh.protocols.mqtt.wire.packets import Packet, Publish, Pubrel, Subscription
from seventh.protocols.mqtt.wire.session import MAX_RECEIVE_MAXIMUM, Session
from seventh.protocols.mqtt.wire.topics import is_filter, is_shared, shared
from seventh.wire.text import quoted

Take = Callable[[Publish], bool]
"""Takes a message, and returns whether another one is wanted."""


def check_filters(filters: tuple[str, ...]) -> None:
    """Raise UsageError for a filter that is not valid."""
    for each in filters:
        parts = shared(each)
        if not is_filter(parts.filter if parts is not None else each) or (
            is_shared(each) and parts is None
        ):
            raise UsageError(
                f"filter {each!r}: + and # must be whole levels, and # the last, such as "
                "site/+/temperature or site/#"
            )


class Subscriber:
    """Subscriptions that survive connections."""

    def __init__(
        self, work: Work, client: Client, subscriptions: tuple[Subscription, ...], take: Take
    ) -> None:
        self._work = work
        self._client = client
        self._subscriptions = subscriptions
        self._take = take
        self._session = Session()
        self._was_connected = False
        self._link: Link | None = None
        login_of(work.ctx)

    async def run(self, keep_seconds: int | None) -> None:
        """Receive until no other message is wanted. Raises Failed for what will not pass.

        The session then ends, or is kept for ``keep_seconds``.
        """
        backoff = Backoff()
        while True:
            try:
                await self._serve(backoff)
            except asyncio.CancelledError:
                if self._link is not None:
                    await self._link.close(keep_seconds)
                raise
            except Failed as failed:
                if not self._was_connected or not may_pass(failed):
                    raise
                self._work.say(f"{failed.reason}: {failed.detail}; connecting again")
                await asyncio.sleep(backoff.seconds())
            else:
                assert self._link is not None  # noqa: S101 - it ended well
                await self._link.close(keep_seconds)
                return

    async def _serve(self, backoff: Backoff) -> None:
        link = self._link = await connect(self._work.ctx, self._client)
        try:
            if not link.session_present:
                if self._was_connected:
                    self._work.say("the broker has not kept the session: messages may be missing")
                most = RECEIVE_MAXIMUM if link.version == 5 else MAX_RECEIVE_MAXIMUM
                self._session = Session(most)
            self._session.open(link.limits.receive_maximum)
            packets: list[Packet] = []
            if not link.session_present or not self._was_connected:
                packets = await self._subscribe(link)
            self._was_connected = True
            backoff.reset()
            while await self._receive(link, packets):
                packets = await link.receive(None, 3600.0)
        except Failed:
            link.abort()
            raise

    async def _subscribe(self, link: Link) -> list[Packet]:
        suback, packets = await link.subscribe(self._subscriptions)
        for wanted, code in zip(self._subscriptions, suback.codes, strict=False):
            if code.failed:
                raise Failed(
                    Reason.AUTH_REJECTED,
                    f"the broker refuses the filter {quoted(wanted.filter, 200)} with "
                    f"{code_text(code)}",
                    phase="mqtt.subscribe",
                )
        return packets

    async def _receive(self, link: Link, packets: list[Packet]) -> bool:
        """Take messages, and acknowledge each when it was taken; return whether to go on."""
        for packet in packets:
            if not isinstance(packet, Publish | Pubrel):
                continue
            received = self._session.receive(packet)
            wanted = True
            for message in received.messages:  # one at most
                wanted = self._take(message)
            await link.send(*received.replies)
            if not wanted:
                return False
        return True
