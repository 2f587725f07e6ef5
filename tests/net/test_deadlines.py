"""Hundreds of peers that hang, drip and close, on a clock of our own, with early and late timers.

The loop never sleeps: where nothing is ready, its clock is set to the next timer. Where there is no
timer either, nothing would ever happen again, and that is an error: a lost deadline cannot hide.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import selectors
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seventh.net import wait
from seventh.net.wait import Cutoff, DeadlineError, bounded, readable

PEERS = 600
AT_ONCE = 64
SECONDS = 0.5
GRACE = 0.25


class LostError(Exception):
    """Tasks wait, no socket is ready and no timer is set."""


async def end_all() -> None:
    """Cancel whatever is left on this loop."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class Selector(selectors.SelectSelector):
    """Looks at the sockets and never waits; what would have been waited is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.clock_seconds = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise LostError
            self.clock_seconds += max(0.0, timeout)
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop on that clock, whose timers fire up to ``early`` before or after their time."""

    def __init__(self, early_seconds: float, late_seconds: float) -> None:
        self.sockets = Selector()
        super().__init__(self.sockets)
        self._chance = random.Random(7)
        self._early, self._late = early_seconds, late_seconds

    def time(self) -> float:
        return self.sockets.clock_seconds

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, **more: Any
    ) -> asyncio.TimerHandle:
        return super().call_at(
            when + self._chance.uniform(-self._early, self._late), callback, *args, **more
        )


@pytest.fixture(params=[(0.0, 0.0), (0.00014, 0.0), (0.02, 0.0), (0.0, 0.02), (0.3, 0.3)])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    made = Loop(*request.param)
    monkeypatch.setattr(wait, "now_ns", lambda: int(made.time() * 1e9))
    with contextlib.closing(made):
        yield made
        made.run_until_complete(end_all())


async def ctx(sock: socket.socket, deadline_ns: int) -> str:
    """Read until the peer closes; how it ended."""
    while True:
        try:
            if not sock.recv(64):
                return "closed"
        except BlockingIOError:
            try:
                await readable(sock, deadline_ns)
            except DeadlineError:
                return "silent"


async def cut(sock: socket.socket, seconds: float) -> str:
    try:
        async with Cutoff(seconds):
            return await ctx(sock, wait.now_ns() + int(3600e9))
    except DeadlineError:
        return "cut"


def drip(loop: Loop, sock: socket.socket) -> None:
    if sock.fileno() >= 0:
        sock.send(b"x")
        loop.call_later(0.05, drip, loop, sock)


async def look(loop: Loop, number: int) -> tuple[str, float]:
    """One peer of a kind that ``number`` chooses; how the look ended and how long it took."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        if number % 3 == 1:
            drip(loop, theirs)
        elif number % 3 == 2:
            loop.call_later(0.1, theirs.close)
        begun = loop.time()
        if number % 2:
            looking = ctx(ours, wait.now_ns() + int(SECONDS * 1e9))
        else:
            looking = cut(ours, SECONDS)
        try:
            ended = await bounded(looking, SECONDS + GRACE)
        except DeadlineError:
            ended = "overdue"
        return ended, loop.time() - begun


def test_no_look_outlives_its_deadline(loop: Loop) -> None:
    ends: list[tuple[int, str, float]] = []

    async def every() -> None:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with turn:
                ends.append((number, *await look(loop, number)))

        await asyncio.gather(*(one(number) for number in range(PEERS)))

    loop.run_until_complete(every())
    assert len(ends) == PEERS
    assert max(seconds for _, _, seconds in ends) <= SECONDS + GRACE + loop._late + 0.01
    assert min(seconds for _, _, seconds in ends) >= 0.1 - loop._early - 0.001
    if loop._early + loop._late < 0.1:
        expected = ["cut", "silent", "closed", "silent", "cut", "closed"]
        assert {(n % 6, how) for n, how, _ in ends} == set(enumerate(expected))


def test_a_lost_deadline_is_seen(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "call_later", lambda *args: asyncio.Handle(print, (), loop))
    with pytest.raises(LostError):
        loop.run_until_complete(look(loop, 3))
