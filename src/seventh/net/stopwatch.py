"""One stopwatch for every protocol.

Instants are nanoseconds of the monotonic clock. Where an interval ends with bytes from the peer,
its end is the kernel's receive timestamp, so an event loop that comes late does not lengthen it.
"""

from __future__ import annotations

import time
from types import TracebackType

from seventh.model.failure import Failed
from seventh.model.phase import Mark, Phase

now_ns = time.monotonic_ns


def user_mark() -> Mark:
    """Return this instant, by this process's clock."""
    return Mark(now_ns(), "user")


class Timer:
    """One running phase; the stopwatch gets its :class:`Phase` when its block ends."""

    __slots__ = ("_watch", "address", "end", "name", "start_ns")

    def __init__(self, watch: Stopwatch, name: str, address: str | None) -> None:
        self._watch = watch
        self.name = name
        self.address = address
        self.start_ns = 0
        self.end: Mark | None = None

    def begin(self, mark: Mark) -> None:
        """Count from ``mark`` (a send, say) instead of from the start of the block."""
        self.start_ns = mark.ns

    def stop(self, mark: Mark) -> None:
        """End the phase at ``mark``; without this it ends with its block, by the user clock."""
        self.end = mark

    def seconds_until(self, mark: Mark) -> float:
        """Return the seconds from the phase's start to ``mark``."""
        return mark.since(self.start_ns)

    def __enter__(self) -> Timer:
        self.start_ns = now_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(error, Failed) and not error.phase:
            error.phase = self.name
        end = self.end
        if end is None or error is not None:
            end = Mark(now_ns(), "user")
        self._watch.record(self.name, self.start_ns, end, ok=error is None, address=self.address)


class Stopwatch:
    """The phases of one report."""

    __slots__ = ("origin_ns", "phases")

    def __init__(self) -> None:
        self.origin_ns = now_ns()
        self.phases: list[Phase] = []

    def phase(self, name: str, address: str | None = None) -> Timer:
        """Return a context manager around one phase.

        A Failed that leaves the block learns the phase's name, and the phase counts as failed.
        """
        return Timer(self, name, address)

    def record(
        self, name: str, start_ns: int, end: Mark, *, ok: bool = True, address: str | None = None
    ) -> Phase:
        """Note a phase whose two ends are known."""
        phase = Phase(
            name=name,
            start_seconds=(start_ns - self.origin_ns) / 1e9,
            seconds=end.since(start_ns),
            clock=end.clock,
            outcome="ok" if ok else "failed",
            address=address,
        )
        self.phases.append(phase)
        return phase

    def elapsed_seconds(self) -> float:
        """Return the seconds since the stopwatch was made."""
        return (now_ns() - self.origin_ns) / 1e9
