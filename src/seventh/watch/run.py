"""The loop: pulses when they are due, verdicts as they end, and commits behind both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator

from seventh.engine.check import prepare, pulse_one
from seventh.engine.descriptors import fitting
from seventh.engine.lateness import Lateness
from seventh.model.report import Report
from seventh.net.clock import wall_minus_monotonic_ns
from seventh.watch import records
from seventh.watch.alerting import Alerting
from seventh.watch.checking import Checking
from seventh.watch.config import Config, WatchedTarget
from seventh.watch.findings import Drift
from seventh.watch.fleet import Fleet, Seen
from seventh.watch.health import Health
from seventh.watch.heartbeats import Heartbeat, heartbeats, overdue, restore, take
from seventh.watch.history.keeper import keep
from seventh.watch.local import look_here
from seventh.watch.members import members
from seventh.watch.objectives import Objectives, stored
from seventh.watch.parts import report as report_error
from seventh.watch.policies import matches
from seventh.watch.records import Batch, Silence
from seventh.watch.samples import Cause, Pulse, pulse_of
from seventh.watch.schedule import Schedule, Slot, phase_ns
from seventh.watch.series import SeriesOfTargets
from seventh.watch.store import Store, StoreError
from seventh.watch.verdict import State

_COMMIT_SECONDS = 0.25
_RETRY_SECONDS = 1.0
_TICK_SECONDS = 1.0
_SNAPSHOT_SECONDS = 120.0
_MAX_WAITING = 100_000
"""Pulses that are kept in memory while nothing can be stored."""
_JUMP_NS = 500_000_000
"""A change of the wall clock against the monotonic one that was set, and not steered."""

Changed = Callable[["Watcher", Seen], None]
"""Called after each pulse with what it led to."""
Reported = Callable[[int, Report], None]
"""Called with a target's number and the whole report of its pulse, or of its full check."""
Taken = Callable[[Pulse], None]
"""Called with each pulse, those of the journal too."""


class Watcher:
    """What is watched, by number, and the state of all of it."""

    def __init__(
        self, store: Store, config: Config, changed: Changed, reported: Reported | None = None,
        reported_check: Reported | None = None, *, taken: Taken | None = None,
    ) -> None:  # fmt: skip
        """Watch nothing yet."""
        self.config = config
        self.targets: dict[int, WatchedTarget] = {}
        self.heartbeats: dict[int, Heartbeat] = {}
        """Jobs that report here, by number; none of them is a target."""
        self.last: dict[int, Pulse] = {}
        """The last pulse of each target."""
        self.health = Health()
        self.fleet = Fleet([])
        self.ready = asyncio.Event()
        """Set when what is stored has been replayed, and pulses run."""
        self._store = store
        self._changed = changed
        self._reported = reported
        self.reported_check = reported_check
        self._taken = taken
        self._schedule = Schedule()
        self._silences: dict[int, Silence] = {}
        self._lateness = Lateness()
        self._running: set[asyncio.Task[None]] = set()
        self._wake, self._ending = asyncio.Event(), asyncio.Event()
        self.alerting, self.series = Alerting(store, self), SeriesOfTargets(store, self)
        self.checking = Checking(store, self, self._drifted)
        self.objectives = Objectives(store, self, self.alerting.look)
        self._pulses: list[Pulse] = []
        self._seen = Seen()
        self._snapshot_due = 0.0
        self.turned = time.monotonic()
        """When slots were last looked at, by the monotonic clock."""
        self._parallel = 1

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until ``stop`` is set, and then store what has ended."""
        await self._begin()
        self.ready.set()
        committing = asyncio.create_task(self._commit_often())
        parts = (
            self._lateness.watch(), self._tick(), self._wake_at(stop), self.alerting.run(),
            self.checking.run(), self.series.run(), keep(self._store, self.health),
            self.objectives.run(),
        )  # fmt: skip
        others = [asyncio.create_task(each) for each in parts]
        for task in others:
            task.add_done_callback(report_error)
        try:
            await self._pulse_when_due(stop)
        finally:
            for task in [*others, *self._running]:
                task.cancel()
            await asyncio.gather(*others, *self._running, return_exceptions=True)
            self._ending.set()  # a commit that has begun must not be cancelled, nor begun twice
            await committing
            with contextlib.suppress(StoreError):
                await self.checking.write()
                await self.series.write()

    async def reload(self, config: Config) -> None:
        """Watch what ``config`` says; targets that are the same are not touched.

        Raises UsageError or StoreError, and then nothing has changed.
        """
        self._prepare(config)
        now_ns = time.time_ns()
        jobs = heartbeats(
            config.heartbeats, {each.name: each for each in self.heartbeats.values()}, now_ns
        )
        numbers = await self._numbers(config, jobs)
        self.config = config
        targets = {numbers[each.name]: each for each in config.targets}
        for number in self.targets.keys() - targets.keys():
            self._schedule.remove(number)
        for number in self.last.keys() - numbers.values():
            del self.last[number]
        self.targets = targets
        self.heartbeats = {numbers[each.name]: each for each in jobs}
        self.objectives.adopt(numbers)
        self._note(
            self.fleet.reload(
                members(self.targets.values(), self.heartbeats.values(), numbers), now_ns
            )
        )
        self._plan(now_ns)
        self.checking.plan(now_ns)
        self.alerting.look()
        self._wake.set()

    async def _begin(self) -> None:
        """Find what is stored, replay it, and compare it with the configuration."""
        self._prepare(self.config)
        jobs = heartbeats(self.config.heartbeats, {}, time.time_ns())
        numbers = await self._numbers(self.config, jobs)
        self.targets = {numbers[each.name]: each for each in self.config.targets}
        self.heartbeats = {numbers[each.name]: each for each in jobs}
        self.objectives.adopt(numbers)
        found = await asyncio.wrap_future(self._store.run(records.stored))
        now_ns = time.time_ns()
        await self._read_silences()
        self.fleet = Fleet(
            members(self.targets.values(), self.heartbeats.values(), numbers),
            found.snapshot,
            silenced=self.silenced,
        )
        self.health.damaged = found.damaged
        await self._replay(found.seq)
        for number, job in self.heartbeats.items():
            restore(job, self.fleet.states.get(number, State()))
        self._note(self.fleet.begin(found.firing, now_ns))
        self._plan(now_ns)
        await self.checking.begin(now_ns)
        await self.series.begin()

    async def _replay(self, seq: int) -> None:
        """Take the pulses of the journal after ``seq``, which led to what is already stored."""
        while True:
            after = self._store.run(lambda database: records.journal_after(database, seq))  # noqa: B023
            part = await asyncio.wrap_future(after)
            if part is None:
                return
            seq = part.seq
            self.health.damaged += part.damaged
            for pulse in part.pulses:
                self.fleet.observe(pulse)
                if self.name(pulse.target) is not None:
                    self.last[pulse.target] = pulse
                    if self._taken is not None:
                        self._taken(pulse)

    def _prepare(self, config: Config) -> None:
        """Read what the options need, and see how many pulses may run at once."""
        jobs = [(each.target, each.options) for each in config.targets if not each.is_local]
        prepare(jobs)
        self._parallel, _ = fitting(jobs, config.watch.parallel)

    async def _numbers(self, config: Config, jobs: Iterable[Heartbeat]) -> dict[str, int]:
        now_ns = time.time_ns()
        every = [*config.targets, *(each.stored() for each in jobs), *stored(config.slos)]
        return await asyncio.wrap_future(
            self._store.run(lambda database: records.register(database, every, now_ns))
        )

    def name(self, number: int) -> str | None:
        """Return the name of a target or a job; None for one that is not watched."""
        found = self.targets.get(number) or self.heartbeats.get(number)
        return found.name if found is not None else None

    def watched(self) -> Iterator[tuple[int, WatchedTarget | Heartbeat]]:
        """Yield the targets, then the jobs, by number."""
        yield from [*self.targets.items()]
        yield from [*self.heartbeats.items()]

    def checked(self, number: int, report: Report, at_ns: int) -> None:
        """Take the report of a full check."""
        if (target := self.targets.get(number)) is not None:
            self.series.observe(number, target, report, at_ns, whole=True)
            if self.reported_check is not None:
                self.reported_check(number, report)

    def report_heartbeat(self, name: str, cause: Cause | None) -> bool:
        """Take the report of a job; ``cause`` if it failed. Return whether there is such a job."""
        for number, each in self.heartbeats.items():
            if each.name == name:
                self._take(Pulse(target=number, at_ns=time.time_ns(), cause=cause))
                return True
        return False

    def _plan(self, now_ns: int) -> None:
        for number, each in self.targets.items():
            self._schedule.put(
                number, phase_ns(each.name, "", each.every_ns), each.every_ns, now_ns
            )

    def silenced(self, number: int, at_ns: int) -> bool:
        """Return whether a target is silenced, or in maintenance, at a time."""
        if self.maintenance_of(number, at_ns):
            return True
        job = self.heartbeats.get(number) or self.objectives.by_number.get(number)
        target = self.targets.get(number) or job
        return target is not None and any(
            each.from_ns <= at_ns < each.until_ns
            and matches(each.match, target.labels | {"target": target.name})
            for each in self._silences.values()
        )

    def maintenance_of(self, number: int, at_ns: int) -> list[str]:
        """Return the names of the maintenance that a target is in at a time."""
        target = self.targets.get(number) or self.heartbeats.get(number)
        if target is None or not self.config.maintenance:
            return []
        labels = target.labels | {"target": target.name}
        return [each.name for each in self.config.maintenance if each.covers(labels, at_ns)]

    async def _pulse_when_due(self, stop: asyncio.Event) -> None:
        distance_ns = wall_minus_monotonic_ns()
        while not stop.is_set():
            self.turned = time.monotonic()
            self._wake.clear()
            before_ns, distance_ns = distance_ns, wall_minus_monotonic_ns()
            now_ns = time.time_ns()
            if abs(distance_ns - before_ns) > _JUMP_NS:
                self._schedule.jumped(now_ns)
                self.checking.jumped(now_ns)
            for slot in self._schedule.due(now_ns, self._free()):
                task = asyncio.create_task(self._pulse(slot))
                self._running.add(task)
                task.add_done_callback(self._ended)
            next_ns = self._schedule.next_ns() if self._free() else None
            # Not longer than a second, for the clock may be set meanwhile.
            wait = _TICK_SECONDS if next_ns is None else (next_ns - time.time_ns()) / 1e9
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait, 0), _TICK_SECONDS)):
                    await self._wake.wait()

    def _free(self) -> int:
        """Return how many more pulses may run."""
        return max(0, self._parallel - len(self._running))

    @property
    def is_busy(self) -> bool:
        """Whether no more pulses may run."""
        return not self._free()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _pulse(self, slot: Slot) -> None:
        each = self.targets[slot.target]
        at_ns = time.time_ns()
        self.health.began(slot, at_ns)
        try:
            if each.is_local:
                report = await look_here(each)
            else:
                report = await pulse_one(each.target, each.options, lateness=self._lateness)
        finally:
            self._schedule.ended(slot.target)
        if (task := asyncio.current_task()) is not None and task.cancelling():
            return  # it was not the target that ended it
        if self.targets.get(slot.target) is None:
            return
        pulse = pulse_of(report, slot.target, at_ns, at_ns - slot.at_ns)
        if self._reported is not None:
            self._reported(slot.target, report)
        if each.is_local:
            await self.checking.note_look(slot.target, report, at_ns)
        else:
            self.series.observe(slot.target, each, report, at_ns, whole=False)
        self._take(pulse)

    def _take(self, pulse: Pulse) -> None:
        self.last[pulse.target] = pulse
        self._pulses.append(pulse)
        if self._taken is not None:
            self._taken(pulse)
        if (job := self.heartbeats.get(pulse.target)) is not None:
            take(job, pulse)
        self._note(self.fleet.observe(pulse))
        self.alerting.observe(pulse)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not self._free():
            self._wake.set()
        self._running.discard(task)
        report_error(task)

    def _drifted(self, drift: list[Drift]) -> None:
        """Show findings that are new or gone, and look whether they are alerts."""
        self._changed(self, Seen(drift=drift))
        self.alerting.look()

    def _note(self, seen: Seen) -> None:
        self._seen.log += seen.log
        self._changed(self, seen)

    async def _read_silences(self) -> None:
        """Read the silences: another process may have added or ended one."""
        now_ns = time.time_ns()
        self._silences = await asyncio.wrap_future(
            self._store.run(lambda database: records.silences(database, now_ns))
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            with contextlib.suppress(StoreError):
                await self._read_silences()
            for pulse in overdue(self.heartbeats, time.time_ns()):
                self._take(pulse)
            self._note(self.fleet.expire(time.time_ns()))

    async def _commit_often(self) -> None:
        """Store what has ended; what cannot be stored now is tried again, as a whole.

        At the end everything is tried once more.
        """
        ending = False
        while not ending:
            await self._pause(_COMMIT_SECONDS)
            ending = self._ending.is_set()  # what ended before this is in this last batch
            batch = self._batch()
            while batch is not None and not await self._store_batch(batch):
                if self._ending.is_set():
                    return
                await self._pause(_RETRY_SECONDS)
                self._drop_oldest()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    def _batch(self) -> Batch | None:
        """Return what is to be stored, and forget it; None if there is nothing."""
        now = time.monotonic()
        snapshot = None
        if self._ending.is_set() or now >= self._snapshot_due:
            snapshot, self._snapshot_due = self.fleet.snapshot(), now + _SNAPSHOT_SECONDS
        if not (self._pulses or self._seen.log or snapshot):
            return None
        batch = Batch(pulses=self._pulses, seen=self._seen, snapshot=snapshot)
        self._pulses, self._seen = [], Seen()
        return batch

    async def _store_batch(self, batch: Batch) -> bool:
        """Return whether the batch is stored."""
        write = self._store.run(lambda database: records.write(database, batch))
        try:
            await asyncio.wrap_future(write)
        except StoreError as error:
            self.health.store = str(error)
        else:
            self.health.store = ""
            if batch.seen.log:
                self.alerting.look()
        return not self.health.store

    def _drop_oldest(self) -> None:
        surplus = len(self._pulses) - _MAX_WAITING
        if surplus > 0:
            del self._pulses[:surplus]
            self.health.dropped += surplus
