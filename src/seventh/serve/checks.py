"""Full checks that someone asks for now: few at once, and not again and again."""

from __future__ import annotations

import asyncio
import time

from seventh.engine.check import check_one
from seventh.model.report import Report
from seventh.serve.reports import Keeper
from seventh.watch import findings
from seventh.watch.checking import Checking
from seventh.watch.config import WatchedTarget

AT_ONCE = 4
PAUSE_SECONDS = 10.0
"""How long after a check of a target began the next one of it may."""


class BusyError(Exception):
    """A check that does not begin now."""


class Checks:
    """The checks that are running, and when each target had its last one."""

    def __init__(self, checking: Checking, keeper: Keeper) -> None:
        self._checking, self._keeper = checking, keeper
        self._running = 0
        self._began: dict[int, float] = {}

    async def check(self, number: int, target: WatchedTarget) -> Report:
        """Check a target and note what was found. Raises BusyError, StoreError."""
        now = time.monotonic()
        self._began = {each: at for each, at in self._began.items() if now - at < PAUSE_SECONDS}
        if number in self._began:
            raise BusyError(f"this target was checked less than {PAUSE_SECONDS:g} s ago")
        if self._running >= AT_ONCE:
            raise BusyError("too many checks at once")
        self._began[number] = now
        self._running += 1
        at_ns = time.time_ns()
        try:
            report = await check_one(target.target, target.options)
        finally:
            self._running -= 1
        await asyncio.wrap_future(self._keeper.keep(number, report))
        self._checking.note(findings.looked(number, report, at_ns))
        await self._checking.write()
        return report
