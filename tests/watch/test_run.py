"""The loop against real servers: verdicts, commits, a reload, a restart, and overload."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.watch import records, run
from seventh.watch.config import Config, WatchedTarget
from seventh.watch.fleet import Seen
from seventh.watch.keys import Watch
from seventh.watch.run import Watcher
from seventh.watch.samples import Pulse
from seventh.watch.schedule import Slot
from seventh.watch.store import Store
from seventh.watch.verdict import Condition, Fired, Policy, Resolved, Threshold

EVERY = 20_000_000
"""Twenty milliseconds: what takes days in the field takes a moment here."""
POLICY = Policy(
    down=Threshold(bad=2, of=2, good=2, good_of=2), stale_ns=60 * 10**9,
)  # fmt: skip


class Peer:
    """A server that accepts, closes at once, and may be asked to keep silent."""

    def __init__(self) -> None:
        self.port = 0
        self.silent = False
        self.accepted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.silent:
            await reader.read()
        writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    server = Peer()
    async with tcp_server(server.serve) as server.port:
        yield server


def target(port: int, name: str = "", scheme: str = "tcp", **fields: object) -> WatchedTarget:
    made = Target(scheme=scheme, host="127.0.0.1", port=port)
    given = WatchedTarget(
        name=name or str(made), target=made, options=Options(), every_ns=EVERY, policy=POLICY
    )
    return msgspec.structs.replace(given, **fields)


class Watching:
    """A watcher, and a way to wait for what it sees."""

    def __init__(self, folder: Path, *targets: WatchedTarget, parallel: int = 100) -> None:
        self.store = Store(folder)
        self.seen = Seen()
        self.pulses: list[Pulse] = []
        """Those of the first target."""
        self.stop = asyncio.Event()
        self._more = asyncio.Condition()
        config = Config(watch=Watch(parallel=parallel), targets=targets)
        self.watcher = Watcher(self.store, config, self._note)

    def _note(self, watcher: Watcher, seen: Seen) -> None:
        self.seen.log += seen.log
        self.seen.drift += seen.drift
        last = watcher.last.get(1)
        if last is not None and (not self.pulses or last is not self.pulses[-1]):
            self.pulses.append(last)
        if not self.stop.is_set():
            self._notifying = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        async with self._more:
            self._more.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._more:
            await self._more.wait_for(holds)

    def condition(self, number: int) -> Condition | None:
        state = self.watcher.fleet.states.get(number)
        return state.condition if state is not None else None

    @property
    def kinds(self) -> list[tuple[int, str]]:
        return [(number, type(event).__name__) for number, event in self.seen.events]


@contextlib.asynccontextmanager
async def watching(
    folder: Path, *targets: WatchedTarget, parallel: int = 100
) -> AsyncIterator[Watching]:
    it = Watching(folder, *targets, parallel=parallel)
    running = asyncio.create_task(it.watcher.run(it.stop))
    try:
        yield it
        it.stop.set()
        await asyncio.wait_for(running, 20)
    finally:
        running.cancel()
        it.store.close()


def stored(folder: Path) -> records.Stored:
    store = Store(folder)
    found = store.run(records.stored).result(10)
    store.close()
    return found


async def test_verdicts_of_real_servers_are_stored_and_found_again(
    tmp_path: Path, peer: Peer
) -> None:
    async with tcp_server(peer.serve) as gone:
        pass
    targets = target(peer.port), target(gone)
    async with watching(tmp_path, *targets) as it:
        await it.until(lambda: it.condition(1) is Condition.UP)
        await it.until(lambda: it.condition(2) is Condition.DOWN)
        assert it.watcher.health.ran >= 3
    assert sorted(set(it.kinds)) == [(1, "Changed"), (2, "Changed"), (2, "Fired")]
    states = it.watcher.fleet.states
    found = stored(tmp_path)
    assert found.snapshot == it.watcher.fleet.snapshot()
    assert [(a.target, a.cause and a.cause.reason) for a in found.firing] == [
        (2, Reason.CONNECT_REFUSED)
    ]
    async with watching(tmp_path, *targets) as again:
        await again.until(lambda: again.watcher.fleet.states.keys() == {1, 2})
        await again.until(lambda: again.watcher.health.ran >= 2)
        assert again.watcher.fleet.states[1].since_ns == states[1].since_ns
        assert again.watcher.fleet.states[2].since_ns == states[2].since_ns
    assert again.seen.log == []


async def test_a_reload_touches_only_what_changed(tmp_path: Path, peer: Peer) -> None:
    async with watching(tmp_path, target(peer.port, "a"), target(peer.port, "b")) as it:
        await it.until(lambda: it.condition(1) is Condition.UP is it.condition(2))
        before = it.watcher.fleet.states[1]
        config = Config(targets=(target(peer.port, "a"), target(1, "c")))
        await it.watcher.reload(config)
        assert it.watcher.fleet.states == {1: it.watcher.fleet.states[1]}
        assert it.watcher.fleet.states[1].since_ns == before.since_ns
        await it.until(lambda: it.condition(3) is Condition.DOWN)
        ran = it.watcher.last[1]
        await it.until(lambda: it.watcher.last[1] != ran)
        assert 2 not in it.watcher.last


async def test_the_end_of_what_is_no_longer_watched_is_stored(tmp_path: Path) -> None:
    async with watching(tmp_path, target(1, "a"), target(1, "b")) as it:
        await it.until(lambda: len(it.watcher.fleet.alerts) == 2)
        await it.watcher.reload(Config(targets=(target(1, "b"),)))
        assert it.seen.events[-1] == (
            1, Resolved(at_ns=it.seen.events[-1][1].at_ns, kind=Condition.DOWN, given_up=True),
        )  # fmt: skip
    assert [alert.target for alert in stored(tmp_path).firing] == [2]


async def test_a_pulse_that_is_slower_than_its_interval_skips_slots(
    tmp_path: Path, peer: Peer
) -> None:
    peer.silent = True
    slow = target(peer.port, scheme="ssh", options=Options(timeout_seconds=0.2))
    async with watching(tmp_path, slow) as it:
        await it.until(lambda: it.watcher.health.ran >= 2)
        await it.until(lambda: it.condition(1) is Condition.DOWN)
        assert it.watcher.health.busy >= 5


async def test_no_more_pulses_run_at_once_than_allowed(
    tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.silent = True
    options = Options(timeout_seconds=0.1)
    many = [target(peer.port, f"t{n}", scheme="ssh", options=options) for n in range(6)]
    most = 0
    async with watching(tmp_path, *many, parallel=2) as it:

        def began(slot: Slot, at_ns: int) -> None:
            nonlocal most
            most = max(most, len(it.watcher._running))

        monkeypatch.setattr(it.watcher.health, "began", began)
        await it.until(lambda: len(it.watcher.last) == 6)
        assert most == 2
        assert {pulse.cause and pulse.cause.reason for pulse in it.watcher.last.values()} <= {
            Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED,
        }  # fmt: skip


async def test_what_cannot_be_stored_is_kept_and_stored_later(
    tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(run, "_COMMIT_SECONDS", 0.01)
    async with watching(tmp_path, target(peer.port)) as it:
        await it.until(lambda: it.watcher.health.ran >= 1)
        rename = "ALTER TABLE {} RENAME TO {}"
        await asyncio.wrap_future(
            it.store.run(lambda db: db.execute(rename.format("journal", "hidden")))
        )
        await it.until(lambda: bool(it.watcher.health.store))
        assert it.watcher.health.store.endswith("no such table: journal")
        await asyncio.wrap_future(
            it.store.run(lambda db: db.execute(rename.format("hidden", "journal")))
        )
        await it.until(lambda: not it.watcher.health.store)
    assert it.kinds == [(1, "Changed")]
    store = Store(tmp_path)
    part = store.run(lambda database: records.journal_after(database, 0)).result(10)
    store.close()
    assert part is not None
    assert part.pulses == it.pulses
    assert len(it.pulses) >= 2


async def test_memory_is_bounded_while_nothing_can_be_stored(
    tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(run, "_COMMIT_SECONDS", 0.01)
    monkeypatch.setattr(run, "_MAX_WAITING", 2)
    async with watching(tmp_path, target(peer.port)) as it:
        await it.until(lambda: it.watcher.health.ran >= 1)
        await asyncio.wrap_future(it.store.run(lambda db: db.execute("DROP TABLE journal")))
        await it.until(lambda: it.watcher.health.dropped > 0)
        assert len(it.watcher._pulses) <= 2 + 1
    assert it.watcher.health.store.endswith("no such table: journal")


async def test_after_a_jump_of_the_clock_no_slot_counts_as_skipped(
    tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [0]
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead[0])
    monkeypatch.setattr(run, "wall_minus_monotonic_ns", lambda: ahead[0])
    async with watching(tmp_path, target(peer.port)) as it:
        await it.until(lambda: it.watcher.health.ran >= 2)
        for jump in (3600 * 10**9, 0):  # an hour ahead, as after a sleep, and an hour back
            ahead[0] = jump
            ran = it.watcher.health.ran
            await it.until(lambda: it.watcher.health.ran >= ran + 3)  # noqa: B023
    assert it.watcher.health.late < 20  # and not the 180,000 of an hour
    assert not any(isinstance(event, Fired) for _, event in it.seen.events)
