"""Waiting, up to a deadline: for a socket, for a block, for a whole conversation.

All timers are the event loop's own. A timer may fire up to a millisecond before its time, so none
is relied upon to say that a moment has passed: that it fired is what ends the wait.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, TypeVar

from seventh.net.stopwatch import now_ns

T = TypeVar("T")
_AGAIN_SECONDS = 1.0


class DeadlineError(Exception):
    """A deadline that passed; not a TimeoutError, which is also an OSError (ETIMEDOUT)."""


class Cutoff:
    """A block that ends with DeadlineError after ``seconds``: asyncio.timeout with that error."""

    __slots__ = ("_timeout",)

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, tb)
        except TimeoutError:  # the block's own ones are not raised here: they pass through
            raise DeadlineError from error


async def bounded(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return the result of ``work``; raises DeadlineError after ``seconds``.

    ``work`` runs as a task of its own and is cancelled until it ends: one that swallows a
    cancellation does not outlive its deadline.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
        late = not task.done()
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=_AGAIN_SECONDS)
    if late and task.cancelled():
        raise DeadlineError
    return task.result()


async def all_of(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of ``works``, which run side by side.

    Raises the first one's exception when all of them have ended, so that none outlives the caller.
    """
    results: list[T] = []
    for ended in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
        results.append(ended)
    return results


async def readable(sock: socket.socket, deadline_ns: int) -> None:
    """Wait until ``sock`` can be read; raises DeadlineError at the deadline."""
    loop = asyncio.get_running_loop()
    await _ready(sock.fileno(), deadline_ns, loop.add_reader, loop.remove_reader)


async def writable(sock: socket.socket, deadline_ns: int) -> None:
    """Wait until ``sock`` can be written; raises DeadlineError at the deadline."""
    loop = asyncio.get_running_loop()
    await _ready(sock.fileno(), deadline_ns, loop.add_writer, loop.remove_writer)


async def _ready(
    fd: int, deadline_ns: int, add: Callable[..., None], remove: Callable[[int], bool]
) -> None:
    seconds = (deadline_ns - now_ns()) / 1e9
    if seconds <= 0:
        raise DeadlineError
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    add(fd, _settle, future)
    timer = loop.call_later(seconds, _expire, future)
    try:
        await future
    finally:
        timer.cancel()
        remove(fd)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(DeadlineError())
