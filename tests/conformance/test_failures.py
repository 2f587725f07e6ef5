"""Every failure of the peer or the network has a finding that says what to do."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.model.failure import OURS, Reason
from seventh.model.netfacts import Ended, NetFacts
from seventh.protocols.net.failures import JUDGED_BY
from seventh.protocols.net.rules.paths import failed
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled

FILES = {Reason.FILE_UNREADABLE, Reason.FILE_MALFORMED}
THEIRS = [reason for reason in Reason if reason not in OURS | FILES]


@pytest.mark.parametrize("reason", THEIRS)
def test_a_failure_has_a_rule_with_a_fix(reason: Reason) -> None:
    verdict = failed(NetFacts(ended=Ended(reason=reason, phase="tls")))
    if reason in JUDGED_BY:
        assert verdict == Skip(f"{JUDGED_BY[reason]} judges this failure")
        rules = {rule.id: rule for room in protocols.rooms() for rule in protocols.rules(room)}
        assert all(rules[JUDGED_BY[reason]].words.fix.values())
        return
    assert isinstance(verdict, Hit)
    said = filled(failed.words, verdict.params)
    assert said.evidence == f"{reason} in tls"
    assert said.fix["any"].endswith(".") and "{" not in said.fix["any"]


def test_a_failure_of_this_machine_is_not_judged_and_has_not_passed() -> None:
    ended = Ended(reason=Reason.PROXY_FAILED, phase="connect", theirs=False)
    assert failed(NetFacts(ended=ended)) == Skip(
        "the check ended on this machine or at its proxy: proxy-failed"
    )


def test_nothing_else_has_one() -> None:
    advised = {Reason(code) for code in failed.words.phrases["advice"]}
    assert advised | JUDGED_BY.keys() == set(THEIRS)
    assert not advised & JUDGED_BY.keys()
