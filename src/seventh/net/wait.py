"""Waiting for a socket, up to a deadline. The sockets stay ours; the loop only watches them."""

from __future__ import annotations

import asyncio
import select
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
        # The timer is not kept, for it would keep its loop alive; to ring too early is harmless.
        self._rings_ns = at_ns
        seconds = max(0, at_ns - now_ns()) / 1e9
        asyncio.get_running_loop().call_later(seconds + _TIMER_SECONDS, self._ring)

    def _ring(self) -> None:
        now = now_ns()
        for key, (deadline_ns, ring) in list(self._set.items()):
            if deadline_ns <= now:
                self.drop(key)
                ring(key)
        if self._rings_ns <= now:
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


class _Sockets:
    """All sockets that are waited for in one event loop, behind a descriptor of our own.

    The loop watches one epoll descriptor for as long as it lives. A wait is then one system call
    (ONESHOT: it ends by itself, and closing the socket forgets it), where a reader of the loop's
    own costs two and an object to make and to drop.
    """

    __slots__ = ("__weakref__", "_epoll", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def _ready(self) -> None:
        for fd, _ in self._epoll.poll(0):
            future = self._waiting.pop(fd, None)
            if future is not None and not future.done():
                future.set_result(None)

    def add(self, fd: int, mask: int, future: asyncio.Future[None]) -> None:
        """Settle ``future`` once, when ``fd`` is ready."""
        self._waiting[fd] = future
        try:
            self._epoll.register(fd, mask | select.EPOLLONESHOT)
        except FileExistsError:
            self._epoll.modify(fd, mask | select.EPOLLONESHOT)

    def drop(self, fd: int, future: asyncio.Future[None]) -> None:
        """Forget the wait, whether it is over or not."""
        if self._waiting.get(fd) is future:
            del self._waiting[fd]


_EPOLL = hasattr(select, "epoll")
_sockets: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Sockets] = (
    weakref.WeakKeyDictionary()
)


async def readable(sock: socket.socket, deadline_ns: int) -> None:
    """Return when ``sock`` can be read; raise DeadlineError at the deadline."""
    loop = asyncio.get_running_loop()
    if _EPOLL:
        await _ready(loop, sock, select.EPOLLIN, deadline_ns)
        return
    future: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, _settle, future)
    try:
        await _until(loop, future, deadline_ns)
    finally:
        loop.remove_reader(sock)


async def writable(sock: socket.socket, deadline_ns: int) -> None:
    """Return when ``sock`` can be written; raise DeadlineError at the deadline."""
    loop = asyncio.get_running_loop()
    if _EPOLL:
        await _ready(loop, sock, select.EPOLLOUT, deadline_ns)
        return
    future: asyncio.Future[None] = loop.create_future()
    loop.add_writer(sock, _settle, future)
    try:
        await _until(loop, future, deadline_ns)
    finally:
        loop.remove_writer(sock)


async def _ready(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, mask: int, deadline_ns: int
) -> None:
    sockets = _sockets.get(loop)
    if sockets is None:
        sockets = _sockets[loop] = _Sockets(loop)
    future: asyncio.Future[None] = loop.create_future()
    fd = sock.fileno()
    sockets.add(fd, mask, future)
    try:
        await _until(loop, future, deadline_ns)
    finally:
        sockets.drop(fd, future)


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
