"""The dead man's switch: it is heard while everything works, and not when anything stops."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.notify import heartbeats
from seventh.notify.heartbeats import Heartbeats, Signs, Stopped, stopped
from seventh.notify.sending import Sending
from seventh.watch.config import Config
from seventh.watch.health import Health
from seventh.watch.keys import HeartbeatKeys
from seventh.watch.outbox import Waiting
from seventh.watch.run import Watcher
from seventh.watch.store import Store
from tests.notify.sink import sink

GOOD = Signs(pulses_seconds=30, stores=True, grouped_seconds=30, sent_seconds=30,
             undelivered_seconds=300)  # fmt: skip


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        (GOOD, None),
        (replace(GOOD, pulses_seconds=30.1), Stopped.PULSES),
        (replace(GOOD, stores=False), Stopped.STORE),
        (replace(GOOD, grouped_seconds=30.1), Stopped.ALERTS),
        (replace(GOOD, sent_seconds=30.1), Stopped.ALERTS),
        (replace(GOOD, undelivered_seconds=300.1), Stopped.RECEIVER),
    ],
)
def test_what_stops_it(signs: Signs, expected: Stopped | None) -> None:
    assert stopped(signs) is expected


class Heard(Health):
    """What watch knows of itself; each change of it can be waited for."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        self.changed.set()

    async def says(self, heartbeats: dict[str, str]) -> None:
        async with asyncio.timeout(20):
            while self.heartbeats != heartbeats:
                self.changed.clear()
                await self.changed.wait()


async def test_it_is_sent_while_everything_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "_TICK_SECONDS", 0.01)
    monkeypatch.setattr(heartbeats, "_SECONDS", 0.05)
    store = Store(tmp_path)
    async with sink() as it:
        (tmp_path / "url").write_text(f"http://127.0.0.1:{it.port}/alive?s3cret")
        keys = HeartbeatKeys(name="out", every=0.01, url=f"file:{tmp_path}/url")
        jobs = HeartbeatKeys(name="in", every=0.01)
        watcher = Watcher(store, Config(heartbeats=(keys, jobs)), lambda _, __: None)
        health = watcher.health = Heard()
        running = asyncio.create_task(Heartbeats(watcher, Sending(store, watcher)).run())
        await it.count(3)
        assert {(each.path, each.body) for each in it.received} == {("/alive?s3cret", None)}
        assert watcher.health.heartbeats == {}
        it.status = 500
        await it.count(len(it.received) + 2)
        assert watcher.health.heartbeats == {"out": "status 500"}
        it.status = 200
        await it.count(len(it.received) + 2)
        watcher.health.waiting = {
            "ops": Waiting(receiver="ops", count=1, tries=9, since_ns=0, error="refused"),
        }
        await health.says({"out": "receiver stopped"})
        sent = len(it.received)
        watcher.turned = time.monotonic() - 31
        await health.says({"out": "pulses stopped"})
        assert len(it.received) <= sent + 1  # one may have been on its way
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    store.close()
