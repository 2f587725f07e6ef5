"""What the rules find out about senders, each told once."""

from __future__ import annotations

from collections.abc import Iterator

from seventh import protocols
from seventh.model.report import Finding
from seventh.protocols.snmp.facts import NotifierFacts
from seventh.rules.run import Selection, run_rules
from seventh.rules.words import filled
from seventh.watch.traps.senders import Sender

_MOST = 10_000
"""Findings that are remembered as told."""


def facts_of(sender: Sender) -> NotifierFacts:
    """Return what is known of a sender."""
    return NotifierFacts(
        address=sender.address, verdicts=dict(sender.verdicts),
        retransmitted=sender.retransmitted, rate_per_second=sender.rate,
        baseline_per_second=sender.baseline,
        storm_per_second=sender.peak or None,
    )  # fmt: skip


class Judgement:
    """The rules for senders, and what they have found already."""

    def __init__(self) -> None:
        known = protocols.rules(NotifierFacts.OWNER)
        self._rules = [each for each in known if each.facts_type is NotifierFacts]
        self._words = {each.id: each.words for each in self._rules}
        self._told: set[tuple[str, str]] = set()

    def judge(self, sender: Sender) -> Iterator[tuple[Finding, str]]:
        """Yield what is newly found of a sender, with its evidence in words."""
        verdicts = run_rules(
            NotifierFacts.OWNER, self._rules, facts_of(sender), Selection(denied={})
        )
        for finding in verdicts.findings:
            key = sender.address, finding.id
            if key not in self._told and len(self._told) < _MOST:
                self._told.add(key)
                yield finding, filled(self._words[finding.id], finding.params).evidence
