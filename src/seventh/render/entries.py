"""The shape of the JSON report, ``seventh.report/1``, and of what every other format shows.

Fields are added as time goes by; none is renamed, removed or given another meaning while the schema
keeps its number. A reader ignores the fields that it does not know.

Everything in these structs is safe to show: control, escape and bidirectional characters that a
peer sent are escaped here once, for all formats. Line breaks are left only in a rule's own words.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from seventh.model.checklist import LineVerdict
from seventh.model.failure import Blame, Reason
from seventh.model.host import PortState
from seventh.model.phase import Clock, Outcome
from seventh.model.report import SkipCause
from seventh.model.severity import Severity, Status
from seventh.wire.text import printable

_TEXT_LIMIT = 16_384

Seconds = Annotated[float, Meta(ge=0)]
Instant = Annotated[str, Meta(description="UTC, as RFC 3339 writes it, ending in Z")]


class FailureEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Why the conversation ended early."""

    reason: Annotated[Reason, Meta(description="one of a closed list; match on it")]
    phase: Annotated[str, Meta(description="the step it happened in; - where no step was running")]
    blame: Annotated[Blame, Meta(description="the party that can mend it")]
    detail: str


class PhaseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One timed step of the conversation."""

    name: str
    start_seconds: Annotated[float, Meta(description="when it began, from the report's start")]
    seconds: Seconds
    clock: Annotated[Clock, Meta(description="whose clock saw its end")]
    outcome: Outcome
    address: str | None


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a finding stands on."""

    file: str
    line: Annotated[int | None, Meta(description="from 1; null where a default holds")]
    text: Annotated[str, Meta(description="the effective setting, as its file would write it")]

    @property
    def place(self) -> str:
        """``file:12``, or the file alone."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class FindingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fired, in words."""

    id: str
    severity: Severity
    title: str
    evidence: str
    why: str
    product: Annotated[
        str, Meta(description="whose file was judged, or what the peer says it is; else empty")
    ]
    fix: Annotated[
        dict[str, str], Meta(description="what to write, by product, or any; the peer's own first")
    ]
    references: tuple[str, ...]
    seed: tuple[str, ...]
    tier: Annotated[int, Meta(ge=0, le=4)]
    source: Annotated[
        tuple[SourceEntry, ...], Meta(description="lines of files; empty for what the wire showed")
    ]


class SkippedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be evaluated; it has not passed."""

    id: str
    reason: str
    cause: SkipCause


class ChecklistEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a protocol's debugging checklist."""

    room: Annotated[str, Meta(description="whose checklist it is of, such as net or ssh")]
    line: Annotated[str, Meta(description="a statement that holds where all is well")]
    verdict: LineVerdict
    evidence: Annotated[str, Meta(description="what the verdict stands on, or what is missing")]
    look: Annotated[
        str, Meta(description="options or a command that would have it looked at; else empty")
    ]
    rules: Annotated[tuple[str, ...], Meta(description="the rules that decide it")]
    found: Annotated[
        tuple[str, ...], Meta(description="those that fired; each one's fix is in its finding")
    ]


class ReportEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at one target gave."""

    target: str
    protocol: str
    vantage: Annotated[str, Meta(description="where it was measured from")]
    started_at: Instant
    duration_seconds: Seconds
    status: Status
    failure: FailureEntry | None
    phases: tuple[PhaseEntry, ...]
    facts: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="by room; null or an empty value is what was not learnt"),
    ]
    metrics: Annotated[
        dict[str, float], Meta(description="by Prometheus name, in Prometheus' base units")
    ]
    findings: Annotated[tuple[FindingEntry, ...], Meta(description="the gravest first")]
    skipped: tuple[SkippedEntry, ...]
    checklist: Annotated[
        tuple[ChecklistEntry, ...] | None,
        Meta(description="the debugging checklist; null where --checklist was not given"),
    ]


class PortEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One well-known port of a host that was given without a scheme."""

    target: Annotated[str, Meta(description="the URL that checks this port alone")]
    port: int
    transport: str
    protocol: str
    service: Annotated[str, Meta(description="what usually listens there, in words")]
    state: Annotated[PortState, Meta(description="what the look met; match on it")]
    software: Annotated[str, Meta(description="what the peer says it is; empty if unknown")]
    status: Annotated[
        Status | None, Meta(description="null where nothing answered: that is no failure")
    ]
    failure: Reason | None
    finding: Annotated[str | None, Meta(description="the gravest finding's rule")]
    said: Annotated[str, Meta(description="the failure's detail, or the finding's title")]
    duration_seconds: Seconds


class HostEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A host that was given without a scheme, port by port."""

    host: str
    status: Annotated[Status, Meta(description="the worst of its ports; critical if none is open")]
    open: Annotated[int, Meta(description="how many of the ports answered")]
    ports: tuple[PortEntry, ...]


class JsonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What one run printed: a report for each target, in the order they were asked for."""

    schema: Literal["seventh.report/1"]
    generated_at: Instant
    seventh: Annotated[str, Meta(description="Seventh's version")]
    reports: tuple[ReportEntry, ...]
    hosts: Annotated[
        tuple[HostEntry, ...],
        Meta(description="hosts given without a scheme; only their open ports have a report"),
    ]


def clean(text: str) -> str:
    """Return one line that is safe to show."""
    return printable(text, _TEXT_LIMIT)
