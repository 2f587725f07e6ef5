"""``seventh mqtt pub``: messages from arguments, a file or lines, with or without a spool."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seventh.model.failure import Failed, UsageError
from seventh.net.probe_context import ProbeContext
from seventh.net.work import Work
from seventh.protocols.mqtt import PubOptions
from seventh.protocols.mqtt.verbs.link import Backoff, Client, login_of, may_pass, random_id
from seventh.protocols.mqtt.verbs.publisher import Publisher
from seventh.protocols.mqtt.verbs.queue import KEY, Memory, Message
from seventh.protocols.mqtt.verbs.source import lines_of, read_whole
from seventh.protocols.mqtt.verbs.spool import Spool
from seventh.protocols.mqtt.wire.topics import is_name
from seventh.wire.text import printable

MAX_WAITING = 10_000
"""The most messages that wait without a spool: then no more is read."""
KEPT = 1
"""The exit code where messages stay in the spool."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of a message: it survives a crash from now on."""

    number: int
    key: str

    def __str__(self) -> str:
        return f"stored {self.key}"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the broker does not take."""

    topic: str
    number: int
    reason: str

    def __str__(self) -> str:
        return f"refused: message {self.number} for {printable(self.topic, 200)}: {self.reason}"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all messages."""

    accepted: int
    delivered: int
    """Also those of earlier runs, from the spool."""
    refused: int = 0
    expired: int = 0
    dropped: int = 0
    waiting: int = 0
    spool: str | None = None

    def __str__(self) -> str:
        parts = [f"{self.delivered} delivered"]
        parts += [f"{count} {what}" for count, what in (
            (self.refused, "refused"), (self.expired, "too old"),
            (self.dropped, "dropped as the spool was full"),
        ) if count]  # fmt: skip
        if self.waiting:
            where = f"waiting in {self.spool}" if self.spool else "not acknowledged"
            parts.append(f"{self.waiting} {where}")
        return ", ".join(parts)


class _Run:
    """One run of ``pub``."""

    def __init__(self, work: Work, topic: str, given: PubOptions) -> None:
        self.work = work
        self.given = given
        self._topic = topic
        self.spool = (
            Spool(Path(given.spool).expanduser(), given.spool_bytes) if given.spool else None
        )
        self.queue = self.spool if self.spool is not None else Memory()
        self.accepted = self.refused = self.dropped = 0
        self._full_said = False
        name = self.spool.id if self.spool is not None else random_id()
        self._key = name
        exactly_once = self.spool is not None and (given.qos == 2 or self.spool.exactly_once)
        self.publisher = Publisher(
            self.queue,
            Client(
                given.publisher_id or name,
                int(given.spool_age_seconds) if exactly_once else 0,
                {"5": 5, "3.1.1": 4, "": None}[given.publisher_version or ""],
            ),
            rate=given.spool_rate,
            max_age_seconds=given.spool_age_seconds if self.spool is not None else None,
            refuse=self._refuse,
        )  # fmt: skip

    def _refuse(self, message: Message, why: str) -> None:
        self.refused += 1
        self.work.show(Refusal(topic=message.topic, number=message.number, reason=why))

    # -- what comes in -----------------------------------------------------------------------------

    async def accept(self, payloads: Sequence[bytes]) -> None:
        """Accept messages, as soon as there is room. Raises Failed."""
        given = self.given
        for part in self._parts(payloads):
            await self._room(sum(map(self._size, part)))
            first, now = self.queue.last + 1, time.time()
            messages = [
                Message(
                    number=number, at=now, topic=self._topic, payload=payload, qos=given.qos,
                    retain=given.retain, expiry_seconds=given.expiry_seconds,
                    content_type=given.content_type, properties=self._properties(number),
                )
                for number, payload in enumerate(part, first)
            ]  # fmt: skip
            self.queue.add(messages)
            self.accepted += len(messages)
            self.publisher.wake.set()
            if given.receipts:
                for message in messages:
                    key = f"{self._key}-{message.number}"
                    self.work.show(Stored(number=message.number, key=key))

    def _parts(self, payloads: Sequence[bytes]) -> Iterator[list[bytes]]:
        """Yield the messages that are stored together, about half a segment."""
        most = self.spool.segment_bytes // 2 if self.spool is not None else 1 << 20
        part: list[bytes] = []
        size = 0
        for payload in payloads:
            if part and size + self._size(payload) > most:
                yield part
                part, size = [], 0
            part.append(payload)
            size += self._size(payload)
        yield part

    def _size(self, payload: bytes) -> int:
        """Return about how many bytes a message takes in the spool."""
        return len(payload) + len(self._topic) + 200

    def _properties(self, number: int) -> tuple[tuple[str, str], ...]:
        own = tuple(_pair(each) for each in self.given.user_properties)
        return (*own, (KEY, f"{self._key}-{number}")) if self.spool is not None else own

    async def _room(self, size: int) -> None:
        """Wait until there is room for messages, or drop the oldest ones."""
        spool = self.spool
        if spool is None:
            while self.queue.waiting >= MAX_WAITING:
                await self._moved()
            return
        if size > spool.max_bytes:
            raise UsageError(
                f"--spool-bytes {spool.max_bytes}: too few for messages of {size} bytes"
            )
        while spool.size + size > spool.max_bytes:
            if self.given.spool_full == "drop-oldest" and self._drop_oldest(spool):
                continue
            if not self._full_said:
                self._full_said = True
                self.work.say(
                    f"the spool {spool.folder} is full ({spool.size} bytes): reading pauses until "
                    "messages are delivered"
                )
            await self._moved()

    async def _moved(self, *ends: asyncio.Future[None]) -> None:
        """Wait until messages have ended, or one of ``ends`` has."""
        self.publisher.moved.clear()
        moved = asyncio.ensure_future(self.publisher.moved.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {moved, *ends}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()

    def _drop_oldest(self, spool: Spool) -> bool:
        """Drop the oldest messages; False if they are being sent."""
        count = spool.drop_oldest(self.publisher.sent if self.publisher.link is not None else 0)
        self.dropped += count
        return count > 0

    # -- the run -----------------------------------------------------------------------------------

    async def run(self, payloads: AsyncIterator[list[bytes]]) -> int:
        """Accept and deliver until all is done, or cannot be now; return the exit code."""
        delivering = asyncio.ensure_future(self._deliver())
        accepting = asyncio.ensure_future(self._accept_all(payloads))
        try:
            await asyncio.wait((delivering, accepting), return_when=asyncio.FIRST_COMPLETED)
            if delivering.done() and not accepting.done() and self.spool is not None:
                await asyncio.wait((accepting,))
            if accepting.done():
                accepting.result()
                await self._drain(delivering)
            else:
                delivering.result()
        except Failed:
            if self.spool is None:
                raise
            if not accepting.done() or accepting.exception() is not None:
                raise
            self._say_failure(delivering)
        finally:
            await self._end(accepting, delivering)
        if self.refused or self.dropped or self.publisher.expired:
            return 2
        return KEPT if self.queue.waiting else 0

    def _say_failure(self, delivering: asyncio.Future[None]) -> None:
        failed = delivering.exception()
        if isinstance(failed, Failed):
            self.work.say(f"{failed.reason} in {failed.phase or '-'}: {failed.detail}")

    async def _end(self, *tasks: asyncio.Future[None]) -> None:
        """End what runs, store the progress, and show the result."""
        for task in tasks:
            if not task.done():
                task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(tasks)
        waiting = self.queue.waiting
        if self.spool is not None:
            self.spool.close()
        self.work.show(
            Published(
                accepted=self.accepted, delivered=self.publisher.delivered, refused=self.refused,
                expired=self.publisher.expired, dropped=self.dropped, waiting=waiting,
                spool=self.given.spool,
            )
        )  # fmt: skip

    async def _accept_all(self, payloads: AsyncIterator[list[bytes]]) -> None:
        async for each in payloads:
            await self.accept(each)

    async def _drain(self, delivering: asyncio.Future[None]) -> None:
        """Wait for what is left, at most the time that was given for it. Raises Failed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.given.wait_seconds):
                while self.queue.waiting and not delivering.done():
                    await self._moved(delivering)
        if delivering.done():
            delivering.result()
        elif not self.queue.waiting:
            await self.publisher.leave()

    async def _deliver(self) -> None:
        """Deliver over one connection after another. Raises Failed for what will not pass."""
        backoff = Backoff()
        said = ""
        while True:
            if not self.queue.waiting and not self.publisher.accepted.is_set():
                await self.publisher.wake.wait()
            try:
                await self.publisher.serve(self.work.ctx)
            except Failed as failed:
                failed.phase = failed.phase or "mqtt.publish"
                if self.spool is None or not may_pass(failed):
                    raise
                text = f"{failed.reason} in {failed.phase}: {failed.detail}"
                if text != said:
                    said = text
                    self.work.say(f"{text}; trying again, {self.queue.waiting} waiting")
            if self.publisher.accepted.is_set():
                self.publisher.accepted.clear()
                backoff.reset()
                said = ""
            await asyncio.sleep(backoff.seconds())


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--property {text!r}: write NAME=VALUE")
    return name, value


async def _given(words: Sequence[str], given: PubOptions) -> AsyncIterator[list[bytes]]:
    if words:
        yield [word.encode("utf-8", "surrogateescape") for word in words]
    if given.file is not None:
        yield [read_whole(given.file)]
    if given.lines is not None:
        async for lines in lines_of(given.lines, "--lines"):
            yield lines


def _check(ctx: ProbeContext, topic: str, given: PubOptions, words: Sequence[str]) -> None:
    """Raise UsageError for what cannot be published."""
    login_of(ctx)
    for each in given.user_properties:
        _pair(each)
    nothing = not words and given.file is None and given.lines is None
    if nothing and given.spool is None:
        raise UsageError(
            "seventh mqtt pub: a message is required: an argument, --file FILE or --lines FILE "
            "(- is standard input)"
        )
    if not nothing and not is_name(topic):
        raise UsageError(
            f"topic {topic!r}: give one without + and #, such as site/device/temperature"
        )


async def pub(work: Work) -> int:
    """Publish messages, and return 1 if some stay in the spool, 2 if some were not delivered."""
    given = work.ctx.options.of(PubOptions)
    words = work.arguments["message"]
    topic = (*work.arguments["topic"], "")[0]
    _check(work.ctx, topic, given, words)
    return await _Run(work, topic, given).run(_given(words, given))
