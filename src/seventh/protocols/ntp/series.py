"""The series of a server's clock against a clock of ours that is never set: where it jumps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from seventh.model.facts import Facts
from seventh.model.look import Look
from seventh.protocols.ntp.facts import NtpFacts

_JUMP_SECONDS = 0.1
_MOST_DRIFT = 500e-6
"""How fast two clocks may drift apart: the most that RFC 5905 corrects."""
_DAY_NS = 86_400 * 10**9
_MOST = 16


class Jump(msgspec.Struct, frozen=True, kw_only=True):
    """A jump between two pulses."""

    after_ns: int
    at_ns: int
    seconds: float
    certain: bool = False
    """Whether our clock did not jump: another server's did not, as seen from here."""


class OffsetSeries(Facts, frozen=True, kw_only=True):
    """The last offset, and the jumps of a day."""

    ROOM: ClassVar[str] = "ntp-series"
    OWNER: ClassVar[str] = "ntp"

    since_ns: int | None = None
    last_ns: int = 0
    clock_ns: int = 0
    """The server's clock less ours that is never set."""
    error_seconds: float = 0.0
    jumps: tuple[Jump, ...] = ()

    @property
    def certain(self) -> tuple[Jump, ...]:
        """The jumps that were the server's."""
        return tuple(each for each in self.jumps if each.certain)


SERIES = OffsetSeries


def add(series: OffsetSeries, look: Look) -> OffsetSeries:
    """Add the offset of one look."""
    ntp = look.facts.get(NtpFacts.ROOM)
    if not isinstance(ntp, NtpFacts) or ntp.offset_seconds is None:
        return series
    clock_ns = round(ntp.offset_seconds * 1e9) + look.steady_ns
    error = ntp.offset_error_seconds or 0.0
    jumps = tuple(each for each in series.jumps if each.at_ns > look.at_ns - _DAY_NS)
    if series.since_ns is not None and look.at_ns > series.last_ns:
        moved = (clock_ns - series.clock_ns) / 1e9
        elapsed = (look.at_ns - series.last_ns) / 1e9
        if abs(moved) > _JUMP_SECONDS + error + series.error_seconds + _MOST_DRIFT * elapsed:
            jumps += (Jump(after_ns=series.last_ns, at_ns=look.at_ns, seconds=moved),)
    return series.learn(
        since_ns=series.since_ns if series.since_ns is not None else look.at_ns,
        last_ns=look.at_ns, clock_ns=clock_ns, error_seconds=error, jumps=jumps[-_MOST:],
    )  # fmt: skip


def beside(every: Mapping[str, OffsetSeries]) -> dict[str, OffsetSeries]:
    """Return the series of targets with what the others show: a jump at all of them is ours."""
    return {
        name: series.learn(jumps=tuple(
            replace(jump, certain=any(
                _was_steady(other, jump) for beside, other in every.items() if beside != name
            ))
            for jump in series.jumps
        ))
        for name, series in every.items()
        if series.jumps
    }  # fmt: skip


def _was_steady(series: OffsetSeries, jump: Jump) -> bool:
    """Return whether this server's clock did not jump while the other one did."""
    if (
        series.since_ns is None
        or not series.since_ns <= jump.after_ns < jump.at_ns <= series.last_ns
    ):
        return False
    return all(each.at_ns < jump.after_ns or each.after_ns > jump.at_ns for each in series.jumps)
