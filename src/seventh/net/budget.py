"""Limits for a peer: time, bytes and a minimum rate, for one target."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns

MAX_BYTES = 4 * 1024 * 1024
"""The most that one connection may send us."""
MIN_RATE_BYTES_PER_SECOND = 16
"""Slower than this for RATE_GRACE_SECONDS is a drip, not a conversation."""
RATE_GRACE_SECONDS = 5.0


class TimeIsUp(Failed):
    """A deadline that passed while the peer was still sending."""


class Flooded(Failed):
    """More bytes than one connection may receive."""


class Budget:
    """The deadline of one target and the byte cap of each of its connections."""

    __slots__ = ("deadline_ns", "max_bytes")

    def __init__(self, timeout_seconds: float, *, max_bytes: int = MAX_BYTES) -> None:
        self.deadline_ns = now_ns() + int(timeout_seconds * 1e9)
        self.max_bytes = max_bytes

    def allow_bytes(self, count: int) -> None:
        """Let each further connection send at least ``count`` bytes."""
        self.max_bytes = max(self.max_bytes, count)

    @property
    def seconds_left(self) -> float:
        """The time until the deadline; never negative."""
        return max(0, self.deadline_ns - now_ns()) / 1e9

    def within(self, seconds: float) -> int:
        """Return the earlier of the deadline and ``seconds`` from now, in monotonic nanoseconds."""
        return min(self.deadline_ns, now_ns() + int(seconds * 1e9))


class Meter:
    """The bytes of one connection, held against the budget's cap and a minimum rate.

    The rate is counted over the time spent waiting for the peer, so our own pauses never blame it.
    """

    __slots__ = ("_counted", "max_bytes", "patient", "received", "waited_ns")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.received = 0
        self.waited_ns = 0
        self.patient = False
        """Whether silence is expected, so that no rate is asked for."""
        self._counted = 0

    def ask_rate(self) -> None:
        """Enforce the minimum rate from now on."""
        self.patient, self.waited_ns, self._counted = False, 0, self.received

    def charge(self, count: int) -> None:
        """Count received bytes; Flooded by too many, Failed when they come too slowly."""
        self.received += count
        if self.received > self.max_bytes:
            raise Flooded(Reason.BUDGET_EXCEEDED, f"the peer sent more than {self.max_bytes} bytes")
        if self.waited_ns > RATE_GRACE_SECONDS * 1e9 and not self.patient:
            seconds = self.waited_ns / 1e9
            received = self.received - self._counted
            if received < MIN_RATE_BYTES_PER_SECOND * seconds:
                raise Failed(
                    Reason.BUDGET_EXCEEDED,
                    f"the peer sends too slowly: {received} bytes in {seconds:.1f} s",
                )
