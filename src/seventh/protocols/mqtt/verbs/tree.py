"""``seventh mqtt tree``: the topics in use, with their rates and sizes."""

from __future__ import annotations

import asyncio
import contextlib
import time

import msgspec

from seventh.net.work import Work
from seventh.protocols.mqtt import TreeOptions
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.topics import topics_of
from seventh.protocols.mqtt.rules.topics import topic as design
from seventh.protocols.mqtt.verbs.link import Client, random_id
from seventh.protocols.mqtt.verbs.subscriber import Subscriber, check_filters
from seventh.protocols.mqtt.wire.packets import Publish, Subscription
from seventh.rules.rule import Hit
from seventh.wire.text import printable

MAX_TOPICS = 100_000
_LIVE_SECONDS = 1.0
_PLAIN_SECONDS = 10.0
_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One topic, or a level with all topics below it."""

    topic: str
    messages: int
    per_second: float
    """Without retained messages."""
    bytes: int
    """Of all payloads."""
    topics: int
    """How many topics, its own and below."""
    retained: int
    last_bytes: int | None = None
    """Of the last payload; None for a level that is no topic itself."""
    depth: int = 0

    def __str__(self) -> str:
        name = self.topic.rpartition("/")[2] or "/"
        below = self.topics - (self.last_bytes is not None)
        kind = f"  {below} topic{'s' * (below != 1)}" if below else ""
        kept = f"  {self.retained} retained" if self.retained else ""
        shown = printable("  " * self.depth + name, 60)
        mean = _size(self.bytes / self.messages) if self.messages else "-"
        return (
            f"{shown:<40} {self.messages:>8}  {self.per_second:>8.2f}/s  {mean:>9}{kind}{kept}"
        ).rstrip()


def _size(count: float) -> str:
    for unit, each in _UNITS:
        if count >= each:
            return f"{count / each:.1f} {unit}"
    return f"{count:.0f} B"


class Forest(msgspec.Struct, frozen=True, kw_only=True):
    """All topics at one moment."""

    seconds: float
    messages: int
    topics: int
    unlisted: int = 0
    """Messages for topics beyond those that are listed."""
    branches: tuple[Branch, ...] = ()

    def __str__(self) -> str:
        head = f"{self.topics} topics, {self.messages} messages in {self.seconds:.0f} s"
        if self.unlisted:
            head += f"; {self.unlisted} for topics beyond the first {MAX_TOPICS}"
        return "\n".join([head, *map(str, self.branches)])


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the topics' design; MQTT-TOPIC explains it."""

    rule: str
    fault: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {printable(self.text, 500)}"


class _Use:
    __slots__ = ("bytes", "last_bytes", "messages", "retained")

    def __init__(self) -> None:
        self.messages = self.bytes = self.retained = 0
        self.last_bytes: int | None = None


class Counter:
    """What has come for each topic."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._topics: dict[str, _Use] = {}
        self._messages = 0
        self._unlisted = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The topics."""
        return tuple(self._topics)

    def add(self, message: Publish) -> None:
        """Count a message."""
        self._messages += 1
        use = self._topics.get(message.topic)
        if use is None:
            if len(self._topics) >= MAX_TOPICS:
                self._unlisted += 1
                return
            use = self._topics[message.topic] = _Use()
        use.messages += 1
        use.bytes += len(message.payload)
        use.last_bytes = len(message.payload)
        use.retained = use.retained or int(message.retain)

    def forest(self, now: float, depth: int) -> Forest:
        """Return all topics down to ``depth`` levels; deeper ones count for their level."""
        seconds = max(now - self._started, 1e-9)
        totals: dict[tuple[str, ...], list[int]] = {}
        own: dict[tuple[str, ...], int] = {}
        for name, use in self._topics.items():
            levels = tuple(name.split("/"))
            for length in range(1, min(len(levels), depth) + 1):
                total = totals.setdefault(levels[:length], [0, 0, 0, 0])
                values = (use.messages, use.bytes, 1, use.retained)
                for index, value in enumerate(values):
                    total[index] += value
            if len(levels) <= depth and use.last_bytes is not None:
                own[levels] = use.last_bytes
        branches = tuple(
            Branch(
                topic="/".join(levels), messages=total[0],
                per_second=(total[0] - total[3]) / seconds,
                bytes=total[1], topics=total[2], retained=total[3],
                last_bytes=own.get(levels), depth=len(levels) - 1,
            )
            for levels, total in sorted(totals.items())
        )  # fmt: skip
        return Forest(
            seconds=round(seconds, 3), messages=self._messages, topics=len(self._topics),
            unlisted=self._unlisted, branches=branches,
        )  # fmt: skip


async def tree(work: Work) -> int:
    """Show the topics in use, and return 1 if --lint finds a fault. Raises Failed."""
    given = work.ctx.options.of(TreeOptions)
    filters = tuple(work.arguments["filter"]) or ("#",)
    check_filters(filters)
    counter = Counter(time.monotonic())

    def take(message: Publish) -> bool:
        counter.add(message)
        return True

    subscriptions = tuple(Subscription(filter=each) for each in filters)
    subscriber = Subscriber(work, Client(random_id(), 0), subscriptions, take)
    seconds = given.tree_seconds or (None if work.is_live else _PLAIN_SECONDS)
    live = asyncio.ensure_future(_refresh(work, counter, given.depth))
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await subscriber.run(None)
    finally:
        live.cancel()
        forest = counter.forest(time.monotonic(), given.depth)
        if work.is_live:
            work.update(forest)
        else:
            work.show(forest)
    return _judge(work, counter) if given.lint else 0


async def _refresh(work: Work, counter: Counter, depth: int) -> None:
    while work.is_live:
        await asyncio.sleep(_LIVE_SECONDS)
        work.update(counter.forest(time.monotonic(), depth))


def _judge(work: Work, counter: Counter) -> int:
    """Show what is wrong with the design of the topics."""
    hit = design(MqttFacts(topics=topics_of(counter.names)))
    if not isinstance(hit, Hit):
        return 0
    phrases = design.words.phrases["faults"]
    faults = hit.params["faults"]
    assert isinstance(faults, tuple)  # noqa: S101 - as the rule declares
    for fault in faults:
        text = phrases[str(fault)].format(**hit.params)
        work.show(Design(rule=design.id, fault=str(fault), text=text))
    return 1
