"""Judging targets together: what only shows when several servers of one kind are compared.

A room that compares has a module ``together`` with::

    RULES: frozenset[str]    # the ids of its rules that judge targets together
    def together(reports: Sequence[Report]) -> Facts | None
"""

from __future__ import annotations

from collections.abc import Sequence

from seventh import protocols
from seventh.engine.metrics import metrics_of_facts
from seventh.model.report import Report
from seventh.net.probe_context import vantage
from seventh.rules.run import Selection, run_rules


def together(reports: Sequence[Report], selection: Selection) -> list[Report]:
    """One further report for each room that compares and of which two targets or more were checked.

    Never raises: a target that failed is part of the comparison, too.
    """
    made: list[Report] = []
    for room in dict.fromkeys(report.protocol for report in reports):
        mine = [report for report in reports if report.protocol == room]
        if len(mine) > 1 and protocols.has_part(room, "together"):
            judged = _judge(room, mine, selection)
            made += [judged] if judged is not None else []
    return made


def _judge(room: str, reports: Sequence[Report], selection: Selection) -> Report | None:
    part = protocols.part(room, "together")
    facts = part.together(reports)
    if facts is None:
        return None
    rules = [rule for rule in protocols.rules(room) if rule.id in part.RULES]
    verdicts = run_rules(room, rules, facts, selection)
    return Report(
        target=" ".join(report.target for report in reports),
        protocol=room,
        vantage=vantage(),
        started_seconds=min(report.started_seconds for report in reports),
        duration_seconds=_span(reports),
        failure=None,
        phases=(),
        facts={room: facts},
        metrics=metrics_of_facts({room: facts}),
        findings=verdicts.findings,
        skipped=verdicts.skipped,
        passed=verdicts.passed,
    )


def _span(reports: Sequence[Report]) -> float:
    """From the first target's start to the last one's end."""
    first = min(report.started_seconds for report in reports)
    last = max(report.started_seconds + report.duration_seconds for report in reports)
    return last - first
