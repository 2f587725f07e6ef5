"""``kill -9``, again and again: nothing acknowledged is lost, and no alert has two notifications.

Five kills; ``KILLS=100 pytest tests/watch/test_kill.py`` has more.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.labkit.serve import free_port, tcp_server
from seventh.watch import records
from seventh.watch.fleet import Fleet, Watched
from seventh.watch.samples import Pulse
from seventh.watch.store import FILE
from tests.notify.sink import Sink, sink
from tests.watch.killed import configuration

KILLS = int(os.environ.get("KILLS", "5"))


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def flap(port: int) -> None:
    """Serve for a while, and be away for a while, for ever."""
    while True:
        server = await asyncio.start_server(accept, "127.0.0.1", port)
        try:
            await asyncio.sleep(random.uniform(0.2, 0.6))
        finally:
            server.close()
            await server.wait_closed()
        await asyncio.sleep(random.uniform(0.2, 0.6))


async def run_killed(folder: Path, ports: tuple[int, int]) -> list[tuple[int, int]]:
    """Run the monitor until it is killed at a moment of chance; return what it acknowledged."""
    words = [sys.executable, "-m", "tests.watch.killed", str(folder), *map(str, ports)]
    child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    first = await asyncio.wait_for(child.stdout.readline(), 60)
    assert first, "it ended by itself"
    ending = asyncio.get_running_loop().call_later(
        random.uniform(0, 1.5), child.send_signal, signal.SIGKILL
    )
    lines = [first, *(await asyncio.wait_for(child.stdout.read(), 60)).splitlines(keepends=True)]
    ending.cancel()
    assert await child.wait() == -signal.SIGKILL
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    return [(int(target), int(at_ns)) for target, at_ns in whole]


def after(database: sqlite3.Connection, seq: int) -> Iterator[Pulse]:
    """The pulses of the journal after a blob, in its order."""
    while (part := records.journal_after(database, seq)) is not None:
        assert part.damaged == 0
        seq = part.seq
        yield from part.pulses


def judge_notifications(received: Sink) -> tuple[int, int]:
    """Return how many keys there were, and how many requests repeated one."""
    keys = Counter(each.headers["idempotency-key"] for each in received.received)
    return len(keys), sum(keys.values()) - len(keys)


async def test_nothing_is_lost_and_states_are_those_of_a_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random.seed(os.urandom(8))
    acknowledged: list[tuple[int, int]] = []
    flapping = free_port()
    async with tcp_server(accept) as port, sink() as hook:
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{hook.port}/")
        flaps = asyncio.create_task(flap(flapping))
        for _ in range(KILLS):
            acknowledged += await run_killed(tmp_path, (port, flapping))
        flaps.cancel()
        await asyncio.gather(flaps, return_exceptions=True)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as database:
        found = [*after(database, 0)]
    counted = Counter((each.target, each.at_ns) for each in found)
    lost = [each for each in acknowledged if each not in counted]
    twice = [each for each, number in counted.items() if number > 1]
    assert (lost, twice) == ([], [])
    assert len(acknowledged) > 20 * KILLS

    config = configuration(port, flapping)
    watched = [
        Watched(target=n, policy=each.policy, network="127.0.0.1", patience_ns=each.patience_ns)
        for n, each in enumerate(config.targets, 1)
    ]
    whole = Fleet(watched)
    for pulse in found:
        whole.observe(pulse)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as database:
        start = records.stored(database)
        again = Fleet(watched, start.snapshot)
        for pulse in after(database, start.seq):
            again.observe(pulse)
        fired_twice = database.execute(
            "SELECT target, since_ns FROM incident GROUP BY target, kind, phase, since_ns"
            " HAVING count(*) > 1"
        ).fetchall()
    assert fired_twice == []  # and an incident is of one notification, which has one key
    assert again.states == whole.states
    keys, repeated = judge_notifications(hook)
    print(f"{KILLS} kills: {len(acknowledged)} acknowledged, {keys} told, {repeated} repeated")
    # One that is killed between the receiver's answer and its own note sends again: with the key.
    assert repeated <= KILLS
    assert keys > 0
