"""The structs of the API, ``seventh.watch/1``. Fields are only added; readers ignore others.

Instants are UTC in RFC 3339 format; all texts are safe to show.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from seventh.model.failure import Blame, Reason
from seventh.watch.alerts import Hold
from seventh.watch.samples import Cause, Outcome, Pulse
from seventh.watch.verdict import Condition

SCHEMA = "seventh.watch/1"
Text = Annotated[str, Meta(max_length=1000)]
MAX_SILENCE_SECONDS = 366 * 86_400


class CauseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Why a pulse failed."""

    reason: Reason
    phase: str
    blame: Blame


class PulseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The last pulse."""

    at: str
    lag_seconds: float
    outcome: Outcome
    cause: CauseEntry | None
    phases: Mapping[str, float]
    """In seconds."""


class TargetEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A target, or a job that reports."""

    name: str
    url: str | None
    """None for a job."""
    labels: Mapping[str, str]
    parents: tuple[str, ...]
    every_seconds: float
    condition: Condition
    since: str | None
    held: Hold | None
    """Why its alert is not sent."""
    last: PulseEntry | None
    errors: int = 0
    """Pulses that failed, since this process started."""
    reconnects: int = 0
    """Pulses that succeeded after one that failed, since this process started."""
    packet_loss_ratio: float | None = None
    """Share of our TCP segments, or requests, of the last pulse that were lost."""


class IncidentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fired."""

    id: int
    target: str
    kind: Condition
    phase: str
    since: str
    fired: str
    sent: str | None
    resolved: str | None
    given_up: bool
    """Whether it ended because it is no longer watched for."""
    cause: CauseEntry | None
    acknowledged: str | None = None
    acknowledged_by: str = ""


class FindingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the last full check."""

    target: str
    id: str
    severity: str
    title: str
    params: Mapping[str, Any]
    first_seen: str
    last_seen: str


class SampleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one metric, as it was stored."""

    at: str
    name: str
    labels: Mapping[str, str]
    value: float


class SilenceEntry(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """A time in which no alert of the targets that match is sent."""

    id: int
    match: Mapping[str, str]
    since: str
    until: str
    by: str
    why: str


class NewSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a silence, from now on."""

    match: Annotated[dict[Text, Text], Meta(max_length=50, min_length=1)]
    seconds: Annotated[float, Meta(ge=1, le=MAX_SILENCE_SECONDS)]
    by: Text = ""
    why: Text = ""


class NewAcknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who takes care of an incident."""

    by: Annotated[str, Meta(min_length=1, max_length=1000)]


def instant(at_ns: int) -> str:
    """Return an instant."""
    at = dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_or_none(at_ns: int | None) -> str | None:
    """Return an instant; None for none."""
    return instant(at_ns) if at_ns else None


def cause_entry(cause: Cause | None) -> CauseEntry | None:
    """Return the entry of a cause."""
    if cause is None:
        return None
    return CauseEntry(reason=cause.reason, phase=cause.phase, blame=cause.blame)


def pulse_entry(pulse: Pulse | None) -> PulseEntry | None:
    """Return the entry of a pulse."""
    if pulse is None:
        return None
    return PulseEntry(
        at=instant(pulse.at_ns), lag_seconds=pulse.lag_ns / 1e9, outcome=pulse.outcome,
        cause=cause_entry(pulse.cause), phases={name: ns / 1e9 for name, ns in pulse.phases},
    )  # fmt: skip
