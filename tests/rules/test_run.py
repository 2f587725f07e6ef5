"""Selecting and running rules."""

from __future__ import annotations

import pytest

from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.report import Finding, SkipCause, Skipped
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.run import Selection, Verdicts, run_rules


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
            hit = Hit(Severity.CRITICAL, degrees=beer.degrees).at("Fridge door")
            return hit.fixed_by("fridge", "door shut")
        return Hit(degrees=beer.degrees) if beer.degrees > 10 else None

    return condition


def boiling():  # type: ignore[no-untyped-def]
    @rule(
        "BEER-BOILS", Severity.LOW, tier=0, source=Source.WIRE,
        title="Boiling", evidence="{what}", phrases={"what": {"hot": "it boils"}}, why="It burns.",
        fix={"any": "wait"}, good=Beer(degrees=6.0), bad=Beer(degrees=100.0),
        directives={"kettle": ("gas",)},
    )  # fmt: skip
    def condition(beer: Beer) -> Verdict:
        return Hit(what="hot") if beer.degrees == 100 else None

    return condition


def test_a_rule_fires_passes_or_is_skipped() -> None:
    fired = run_rules("beer", [warm()], Beer(degrees=20.0), Selection())
    finding = Finding(
        id="BEER-WARM", room="beer", severity=Severity.MEDIUM, tier=0, params={"degrees": 20.0},
        references=("RFC 2324",), seed=("1.1",),
    )  # fmt: skip
    assert fired == Verdicts(findings=(finding,))
    passed = run_rules("beer", [warm()], Beer(degrees=5.0), Selection())
    assert passed == Verdicts(passed=("BEER-WARM",))
    skipped = Skipped(id="BEER-WARM", reason="nobody tasted it", cause=SkipCause.NO_EVIDENCE)
    assert run_rules("beer", [warm()], Beer(), Selection()) == Verdicts(skipped=(skipped,))


def test_what_does_not_apply_is_told_from_what_is_unknown() -> None:
    verdicts = run_rules("beer", [warm()], Beer(degrees=-5.0), Selection())
    skipped = Skipped(id="BEER-WARM", reason="it is frozen", cause=SkipCause.NOT_APPLICABLE)
    assert verdicts == Verdicts(skipped=(skipped,))


def test_a_hit_may_raise_the_severity_and_says_what_it_shows() -> None:
    (finding,) = run_rules("beer", [warm()], Beer(degrees=40.0), Selection()).findings
    assert finding.severity is Severity.CRITICAL
    assert (finding.settings, finding.fixes) == (("fridge door",), {"fridge": ("door shut",)})


def test_every_rule_is_judged_and_the_gravest_finding_comes_first() -> None:
    rules = [warm(tier=4, name="BEER-A"), warm(name="BEER-C"), warm(name="BEER-B"), boiling()]
    verdicts = run_rules("beer", rules, Beer(degrees=20.0), Selection())
    assert [f.id for f in verdicts.findings] == ["BEER-B", "BEER-C"]
    assert [s.id for s in verdicts.skipped] == ["BEER-A"]
    assert verdicts.passed == ("BEER-BOILS",)
    hot = run_rules("beer", rules, Beer(degrees=100.0), Selection(skip=frozenset({"BEER-B"})))
    assert [(f.id, f.severity) for f in hot.findings] == [
        ("BEER-C", "critical"), ("BEER-BOILS", "low")
    ]  # fmt: skip


@pytest.mark.parametrize("tier", [0, 1, 2, 3, 4])
def test_a_tier_not_asked_for_is_skipped_not_passed(tier: int) -> None:
    verdicts = run_rules("beer", [warm(tier=tier)], Beer(degrees=5.0), Selection())
    reason = f"tier {tier} was not requested"
    skipped = Skipped(id="BEER-WARM", reason=reason, cause=SkipCause.NOT_PERMITTED)
    denied = Verdicts(skipped=(skipped,))
    assert verdicts == (denied if tier > 1 else Verdicts(passed=("BEER-WARM",)))
    all_granted = run_rules("beer", [warm(tier=tier)], Beer(degrees=5.0), Selection(denied={}))
    assert all_granted.passed == ("BEER-WARM",)


@pytest.mark.parametrize(
    ("only", "skip", "run"),
    [
        ("", "", "A B C"), ("B", "", "B"), ("B C", "", "B C"), ("", "B", "A C"), ("A B", "B", "A"),
        ("B", "B", ""),
    ],
)  # fmt: skip
def test_only_and_skip_choose(only: str, skip: str, run: str) -> None:
    selection = Selection(only=frozenset(only.split()), skip=frozenset(skip.split()))
    rules = [warm(name=name) for name in "ABC"]
    judged = run_rules("b", rules, Beer(degrees=20.0), selection)
    assert judged.skipped == judged.passed == ()
    assert [finding.id for finding in judged.findings] == run.split()


@pytest.mark.parametrize("chosen", [{"only": frozenset({"NOPE"})}, {"skip": frozenset({"NOPE"})}])
def test_an_unknown_id_is_a_usage_error(chosen: dict[str, frozenset[str]]) -> None:
    error = r"^unknown rule 'NOPE': write BEER-WARM; `seventh rules` lists them$"
    with pytest.raises(UsageError, match=error):
        Selection(**chosen).check_ids({"BEER-WARM"})
    Selection(**chosen).check_ids({"BEER-WARM", "NOPE"})


def test_where_evidence_comes_from() -> None:
    """The letters stand in JSON, in ``seventh rules`` and in the rules' pages."""
    assert {source.name: source.value for source in Source} == {
        "WIRE": "W", "DNS": "D", "FILE": "F", "LOCAL": "L", "SERIES": "S", "TELEMETRY": "T",
    }  # fmt: skip


def test_a_declaration_without_phrases_and_directives_has_none() -> None:
    plain = warm()
    assert (plain.words.phrases, plain.directives) == ({}, {})
    full = boiling()
    assert full.words.phrases == {"what": {"hot": "it boils"}}
    assert full.directives == {"kettle": ("gas",)}
