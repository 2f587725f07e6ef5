"""Signals that end a command: the first has it hand in what it has, the second ends it at once.

SIGINT (Ctrl-C), SIGTERM (systemd, Kubernetes, ``timeout``) and SIGHUP (a terminal that closes) mean
the same. Handlers run between two steps of Python code and not as the event loop's turn, so that a
loop that is held up can still be ended.
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
    """Whether a signal has asked for the end, and what that does."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.by: signal.Signals | None = None
        """The signal that has come; None while none has."""
        self._act = act

    def asked(self, number: int, frame: FrameType | None) -> None:
        """Act on the first signal; the next one has the system's own effect."""
        del frame
        for each in ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, signal.SIG_DFL)
        self.by = signal.Signals(number)
        self._act()

    @contextlib.contextmanager
    def doing(self, act: Callable[[], object]) -> Iterator[None]:
        """Have a signal do ``act`` for now; at once, if it has come already."""
        before, self._act = self._act, act
        try:
            if self.by is not None:
                act()
            yield
        finally:
            self._act = before

    def in_loop(self, act: Callable[[], object]) -> contextlib.AbstractContextManager[None]:
        """Have a signal do ``act`` as a turn of the running loop for now."""
        import asyncio

        return self.doing(functools.partial(asyncio.get_running_loop().call_soon_threadsafe, act))


def interrupt() -> None:
    """Raise KeyboardInterrupt, which unwinds to the command's end."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def ending(act: Callable[[], object] = lambda: None) -> Iterator[Ending]:
    """Have the first signal only be noted, or do ``act``, until the block ends.

    After a signal the system's dispositions stay. Where SIGHUP is ignored (``nohup``) it stays so.
    """
    asked = Ending(act)
    before: dict[signal.Signals, Any] = {}
    for each in ENDING:
        if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:
            before[each] = signal.signal(each, asked.asked)
    try:
        yield asked
    finally:
        if asked.by is None:
            for each, handler in before.items():
                signal.signal(each, handler)
