"""Waiting for a socket, up to a deadline. The sockets stay ours; the loop only watches them."""

from __future__ import annotations

import asyncio
import socket

from seventh.net.stopwatch import now_ns


class DeadlineError(Exception):
    """The deadline passed before the socket was ready."""


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
    left = (deadline_ns - now_ns()) / 1e9
    if left <= 0:
        raise DeadlineError
    handle = loop.call_later(left, _expire, future)
    try:
        await future
    finally:
        handle.cancel()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(DeadlineError())
