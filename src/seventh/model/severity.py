"""Severities of findings, and the status of a report."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; the values are used in JSON and as options."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info up to 4 for critical."""
        return _RANKED.index(self)

    def reaches(self, bar: Severity) -> bool:
        """Return whether this severity is at or above ``bar``."""
        return self.rank >= bar.rank


_RANKED = tuple(reversed(Severity))


class Status(StrEnum):
    """The status of a report; the exit codes are those of monitoring plugins."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0 ok, 1 warning, 2 critical, 3 unknown."""
        return tuple(Status).index(self)


WORST_FIRST = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
"""Statuses from worst to best: unknown may hide anything less than critical."""
