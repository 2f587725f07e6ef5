"""Counters as rates: the difference of two polls, over the agent's own time."""

from __future__ import annotations

import msgspec

from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import Binding, Kind

UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_MAX_BEHIND_TICKS = 100
_TICKS = 2**32


class Last(msgspec.Struct, frozen=True):
    """A counter as it was, by the agent's uptime in ticks and by our clock."""

    value: int
    ticks: int | None
    at_ns: int


class Rates:
    """The counters of one agent."""

    def __init__(self) -> None:
        self._last: dict[Oid, Last] = {}
        self._ticks: int | None = None

    def begin(self, ticks: int | None) -> None:
        """Begin a poll at an uptime; an agent that has restarted counts from zero again.

        The uptime's own wrap after 497 days is no restart.
        """
        before = self._ticks
        if before is not None and ticks is not None and ticks < before:
            wrapped = (ticks - before) % _TICKS < _TICKS // 2 and before > _TICKS // 2
            if not wrapped and before - ticks > _MAX_BEHIND_TICKS:
                self._last.clear()
        self._ticks = ticks

    def rate(self, binding: Binding, at_ns: int) -> float | None:
        """Return a counter's rate per second since the last poll; None where there is none.

        A Counter32 may have wrapped once (RFC 2578 §7.1.6); a Counter64 that went down was reset.
        """
        value = binding.value
        if binding.kind not in {Kind.COUNTER32, Kind.COUNTER64} or not isinstance(value, int):
            return None
        last = self._last.get(binding.oid)
        self._last[binding.oid] = Last(value, self._ticks, at_ns)
        if last is None:
            return None
        difference = value - last.value
        if binding.kind is Kind.COUNTER32:
            difference %= 2**32
        elif difference < 0:
            return None
        seconds = (at_ns - last.at_ns) / 1e9
        if self._ticks is not None and last.ticks is not None:
            seconds = (self._ticks - last.ticks) % _TICKS / 100
        return difference / seconds if seconds > 0 else None
