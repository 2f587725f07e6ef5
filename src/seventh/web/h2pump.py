"""The I/O of an HTTP/2 connection: one waiting task reads for all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.web.h2wire import H2Wire


class Pump:
    """A stream and its wire."""

    __slots__ = ("_reading", "_sending", "_tasks", "_waiters", "stream", "wire")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.wire = H2Wire()
        self._reading = False
        self._sending = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def flush(self) -> Mark | None:
        """Send what is queued; None if there is nothing or another task sends it."""
        if self._sending:
            return None
        first: Mark | None = None
        self._sending = True
        try:
            while out := self.wire.h2.data_to_send():
                mark = await self.stream.send(out)
                first = first or mark
        except Failed as failed:
            if failed.reason is not Reason.PEER_RESET:
                self.wire.fail(failed)
                raise
            # The peer may have sent a reason before the reset, which is read first.
        finally:
            self._sending = False
        return first

    def flush_soon(self) -> None:
        """Send what is queued in a task, for callers that cannot wait."""
        if self.wire.failed is not None or self._sending:
            return
        task = asyncio.get_running_loop().create_task(self._flush_quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_quietly(self) -> None:
        with contextlib.suppress(Failed):
            await self.flush()

    async def wait(self, ready: Callable[[], bool], deadline_ns: int | None, what: str) -> None:
        """Read until ``ready``. Raises Failed if the connection ends or the deadline passes first.

        ``deadline_ns`` fails only this caller.
        """
        until = self.stream.budget.deadline_ns
        if deadline_ns is not None and deadline_ns < until:
            until = deadline_ns
        wire = self.wire
        while not ready():
            if wire.failed is not None:
                raise again(wire.failed)
            if await self.flush() is not None:
                continue  # the peer may wait for a window that was opened since the last frame
            if self._reading:
                await self._changed(until, what)
            else:
                await self._read(until, what)

    async def _read(self, until: int, what: str) -> None:
        self._reading = True
        try:
            data, mark = await self.stream.receive(until)
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT and now_ns() >= until:
                raise Failed(Reason.PEER_SILENT, f"{failed.detail}, waiting for {what}") from None
            self.wire.fail(failed)
            raise
        finally:
            self._reading = False
            self.wake()
        self.wire.receive(data, mark)
        await self.flush()

    async def _changed(self, until: int, what: str) -> None:
        """Wait until the reading task has read something, or has stopped."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(future)
        try:
            async with Cutoff(max(0, until - now_ns()) / 1e9):
                await future
        except DeadlineError:
            raise Failed(Reason.PEER_SILENT, f"timed out waiting for {what}") from None
        finally:
            self._waiters.discard(future)

    def wake(self) -> None:
        """Wake all waiting tasks."""
        for future in self._waiters:
            if not future.done():
                future.set_result(None)


def again(failed: Failed) -> Failed:
    """Return a copy of ``failed``, without its traceback."""
    fresh = Failed(
        failed.reason, failed.detail, blame=failed.blame, phase=failed.phase,
        alert=failed.alert, http_error=failed.http_error, served=failed.served,
    )  # fmt: skip
    fresh.http_field = failed.http_field
    return fresh
