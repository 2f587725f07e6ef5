"""The loop of the receiver: datagrams in, batches into the store, acknowledgements after both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from seventh.net.clock import clock_error_seconds, wall_minus_monotonic_ns
from seventh.net.kernel import LINUX
from seventh.net.stopwatch import now_ns
from seventh.net.udp_listener import UdpListener
from seventh.watch.store import Store, StoreError
from seventh.watch.traps import spool
from seventh.watch.traps.intake import Intake, Pending
from seventh.watch.traps.judgement import Judgement
from seventh.watch.traps.records import Clock

MAX_AT_ONCE = 256
"""Datagrams that are read before the loop has its turn."""
GATHER_SECONDS, STORM_SECONDS = 0.02, 0.5
"""How long a batch is gathered. Senders of informs ask again after a second."""
_TICK_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_LAST_READS = 4096
Say = Callable[[str], None]


class Collector:
    """Receives until it is told to stop."""

    def __init__(self, listener: UdpListener, store: Store, intake: Intake, say: Say) -> None:
        self.intake = intake
        self.stored = asyncio.Event()
        """Set after each commit: there is something to be sent on."""
        self.received = self.records = 0
        self.lost = 0
        """Records that could not be stored at the end."""
        self._listener, self._store, self._say = listener, store, say
        self._some, self._ending = asyncio.Event(), asyncio.Event()
        self._judgement = Judgement()
        self._trouble = ""
        self._dropped = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until ``stop`` is set; then store what has arrived, and acknowledge it."""
        loop = asyncio.get_running_loop()
        self._tick()
        self.intake.add("started", time.time_ns())
        self._some.set()
        storing = asyncio.create_task(self._store_often())
        ticking = asyncio.create_task(self._tick_often())
        stopping = asyncio.create_task(stop.wait())
        loop.add_reader(self._listener.fileno(), self._read)
        try:
            await asyncio.wait([stopping, storing, ticking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            loop.remove_reader(self._listener.fileno())
            ticking.cancel()
            for _ in range(_LAST_READS // MAX_AT_ONCE):
                self._read()
            self._tick()
            self._ending.set()
            self._some.set()
            await storing
        if ticking.done() and not ticking.cancelled():
            ticking.result()

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel had no place for."""
        return self._listener.dropped

    def _read(self) -> None:
        found = self._listener.receive(MAX_AT_ONCE)
        if not found:
            return
        distance_ns = wall_minus_monotonic_ns()
        for each in found:
            report = self.intake.take(each.data, each.origin, each.at.ns, each.at.ns + distance_ns)
            if report is not None:
                self._listener.send(report, each.origin)
        self.received += len(found)
        self._some.set()

    async def _store_often(self) -> None:
        ending = False
        while not ending:
            await self._some.wait()
            storming = self.intake.senders.storming()
            await self._pause(STORM_SECONDS if storming else GATHER_SECONDS)
            self._some.clear()
            ending = self._ending.is_set()  # what arrived before this is in this last batch
            pending = self.intake.finish() if ending else self.intake.flush()
            if pending is not None and not await self._keep(pending):
                return

    async def _keep(self, pending: Pending) -> bool:
        """Store a batch, and then acknowledge what is in it; False where the end comes first."""
        moved, self.intake.receiver.moved = self.intake.receiver.moved, {}
        while True:
            at_ns, wall_ns = now_ns(), time.time_ns()
            job = self._store.run(
                lambda database: spool.append(database, pending.parts, moved, at_ns, wall_ns)  # noqa: B023
            )
            try:
                await asyncio.wrap_future(job)
                break
            except StoreError as error:
                if not self._trouble:
                    self._say(f"nothing can be stored, and nothing is acknowledged: {error}")
                self._trouble = str(error)
            if self._ending.is_set():
                self.lost += pending.records
                return False
            await self._pause(_RETRY_SECONDS)
        if self._trouble:
            self._say("no longer without a store")
            self._trouble = ""
        self.records += pending.records
        self.intake.stored_bytes += pending.bytes
        self.stored.set()
        for index, (answer, origin) in enumerate(pending.answers, 1):
            self._listener.send(answer, origin)
            if index % MAX_AT_ONCE == 0:
                await asyncio.sleep(0)
        return True

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    async def _tick_often(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._tick()
            self._some.set()

    def _tick(self) -> None:
        """Look at our clock, at the senders, and at what was lost."""
        error = clock_error_seconds()
        known = LINUX or None
        self.intake.clock = Clock(
            synchronised=error is not None if known else None, error_seconds=error
        )
        at_ns, wall_ns = now_ns(), time.time_ns()
        self.intake.tick(at_ns)
        active, self.intake.active = self.intake.active, {}
        for sender in active.values():
            for finding, evidence in self._judgement.judge(sender):
                self.intake.add(
                    "finding", wall_ns, source=sender.address, rule=finding.id,
                    severity=finding.severity, evidence=evidence,
                )  # fmt: skip
        dropped = self._listener.dropped + self.intake.dropped
        if dropped > self._dropped:
            lost, self._dropped = dropped - self._dropped, dropped
            self.intake.add(
                "dropped", wall_ns, detail=f"{lost} datagrams lost: no place to keep them"
            )
