"""The result of one pulse, as it is stored and judged."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from seventh.model.failure import OURS, Blame, Reason
from seventh.model.report import Report

HERE = 0
"""The number of this machine among the vantages."""
HOUR_NS = 3600 * 10**9


class Outcome(StrEnum):
    """The meaning of one pulse."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """This machine or its proxy failed: nothing was learnt of the target."""


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Why a pulse failed, without the text: one of a small number of values."""

    reason: Reason
    phase: str
    blame: Blame

    @property
    def outcome(self) -> Outcome:
        """What such a failure says of the target."""
        ours = self.reason in OURS or self.blame is Blame.SEVENTH
        return Outcome.UNKNOWN if ours else Outcome.FAILED


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One pulse of one target from one vantage."""

    target: int
    """The target's number in the store."""
    vantage: int = HERE
    at_ns: int
    """When it began, by the wall clock: nanoseconds since 1970, UTC."""
    lag_ns: int = 0
    """How long after its slot it began: the lateness of this process, not of the target."""
    cause: Cause | None = None
    """Why it failed; None if it succeeded."""
    phases: tuple[tuple[str, int], ...] = ()
    """The phases that succeeded, in their order, each with the nanoseconds of its first run."""

    @property
    def outcome(self) -> Outcome:
        """What it says of the target."""
        return Outcome.OK if self.cause is None else self.cause.outcome


def cause_of(report: Report) -> Cause | None:
    """Return why a pulse failed; None if it succeeded."""
    failure = report.failure
    return Cause(failure.reason, failure.phase, failure.blame) if failure is not None else None


def pulse_of(report: Report, target: int, at_ns: int, lag_ns: int) -> Pulse:
    """Return what is kept of a pulse's report."""
    phases: dict[str, int] = {}
    for phase in report.phases:
        if phase.outcome == "ok":
            phases.setdefault(phase.name, round(phase.seconds * 1e9))
    return Pulse(
        target=target, at_ns=at_ns, lag_ns=lag_ns, cause=cause_of(report),
        phases=tuple(phases.items()),
    )  # fmt: skip
