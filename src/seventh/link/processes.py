"""The processes in a network namespace, which end with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

_GRACE_SECONDS = 1.0


def within(namespace: int) -> list[int]:
    """Return the processes that are in the network namespace of a descriptor."""
    wanted = os.fstat(namespace).st_ino
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if (entry / "ns" / "net").stat().st_ino == wanted:
                    found.append(int(entry.name))
    return found


def end_all(namespace: int) -> None:
    """End all processes in a namespace: by SIGTERM, and a second later by SIGKILL."""
    for by, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
        deadline = time.monotonic() + seconds
        while found := within(namespace):
            waits = [handle for pid in found if (handle := _signalled(pid, by)) is not None]
            left = deadline - time.monotonic()
            for handle in waits:
                select.select([handle], [], [], max(deadline - time.monotonic(), 0))
                os.close(handle)
            if left <= 0:
                break


def _signalled(pid: int, by: signal.Signals) -> int | None:
    """Send a signal; return a descriptor that is readable when the process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(handle, by)
    return handle
