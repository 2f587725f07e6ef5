"""The sending loop at local sinks: each receiver is on its own, whatever the others do."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.notify import sending
from seventh.notify.sending import Sending
from seventh.watch import backoff, outbox
from seventh.watch.config import Config
from seventh.watch.fleet import Seen
from seventh.watch.grouping import Grouped, New
from seventh.watch.keys import NotifyKeys
from seventh.watch.outbox import Waiting
from seventh.watch.run import Watcher
from seventh.watch.store import Store
from tests.notify.made import due
from tests.notify.sink import Sink, sink

NOTIFICATION = due().notification


class Loop:
    """A sending loop over a store, with receivers at sinks."""

    def __init__(self, folder: Path, **receivers: tuple[str, Sink]) -> None:
        self.store = Store(folder)
        self._incidents = itertools.count(1)
        keys = []
        for name, (kind, to) in receivers.items():
            (folder / name).write_text(f"http://127.0.0.1:{to.port}/s3cret")
            keys.append(NotifyKeys(kind=kind, name=name, url=f"file:{folder}/{name}"))
        self.watcher = Watcher(self.store, Config(notify=tuple(keys)), self._changed)
        self.sending = Sending(self.store, self.watcher)

    def _changed(self, watcher: Watcher, seen: Seen) -> None:
        """Nothing is shown."""

    async def notify(self, *receivers: str) -> None:
        """Begin a notification, which an incident keeps open."""
        incident = next(self._incidents)
        await self.run(
            "INSERT INTO incident (id, target, kind, phase, since_ns, fired_ns)"  # noqa: S608
            f" VALUES ({incident}, {incident}, 'down', '', 1, 1)"
        )
        new = New(notification=NOTIFICATION, receivers=receivers, incidents=(incident,))
        now_ns = time.time_ns()
        await asyncio.wrap_future(
            self.store.run(lambda db: outbox.notify(db, Grouped(new=[new]), now_ns))
        )
        self.watcher.alerting.queued.set()

    async def run(self, query: str) -> list[tuple[object, ...]]:
        return await asyncio.wrap_future(self.store.run(lambda db: db.execute(query).fetchall()))

    async def until(self, query: str, expected: list[tuple[object, ...]]) -> None:
        """Wait until a query gives what is expected: each pass of the loop ends with one."""
        async with asyncio.timeout(20):
            while await self.run(query) != expected:
                self.watcher.alerting.queued.set()


@contextlib.asynccontextmanager
async def looping(folder: Path, **receivers: tuple[str, Sink]) -> AsyncIterator[Loop]:
    made = Loop(folder, **receivers)
    running = asyncio.create_task(made.sending.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        made.store.close()


async def test_a_receiver_that_hangs_keeps_nothing_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_END_SECONDS", 0.01)
    async with sink() as hangs, sink() as works:
        hangs.status = 0
        async with looping(tmp_path, a=("webhook", hangs), b=("webhook", works)) as loop:
            await loop.notify("a", "b")
            await works.count(1)
            await loop.notify("a", "b")
            await works.count(2)
            await hangs.count(1)
            await loop.until("SELECT receiver FROM outbox WHERE done_ns IS NULL", [("a",)] * 2)
            assert len(hangs.received) == 1
    keys = [each.headers["idempotency-key"] for each in works.received]
    assert len({*keys}) == 2


async def test_what_fails_is_tried_again_and_its_error_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "BASE_NS", 1)
    async with sink() as it:
        it.status = 500
        async with looping(tmp_path, a=("webhook", it)) as loop:
            await loop.notify("a")
            await it.count(3)
            (waiting,) = await asyncio.wrap_future(loop.store.run(outbox.waiting))
            assert waiting == Waiting(
                receiver="a", count=1, tries=waiting.tries, since_ns=waiting.since_ns,
                error="status 500: no",
            )  # fmt: skip
            it.status = 200
            await loop.until("SELECT error FROM outbox WHERE done_ns IS NOT NULL", [(None,)])
    assert len({each.headers["idempotency-key"] for each in it.received}) == 1


async def test_what_a_receiver_refuses_does_not_keep_it_from_the_rest(tmp_path: Path) -> None:
    async with sink() as it, looping(tmp_path, a=("webhook", it)) as loop:
        it.status = 422
        await loop.notify("a")
        await loop.until("SELECT error FROM outbox", [("status 422: no",)])
        it.status = 200
        await loop.notify("a")
        await it.count(2)
        assert loop.sending._backoff._failures == {}


async def test_a_receiver_that_is_gone_from_the_configuration_gets_nothing(tmp_path: Path) -> None:
    async with looping(tmp_path) as loop:
        await loop.notify("old")
        await loop.until(
            "SELECT error FROM outbox WHERE done_ns IS NOT NULL",
            [("no [[notify]] is named 'old' any more",)],
        )


async def test_a_secret_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    async with sink() as it, looping(tmp_path, a=("webhook", it)) as loop:
        (tmp_path / "a").unlink()
        await loop.notify("a")
        await loop.until(
            "SELECT error FROM outbox WHERE error IS NOT NULL",
            [(f"file:{tmp_path}/a: cannot be read: No such file or directory",)],
        )


async def test_alertmanager_is_told_again_what_still_fires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending.alertmanager, "REPEAT_SECONDS", 0.05)
    async with sink() as it, looping(tmp_path, a=("alertmanager", it)) as loop:
        await loop.notify("a")
        await it.count(3)
        await loop.run("UPDATE incident SET resolved_ns = 5")
        await asyncio.wrap_future(loop.store.run(lambda db: outbox.settle(db, time.time_ns())))
        await loop.until("SELECT count(*) FROM outbox WHERE done_ns IS NOT NULL", [(2,)])
    assert {each.path for each in it.received} == {"/s3cret/api/v2/alerts"}
    assert it.received[-1].body[0]["endsAt"] == "1970-01-01T00:00:00.000+00:00"
    assert len({str(each.body[0]["labels"]) for each in it.received}) == 1
