"""Comparing the reports of several servers of one protocol.

A room that compares has a module ``together`` with::

    RULES: frozenset[str]    # the ids of its rules that judge targets together
    def together(reports: Sequence[Report]) -> Facts | None
"""

from __future__ import annotations

from collections.abc import Sequence

from seventh import protocols
from seventh.engine.metrics import metrics_of_facts
from seventh.engine.report import make_report
from seventh.model.report import Report
from seventh.rules.run import Selection, run_rules


def together(reports: Sequence[Report], selection: Selection) -> list[Report]:
    """Return one more report per room that compares, for two or more reports, failed ones too."""
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
    first = min(report.started_seconds for report in reports)
    last = max(report.started_seconds + report.duration_seconds for report in reports)
    return make_report(
        " ".join(report.target for report in reports), room, {room: facts}, verdicts,
        started_seconds=first, duration_seconds=last - first,
        metrics=metrics_of_facts({room: facts}),
    )  # fmt: skip
