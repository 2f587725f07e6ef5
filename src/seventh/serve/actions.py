"""What a person does: acknowledge, silence, check now. The API and the pages call the same."""

from __future__ import annotations

import asyncio
import time

from msgspec.structs import replace

from seventh.model.report import Report
from seventh.serve.checks import Checks
from seventh.watch import outbox, records
from seventh.watch.config import WatchedTarget
from seventh.watch.records import Silence
from seventh.watch.store import Store


class Actions:
    """The actions upon one store. All raise StoreError."""

    def __init__(self, store: Store, checks: Checks) -> None:
        self._store, self._checks = store, checks

    async def check(self, number: int, target: WatchedTarget) -> Report:
        """Run the full check of a target; raises BusyError."""
        return await self._checks.check(number, target)

    async def acknowledge(self, incident: int, by: str) -> bool:
        """Note who takes care of an incident; return whether it is firing."""
        now_ns = time.time_ns()
        return await asyncio.wrap_future(
            self._store.run(lambda database: outbox.acknowledge(database, incident, by, now_ns))
        )

    async def silences(self) -> dict[int, Silence]:
        """Return the silences that are not over."""
        now_ns = time.time_ns()
        return await asyncio.wrap_future(
            self._store.run(lambda database: records.silences(database, now_ns))
        )

    async def silence(
        self, match: dict[str, str], seconds: float, by: str, why: str
    ) -> tuple[int, Silence]:
        """Add a silence from now on; it applies within a second."""
        now_ns = time.time_ns()
        silence = Silence(
            match=match, from_ns=now_ns, until_ns=now_ns + round(seconds * 1e9), by=by, why=why
        )
        number = await asyncio.wrap_future(
            self._store.run(lambda database: records.add_silence(database, silence))
        )
        return number, silence

    async def end_silence(self, number: int) -> Silence | None:
        """End a silence now; None if no silence has this number."""
        now_ns = time.time_ns()
        known = (await self.silences()).get(number)
        if known is not None:
            await asyncio.wrap_future(
                self._store.run(lambda database: records.end_silence(database, number, now_ns))
            )
            return replace(known, until_ns=now_ns)
        return None
