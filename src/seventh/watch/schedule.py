"""When each target has its pulse: by the wall clock, and by nothing that would have to be stored.

A target's slots are the instants that leave the same remainder (its phase) by its interval. The
phase is a hash, so that slots are spread evenly, survive restarts and reloads, and do not move when
other targets come or go. The current time is passed in.
"""

from __future__ import annotations

import hashlib
import heapq

import msgspec


def phase_ns(target: str, vantage: str, interval_ns: int) -> int:
    """Return the distance of a target's slots from the multiples of its interval."""
    digest = hashlib.blake2b(f"{vantage}\0{target}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ns


class Slot(msgspec.Struct, frozen=True):
    """The instant at which a target is due."""

    target: int
    at_ns: int
    late: int = 0
    """How many of its slots before this were skipped because this process was late."""
    busy: int = 0
    """How many were skipped because its pulse before was still running."""


class _Entry(msgspec.Struct):
    phase_ns: int
    interval_ns: int
    next_ns: int
    running: bool = False
    busy: int = 0

    def first_after(self, now_ns: int) -> int:
        """Return the first slot after ``now_ns``."""
        return now_ns + self.interval_ns - (now_ns - self.phase_ns) % self.interval_ns


class Schedule:
    """The next slot of each target. A late slot is skipped and counted, and no slot runs twice."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._heap: list[tuple[int, int]] = []
        """Slots and targets; those that are no target's next slot are ignored."""

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, target: int, phase: int, interval_ns: int, now_ns: int) -> None:
        """Add a target, or change its slots; one whose slots are the same is not touched."""
        entry = self._entries.get(target)
        if entry is not None and (entry.phase_ns, entry.interval_ns) == (phase, interval_ns):
            return
        made = _Entry(phase, interval_ns, 0, running=entry is not None and entry.running)
        self._entries[target] = made
        self._plan(target, made, now_ns)

    def remove(self, target: int) -> None:
        """Remove a target; a pulse that is running may end."""
        del self._entries[target]

    def next_ns(self) -> int | None:
        """Return the instant of the next slot; None without targets."""
        while self._heap and not self._is_next(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now_ns: int, most: int = 1_000_000) -> list[Slot]:
        """Return the slots to run now, the longest waiting first, and note that they are running.

        Of a target with several slots that have passed only the last is run. Those beyond ``most``
        stay due.
        """
        slots: list[Slot] = []
        while len(slots) < most and (at_ns := self.next_ns()) is not None and at_ns <= now_ns:
            _, target = heapq.heappop(self._heap)
            entry = self._entries[target]
            missed = (now_ns - at_ns) // entry.interval_ns
            self._plan(target, entry, now_ns)
            if entry.running:
                entry.busy += missed + 1
                continue
            slots.append(Slot(target, at_ns + missed * entry.interval_ns, missed, entry.busy))
            entry.busy = 0
            entry.running = True
        return slots

    def ended(self, target: int) -> None:
        """Note that a target's pulse has ended."""
        if (entry := self._entries.get(target)) is not None:
            entry.running = False

    def jumped(self, now_ns: int) -> None:
        """Plan again after the wall clock was set or the machine slept.

        Slots that the clock jumped over are not counted: this process was not late.
        """
        self._heap.clear()
        for target, entry in self._entries.items():
            self._plan(target, entry, now_ns)

    def _plan(self, target: int, entry: _Entry, now_ns: int) -> None:
        entry.next_ns = entry.first_after(now_ns)
        heapq.heappush(self._heap, (entry.next_ns, target))

    def _is_next(self, at_ns: int, target: int) -> bool:
        entry = self._entries.get(target)
        return entry is not None and entry.next_ns == at_ns
