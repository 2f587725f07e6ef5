"""What was seen lately, bounded in time and number."""

from __future__ import annotations

from collections.abc import Hashable

from seventh.protocols.snmp.wire.usm import WINDOW_SECONDS

KEPT_NS = 2 * WINDOW_SECONDS * 10**9
"""An engine's time may be as far from ours to both sides."""


class Recent:
    """A set that forgets what is older than the time window, and the oldest where it is full."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[int, int] = {}
        """Hashes, each with the time when it was first seen."""

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, key: Hashable, now_ns: int) -> bool:
        """Note ``key``; return whether it was seen before."""
        number = hash(key)
        at_ns = self._seen.get(number)
        if at_ns is not None and now_ns - at_ns < KEPT_NS:
            return True
        self._seen.pop(number, None)
        while self._seen:
            oldest = next(iter(self._seen))
            if len(self._seen) < self._most and now_ns - self._seen[oldest] < KEPT_NS:
                break
            del self._seen[oldest]
        self._seen[number] = now_ns
        return False
