"""Waiting for sockets, and the deadlines of one loop behind one timer."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from collections.abc import Iterator

import pytest

from seventh.net import wait
from seventh.net.stopwatch import now_ns
from seventh.net.wait import Cutoff, DeadlineError, readable, writable

MS = 1_000_000


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


async def test_bytes_and_room_end_a_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    await writable(ours, now_ns() + 5000 * MS)
    asyncio.get_running_loop().call_soon(theirs.send, b"x")
    await readable(ours, now_ns() + 5000 * MS)
    assert ours.recv(1) == b"x"


async def test_a_deadline_that_has_passed_does_not_wait(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    with pytest.raises(DeadlineError):
        await readable(pair[0], now_ns() - 1)


async def test_deadlines_ring_in_their_order_however_they_were_set() -> None:
    rung: list[int] = []

    async def wait(milliseconds: int) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            deadline = now_ns() + milliseconds * MS
            with pytest.raises(DeadlineError):
                await readable(ours, deadline)
            assert now_ns() >= deadline
            rung.append(milliseconds)

    # The earliest is neither the first nor the last, and one of the later is dropped meanwhile.
    dropped = asyncio.create_task(wait(30))
    await asyncio.sleep(0)
    rest = asyncio.gather(*(wait(ms) for ms in (40, 10, 60, 20)))
    await asyncio.sleep(0)
    dropped.cancel()
    await rest
    assert rung == [10, 20, 40, 60]


@pytest.mark.parametrize("early_seconds", [0.0, 0.00014, 0.003, 0.02])
async def test_a_timer_that_rings_early_loses_no_deadline(
    early_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "_TIMER_SECONDS", -early_seconds)
    blocks = [block_of(milliseconds) for milliseconds in (30, 5, 12, 12, 60)]
    async with asyncio.timeout(10):
        assert await asyncio.gather(*blocks) == [True] * 5


async def block_of(milliseconds: int) -> bool:
    """Whether a block that never ends is cut off, and not before its time."""
    begun = now_ns()
    with pytest.raises(DeadlineError), Cutoff(milliseconds / 1000):
        await asyncio.Event().wait()
    return now_ns() - begun >= milliseconds * MS


async def test_earlier_deadlines_that_are_dropped_leave_the_later_one() -> None:
    begun = now_ns()
    async with asyncio.timeout(10):
        with pytest.raises(DeadlineError), Cutoff(0.08):
            for milliseconds in (60, 50, 40, 30, 20, 10):
                with Cutoff(milliseconds / 1000):
                    pass
            await asyncio.Event().wait()
    assert now_ns() - begun >= 80 * MS


async def test_a_block_is_cut_off() -> None:
    with pytest.raises(DeadlineError), Cutoff(0.01):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_block_that_ends_in_time_is_not_cut_off() -> None:
    with Cutoff(5):
        await asyncio.sleep(0)
    with pytest.raises(KeyError), Cutoff(5):
        raise KeyError


async def test_a_cancellation_from_outside_stays_one() -> None:
    inside = asyncio.Event()

    async def block() -> None:
        with Cutoff(60):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_loop_is_not_kept_alive_by_its_deadlines() -> None:
    loop = asyncio.new_event_loop()

    async def block() -> None:
        with Cutoff(3600):
            await asyncio.sleep(0)

    loop.run_until_complete(block())
    loop.close()
    seen = weakref.ref(loop)
    del loop
    gc.collect()
    assert seen() is None
