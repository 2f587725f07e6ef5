"""The one maker of reports."""

from __future__ import annotations

from collections.abc import Mapping

from seventh.model.facts import Facts
from seventh.model.failure import Failure
from seventh.model.phase import Phase
from seventh.model.report import Report
from seventh.model.sample import Sample
from seventh.net.probe_context import vantage
from seventh.rules.run import Verdicts


def make_report(
    target: str,
    protocol: str,
    facts: Mapping[str, Facts],
    verdicts: Verdicts,
    *,
    started_seconds: float,
    duration_seconds: float,
    failure: Failure | None = None,
    phases: tuple[Phase, ...] = (),
    metrics: tuple[Sample, ...] = (),
    transcript: tuple[str, ...] = (),
    parts: tuple[Report, ...] = (),
) -> Report:
    """Return the report of a check from this machine."""
    return Report(
        target=target, protocol=protocol, vantage=vantage(),
        started_seconds=started_seconds, duration_seconds=duration_seconds,
        failure=failure, phases=phases, facts=dict(facts), metrics=metrics,
        findings=verdicts.findings, skipped=verdicts.skipped, passed=verdicts.passed,
        transcript=transcript, parts=parts,
    )  # fmt: skip
