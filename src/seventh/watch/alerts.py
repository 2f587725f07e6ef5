"""When an alert that has fired is sent: alerts are suppressed, data never.

A parent that is down, a silence, or trouble of this machine itself prevents that an alert is sent,
and never that its end is sent: every alert that was sent is followed by its end, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from seventh.model.report import Finding
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition, State

VANTAGE = 0
"""The number that stands for this machine among the targets of alerts."""


class Hold(StrEnum):
    """Why an alert that has fired is not sent."""

    VANTAGE = "vantage"
    """This machine itself has lost its network."""
    PARENT = "parent"
    """Something that the target needs is down."""
    UNDECIDED = "parent-undecided"
    """A parent has not had a verdict since the target's first failure; this is waited for."""
    RECOVERING = "recovering"
    """What held it is over: the target has as long for its own recovery as for a verdict."""
    SILENCED = "silenced"


CAUSES = frozenset({Hold.VANTAGE, Hold.PARENT})
"""Holds that may be the reason why the target fails."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that has fired and is not resolved."""

    target: int
    kind: Condition
    """DOWN, DEGRADED or FINDING; UNKNOWN for this machine's own trouble."""
    phase: str = ""
    """The slow phase; of a finding its rule."""
    since_ns: int
    """When the first of its bad pulses was."""
    fired_ns: int
    cause: Cause | None = None
    sent_ns: int | None = None
    """When it was sent; None before, and for one that is held."""
    excused_ns: int | None = None
    """When a hold that may be the reason for the failure last applied."""
    finding: Finding | None = None

    @property
    def key(self) -> tuple[int, Condition, str]:
        """What distinguishes it from the other alerts that are firing."""
        return self.target, self.kind, self.phase


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: an alert, or its end."""

    alert: Alert
    at_ns: int
    resolved: bool = False
    given_up: bool = False
    """Whether it ended because it is no longer watched for."""


class Parent(msgspec.Struct, frozen=True):
    """A target that another needs."""

    state: State
    patience_ns: int
    """How long its verdict is waited for."""


def hold(
    alert: Alert,
    parents: Iterable[Parent],
    at_ns: int,
    *,
    patience_ns: int,
    in_trouble: bool = False,
    silenced: bool = False,
) -> Hold | None:
    """Return why the alert is not sent now; None if it is.

    ``patience_ns`` is how long a verdict on its target takes.
    """
    if in_trouble:
        return Hold.VANTAGE
    undecided = False
    for parent in parents:
        state = parent.state
        if state.condition is Condition.DOWN or state.down.firing:
            return Hold.PARENT
        fresh = state.last_ns >= alert.since_ns and not state.failing
        undecided |= not fresh and at_ns - alert.fired_ns < parent.patience_ns
    if alert.excused_ns is not None and at_ns - alert.excused_ns < patience_ns:
        return Hold.RECOVERING
    if silenced:
        return Hold.SILENCED
    return Hold.UNDECIDED if undecided else None
