"""This process itself: whether its pulses are on time, and what it could not do."""

from __future__ import annotations

import math
import time
from collections import deque

from seventh.watch.outbox import Waiting
from seventh.watch.schedule import Slot

_WINDOW_NS = 60 * 10**9
_LAGS = 1000
_LATE_NS = 1_000_000_000
"""The lag from which on one pulse in a hundred is an overload."""


class Health:
    """What went wrong here, as far as it is not a target's."""

    def __init__(self) -> None:
        self.ran = 0
        self.late = 0
        """Slots that were skipped since the start because this process was late."""
        self.busy = 0
        """Slots that were skipped because the target's pulse before was still running."""
        self.dropped = 0
        """Pulses that could not be stored, and for which there was no more memory."""
        self.damaged = 0
        """Blobs of the journal, and snapshots, that could not be read at the start."""
        self.store = ""
        """Why nothing can be stored at present; else empty."""
        self.waiting: dict[str, Waiting] = {}
        """What each receiver has not received yet, with its last error."""
        self.heartbeats: dict[str, str] = {}
        """Why heartbeats were not sent, or not received."""
        self.history = ""
        """Why the history cannot be written, or what in it is damaged; else empty."""
        self.status = ""
        """Why the status page cannot be written; else empty."""
        self.reload = ""
        """Why the last reload failed; else empty."""
        self.serve = ""
        """The keys of ``[serve]`` that apply only after a restart; else empty."""
        self.loaded_seconds = time.time()
        """When the configuration that applies was loaded, as Unix time."""
        self._lags_ns: deque[int] = deque(maxlen=_LAGS)
        self._recent: deque[tuple[int, int]] = deque()

    def began(self, slot: Slot, at_ns: int) -> None:
        """Note that the pulse of a slot began."""
        self.ran += 1
        self.late += slot.late
        self.busy += slot.busy
        self._lags_ns.append(at_ns - slot.at_ns)
        if slot.late:
            self._recent.append((at_ns, slot.late))

    def skipped_lately(self, now_ns: int) -> int:
        """Return how many slots of the last minute were skipped because this process was late."""
        while self._recent and self._recent[0][0] <= now_ns - _WINDOW_NS:
            self._recent.popleft()
        return sum(late for _, late in self._recent)

    @property
    def lag_ns(self) -> int:
        """The 99th percentile of the last lags; 0 without any."""
        if not self._lags_ns:
            return 0
        return sorted(self._lags_ns)[math.ceil(len(self._lags_ns) * 0.99) - 1]

    def overloaded(self, now_ns: int) -> bool:
        """Return whether there are more pulses than this process can run in time."""
        return self.skipped_lately(now_ns) > 0 or self.lag_ns > _LATE_NS
