"""Running rules over facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.report import Finding, SkipCause, Skipped
from seventh.rules.rule import AnyRule, Skip

_NOT_REQUESTED = {tier: f"tier {tier} was not requested" for tier in (2, 3, 4)}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The rules to run, and the tiers that are not permitted."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    denied: Mapping[int, str] = msgspec.field(default_factory=_NOT_REQUESTED.copy)
    """Tiers that are not permitted, each with the reason."""

    def wants(self, rule_id: str) -> bool:
        """Return whether ``--only`` and ``--skip`` select the rule."""
        return rule_id not in self.skip and (not self.only or rule_id in self.only)

    def check_ids(self, known: Iterable[str]) -> None:
        """Raise UsageError for an id that no rule has."""
        known = set(known)
        for name in sorted((self.only | self.skip) - known):
            raise UsageError(unknown("rule", name, known, "seventh rules"))


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run; every selected rule is in exactly one of the three."""

    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    passed: tuple[str, ...] = ()


def run_rules(room: str, rules: Iterable[AnyRule], facts: Facts, selection: Selection) -> Verdicts:
    """Judge ``facts`` by every selected rule of one room."""
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    passed: list[str] = []
    for rule in rules:
        if not selection.wants(rule.id):
            continue
        if rule.tier in selection.denied:
            reason = selection.denied[rule.tier]
            skipped.append(Skipped(id=rule.id, reason=reason, cause=SkipCause.NOT_PERMITTED))
            continue
        verdict = rule(facts)
        if verdict is None:
            passed.append(rule.id)
        elif isinstance(verdict, Skip):
            skipped.append(Skipped(id=rule.id, reason=verdict.reason, cause=verdict.cause))
        else:
            findings.append(
                Finding(
                    id=rule.id,
                    room=room,
                    severity=verdict.severity or rule.severity,
                    tier=rule.tier,
                    params=verdict.params,
                    references=rule.references,
                    seed=rule.seed,
                    settings=verdict.settings,
                    fixes=verdict.fixes,
                )
            )
    findings.sort(key=lambda finding: finding.order)
    return Verdicts(findings=tuple(findings), skipped=tuple(skipped), passed=tuple(passed))
