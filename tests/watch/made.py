"""Pulses made for tests."""

from __future__ import annotations

from seventh.model.failure import Blame, Reason
from seventh.watch.samples import Cause, Pulse

SECOND = 10**9
REFUSED = Cause(Reason.CONNECT_REFUSED, "connect", Blame.PEER)
OURS = Cause(Reason.LOCAL_RESOURCE, "connect", Blame.LOCAL)
BUG = Cause(Reason.UNEXPECTED_ANSWER, "-", Blame.SEVENTH)


def pulse(at: float, cause: Cause | None = None, target: int = 1, **phases: int) -> Pulse:
    """A pulse at a time in seconds, with phases in nanoseconds."""
    return Pulse(target=target, at_ns=round(at * SECOND), cause=cause, phases=tuple(phases.items()))
