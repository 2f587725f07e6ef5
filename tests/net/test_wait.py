"""Waiting for sockets, blocks and whole conversations, up to a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import weakref
from collections.abc import Iterator

import pytest

from seventh.net.stopwatch import now_ns
from seventh.net.wait import Cutoff, DeadlineError, all_of, bounded, readable, writable

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
            with pytest.raises(DeadlineError):
                await readable(ours, now_ns() + milliseconds * MS)
            rung.append(milliseconds)

    # The earliest is neither the first nor the last, and one of the later is dropped meanwhile.
    dropped = asyncio.create_task(wait(30))
    await asyncio.sleep(0)
    rest = asyncio.gather(*(wait(ms) for ms in (40, 10, 60, 20)))
    await asyncio.sleep(0)
    dropped.cancel()
    await rest
    assert rung == [10, 20, 40, 60]


async def test_earlier_deadlines_that_are_dropped_leave_the_later_one() -> None:
    async with asyncio.timeout(10):
        with pytest.raises(DeadlineError):
            async with Cutoff(0.08):
                for milliseconds in (60, 50, 40, 30, 20, 10):
                    async with Cutoff(milliseconds / 1000):
                        pass
                await asyncio.Event().wait()


async def test_a_block_is_cut_off() -> None:
    with pytest.raises(DeadlineError):
        async with Cutoff(0.01):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_block_that_ends_in_time_is_not_cut_off() -> None:
    async with Cutoff(5):
        await asyncio.sleep(0)
    with pytest.raises(KeyError):
        async with Cutoff(5):
            raise KeyError


async def test_the_blocks_own_timeout_is_not_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with Cutoff(5):
            raise TimeoutError(110, "Connection timed out")
    with pytest.raises(TimeoutError):
        await bounded(asyncio.wait_for(asyncio.Event().wait(), 0.001), 5)


async def test_a_cancellation_from_outside_stays_one() -> None:
    inside = asyncio.Event()

    async def block() -> None:
        async with Cutoff(60):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_gives_its_value_or_its_error() -> None:
    async def work(number: int) -> float:
        await asyncio.sleep(0)
        return 1 / number

    assert await bounded(work(2), 5) == 0.5
    with pytest.raises(ZeroDivisionError):
        await bounded(work(0), 5)


async def test_work_that_does_not_end_is_cut_off() -> None:
    with pytest.raises(DeadlineError):
        await bounded(asyncio.Event().wait(), 0.01)


async def test_work_that_swallows_its_cancellation_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seventh.net.wait._AGAIN_SECONDS", 0.01)
    swallowed = []

    async def stubborn() -> None:
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            swallowed.append(1)
        await asyncio.Event().wait()

    with pytest.raises(DeadlineError):
        await bounded(stubborn(), 0.01)
    assert len(swallowed) == 3


async def test_work_ends_with_whom_it_was_done_for() -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    task = asyncio.create_task(bounded(work(), 60))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left.is_set()


def test_a_loop_is_not_kept_alive_by_its_deadlines() -> None:
    loop = asyncio.new_event_loop()

    async def block() -> None:
        async with Cutoff(3600):
            await asyncio.sleep(0)

    loop.run_until_complete(block())
    loop.close()
    seen = weakref.ref(loop)
    del loop
    gc.collect()
    assert seen() is None


async def test_all_of_them_end_before_the_first_failure_is_raised() -> None:
    ended: list[str] = []

    async def fails() -> str:
        raise ValueError("first")

    async def lasts() -> str:
        await asyncio.sleep(0)
        ended.append("second")
        return "second"

    with pytest.raises(ValueError, match=r"^first$"):
        await all_of([fails(), lasts()])
    assert ended == ["second"]
    assert await all_of([lasts(), lasts()]) == ["second", "second"]
