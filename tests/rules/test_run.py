"""Selecting and running rules."""

from __future__ import annotations

import pytest

from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.run import Selection, run_rules


class Beer(Facts, frozen=True, kw_only=True):
    """Facts made up for these tests."""

    degrees: float | None = None


def warm(tier: int = 0, name: str = "BEER-WARM"):  # type: ignore[no-untyped-def]
    @rule(
        name, Severity.MEDIUM, tier=tier, source=Source.WIRE,
        title="Warm", evidence="{degrees} degrees", why="Nobody likes it.",
        fix={"any": "cool"}, references=("RFC 2324",), seed=("1.1",),
        good=Beer(degrees=6.0), bad=Beer(degrees=20.0),
    )  # fmt: skip
    def condition(beer: Beer) -> Verdict:
        if beer.degrees is None:
            return Skip("nobody tasted it")
        if beer.degrees < 0:
            return not_applicable("it is frozen")
        if beer.degrees > 30:
            return Hit(Severity.CRITICAL, degrees=beer.degrees)
        return Hit(degrees=beer.degrees) if beer.degrees > 10 else None

    return condition


def test_a_rule_fires_passes_or_is_skipped() -> None:
    fired = run_rules("beer", [warm()], Beer(degrees=20.0), Selection())
    assert [(f.id, f.severity, f.room, f.params) for f in fired.findings] == [
        ("BEER-WARM", Severity.MEDIUM, "beer", {"degrees": 20.0})
    ]
    assert run_rules("beer", [warm()], Beer(degrees=5.0), Selection()).passed == ("BEER-WARM",)
    (skipped,) = run_rules("beer", [warm()], Beer(), Selection()).skipped
    assert (skipped.id, skipped.reason) == ("BEER-WARM", "nobody tasted it")
    assert skipped.cause is SkipCause.NO_EVIDENCE


def test_what_does_not_apply_is_told_from_what_is_unknown() -> None:
    verdicts = run_rules("beer", [warm()], Beer(degrees=-5.0), Selection())
    assert verdicts.passed == ()
    (skipped,) = verdicts.skipped
    assert (skipped.reason, skipped.cause) == ("it is frozen", SkipCause.NOT_APPLICABLE)


def test_a_hit_may_raise_the_severity() -> None:
    (finding,) = run_rules("beer", [warm()], Beer(degrees=40.0), Selection()).findings
    assert finding.severity is Severity.CRITICAL


def test_a_tier_not_asked_for_is_skipped_not_passed() -> None:
    verdicts = run_rules("beer", [warm(tier=3)], Beer(degrees=5.0), Selection())
    assert verdicts.passed == ()
    assert "tier 3" in verdicts.skipped[0].reason
    assert verdicts.skipped[0].cause is SkipCause.NOT_PERMITTED


def test_only_and_skip_choose() -> None:
    rules = [warm(), warm(name="BEER-TWO")]
    only = run_rules("b", rules, Beer(degrees=20.0), Selection(only=frozenset({"BEER-TWO"})))
    assert [f.id for f in only.findings] == ["BEER-TWO"]
    skip = run_rules("b", rules, Beer(degrees=20.0), Selection(skip=frozenset({"BEER-TWO"})))
    assert [f.id for f in skip.findings] == ["BEER-WARM"]


def test_an_unknown_id_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="unknown rule 'NOPE'"):
        Selection(only=frozenset({"NOPE"})).check_ids({"BEER-WARM"})
