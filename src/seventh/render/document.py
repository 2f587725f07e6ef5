"""Reports as the entries that are printed: with texts, made printable, in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from seventh.model.facts import Facts
from seventh.model.failure import Failure
from seventh.model.phase import Phase
from seventh.model.place import Place
from seventh.model.report import Finding, Report, Skipped
from seventh.model.sample import Sample
from seventh.render.entries import (
    ChecklistEntry,
    ComparisonEntry,
    DifferenceEntry,
    FailureEntry,
    FindingEntry,
    HostEntry,
    JsonDocument,
    PhaseEntry,
    PlaceEntry,
    ReportEntry,
    SkippedEntry,
    SourceEntry,
    clean,
)
from seventh.render.view import Document, View, status_of
from seventh.render.wording import Wording


def json_document(document: Document, view: View) -> JsonDocument:
    """Return ``document`` as its JSON struct."""
    wording = Wording(view.lang)
    return JsonDocument(
        schema="seventh.report/1",
        generated_at=document.generated_at,
        seventh=document.version,
        reports=tuple(entry(report, wording, view) for report in document.reports),
        hosts=_hosts(document, view) if document.hosts else (),
        places=tuple(map(place_entry, document.places)) if document.places else UNSET,
        comparisons=comparison_entries(document) if document.places else UNSET,
    )


def _hosts(document: Document, view: View) -> tuple[HostEntry, ...]:
    from seventh.render.hosts import host_entries  # for hosts without a scheme only

    return host_entries(document, view)


def place_entry(place: Place) -> PlaceEntry:
    """Return the entry of one place of ``--from``."""
    return PlaceEntry(
        name=clean(place.name), vantage=clean(place.vantage), python=clean(place.python),
        installed=place.installed, seconds=length(place.seconds), missing=place.missing,
        failure=clean(place.failure),
    )  # fmt: skip


def comparison_entries(document: Document) -> tuple[ComparisonEntry, ...]:
    """Return the entries of the targets whose reports differ between places."""
    return tuple(
        ComparisonEntry(
            target=clean(each.target),
            filtered_near=tuple(map(clean, each.filtered_near)),
            differences=tuple(
                DifferenceEntry(
                    aspect=difference.aspect,
                    values={
                        clean(name): tuple(map(clean, values))
                        for name, values in difference.values.items()
                    },
                )
                for difference in each.differences
            ),
        )
        for each in document.comparisons
    )


def entry(report: Report, wording: Wording, view: View) -> ReportEntry:
    """Return the entry of one report."""
    return ReportEntry(
        target=clean(report.target),
        protocol=clean(report.protocol),
        vantage=clean(report.vantage),
        place=clean(report.place) if report.place else UNSET,
        started_at=clean(report.started_at),
        duration_seconds=length(report.duration_seconds),
        status=status_of(report, view),
        failure=failure_entry(report.failure) if report.failure else None,
        phases=tuple(phase_entry(phase) for phase in report.phases),
        facts={clean(room): plain_facts(report.facts[room]) for room in sorted(report.facts)},
        metrics={sample.key: sample.value for sample in samples(report)},
        findings=tuple(
            finding_entry(finding, wording)
            for finding in sorted(report.findings, key=lambda f: f.order)
        ),
        skipped=tuple(_skipped(skipped) for skipped in report.skipped),
        checklist=_checklist(report, wording) if view.checklist else None,
        passed=tuple(clean(rule) for rule in report.passed),
        parts=tuple(entry(part, wording, view) for part in report.parts) or UNSET,
    )


def _checklist(report: Report, wording: Wording) -> tuple[ChecklistEntry, ...]:
    from seventh.render.checklist import checklist  # loads the rooms' checklists

    return checklist(report, wording)


def samples(report: Report) -> tuple[Sample, ...]:
    """Return the report's metrics, made printable, ordered by key; without NaN and infinity."""
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


def plain_facts(facts: Facts) -> dict[str, Any]:
    """Return facts as JSON values: fields as declared, mappings sorted, null for NaN and infinity.

    The properties in ``DERIVED`` follow the fields; a mapping in ``LINES`` is a list of lines
    ``key: value``.
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
    """Round to nanoseconds, as nothing shorter is measured; NaN and infinity give 0."""
    return round(seconds, 9) if math.isfinite(seconds) else 0.0


def length(seconds: float) -> float:
    """Return a length of time as it is printed: never negative, to the nanosecond."""
    return max(0.0, _finite(seconds))


def failure_entry(failure: Failure) -> FailureEntry:
    """Return the entry of a failure."""
    return FailureEntry(
        reason=failure.reason,
        phase=clean(failure.phase),
        blame=failure.blame,
        detail=clean(failure.detail),
    )


def phase_entry(phase: Phase) -> PhaseEntry:
    """Return the entry of a phase."""
    return PhaseEntry(
        name=clean(phase.name),
        start_seconds=_finite(phase.start_seconds),
        seconds=length(phase.seconds),
        clock=phase.clock,
        outcome=phase.outcome,
        address=clean(phase.address) if phase.address else None,
    )


def _blocks(finding: Finding) -> str:
    """Return the blocks of a file that have the fault."""
    named = ", ".join(clean(label) for label in (finding.view, *finding.also))
    return f"{named} and {finding.more} more" if finding.more else named


def finding_entry(finding: Finding, wording: Wording) -> FindingEntry:
    """Return the entry of a finding, with its texts."""
    words = wording.words(finding)
    return FindingEntry(
        id=clean(finding.id),
        severity=finding.severity,
        title=words.title,
        evidence=f"in {_blocks(finding)}: {words.evidence}" if finding.view else words.evidence,
        source=tuple(
            SourceEntry(file=clean(line.file), line=line.line, text=clean(line.text))
            for line in finding.source
        ),
        why=words.why,
        product=clean(finding.product),
        fix=_fix(words.fix, finding),
        references=tuple(map(clean, finding.references)),
        seed=tuple(map(clean, finding.seed)),
        tier=finding.tier,
        params={clean(name): _plain(value) for name, value in sorted(finding.params.items())},
        known=clean(finding.known),
    )


def _fix(fix: Mapping[str, str], finding: Finding) -> dict[str, str]:
    """Return the fixes, the product's own first; only that one for a finding in a file."""
    mine = {name: text for name, text in fix.items() if name == finding.product}
    return mine if mine and finding.source else {**mine, **fix}


def _skipped(skipped: Skipped) -> SkippedEntry:
    return SkippedEntry(id=clean(skipped.id), reason=clean(skipped.reason), cause=skipped.cause)
