"""Maintenance windows: a pure function of time, never materialised.

A rule gives wall clock times of a zone, as RFC 5545's section 3.3.10 has it; a window begins at
such a time and lasts for exactly so many seconds, whatever the clock does meanwhile. A time that
a clock skips is as much later as the clock jumps; of one that it shows twice the first counts.
"""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo

import msgspec

from seventh.model.failure import UsageError
from seventh.watch.keys import Labels, MaintenanceKeys
from seventh.watch.policies import matches
from seventh.watch.spans import Window

_DAY = dt.timedelta(days=1)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_SECOND_NS = 10**9
_DAY_S = 86_400


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """When work on some targets is planned: no alert is sent, and no objective counts it."""

    name: str
    match: Labels
    rule: str
    """Of RFC 5545, such as ``FREQ=WEEKLY;BYDAY=SU``; empty for a single time."""
    start: str
    """The first time, by the clock of the zone."""
    zone: str
    seconds: int

    def covers(self, labels: Labels, at_ns: int) -> bool:
        """Return whether a target with ``labels`` is in maintenance at an instant."""
        return matches(self.match, labels) and any(
            begin_ns <= at_ns < end_ns for begin_ns, end_ns in self.windows(at_ns, at_ns + 1)
        )

    def windows(self, begin_ns: int, end_ns: int) -> list[Window]:
        """Return the windows that touch a time, in their order."""
        first, last = begin_ns // _SECOND_NS // _DAY_S, end_ns // _SECOND_NS // _DAY_S
        return [
            window
            for window in _windows(self.rule, self.start, self.zone, self.seconds, first, last)
            if window[0] < end_ns and begin_ns < window[1]
        ]


@functools.lru_cache(maxsize=4096)
def _windows(
    rule: str, start: str, zone: str, seconds: int, first: int, last: int
) -> tuple[Window, ...]:
    """Return the windows that touch some days in UTC, and perhaps some beside them."""
    begin = dt.datetime(1970, 1, 1) + first * _DAY
    length = dt.timedelta(seconds=seconds)
    # A zone is at most a day from UTC.
    times = _rule(rule, start).between(begin - length - _DAY, begin + (last - first + 2) * _DAY)
    begins = [round(each.replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()) for each in times]
    return tuple((at * _SECOND_NS, (at + seconds) * _SECOND_NS) for at in sorted(begins))


@functools.lru_cache(maxsize=256)
def _rule(rule: str, start: str):  # type: ignore[no-untyped-def]
    from dateutil.rrule import rrulestr

    first = dt.datetime.fromisoformat(start)
    return rrulestr(rule or "FREQ=DAILY;COUNT=1", dtstart=first, cache=True)


def planned(where: str, keys: MaintenanceKeys) -> Maintenance:
    """Return the windows of a table; raises UsageError."""
    try:
        zoneinfo.ZoneInfo(keys.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"{where}: zone: no such time zone: {keys.zone!r:.80}; write a name such as "
            "Europe/Berlin"
        ) from None
    parts = dict(part.partition("=")[::2] for part in keys.rule.upper().split(";") if part)
    if keys.rule and (
        parts.get("FREQ") not in _FREQUENCIES
        or not parts.keys().isdisjoint({"BYMINUTE", "BYSECOND"})
    ):
        raise UsageError(f"{where}: rule: FREQ is one of {', '.join(_FREQUENCIES)}")
    made = Maintenance(
        name=keys.name, match=keys.match, rule=keys.rule, start=keys.start, zone=keys.zone,
        seconds=round(keys.seconds),
    )  # fmt: skip
    try:
        first = dt.datetime.fromisoformat(keys.start)
    except ValueError:
        first = None
    if first is None or first.tzinfo is not None:
        raise UsageError(f"{where}: start: write a time such as 2026-01-04T02:00")
    try:
        made.windows(0, 1)
    except ModuleNotFoundError:
        raise UsageError(f"{where}: needs python-dateutil: pip install 'seventh[watch]'") from None
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{where}: rule: {error}") from None
    return made
