"""Telling systemd how this process is (sd_notify): ready, alive, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def supervised(ready: asyncio.Event) -> Iterator[None]:
    """While the block runs, report when ``ready`` is set and that the loop runs, if it is asked."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        yield
        return
    reporting = asyncio.get_running_loop().create_task(_report(name, ready))
    try:
        yield
    finally:
        reporting.cancel()
        notify(name, "STOPPING=1")


async def _report(name: str, ready: asyncio.Event) -> None:
    await ready.wait()
    notify(name, "READY=1")
    seconds = watchdog_seconds(os.environ)
    while seconds is not None:
        await asyncio.sleep(seconds / 2)
        notify(name, "WATCHDOG=1")


def watchdog_seconds(environ: os._Environ[str] | dict[str, str]) -> float | None:
    """Return after how long without a sign systemd restarts this process; None if it does not."""
    text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not (text.isascii() and text.isdigit()) or pid != str(os.getpid()):
        return None
    return int(text) / 1e6 or None


def notify(name: str, state: str) -> None:
    """Send one datagram; a supervisor that does not listen changes nothing."""
    address = f"\0{name[1:]}" if name.startswith("@") else name
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(state.encode(), address)
