"""Several targets judged together, in a report of their own."""

from __future__ import annotations

import dataclasses

import msgspec

from seventh.model.report import Report
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import SourceFacts
from seventh.protocols.ntp.facts.together import compare_sources
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.protocols.ntp.together import together


def source(last: int, **changes: object) -> SourceFacts:
    made = SourceFacts(
        target=f"ntp://192.0.2.{last}:123", address=f"192.0.2.{last}", port=123, stratum=2, leap=0,
        reference_id=f"203.0.113.{last}", reference_id_hex=f"cb0071{last:02x}",
        offset_seconds=0.0, error_seconds=0.01, verdict="undecided",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


@dataclasses.dataclass
class Checked:
    """A target's report, as far as it matters here."""

    target: str
    facts: NtpFacts | None

    def report(self) -> Report:
        return Report(
            target=self.target, protocol="ntp", vantage="here", started_seconds=1767225600.0,
            duration_seconds=0.1, failure=None, phases=(), metrics=(), findings=(), skipped=(),
            facts={"ntp": self.facts} if self.facts is not None else {},
        )  # fmt: skip


def test_targets_are_judged_together() -> None:
    reports = [
        Checked(f"ntp://192.0.2.{i}:123", GOOD.learn(address=f"192.0.2.{i}", offset_seconds=offset))
        for i, offset in enumerate((0.0, 0.001, 5.0), 1)
    ]
    facts = together([one.report() for one in reports])
    assert facts is not None
    assert facts.sources is not None
    assert facts.sources.targets == 3
    assert [s.verdict for s in facts.sources.sources] == ["truechimer", "truechimer", "falseticker"]
    assert facts == NtpFacts(sources=facts.sources), "nothing else is filled"


def test_a_pool_and_a_server_are_one_set() -> None:
    pool = compare_sources(
        [source(1, target="ntp://pool:123"), source(2, target="ntp://pool:123")], 1
    )
    reports = [
        Checked("ntp://pool:123", NtpFacts(sources=pool)),
        Checked("ntp://192.0.2.3:123", GOOD.learn(address="192.0.2.3")),
        # In the pool already.
        Checked("ntp://192.0.2.1:123", GOOD.learn(address="192.0.2.1")),
    ]
    facts = together([one.report() for one in reports])
    assert facts is not None
    assert facts.sources is not None
    assert len(facts.sources.usable) == 3
    assert facts.sources.targets == 3


def test_a_target_that_failed_is_a_source_without_time() -> None:
    reports = [
        Checked("ntp://192.0.2.1:123", GOOD.learn(address="192.0.2.1")),
        Checked("ntp://gone.example:123", None),
    ]
    facts = together([one.report() for one in reports])
    assert facts is not None
    assert facts.sources is not None
    assert [s.verdict for s in facts.sources.sources] == ["alone", "unusable"]


def test_one_server_asked_twice_is_nothing_to_compare() -> None:
    reports = [
        Checked("ntp://192.0.2.1:123", GOOD.learn(address="192.0.2.1")),
        Checked("nts://192.0.2.1:4460", GOOD.learn(address="192.0.2.1")),
    ]
    assert together([one.report() for one in reports]) is None
    assert together([]) is None


def test_a_bare_host_that_has_no_time_at_all_is_still_one_host() -> None:
    reports = [
        Checked("ntp://host.example:123", NtpFacts(address="192.0.2.1")),
        Checked("nts://host.example:4460", None),
    ]
    assert together([one.report() for one in reports]) is None
