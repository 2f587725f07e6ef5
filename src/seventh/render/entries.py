"""The structs of the JSON report, ``seventh.report/1``, which every other format shows too.

Fields are only added while the schema keeps its number; none is renamed, removed or changed in
meaning. Readers ignore unknown fields.

All texts are safe to show: control, escape and bidirectional characters that a peer sent are
escaped. Only a rule's own texts have line breaks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from seventh.model.checklist import LineVerdict
from seventh.model.failure import Blame, Reason
from seventh.model.host import PortState
from seventh.model.phase import Clock, Outcome
from seventh.model.place import Aspect
from seventh.model.report import SkipCause
from seventh.model.severity import Severity, Status
from seventh.wire.text import printable

_TEXT_LIMIT = 16_384

Seconds = Annotated[float, Meta(ge=0)]
Instant = Annotated[str, Meta(description="UTC in RFC 3339 format, ending in Z")]


class FailureEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Why the check ended early."""

    reason: Annotated[Reason, Meta(description="one of a closed list, for programs to match")]
    phase: Annotated[str, Meta(description="the phase that failed; - where no phase was running")]
    blame: Annotated[Blame, Meta(description="the party that can fix it")]
    detail: str


class PhaseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One timed step of the check."""

    name: str
    start_seconds: Annotated[float, Meta(description="when it began, from the report's start")]
    seconds: Seconds
    clock: Annotated[Clock, Meta(description="the clock that measured its end")]
    outcome: Outcome
    address: str | None


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file that is a finding's evidence."""

    file: str
    line: Annotated[int | None, Meta(description="from 1; null for a default")]
    text: Annotated[str, Meta(description="the effective setting, as the file would write it")]

    @property
    def place(self) -> str:
        """``file:12``, or the file alone."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class FindingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fired, with its texts."""

    id: str
    severity: Severity
    title: str
    evidence: str
    why: str
    product: Annotated[
        str,
        Meta(
            description="the product whose file was judged or that the peer claims to be, the "
            "protocol of --starttls, or ''"
        ),
    ]
    fix: Annotated[
        dict[str, str],
        Meta(description="the change to make, by product or 'any'; the peer's product first"),
    ]
    references: tuple[str, ...]
    seed: tuple[str, ...]
    tier: Annotated[int, Meta(ge=0, le=4)]
    source: Annotated[
        tuple[SourceEntry, ...], Meta(description="lines of files; empty for other evidence")
    ]
    params: Annotated[
        dict[str, Any],
        Meta(description="the evidence as data; names and values are the rule's own"),
    ]
    known: Annotated[
        str,
        Meta(
            description="where and why it was accepted, so that no status or exit code counts it; "
            "else empty"
        ),
    ]

    @property
    def label(self) -> str:
        """The severity, ``high``, or ``known high``."""
        return f"known {self.severity}" if self.known else self.severity.value


class SkippedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be evaluated; it has not passed."""

    id: str
    reason: str
    cause: SkipCause


class ChecklistEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a protocol's debugging checklist."""

    room: Annotated[str, Meta(description="the protocol of the checklist, such as net or ssh")]
    line: Annotated[str, Meta(description="a statement of the good state")]
    verdict: LineVerdict
    evidence: Annotated[str, Meta(description="the evidence of the verdict, or what is missing")]
    look: Annotated[str, Meta(description="options or a command to have it checked, or empty")]
    rules: Annotated[tuple[str, ...], Meta(description="the rules that decide it")]
    found: Annotated[
        tuple[str, ...], Meta(description="the rules that fired; the fix is in the finding")
    ]


class ReportEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check of one target."""

    target: str
    protocol: str
    vantage: Annotated[str, Meta(description="the host that made the check")]
    place: (
        Annotated[str, Meta(description="the place of --from that made it; absent without --from")]
        | UnsetType
    ) = UNSET
    started_at: Instant
    duration_seconds: Seconds
    status: Status
    failure: FailureEntry | None
    phases: tuple[PhaseEntry, ...]
    facts: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="by protocol; null or an empty value was not learnt"),
    ]
    metrics: Annotated[
        dict[str, float], Meta(description="by Prometheus name, in Prometheus' base units")
    ]
    findings: Annotated[tuple[FindingEntry, ...], Meta(description="the most severe first")]
    skipped: tuple[SkippedEntry, ...]
    checklist: Annotated[
        tuple[ChecklistEntry, ...] | None,
        Meta(description="the debugging checklist; null without --checklist"),
    ]
    passed: Annotated[
        tuple[str, ...], Meta(description="rules that were evaluated and found nothing")
    ]
    parts: (
        Annotated[
            tuple[ReportEntry, ...],
            Meta(description="reports of the servers of a domain; absent for other targets"),
        ]
        | UnsetType
    ) = UNSET


class PortEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One well-known port of a host that was given without a scheme."""

    target: Annotated[str, Meta(description="the URL that checks only this port")]
    port: int
    transport: str
    protocol: str
    service: Annotated[str, Meta(description="the service that usually listens there")]
    state: Annotated[PortState, Meta(description="one of a closed list, for programs to match")]
    software: Annotated[str, Meta(description="the software that the peer claims to be, or empty")]
    status: Annotated[
        Status | None, Meta(description="null where the port does not answer, which is no failure")
    ]
    failure: Reason | None
    finding: Annotated[str | None, Meta(description="the rule of the most severe finding")]
    said: Annotated[
        str, Meta(description="the failure's detail, the finding's title, or what is unknown")
    ]
    duration_seconds: Seconds


class HostEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A host that was given without a scheme, port by port."""

    host: str
    status: Annotated[Status, Meta(description="the worst of its ports; critical if none is open")]
    open: Annotated[int, Meta(description="the number of open ports")]
    ports: tuple[PortEntry, ...]


class PlaceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One place from which the targets were checked (--from)."""

    name: Annotated[str, Meta(description="as it was written: local or ssh://host")]
    vantage: Annotated[str, Meta(description="the machine's own name, or empty")]
    python: Annotated[str, Meta(description="the version of Python there, or empty")]
    installed: Annotated[
        bool, Meta(description="whether Seventh was installed there; else it was sent")
    ]
    seconds: Annotated[Seconds, Meta(description="the time for all, with the login")]
    missing: Annotated[int, Meta(ge=0, description="targets without a report from there")]
    failure: Annotated[str, Meta(description="why, or empty")]


class DifferenceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One aspect in which the reports of a target differ."""

    aspect: Aspect
    values: Annotated[dict[str, tuple[str, ...]], Meta(description="by place")]


class ComparisonEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Where the reports of one target differ between places."""

    target: str
    differences: tuple[DifferenceEntry, ...]
    filtered_near: Annotated[
        tuple[str, ...],
        Meta(description="places from which the port does not answer, while it is open elsewhere"),
    ]


class JsonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The output of one run: a report per target, in the order of the targets."""

    schema: Literal["seventh.report/1"]
    generated_at: Instant
    seventh: Annotated[str, Meta(description="Seventh's version")]
    reports: tuple[ReportEntry, ...]
    hosts: Annotated[
        tuple[HostEntry, ...],
        Meta(description="hosts given without a scheme; only open ports have a report"),
    ]
    places: (
        Annotated[tuple[PlaceEntry, ...], Meta(description="places of --from; absent without it")]
        | UnsetType
    ) = UNSET
    comparisons: (
        Annotated[
            tuple[ComparisonEntry, ...],
            Meta(description="targets whose reports differ by place; absent without --from"),
        ]
        | UnsetType
    ) = UNSET


def clean(text: str) -> str:
    """Return one line that is safe to show."""
    return printable(text, _TEXT_LIMIT)
