"""What a link does before it is used: delay, loss and rate of real packets, against the profile."""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import statistics
import struct
import time
from collections.abc import Iterator

import msgspec

from seventh.link.carrier import Carrier
from seventh.link.lateness import MOST_LATE_MS
from seventh.link.messages import Statistics
from seventh.link.profile import Profile
from seventh.link.way import Shape

_STAMPS = 35
"""SO_TIMESTAMPNS, whose messages have the same number."""
_HEADERS = 28
_PROBE = struct.Struct("=QQQ")
"""The phase, the number and the time of a probe."""
_DELAYS, _LOSSES, _BURST = 32, 2000, 64
_SPACING_SECONDS = 0.002
_RATE_SECONDS, _MOST_PACKETS, _LEAST_PACKETS = 0.2, 500, 10
_FASTEST_KBIT = 200_000
"""Rates beyond are not checked: this process could not send so fast."""
DELAY_MS, RATE_PERCENT = 0.5, 2.0
"""How far off a delay and a rate may be."""
_SIGMAS = 3.29
"""Of the 99.9 % interval."""
_WAIT_SECONDS = 2.0


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a link, as asked for and as measured."""

    what: str
    unit: str
    asked: float
    measured: float | None
    """None: nothing arrived."""
    ok: bool


class Arrival(msgspec.Struct, frozen=True):
    """A probe that arrived: its number, and its times in ns of the real-time clock."""

    number: int
    sent_ns: int
    at_ns: int


def validate(carrier: Carrier, profile: Profile, seed: int = 0) -> list[Check]:
    """Measure the link by probes; takes less than a second and the profile's delays."""
    client, world = carrier.probes
    checks: list[Check] = []
    with preferred():
        for name, source, target in (("up", client, world), ("down", world, client)):
            shape: Shape = getattr(profile, name)
            line = Line(carrier, name, source, target)
            checks.append(_delay(line, shape))
            if 0 < shape.rate_kbit <= _FASTEST_KBIT:
                checks.append(_rate(line, shape))
            if shape.loss_percent:
                checks.append(_loss(line, shape, seed))
    return checks


class Line:
    """Probes of one direction."""

    def __init__(
        self, carrier: Carrier, name: str, source: socket.socket, target: socket.socket
    ) -> None:
        self.name = name
        self._carrier = carrier
        self._source, self._target = source, target
        self._to = target.getsockname()
        self._phase = 0
        target.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
        target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        target.setblocking(False)

    def use(self, shape: Shape, seed: int = 0) -> None:
        """Give this direction a shape, and the other none."""
        self._phase = time.monotonic_ns()
        up, down = (shape, Shape()) if self.name == "up" else (Shape(), shape)
        self._carrier.use(Profile(name="validate", up=up, down=down), seed)

    def statistics(self) -> Statistics:
        """Return the link's own."""
        return self._carrier.statistics()

    def send(self, number: int, size: int = 0) -> None:
        """Send a probe of ``size`` bytes, headers of IP and UDP included."""
        data = _PROBE.pack(self._phase, number, time.time_ns())
        self._source.sendto(data + b"\0" * (size - _HEADERS - len(data)), self._to)

    def receive(self, count: int, seconds: float) -> list[Arrival]:
        """Return up to ``count`` probes that arrive within a time."""
        arrived: list[Arrival] = []
        deadline = time.monotonic() + seconds
        while len(arrived) < count:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._target], [], [], left)[0]:
                break
            with contextlib.suppress(BlockingIOError):
                while len(arrived) < count:
                    arrived += self._next()
        return arrived

    def _next(self) -> list[Arrival]:
        data, control, _, _ = self._target.recvmsg(2048, 64)
        phase, number, sent_ns = _PROBE.unpack_from(data)
        if phase != self._phase:  # late, of the one before
            return []
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, _STAMPS):
                seconds, nanoseconds = struct.unpack("=qq", value)
                return [Arrival(number, sent_ns, seconds * 10**9 + nanoseconds)]
        return [Arrival(number, sent_ns, time.time_ns())]


def _delay(line: Line, shape: Shape) -> Check:
    line.use(Shape(delay_ms=shape.delay_ms))
    arrived: list[Arrival] = []
    for number in range(_DELAYS):
        line.send(number)
        arrived += line.receive(_DELAYS, _SPACING_SECONDS)
    arrived += line.receive(_DELAYS - len(arrived), shape.delay_ms / 1e3 + _WAIT_SECONDS)
    delays = [(each.at_ns - each.sent_ns) / 1e6 for each in arrived]
    measured = statistics.median(delays) if delays else None
    ok = measured is not None and abs(measured - shape.delay_ms) <= DELAY_MS
    return Check(
        what=f"delay {line.name}", unit="ms", asked=shape.delay_ms, measured=_short(measured), ok=ok
    )


def _rate(line: Line, shape: Shape) -> Check:
    line.use(Shape(rate_kbit=shape.rate_kbit, queue_bytes=1_000_000_000))
    budget = shape.rate_kbit * 1000 / 8 * _RATE_SECONDS
    size = int(min(max(budget / 20, 60 + _HEADERS), 1400))
    count = int(min(max(budget / size, _LEAST_PACKETS), _MOST_PACKETS))
    for number in range(count):
        line.send(number, size)
    arrived = line.receive(count, count * size * 8 / shape.rate_kbit / 1e3 + _WAIT_SECONDS)
    measured = None
    if len(arrived) == count:
        took_ms = (arrived[-1].at_ns - arrived[0].at_ns) / 1e6
        measured = (count - 1) * size * 8 / took_ms if took_ms > 0 else None
    ok = measured is not None and abs(measured / shape.rate_kbit - 1) * 100 <= RATE_PERCENT
    return Check(
        what=f"rate {line.name}", unit="kbit/s", asked=shape.rate_kbit,
        measured=_short(measured), ok=ok,
    )  # fmt: skip


def _loss(line: Line, shape: Shape, seed: int) -> Check:
    line.use(
        Shape(
            loss_percent=shape.loss_percent, burst_packets=shape.burst_packets,
            burst_loss_percent=shape.burst_loss_percent,
        ),
        seed,
    )  # fmt: skip
    arrived = 0
    for number in range(_LOSSES):
        line.send(number)
        if number % _BURST == _BURST - 1:
            arrived += len(line.receive(_BURST, 0.0))
    sent = getattr(line.statistics(), line.name).sent
    arrived += len(line.receive(sent - arrived, _WAIT_SECONDS))
    percent = 100 * (1 - arrived / _LOSSES)
    low, high = loss_interval(shape, _LOSSES, spare=2)
    return Check(
        what=f"loss {line.name}", unit="%", asked=shape.loss_percent, measured=round(percent, 3),
        ok=low <= percent <= high,
    )  # fmt: skip


def loss_interval(
    shape: Shape, packets: int, sigmas: float = _SIGMAS, spare: int = 0
) -> tuple[float, float]:
    """Return within which percent the loss of so many packets is, by the normal approximation.

    Losses in bursts depend on each other, which widens the interval. ``spare`` packets widen it
    where so few are lost that the approximation is poor.
    """
    share, wide = shape.loss_percent / 100, 1.0
    if shape.is_bursty and shape.bad_share < 1:
        leave = 1 / shape.burst_packets
        enter = leave * shape.bad_share / (1 - shape.bad_share)
        stay = max(1 - enter - leave, 0.0)
        within = shape.burst_loss_percent / 100
        state = within**2 * shape.bad_share * (1 - shape.bad_share)
        wide = 1 + 2 * state * stay / (1 - stay) / (share * (1 - share))
    margin = sigmas * math.sqrt(share * (1 - share) * wide / packets) + spare / packets
    return 100 * (share - margin), 100 * (share + margin)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


@contextlib.contextmanager
def preferred() -> Iterator[None]:
    """Send and receive with SCHED_FIFO, where that is permitted."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def reasons(checks: list[Check], done: Statistics) -> list[str]:
    """Return why a run is invalid; empty if it is valid."""
    found = [
        f"{each.what}: {'nothing arrived' if each.measured is None else f'{each.measured:g}'} "
        f"{'' if each.measured is None else each.unit} for {each.asked:g} {each.unit}"
        for each in checks
        if not each.ok
    ]
    if done.late.p99_ms > MOST_LATE_MS:
        found.append(
            f"1 % of the packets left more than {done.late.p99_ms:.3g} ms late: the machine is busy"
        )
    if done.missed:
        found.append(f"{done.missed} packets were dropped before the link: it was not fast enough")
    if done.refused:
        found.append(f"{done.refused} packets were not taken by the system at their end")
    if not (done.up.accounted and done.down.accounted):
        found.append("not every packet is accounted for: this is a defect of Seventh")
    return found
