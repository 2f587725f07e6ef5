"""The rules on several servers, keys and intrusive looks, at their borders."""

from __future__ import annotations

import msgspec
import pytest

from seventh import protocols
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import SourceFacts, SourcesFacts
from seventh.protocols.ntp.facts.together import compare_sources
from seventh.protocols.ntp.rules.examples import FOUR, among
from seventh.protocols.ntp.together import RULES as TOGETHER
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled

RULES = {rule.id: rule for rule in protocols.rules("ntp") if rule.facts_type is NtpFacts}


def sources_of(facts: NtpFacts) -> SourcesFacts:
    assert facts.sources is not None
    return facts.sources


def only(count: int, *, targets: int, **changes: object) -> NtpFacts:
    four = [msgspec.structs.replace(s, **changes) for s in sources_of(FOUR).sources]
    return NtpFacts(sources=compare_sources(four[:count], targets))


def test_rules_that_judge_together_are_the_only_ones_that_do() -> None:
    for rule_id, rule in RULES.items():
        verdict = rule(FOUR)
        assert isinstance(verdict, Skip) == (rule_id not in TOGETHER), rule_id


# -- falsetickers ----------------------------------------------------------------------------------


def test_a_falseticker_is_named_with_the_majority() -> None:
    verdict = RULES["NTP-FALSETICKER"](among(2, offset_seconds=-0.5))
    assert isinstance(verdict, Hit)
    assert verdict.severity is Severity.HIGH
    assert verdict.params["wrong"] == ("192.0.2.12: -0.500000 s ± 0.010000 s",)
    assert verdict.params["judged_by"] == ("majority",)
    evidence = filled(RULES["NTP-FALSETICKER"].words, verdict.params).evidence
    assert "; the majority of 4 servers places true time -0.009600 to +0.010400 s" in evidence


def test_two_that_disagree_are_both_suspect() -> None:
    pair = sources_of(among(1, offset_seconds=9.0)).sources[:2]
    verdict = RULES["NTP-FALSETICKER"](NtpFacts(sources=compare_sources(pair, 2)))
    assert isinstance(verdict, Hit)
    assert len(verdict.params["wrong"]) == 2  # type: ignore[arg-type]
    assert verdict.params["judged_by"] == ("no-majority",)


def test_a_source_that_clients_discard_is_less_than_proven_wrong() -> None:
    def wide(last: int, low: float, high: float) -> SourceFacts:
        return SourceFacts(
            target=f"ntp://192.0.2.{last}:123", address=f"192.0.2.{last}", port=123,
            offset_seconds=(low + high) / 2, error_seconds=(high - low) / 2, verdict="undecided",
        )  # fmt: skip

    sources = [wide(1, 0, 1), wide(2, 0, 1), wide(3, 0, 0.1), wide(4, 0.4, 0.6), wide(5, 0.4, 0.6)]
    verdict = RULES["NTP-FALSETICKER"](NtpFacts(sources=compare_sources(sources, 5)))
    assert isinstance(verdict, Hit)
    assert verdict.severity is Severity.MEDIUM
    assert "192.0.2.3" in str(verdict.params["wrong"])
    assert verdict.params["judged_by"] == ("outlier", "majority")


@pytest.mark.parametrize(
    ("leap", "offset", "possible"),
    [(1, 0.4, True), (2, 1.0, True), (0, 0.4, False), (1, 1.1, False)],
)
def test_a_smear_is_thought_of_only_while_a_leap_second_is_announced(
    leap: int, offset: float, possible: bool
) -> None:
    four = [msgspec.structs.replace(s, leap=leap) for s in sources_of(FOUR).sources]
    four[3] = msgspec.structs.replace(four[3], leap=0, offset_seconds=offset)
    verdict = RULES["NTP-FALSETICKER"](NtpFacts(sources=compare_sources(four, 4)))
    assert isinstance(verdict, Hit)
    assert ("smear" in verdict.params["judged_by"]) == possible  # type: ignore[operator]


# -- few -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "targets", "expected"),
    [
        (1, 1, Skip),  # one server says nothing
        (2, 1, Hit),  # a name with two of them is all that its clients have
        (3, 1, Hit),
        (4, 1, type(None)),
        (1, 2, Hit),  # two targets, one of which is the other
        (3, 3, Hit),
        (4, 4, type(None)),
    ],
)
def test_few(count: int, targets: int, expected: type) -> None:
    assert isinstance(RULES["NTP-FEW"](only(count, targets=targets)), expected)


def test_two_addresses_of_one_server_are_no_small_pool() -> None:
    set_at = {"reference_timestamp_hex": "eb1f2a3b4c5d6e7f", "reference_id_hex": "01020304"}
    facts = only(2, targets=1, **set_at)
    assert isinstance(RULES["NTP-FEW"](facts), Skip)
    assert isinstance(RULES["NTP-SAMEUP"](facts), Skip)


def test_one_address_that_is_down_makes_no_small_pool() -> None:
    pair = list(sources_of(FOUR).sources[:2])
    pair[1] = msgspec.structs.replace(pair[1], verdict="unusable", detail="no-reply")
    assert isinstance(RULES["NTP-FEW"](NtpFacts(sources=compare_sources(pair, 1))), Skip)
    assert isinstance(RULES["NTP-FEW"](NtpFacts(sources=compare_sources(pair, 2))), Hit)


# -- smears ----------------------------------------------------------------------------------------


# -- one upstream, one name ------------------------------------------------------------------------


def test_a_ring_is_a_loop_and_no_common_upstream() -> None:
    four = list(sources_of(FOUR).sources)
    for one, refid in ((0, "c000020b"), (1, "c000020a")):
        four[one] = msgspec.structs.replace(four[one], reference_id_hex=refid)
    facts = NtpFacts(sources=compare_sources(four, 4))
    assert RULES["NTP-SAMEUP"](facts) is None
    verdict = RULES["NTP-LOOP"](facts)
    assert isinstance(verdict, Hit)
    assert verdict.params["rings"] == ("192.0.2.10 → 192.0.2.11 → 192.0.2.10",)


def test_a_chain_is_a_common_upstream_and_no_loop() -> None:
    facts = among(3, reference_id="192.0.2.10", reference_id_hex="c000020a")
    verdict = RULES["NTP-SAMEUP"](facts)
    assert isinstance(verdict, Hit)
    assert verdict.params["what"] == ("chain",)
    assert verdict.params["chain"] == ("192.0.2.13 → 192.0.2.10",)
    assert RULES["NTP-LOOP"](facts) is None


# -- leap ------------------------------------------------------------------------------------------


def test_sources_that_dispute_a_leap_second() -> None:
    verdict = RULES["NTP-LEAP"](among(1, leap=1))
    assert isinstance(verdict, Hit)
    assert verdict.severity is None, "as high as the rule itself"
    assert verdict.params["what"] == ("none", "61")
    assert verdict.params["by_61"] == ("192.0.2.11",)
    assert RULES["NTP-LEAP"](FOUR) is None


def test_a_smearer_keeps_quiet_about_the_leap_second() -> None:
    four = [msgspec.structs.replace(s, leap=1) for s in sources_of(FOUR).sources]
    four[0] = msgspec.structs.replace(four[0], leap=0, smears="Google, 24 h linear")
    assert RULES["NTP-LEAP"](NtpFacts(sources=compare_sources(four, 4))) is None


# -- keys and intrusive looks ----------------------------------------------------------------------
