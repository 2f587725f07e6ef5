"""Signals that end a command: after the first it reports what it has; the second kills it.

SIGINT (Ctrl-C), SIGTERM (systemd, Kubernetes, ``timeout``) and SIGHUP (a closed terminal) have the
same effect. Handlers are Python's and not the event loop's, so that a blocked loop can be ended.
"""

from __future__ import annotations

import contextlib
import functools
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """The signal that ends the command, and the action that it runs."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.by: signal.Signals | None = None
        """The signal that was received; None before."""
        self._act = act

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Act on the first signal, and restore the system's default for the next one."""
        del frame
        for each in ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, signal.SIG_DFL)
        self.by = signal.Signals(number)
        self._act()

    @contextlib.contextmanager
    def doing(self, act: Callable[[], object]) -> Iterator[None]:
        """Run ``act`` on a signal within the block; at once, if one was received before."""
        before, self._act = self._act, act
        try:
            if self.by is not None:
                act()
            yield
        finally:
            self._act = before

    def in_loop(self, act: Callable[[], object]) -> contextlib.AbstractContextManager[None]:
        """Run ``act`` in the running loop on a signal within the block."""
        import asyncio

        return self.doing(functools.partial(asyncio.get_running_loop().call_soon_threadsafe, act))


def interrupt() -> None:
    """Raise KeyboardInterrupt, which unwinds to the command's end."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def ending(act: Callable[[], object] = lambda: None) -> Iterator[Ending]:
    """Record the first signal, and run ``act`` on it, until the block ends.

    After a signal the system's defaults stay. An ignored SIGHUP (``nohup``) stays ignored.
    """
    end = Ending(act)
    before: dict[signal.Signals, Any] = {}
    for each in ENDING:
        if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:
            before[each] = signal.signal(each, end.handle)
    try:
        yield end
    finally:
        if end.by is None:
            for each, handler in before.items():
                signal.signal(each, handler)
