"""A verdict as one line, for tables of expectations."""

from __future__ import annotations

from seventh.model.facts import Facts
from seventh.model.report import SkipCause
from seventh.rules.rule import AnyRule, Skip, Verdict
from seventh.rules.words import filled


def said(rule: AnyRule, facts: Facts) -> str:
    """All of a rule's verdict: severity, evidence and settings; why it was skipped; or "pass"."""
    return line(rule, rule(facts))


def line(rule: AnyRule, verdict: Verdict) -> str:
    """One line for a verdict of ``rule``."""
    if verdict is None:
        return "pass"
    if isinstance(verdict, Skip):
        cause = {SkipCause.NO_EVIDENCE: "skipped", SkipCause.NOT_APPLICABLE: "not applicable"}
        return f"{cause[verdict.cause]}: {verdict.reason}"
    evidence = filled(rule.words, verdict.params).evidence
    settings = f" [{', '.join(verdict.settings)}]" if verdict.settings else ""
    return f"{verdict.severity or rule.severity}: {evidence}{settings}"
