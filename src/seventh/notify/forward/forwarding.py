"""The loops that send records on: one for each receiver, none waits for another."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence

from seventh.net.resolve import in_daemon_thread
from seventh.net.wait import Cutoff, DeadlineError
from seventh.notify.forward.receivers import Send, append, sender_of
from seventh.notify.receiver import SECONDS, NotReceivedError
from seventh.render.presentation import count
from seventh.watch.backoff import backoff_ns
from seventh.watch.store import Store, StoreError
from seventh.watch.traps import spool
from seventh.watch.traps.collector import Collector
from seventh.watch.traps.keys import ForwardKeys
from seventh.watch.traps.spool import Batch

MAX_REFUSALS = 5
"""After so many, a batch that its receiver does not want goes to a file, and the next is sent."""
_AT_ONCE = 16
_LOOK_SECONDS = 1.0
_END_SECONDS = 5.0
Say = Callable[[str], None]


class Forwarding:
    """Sends what is stored to every receiver."""

    def __init__(
        self, store: Store, collector: Collector, receivers: Sequence[ForwardKeys], say: Say
    ) -> None:
        """Know the receivers; raises UsageError for one that cannot be."""
        self.sent: dict[str, int] = {}
        """Records that each has received."""
        self._store, self._collector, self._say = store, collector, say
        self._senders = {keys.name: sender_of(keys) for keys in receivers}
        self._joined = {keys.name for keys in receivers if "://" not in keys.to}
        """Files: one write to the disk for all that is there."""
        self._wakes = {name: asyncio.Event() for name in self._senders}
        self._ending = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop``; then once more what is left, for five seconds."""
        waking = asyncio.create_task(self._wake())
        tasks = [asyncio.create_task(self._send_to(*each)) for each in self._senders.items()]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            self._ending.set()
            for wake in self._wakes.values():
                wake.set()
            await asyncio.wait(tasks, timeout=_END_SECONDS)
            for task in [waking, *tasks]:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                raise each

    async def _wake(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._collector.stored.wait()
            self._collector.stored.clear()
            for wake in self._wakes.values():
                wake.set()

    async def _send_to(self, name: str, send: Send) -> None:
        tries = 0
        trouble = ""
        while True:
            ending = self._ending.is_set()
            batches: list[Batch] = []
            with contextlib.suppress(StoreError):
                batches = await asyncio.wrap_future(
                    self._store.run(lambda database: spool.after(database, name, _AT_ONCE))
                )
            if name in self._joined and len(batches) > 1:
                batches = [joined(batches)]
            error, refused, done = await self._try(send, batches)
            if done:
                await self._note(name, batches[done - 1].seq)
                self.sent[name] = self.sent.get(name, 0) + sum(b.records for b in batches[:done])
                tries = 0
                if trouble:
                    self._say(f"{name}: receives again")
                trouble = ""
            if error:
                tries += 1
                if not trouble:
                    self._say(f"{name}: not received, and tried again: {error}")
                trouble = error
                if refused and tries >= MAX_REFUSALS:
                    await self._put_aside(name, batches[done])
                    tries = 0
                    continue
            if ending and (error or not batches):
                return
            if error:
                await self._pause(backoff_ns(tries, random.random()) / 1e9)  # noqa: S311 - a jitter
            elif not batches:
                await self._wakes[name].wait()
                self._wakes[name].clear()

    async def _try(self, send: Send, batches: list[Batch]) -> tuple[str, bool, int]:
        """Send batches in their order; return the error, if it is about one, and how many went."""
        for done, batch in enumerate(batches):
            try:
                async with Cutoff(SECONDS):
                    await send(batch)
            except DeadlineError:
                return f"no end after {SECONDS:g} s", False, done
            except NotReceivedError as why:
                return str(why), why.refused, done
        return "", False, len(batches)

    async def _note(self, name: str, seq: int) -> None:
        """Note what a receiver has; if that fails, it gets it again."""
        with contextlib.suppress(StoreError):
            freed = await asyncio.wrap_future(
                self._store.run(lambda database: spool.received(database, name, seq))
            )
            self._collector.intake.stored_bytes -= freed

    async def _put_aside(self, name: str, batch: Batch) -> None:
        """Write what a receiver always refuses to a file, and leave it."""
        path = self._store.folder / f"refused-{''.join(c for c in name if c.isalnum())}.jsonl"
        try:
            await in_daemon_thread(lambda: append(path, batch.data))
        except NotReceivedError as why:
            self._say(str(why))
            return
        self._say(f"{name}: {count(batch.records, 'record')} refused: see {path}")
        await self._note(name, batch.seq)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()


def joined(batches: Sequence[Batch]) -> Batch:
    """Return several batches as one, which has the last one's number."""
    return Batch(
        seq=batches[-1].seq, records=sum(each.records for each in batches),
        data=b"".join(each.data for each in batches),
    )  # fmt: skip
