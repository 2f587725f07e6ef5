"""The loop that sends what is in the outbox: one at a time to each receiver, none waits for others.

A receiver that hangs is left after 30 seconds, one that fails is tried again after a random part of
a growing time. What it received is noted; after a kill before that it is sent again, with its key.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
import sqlite3
import time
from collections.abc import Callable, Coroutine

from seventh.model.failure import UsageError
from seventh.net.wait import Cutoff, DeadlineError
from seventh.notify import alertmanager, apprise, smtp, webhook
from seventh.notify.message import message_of
from seventh.notify.receiver import SECONDS, NotReceivedError, Receiver, receiver_of
from seventh.watch import outbox
from seventh.watch.backoff import Backoff, backoff_ns
from seventh.watch.keys import NotifyKeys
from seventh.watch.outbox import Due
from seventh.watch.run import Watcher
from seventh.watch.store import Store, StoreError

Step = Callable[[], Coroutine[None, None, None]]
Job = Callable[[sqlite3.Connection], None]
_PASS_SECONDS = 0.5
_END_SECONDS = 2.0
_CHANNELS = {"webhook": webhook.send, "smtp": smtp.send, "apprise": apprise.send}


class Sending:
    """What is being sent, and what the receivers have not received."""

    def __init__(self, store: Store, watcher: Watcher) -> None:
        self._store = store
        self._watcher = watcher
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._backoff = Backoff()
        self._repeat_due = 0.0
        self.looked = time.monotonic()
        """When the outbox was last read, by the monotonic clock."""

    async def run(self) -> None:
        """Send what is due until this is cancelled."""
        try:
            await self._try(self._release)
            while True:
                await self._try(self._look)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PASS_SECONDS):
                        await self._watcher.alerting.queued.wait()
                self._watcher.alerting.queued.clear()
        finally:
            if self._busy:  # what has just been received is to be noted
                await asyncio.wait(self._busy.values(), timeout=_END_SECONDS)
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _release(self) -> None:
        await asyncio.wrap_future(self._store.run(outbox.release))

    async def _try(self, step: Step) -> None:
        with contextlib.suppress(StoreError):  # a later pass does it
            await step()

    async def _look(self) -> None:
        now_ns = time.time_ns()
        busy = self._backoff.waiting(time.monotonic_ns(), self._configured) | self._busy.keys()
        dues = await asyncio.wrap_future(
            self._store.run(lambda database: outbox.claim(database, now_ns, busy))
        )
        for due in dues:
            self._start(due.receiver, self._send(due))
        waiting = await asyncio.wrap_future(self._store.run(outbox.waiting))
        self._watcher.health.waiting = {each.receiver: each for each in waiting}
        await self._repeat()
        self.looked = time.monotonic()

    def _start(self, receiver: str, sending: Coroutine[None, None, None]) -> None:
        task = self._busy[receiver] = asyncio.create_task(sending)
        task.add_done_callback(lambda ended: self._ended(receiver, ended))

    def _ended(self, receiver: str, task: asyncio.Task[None]) -> None:
        self._busy.pop(receiver, None)
        self._watcher.alerting.queued.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a notification failed", "exception": error}
            )

    @property
    def _configured(self) -> dict[str, NotifyKeys]:
        return {each.name: each for each in self._watcher.config.notify}

    async def _send(self, due: Due) -> None:
        keys = self._configured.get(due.receiver)
        if keys is None:
            gone = f"no [[notify]] is named {due.receiver!r} any more"
            await self._write(lambda db: outbox.give_up(db, due.id, gone, time.time_ns()))
            return
        error, refused = await _attempt(keys, due)
        now_ns = again_ns = time.time_ns()
        if not error:
            self._backoff.received(keys.name)
            await self._write(lambda db: outbox.done(db, due.id, now_ns))
            return
        share = random.random()  # noqa: S311 - a jitter
        if refused:  # this one; the receiver works
            self._backoff.received(keys.name)
            again_ns += backoff_ns(due.tries, share)
        else:
            self._backoff.failed(keys, time.monotonic_ns(), share)
        await self._write(lambda db: outbox.failed(db, due, error, again_ns, now_ns))

    async def _write(self, job: Job) -> None:
        """Note a result; if that fails, the lease ends and it is sent again with its key."""
        with contextlib.suppress(StoreError):
            await asyncio.wrap_future(self._store.run(job))

    async def _repeat(self) -> None:
        """Send to each Alertmanager again what still fires; forget what is old."""
        if time.monotonic() < self._repeat_due:
            return
        now_ns = time.time_ns()
        await self._write(lambda database: outbox.forget(database, now_ns))
        self._repeat_due = time.monotonic() + alertmanager.REPEAT_SECONDS
        for keys in self._watcher.config.notify:
            if keys.kind == "alertmanager" and keys.name not in self._busy:
                self._start(keys.name, self._repeat_to(keys))

    async def _repeat_to(self, keys: NotifyKeys) -> None:
        name = keys.name
        with contextlib.suppress(StoreError, NotReceivedError, UsageError, DeadlineError):
            received = await asyncio.wrap_future(
                self._store.run(lambda database: outbox.received(database, name))
            )
            if received:
                async with Cutoff(SECONDS):
                    await alertmanager.send(receiver_of(keys), received, _now())


async def _attempt(keys: NotifyKeys, due: Due) -> tuple[str, bool]:
    """Try once; return why it was not received, and whether only this one was refused."""
    try:
        async with Cutoff(SECONDS):
            await _send_by(receiver_of(keys), due)
    except DeadlineError:
        return f"no end after {SECONDS:g} s", False
    except NotReceivedError as why:
        return str(why), why.refused
    except UsageError as why:
        return str(why), False
    return "", False


async def _send_by(receiver: Receiver, due: Due) -> None:
    if receiver.keys.kind == "alertmanager":
        await alertmanager.send(receiver, [due], _now())
    else:
        await _CHANNELS[receiver.keys.kind](receiver, message_of(due))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
