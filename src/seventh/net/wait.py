"""Waiting for a socket, up to a deadline. The sockets stay ours; the loop only watches them."""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from seventh.net.stopwatch import now_ns


class DeadlineError(Exception):
    """The deadline passed before the socket was ready."""


class _Alarms:
    """All deadlines of one event loop, behind a single timer.

    A deadline is hardly ever reached, and a timer of the loop costs more to make and to drop than
    the wait that it guards. So one timer is set for the earliest deadline there is; those that have
    been dropped when it rings cost nothing, and it is set anew for the earliest of the rest.
    """

    __slots__ = ("__weakref__", "_rings_ns", "_set")

    def __init__(self) -> None:
        self._set: dict[Any, tuple[int, Callable[[Any], None]]] = {}
        self._rings_ns = _NEVER

    def add(self, key: Any, deadline_ns: int, ring: Callable[[Any], None]) -> None:
        """Call ``ring(key)`` at the deadline, unless ``key`` is dropped before."""
        self._set[key] = deadline_ns, ring
        if deadline_ns < self._rings_ns:
            self._arm(deadline_ns)

    def drop(self, key: Any) -> None:
        """Forget ``key``; it may have rung already."""
        self._set.pop(key, None)

    def _arm(self, at_ns: int) -> None:
        # The timer is not kept, for it would keep its loop alive.
        self._rings_ns = at_ns
        seconds = max(0, at_ns - now_ns()) / 1e9
        asyncio.get_running_loop().call_later(seconds + _TIMER_SECONDS, self._ring, at_ns)

    def _ring(self, at_ns: int) -> None:
        if at_ns != self._rings_ns:
            return  # an earlier one was set in its place, and that one sets the next
        now = now_ns()
        for key, (deadline_ns, ring) in list(self._set.items()):
            if deadline_ns <= now:
                self.drop(key)
                ring(key)
        # Always: the loop may ring a little early, and then nothing is due yet.
        self._rings_ns = _NEVER
        if self._set:
            self._arm(min(deadline_ns for deadline_ns, _ in self._set.values()))


_NEVER = 1 << 63
_TIMER_SECONDS = 0.001
"""How finely an event loop's timer counts."""
_alarms: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Alarms] = weakref.WeakKeyDictionary()


def _alarms_of(loop: asyncio.AbstractEventLoop) -> _Alarms:
    alarms = _alarms.get(loop)
    if alarms is None:
        alarms = _alarms[loop] = _Alarms()
    return alarms


class Cutoff:
    """Cuts its block off after ``seconds``, with DeadlineError: asyncio.timeout without a timer."""

    __slots__ = ("_alarms", "_cancelling", "_passed", "_task")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task = task
        self._cancelling = task.cancelling()
        self._passed = False
        self._alarms = _alarms_of(asyncio.get_running_loop())
        self._alarms.add(self, now_ns() + int(seconds * 1e9), Cutoff._cut)

    def _cut(self) -> None:
        self._passed = True
        self._task.cancel()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._alarms.drop(self)
        if not self._passed:
            return
        # Where somebody else has cancelled the task too, it stays cancelled.
        others = self._task.uncancel() > self._cancelling
        if isinstance(error, asyncio.CancelledError) and not others:
            raise DeadlineError from error


async def readable(sock: socket.socket, deadline_ns: int) -> None:
    """Return when ``sock`` can be read; raise DeadlineError at the deadline."""
    loop = asyncio.get_running_loop()
    fd = sock.fileno()
    future: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _settle, future)
    try:
        await _until(loop, future, deadline_ns)
    finally:
        loop.remove_reader(fd)


async def writable(sock: socket.socket, deadline_ns: int) -> None:
    """Return when ``sock`` can be written; raise DeadlineError at the deadline."""
    loop = asyncio.get_running_loop()
    fd = sock.fileno()
    future: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _settle, future)
    try:
        await _until(loop, future, deadline_ns)
    finally:
        loop.remove_writer(fd)


async def _until(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], deadline_ns: int
) -> None:
    if deadline_ns <= now_ns():
        raise DeadlineError
    alarms = _alarms_of(loop)
    alarms.add(future, deadline_ns, _expire)
    try:
        await future
    finally:
        alarms.drop(future)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(DeadlineError())
