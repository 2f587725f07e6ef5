"""Full checks that are due: few at once, behind the pulses; and what all full checks found."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from seventh.engine.check import check_one
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.watch import findings, local
from seventh.watch.config import WatchedTarget
from seventh.watch.findings import Drift, Looked
from seventh.watch.health import Health
from seventh.watch.schedule import Checkups, phase_ns
from seventh.watch.store import Store, StoreError

AT_ONCE = 4
A_MINUTE = 30
SETTLE_SECONDS = 60.0
"""How long after the start, or after sleep, checks that were missed begin: pulses go first."""
PASS_SECONDS = 1.0
_MOST_WAITING = 10_000
"""Results that are kept in memory while nothing can be stored."""

Found = Callable[[list[Drift]], None]
"""Called with the findings that are new or gone, when that is stored."""


class Watching(Protocol):
    """What is watched, as far as checks need it."""

    targets: dict[int, WatchedTarget]
    health: Health

    def checked(self, number: int, report: Report, at_ns: int) -> None:
        """Take the report of a full check."""

    @property
    def is_busy(self) -> bool:
        """Whether there is no room for another pulse."""


class Checking:
    """The schedule of full checks, those that are running, and results that are to be stored."""

    def __init__(self, store: Store, watching: Watching, found: Found) -> None:
        self._store, self._watching, self._found = store, watching, found
        self._due = Checkups(round(SETTLE_SECONDS * 1e9))
        self._running: set[asyncio.Task[None]] = set()
        self._started: deque[float] = deque()
        self._waiting: deque[Looked] = deque(maxlen=_MOST_WAITING)
        self._last: dict[int, int] = {}
        self._writing = asyncio.Lock()

    async def begin(self, now_ns: int) -> None:
        """Read when each target was last checked, and plan. Raises StoreError."""
        self._last = await asyncio.wrap_future(self._store.run(findings.checked))
        self.plan(now_ns)

    def plan(self, now_ns: int) -> None:
        """Plan for what is watched now; what is the same is not touched."""
        wanted = {n: each for n, each in self._watching.targets.items() if each.check_every_ns}
        self._due.keep(set(wanted))
        for number, each in wanted.items():
            every_ns = each.check_every_ns
            phase = phase_ns(each.name, "check", every_ns)
            self._due.put(number, phase, every_ns, now_ns, self._last.get(number, 0))

    def jumped(self, now_ns: int) -> None:
        """Plan again after the wall clock was set or the machine slept."""
        self._due.jumped(now_ns)

    def note(self, look: Looked) -> None:
        """Have stored what a look found."""
        self._waiting.append(look)

    async def note_look(self, number: int, report: Report, at_ns: int) -> None:
        """Note what a look at this machine found, and store its samples."""
        self.note(findings.looked(number, report, at_ns))
        with contextlib.suppress(StoreError):  # health has it
            await asyncio.wrap_future(self._store.run(
                lambda database: local.note_samples(database, number, at_ns, report.metrics)
            ))  # fmt: skip

    async def run(self) -> None:
        """Check what is due and store what is found, until this is cancelled."""
        try:
            while True:
                self._start(time.time_ns())
                with contextlib.suppress(StoreError):  # tried again
                    await self.write()
                await asyncio.sleep(PASS_SECONDS)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def write(self) -> None:
        """Store what was found. Raises StoreError, and keeps what was not stored."""
        async with self._writing:
            while self._waiting:
                look = self._waiting[0]
                alerted = self._alerted(look.target)
                drift = await asyncio.wrap_future(self._store.run(
                    lambda database: findings.note(database, look, alerted)  # noqa: B023
                ))  # fmt: skip
                if self._waiting[0] is look:  # else there was no more memory for it
                    self._waiting.popleft()
                if drift:
                    self._found(drift)

    def _alerted(self, number: int) -> Severity | None:
        target = self._watching.targets.get(number)
        return target.policy.findings if target is not None else None

    def _start(self, now_ns: int) -> None:
        if self._watching.is_busy or self._watching.health.overloaded(now_ns):
            return
        while self._started and self._started[0] <= time.monotonic() - 60:
            self._started.popleft()
        free = min(AT_ONCE - len(self._running), A_MINUTE - len(self._started))
        for number in self._due.due(now_ns, free):
            self._started.append(time.monotonic())
            task = asyncio.create_task(self._check(number, self._watching.targets[number]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _check(self, number: int, target: WatchedTarget) -> None:
        at_ns = time.time_ns()
        options = target.options.replace(timeout_seconds=target.check_seconds)
        report = await check_one(target.target, options)
        if self._watching.targets.get(number) is None:
            return
        look = findings.looked(number, report, at_ns, due=True)
        self._due.ended(number, at_ns, time.time_ns(), complete=look.complete)
        if look.complete:
            self._last[number] = at_ns
        self.note(look)
        self._watching.checked(number, report, at_ns)
