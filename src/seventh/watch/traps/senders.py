"""Who sends how much: a limit for each sender, and the storms; times are passed in.

A storm is a rate of more than ten times what the sender usually has. Its usual rate follows slowly,
so that a storm that never ends becomes usual.
"""

from __future__ import annotations

import msgspec

MAX_SENDERS = 10_000
"""Senders that are told apart; the rest, as of a flood with invented addresses, share one limit."""
STORM_FACTOR = 10.0
WINDOW_NS = 10 * 10**9
LEAST_RATE = 1.0
"""Notifications a second that are no storm's baseline: below, ten times as many are no storm."""
_BURST_SECONDS = 2.0
_FOLLOW = 0.1
_IDLE_NS = 600 * 10**9
OTHERS = "others"


class Sender(msgspec.Struct, kw_only=True):
    """One sender, and what came from it."""

    address: str
    tokens: float
    seen_ns: int
    window_ns: int
    """When the window began in which :attr:`count` is counted."""
    count: int = 0
    baseline: float | None = None
    """The usual rate per second; None before the first whole window."""
    rate: float = 0.0
    """Of the last window, or of this one where that is more already."""
    peak: float = 0.0
    """The highest rate of a storm."""
    storm: bool = False
    verdicts: dict[str, int] = {}
    retransmitted: int = 0
    coalesced: int = 0

    def note(self, verdict: str) -> None:
        """Count a datagram of that verdict."""
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1

    @property
    def threshold(self) -> float:
        """The rate above which it is a storm."""
        return STORM_FACTOR * max(self.baseline or 0.0, LEAST_RATE)

    def arrived(self, now_ns: int) -> None:
        """Count one more in the window."""
        self.turn(now_ns)
        self.count += 1
        rate = self.count * 1e9 / WINDOW_NS
        if rate > self.threshold:
            self.storm = True
        self.rate = max(self.rate, rate)
        if self.storm:
            self.peak = max(self.peak, rate)

    def turn(self, now_ns: int) -> None:
        """Begin a new window where the last one is over; a quiet one ends a storm."""
        passed = (now_ns - self.window_ns) // WINDOW_NS
        if passed <= 0:
            return
        rate = self.count * 1e9 / WINDOW_NS if passed == 1 else 0.0
        self.rate = rate
        if rate <= self.threshold / 2:
            self.storm = False
        before = self.baseline
        # A storm raises the baseline by as much as one at its threshold would.
        follows = min(rate, self.threshold)
        self.baseline = follows if before is None else before + _FOLLOW * (follows - before)
        self.window_ns += passed * WINDOW_NS
        self.count = 0


class Senders:
    """All of them; a sender that was long silent makes room for a new one."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._burst = max(limit * _BURST_SECONDS, 1.0)
        self.by_address: dict[str, Sender] = {}

    def of(self, address: str, now_ns: int) -> Sender:
        """Return a sender; the common one of those that there is no room for."""
        found = self.by_address.get(address)
        if found is not None:
            return found
        if len(self.by_address) >= MAX_SENDERS and not self._make_room(now_ns):
            address = OTHERS
            if (found := self.by_address.get(OTHERS)) is not None:
                return found
        made = Sender(address=address, tokens=self._burst, seen_ns=now_ns, window_ns=now_ns)
        self.by_address[address] = made
        return made

    def admit(self, sender: Sender, now_ns: int) -> bool:
        """Return whether a datagram of the sender is looked at."""
        passed = max(0, now_ns - sender.seen_ns) / 1e9
        sender.tokens = min(self._burst, sender.tokens + passed * self._limit)
        sender.seen_ns = max(sender.seen_ns, now_ns)
        if sender.tokens < 1.0:
            return False
        sender.tokens -= 1.0
        return True

    def storming(self) -> bool:
        """Return whether any sender storms."""
        return any(each.storm for each in self.by_address.values())

    def turn(self, now_ns: int) -> None:
        """Begin new windows."""
        for each in self.by_address.values():
            each.turn(now_ns)

    def _make_room(self, now_ns: int) -> bool:
        oldest = min(self.by_address.values(), key=lambda each: each.seen_ns)
        if now_ns - oldest.seen_ns < _IDLE_NS:
            return False
        before_ns = now_ns - _IDLE_NS
        kept = {k: each for k, each in self.by_address.items() if each.seen_ns > before_ns}
        self.by_address = kept
        return True
