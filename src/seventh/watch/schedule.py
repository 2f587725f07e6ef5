"""When each target has its pulse: by the wall clock, and by nothing that would have to be stored.

A target's slots are the instants that leave the same remainder (its phase) by its interval. The
phase is a hash, so that slots are spread evenly, survive restarts and reloads, and do not move when
other targets come or go. The current time is passed in.
"""

from __future__ import annotations

import hashlib
import heapq

import msgspec

_REPEATED = 24
"""The part of its interval after which a check that was cut short is repeated."""


def phase_ns(target: str, vantage: str, interval_ns: int) -> int:
    """Return the distance of a target's slots from the multiples of its interval."""
    digest = hashlib.blake2b(f"{vantage}\0{target}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ns


def first_slot(phase: int, interval_ns: int, after_ns: int) -> int:
    """Return the first slot after an instant."""
    return after_ns + interval_ns - (after_ns - phase) % interval_ns


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
        return first_slot(self.phase_ns, self.interval_ns, now_ns)


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


class _Checkup(msgspec.Struct):
    phase_ns: int
    interval_ns: int
    last_ns: int
    """When its last check began that was complete; 0 for none."""
    next_ns: int = 0
    """0 while it is running."""


class Checkups:
    """When each target has its full check: at its slots, and soon if one was missed.

    Pulses that are missed are skipped, but a check is rare: on a machine that is seldom on there
    would never be one. So a missed check is made up for, ``settle_ns`` after the start.
    """

    def __init__(self, settle_ns: int) -> None:
        self._settle_ns = settle_ns
        self._entries: dict[int, _Checkup] = {}
        self._heap: list[tuple[int, int]] = []

    def put(self, target: int, phase: int, interval_ns: int, now_ns: int, last_ns: int = 0) -> None:
        """Add a target, or change its slots; ``last_ns`` is when it was last checked."""
        entry = self._entries.get(target)
        if entry is not None and (entry.phase_ns, entry.interval_ns) == (phase, interval_ns):
            return
        last_ns = max(last_ns, entry.last_ns if entry is not None else 0)
        made = self._entries[target] = _Checkup(phase, interval_ns, last_ns)
        self._plan(target, made, now_ns)

    def keep(self, targets: set[int]) -> None:
        """Remove all other targets."""
        for target in self._entries.keys() - targets:
            del self._entries[target]

    def due(self, now_ns: int, most: int) -> list[int]:
        """Return targets to check now, and note that they are being checked."""
        targets: list[int] = []
        while self._heap and len(targets) < most and self._heap[0][0] <= now_ns:
            at_ns, target = heapq.heappop(self._heap)
            entry = self._entries.get(target)
            if entry is not None and entry.next_ns == at_ns:
                entry.next_ns = 0
                targets.append(target)
        return targets

    def ended(self, target: int, began_ns: int, now_ns: int, *, complete: bool) -> None:
        """Note that a check has ended; one that was cut short is repeated before the next slot."""
        entry = self._entries.get(target)
        if entry is None or entry.next_ns:
            return
        if complete:
            entry.last_ns = began_ns
            self._plan(target, entry, now_ns)
        else:
            self._put(target, entry, now_ns + max(entry.interval_ns // _REPEATED, 1))

    def jumped(self, now_ns: int) -> None:
        """Plan again after the wall clock was set or the machine slept."""
        self._heap.clear()
        for target, entry in self._entries.items():
            if entry.next_ns:
                entry.last_ns = min(entry.last_ns, now_ns)
                self._plan(target, entry, now_ns)

    def _plan(self, target: int, entry: _Checkup, now_ns: int) -> None:
        next_ns = first_slot(entry.phase_ns, entry.interval_ns, entry.last_ns)
        if next_ns <= now_ns:
            next_ns = now_ns + self._settle_ns
        self._put(target, entry, next_ns)

    def _put(self, target: int, entry: _Checkup, at_ns: int) -> None:
        entry.next_ns = at_ns
        heapq.heappush(self._heap, (at_ns, target))
