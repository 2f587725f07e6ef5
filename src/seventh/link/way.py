"""One direction of a link: packets in, departures out. Pure: times are passed in.

A packet passes, in this order, the outage, the MTU, the queue of the bottleneck, the loss, and the
delay. A lost packet has used its share of the rate, as on a radio or a wire.
"""

from __future__ import annotations

import enum
import heapq
import random
from typing import Annotated

import msgspec
from msgspec import Meta

MS = 1_000_000
"""Nanoseconds in a millisecond."""
Percent = Annotated[float, Meta(ge=0, le=100)]
Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]
NEVER = 1 << 62
"""A time that does not come."""


class Cause(enum.StrEnum):
    """Why a packet was dropped."""

    OUTAGE = "outage"
    FILTER = "filter"
    MTU = "mtu"
    NAT = "nat"
    QUEUE = "queue"
    LOSS = "loss"


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What one direction does to packets."""

    delay_ms: Milliseconds = 0.0
    """One-way delay."""
    jitter_ms: Milliseconds = 0.0
    """The delay of each packet varies by up to this, evenly; it never gets below zero."""
    reorder: bool = False
    """Whether jitter may change the order of packets."""
    loss_percent: Annotated[float, Meta(ge=0, le=99)] = 0.0
    """Mean loss."""
    burst_packets: Annotated[float, Meta(ge=1, le=10_000)] = 1.0
    """Mean length of a bad state in packets (Gilbert-Elliott); 1: losses are independent."""
    burst_loss_percent: Annotated[float, Meta(gt=0, le=100)] = 100.0
    """Loss within a bad state."""
    duplicate_percent: Percent = 0.0
    rate_kbit: Annotated[float, Meta(ge=0, le=100_000_000)] = 0.0
    """Rate of the bottleneck in kbit/s, headers of IP included; 0: no limit."""
    queue_bytes: Annotated[int, Meta(ge=1500, le=1_000_000_000)] = 150_000
    """What waits for the bottleneck at most; what comes then is dropped (drop-tail)."""
    mtu: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """Longer packets are dropped, and no ICMP says so; 0: no limit."""

    @property
    def straight(self) -> bool:
        """Whether packets only pass."""
        return self == Shape(queue_bytes=self.queue_bytes)

    @property
    def bad_share(self) -> float:
        """The share of packets, 0 to 1, that meet a bad state."""
        return min(self.loss_percent / self.burst_loss_percent, 1.0)

    @property
    def is_bursty(self) -> bool:
        """Whether losses depend on each other."""
        return self.burst_packets > 1


class Counts(msgspec.Struct):
    """What has become of the packets of one direction; bytes are those of IP and above."""

    packets: int = 0
    """That came in."""
    bytes: int = 0
    sent: int = 0
    """That left, duplicates included."""
    sent_bytes: int = 0
    duplicates: int = 0
    queued: int = 0
    """That wait for the rate or the delay."""
    dropped: dict[Cause, int] = {}

    @property
    def accounted(self) -> bool:
        """Whether each packet was sent, dropped or is queued."""
        lost = sum(self.dropped.values())
        return self.packets + self.duplicates == self.sent + self.queued + lost


class Radio:
    """A radio that both directions share: the first packet after a pause waits for it."""

    def __init__(self, wake_ms: float = 0.0, tail_seconds: float = 0.0) -> None:
        self._wake_ns = round(wake_ms * MS)
        self._tail_ns = round(tail_seconds * 1000 * MS)
        self._last_ns = -NEVER
        self._ready_ns = 0
        self.wakes = 0
        """How often it was woken."""

    def ready_ns(self, now_ns: int) -> int:
        """Return when a packet that comes now can be sent."""
        if self._wake_ns and now_ns - self._last_ns > self._tail_ns:
            self.wakes += 1
            self._ready_ns = now_ns + self._wake_ns
        self._last_ns = max(self._ready_ns, now_ns)
        return max(self._ready_ns, now_ns)


class Losses:
    """Bernoulli or Gilbert-Elliott losses: one decision for each packet, in their order."""

    def __init__(self, shape: Shape, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._bad = False
        self.reshape(shape)

    def reshape(self, shape: Shape) -> None:
        """Change the parameters; the state stays."""
        bad = shape.bad_share
        self._leave = 1 / shape.burst_packets
        self._enter = min(self._leave * bad / (1 - bad), 1.0) if bad < 1 else 1.0
        self._within = shape.burst_loss_percent / 100
        self._bursty = shape.is_bursty
        self._share = shape.loss_percent / 100

    def lost(self) -> bool:
        """Return whether the next packet is lost."""
        draw = self._random.random
        if not self._bursty:
            return draw() < self._share
        if draw() < (self._leave if self._bad else self._enter):
            self._bad = not self._bad
        return self._bad and draw() < self._within


class Way:
    """A queue of packets with their departures."""

    def __init__(self, shape: Shape, seed: str = "0", radio: Radio | None = None) -> None:
        self.counts = Counts()
        self.is_down = False
        """Whether there is an outage: what comes is dropped, what is under way arrives."""
        self._radio = radio
        self._jitter = random.Random(f"{seed} jitter")  # noqa: S311 - no secret
        self._twins = random.Random(f"{seed} duplicates")  # noqa: S311 - no secret
        self._losses = Losses(shape, f"{seed} losses")
        self._heap: list[tuple[int, int, bytes]] = []
        self._number = 0
        self._free_ns = 0.0
        """When the bottleneck has sent all that waits."""
        self._last_ns = 0
        self.reshape(shape)

    def reshape(self, shape: Shape) -> None:
        """Change the parameters; what is queued keeps its departure."""
        self.shape = shape
        self.straight = shape.straight and self._radio is None
        """Whether a packet may pass without :meth:`put`, as long as nothing is queued."""
        self._losses.reshape(shape)
        self._ns_per_byte = 8 * MS / shape.rate_kbit if shape.rate_kbit else 0.0
        self._delay_ns, self._jitter_ns = shape.delay_ms * MS, shape.jitter_ms * MS

    @property
    def next_ns(self) -> int:
        """The next departure; NEVER if nothing is queued."""
        return self._heap[0][0] if self._heap else NEVER

    def put(self, packet: bytes, now_ns: int) -> Cause | None:
        """Take a packet; return why it is dropped, or None."""
        size = len(packet)
        counts, shape = self.counts, self.shape
        counts.packets += 1
        counts.bytes += size
        if self.is_down:
            return self.drop(Cause.OUTAGE)
        if shape.mtu and size > shape.mtu:
            return self.drop(Cause.MTU)
        ready = now_ns if self._radio is None else self._radio.ready_ns(now_ns)
        out: float = ready
        if self._ns_per_byte:
            out = max(out, self._free_ns)
            if out > ready and (out - ready) / self._ns_per_byte + size > shape.queue_bytes:
                return self.drop(Cause.QUEUE)
            out += size * self._ns_per_byte
            self._free_ns = out
        if shape.loss_percent and self._losses.lost():
            return self.drop(Cause.LOSS)
        out += self._delay_ns
        if self._jitter_ns:
            out += max(self._jitter.uniform(-self._jitter_ns, self._jitter_ns), -self._delay_ns)
        self._queue(packet, round(out))
        if shape.duplicate_percent and self._twins.random() * 100 < shape.duplicate_percent:
            counts.duplicates += 1
            self._queue(packet, round(out))
        return None

    def _queue(self, packet: bytes, out_ns: int) -> None:
        if not self.shape.reorder:
            self._last_ns = out_ns = max(out_ns, self._last_ns)
        self._number += 1
        self.counts.queued += 1
        heapq.heappush(self._heap, (out_ns, self._number, packet))

    def drop(self, cause: Cause) -> Cause:
        """Count a packet that is dropped."""
        self.counts.dropped[cause] = self.counts.dropped.get(cause, 0) + 1
        return cause

    def due(self, now_ns: int) -> list[tuple[int, bytes]]:
        """Return what leaves until ``now_ns``, each with its departure, in their order."""
        heap, counts = self._heap, self.counts
        out: list[tuple[int, bytes]] = []
        while heap and heap[0][0] <= now_ns:
            out_ns, _, packet = heapq.heappop(heap)
            counts.sent_bytes += len(packet)
            out.append((out_ns, packet))
        counts.sent += len(out)
        counts.queued -= len(out)
        return out

    def passed(self, packets: int, size: int) -> None:
        """Count packets that passed a straight way without :meth:`put`."""
        counts = self.counts
        counts.packets += packets
        counts.sent += packets
        counts.bytes += size
        counts.sent_bytes += size
