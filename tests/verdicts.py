"""Verdicts as people read them, for tables of tests."""

from __future__ import annotations

from typing import Any

from seventh import protocols
from seventh.model.report import SkipCause
from seventh.rules.rule import AnyRule, Hit, Skip
from seventh.rules.words import filled


def told(rule: AnyRule, facts: Any) -> str:
    """A verdict as ``pass``, ``skip: why``, ``not applicable: why`` or ``high: evidence``."""
    verdict = rule(facts)
    if verdict is None:
        return "pass"
    if isinstance(verdict, Skip):
        applies = verdict.cause is not SkipCause.NOT_APPLICABLE
        return f"{'skip' if applies else 'not applicable'}: {verdict.reason}"
    evidence = filled(rule.words, verdict.params).evidence
    return f"{(verdict.severity or rule.severity).value}: {evidence}"


def said(rule: AnyRule, facts: Any) -> str:
    """What :func:`told` gives, followed by the settings that the verdict names: ``[a, b]``."""
    verdict = rule(facts)
    settings = verdict.settings if isinstance(verdict, Hit) else ()
    return told(rule, facts) + (f" [{', '.join(settings)}]" if settings else "")


def hit(rule: AnyRule, facts: Any) -> Hit:
    """The hit of a rule that must fire."""
    verdict = rule(facts)
    assert isinstance(verdict, Hit), verdict
    return verdict


def fixed(rule: AnyRule, facts: Any, product: str) -> str:
    """The lines that a person is given for ``product``."""
    found = hit(rule, facts)
    if product in found.fixes:
        return "\n".join(found.fixes[product])
    return filled(rule.words, found.params).fix[product]


def declared(room: str) -> dict[str, str]:
    """What each rule of a room says of itself: severity, tier, source, the settings behind it."""
    return {
        rule.id: " ".join(
            (
                rule.severity.value,
                str(rule.tier),
                rule.source.value,
                *(f"{product}:{'|'.join(names)}" for product, names in rule.directives.items()),
            )
        )
        for rule in protocols.rules(room)
    }
