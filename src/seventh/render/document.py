"""The JSON report, ``seventh.report/1``: what other programs read.

Fields are added as time goes by; none is renamed, removed or given another meaning while the schema
keeps its number. A reader ignores the fields that it does not know.

Everything in these structs is safe to show: control, escape and bidirectional characters that a
peer sent are escaped here once, for all formats. Line breaks are left only in a rule's own words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from seventh.model.checklist import LineVerdict
from seventh.model.facts import Facts
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Clock, Outcome, Phase
from seventh.model.report import Finding, Report, SkipCause, Skipped
from seventh.model.sample import Sample
from seventh.model.severity import Severity, Status
from seventh.render.speech import Speech
from seventh.render.view import Document, View, status_of
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


class JsonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What one run printed: a report for each target, in the order they were asked for."""

    schema: Literal["seventh.report/1"]
    generated_at: Instant
    seventh: Annotated[str, Meta(description="Seventh's version")]
    reports: tuple[ReportEntry, ...]


def json_document(document: Document, view: View) -> JsonDocument:
    """``document`` in the shape that is printed."""
    speech = Speech(view.lang)
    return JsonDocument(
        schema="seventh.report/1",
        generated_at=document.generated_at,
        seventh=document.version,
        reports=tuple(entry(report, speech, view) for report in document.reports),
    )


def entry(report: Report, speech: Speech, view: View) -> ReportEntry:
    """One report in words, cleaned, in a fixed order."""
    findings = sorted(report.findings, key=lambda f: (-f.severity.rank, f.id))
    return ReportEntry(
        target=clean(report.target),
        protocol=clean(report.protocol),
        vantage=clean(report.vantage),
        started_at=clean(report.started_at),
        duration_seconds=max(0.0, _finite(report.duration_seconds)),
        status=status_of(report, view),
        failure=_failure(report.failure) if report.failure else None,
        phases=tuple(_phase(phase) for phase in report.phases),
        facts={clean(room): plain_facts(report.facts[room]) for room in sorted(report.facts)},
        metrics={sample.key: sample.value for sample in samples(report)},
        findings=tuple(_finding(finding, speech) for finding in findings),
        skipped=tuple(_skipped(skipped) for skipped in report.skipped),
        checklist=_checklist(report, speech) if view.checklist else None,
    )


def _checklist(report: Report, speech: Speech) -> tuple[ChecklistEntry, ...]:
    from seventh.render.checked import checklist  # the rooms' checklists load when asked for

    return checklist(report, speech)


def samples(report: Report) -> tuple[Sample, ...]:
    """The report's metrics, cleaned, ordered by their keys; without NaN and infinity."""
    cleaned = (
        Sample(
            clean(sample.name),
            tuple((clean(label), clean(value)) for label, value in sample.labels),
            sample.value,
        )
        for sample in report.metrics
        if math.isfinite(sample.value)
    )
    return tuple(sorted(cleaned, key=lambda sample: sample.key))


def clean(text: str) -> str:
    """One line that is safe to show."""
    return printable(text, _TEXT_LIMIT)


def plain_facts(facts: Facts) -> dict[str, Any]:
    """Facts as JSON's kinds of value: fields as declared, mappings sorted, no NaN or infinity.

    The properties that the facts name in ``DERIVED`` follow the fields; what they name in ``LINES``
    is a list of lines ``key: value`` instead.
    """
    plain: dict[str, Any] = _plain(_builtins(facts))
    for name in facts.LINES:
        plain[name] = [f"{key}: {value}" for key, value in plain[name].items()]
    return plain | {name: _plain(_builtins(getattr(facts, name))) for name in facts.DERIVED}


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True, order="deterministic")


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _finite(seconds: float) -> float:
    # Nothing shorter than a nanosecond is measured; the rest is the float's own noise.
    return round(seconds, 9) if math.isfinite(seconds) else 0.0


def _failure(failure: Failure) -> FailureEntry:
    return FailureEntry(
        reason=failure.reason,
        phase=clean(failure.phase),
        blame=failure.blame,
        detail=clean(failure.detail),
    )


def _phase(phase: Phase) -> PhaseEntry:
    return PhaseEntry(
        name=clean(phase.name),
        start_seconds=_finite(phase.start_seconds),
        seconds=max(0.0, _finite(phase.seconds)),
        clock=phase.clock,
        outcome=phase.outcome,
        address=clean(phase.address) if phase.address else None,
    )


def _finding(finding: Finding, speech: Speech) -> FindingEntry:
    words = speech.words(finding)
    return FindingEntry(
        id=finding.id,
        severity=finding.severity,
        title=words.title,
        evidence=f"in {clean(finding.view)}: {words.evidence}" if finding.view else words.evidence,
        source=tuple(
            SourceEntry(file=clean(line.file), line=line.line, text=clean(line.text))
            for line in finding.source
        ),
        why=words.why,
        product=finding.product,
        fix=_fix(words.fix, finding),
        references=finding.references,
        seed=finding.seed,
        tier=finding.tier,
    )


def _fix(fix: Mapping[str, str], finding: Finding) -> dict[str, str]:
    """The fixes, the product's own first; of a file that was judged, its own alone."""
    mine = {name: text for name, text in fix.items() if name == finding.product}
    return mine if mine and finding.source else {**mine, **fix}


def _skipped(skipped: Skipped) -> SkippedEntry:
    return SkippedEntry(id=skipped.id, reason=clean(skipped.reason), cause=skipped.cause)
