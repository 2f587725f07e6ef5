"""The loops that send records on: order, retries, what is always refused, what is deleted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import pytest

from seventh.notify.forward import forwarding as module
from seventh.notify.forward.forwarding import Forwarding
from seventh.watch.store import Store
from seventh.watch.traps import spool
from seventh.watch.traps.collector import Collector
from seventh.watch.traps.keys import ForwardKeys
from tests.notify.sink import sink

T = TypeVar("T")


class Counted:
    """What a collector has that the loops use."""

    def __init__(self) -> None:
        self.stored = asyncio.Event()
        self.intake = self
        self.stored_bytes = 100


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path, spool.KIND)
    yield made
    made.close()


def fill(store: Store, names: list[str], count: int) -> None:
    def job(database: sqlite3.Connection) -> None:
        spool.begin(database, names)
        parts = [(1, b'{"n":%d}\n' % number) for number in range(count)]
        spool.append(database, parts, {}, 0, 0)

    store.run(job).result()


def left(store: Store) -> int:
    return store.run(spool.waiting).result()


def forwarding(store: Store, said: list[str], *receivers: ForwardKeys) -> Forwarding:
    return Forwarding(store, cast("Collector", Counted()), receivers, said.append)


async def test_what_all_have_is_deleted(store: Store, tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "out.jsonl"
    async with sink() as it:
        fill(store, ["file", "web"], 3)
        loops = forwarding(
            store, said, ForwardKeys(name="file", to=str(path)),
            ForwardKeys(name="web", to=f"http://127.0.0.1:{it.port}/"),
        )  # fmt: skip
        stop = asyncio.Event()
        running = asyncio.create_task(loops.run(stop))
        got = await it.count(3)
        stop.set()
        await running
    assert [each.body for each in got] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert path.read_bytes() == b'{"n":0}\n{"n":1}\n{"n":2}\n'
    assert (left(store), said, loops.sent) == (0, [], {"file": 3, "web": 3})


async def test_what_is_not_received_stays(store: Store) -> None:
    said: list[str] = []
    fill(store, ["gone"], 2)
    stop = asyncio.Event()
    stop.set()
    await forwarding(store, said, ForwardKeys(name="gone", to="http://127.0.0.1:9/")).run(stop)
    assert left(store) == 16
    assert [line.partition(" in ")[0] for line in said] == [
        "gone: not received, and tried again: connect-refused"
    ]


async def test_what_is_always_refused_is_put_aside(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "backoff_ns", lambda tries, share: 0)
    said: list[str] = []
    async with sink() as it:
        it.status = 400
        fill(store, ["web"], 1)
        keys = ForwardKeys(name="web", to=f"http://127.0.0.1:{it.port}/")
        stop = asyncio.Event()
        running = asyncio.create_task(forwarding(store, said, keys).run(stop))
        await it.count(module.MAX_REFUSALS)
        stop.set()
        await running
    path = tmp_path / "refused-web.jsonl"
    assert (path.read_bytes(), left(store)) == (b'{"n":0}\n', 0)
    assert said == [
        "web: not received, and tried again: status 400: no",
        f"web: 1 record refused: see {path}",
    ]
