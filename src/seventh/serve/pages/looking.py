"""What pages show of a watcher: its rows, the last changes, and what is wrong with this process."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterable, Iterator

import msgspec

from seventh.serve.latest import Latest
from seventh.serve.pages.fleet import Row, cell_of, loss_of, shown_of
from seventh.watch.config import WatchedTarget
from seventh.watch.heartbeats import Heartbeat
from seventh.watch.run import Watcher
from seventh.watch.samples import Pulse
from seventh.watch.verdict import Condition, State

EXPIRY = "seventh_cert_expiry_timestamp_seconds"
_UNKNOWN = State()


class Expiry(msgspec.Struct, frozen=True):
    """When the certificates of a target expire."""

    number: int
    name: str
    at_s: float


def rows(watcher: Watcher, numbers: Iterable[int] | None = None) -> Iterator[Row]:
    """Yield what is shown of the targets and jobs that are watched, or of some of them."""
    if numbers is None:
        for number, each in watcher.watched():
            yield _row(watcher, number, each)
        return
    for number in numbers:
        found = watcher.targets.get(number) or watcher.heartbeats.get(number)
        if found is not None:
            yield _row(watcher, number, found)


def _row(watcher: Watcher, number: int, each: WatchedTarget | Heartbeat) -> Row:
    state = watcher.fleet.states.get(number, _UNKNOWN)
    last = watcher.last.get(number)
    shown = shown_of(state)
    good = last is not None and last.cause is None
    total_ns = sum(ns for _, ns in last.phases) if last is not None and good else None
    return Row(
        number=number, name=each.name, labels=each.labels, shown=shown, since_ns=state.since_ns,
        total_ns=total_ns, loss=loss_of(state), cell=cell_of(shown, total_ns),
        cause=last.cause if last is not None else None,
        hold=watcher.fleet.holds.get((number, Condition.DOWN, "")),
    )  # fmt: skip


class Changes:
    """Which targets had a pulse, or another condition, since the last look."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._known: dict[int, tuple[Pulse | None, State | None]] = {}

    def __call__(self) -> Iterator[Row]:
        """Yield the rows of those that did."""
        watcher, before = self._watcher, self._known
        self._known = {
            number: (watcher.last.get(number), watcher.fleet.states.get(number))
            for number in (*watcher.targets, *watcher.heartbeats)
        }
        nothing = (None, None)
        changed = [
            number
            for number, now in self._known.items()
            if now[0] is not (then := before.get(number, nothing))[0] or now[1] is not then[1]
        ]
        return rows(watcher, changed)


def expiries(watcher: Watcher, latest: Latest) -> list[Expiry]:
    """Return when certificates expire, the next one first."""
    found = [
        Expiry(number, target.name, sample.value)
        for number, target in watcher.targets.items()
        for sample in latest.samples(number)
        if sample.name == EXPIRY and not sample.labels
    ]
    return sorted(found, key=lambda each: (each.at_s, each.name))


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """This process, in numbers."""

    memory_bytes: int
    """The most that it ever had."""
    cpu_seconds: float
    turned_seconds: float
    """Since when slots were last looked at."""
    alerted_seconds: float
    """Since when alerts were last looked at."""


def own(watcher: Watcher) -> Own:
    """Return what this process takes."""
    usage, now = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    unit = 1 if sys.platform == "darwin" else 1024
    return Own(
        memory_bytes=usage.ru_maxrss * unit, cpu_seconds=usage.ru_utime + usage.ru_stime,
        turned_seconds=now - watcher.turned, alerted_seconds=now - watcher.alerting.looked,
    )  # fmt: skip
