"""A report ready for layout: its address, its shares, its counts in words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Phase
from seventh.model.report import Report
from seventh.model.severity import Severity, Status
from seventh.render.presentation import (
    Presentation,
    blamed,
    count,
    failed,
    needs_summary,
    present,
    span_seconds,
    tally_statuses,
)
from seventh.render.view import WORST_FIRST, View, worst
from tests.render.rich import FAILED, HOST, RICH
from tests.render.samples import FAILURE, SLOW, WEAK, document, report

pytestmark = pytest.mark.usefixtures("demo_room")


def of(made: Report) -> Presentation:
    (shown,) = present(document(made), View())
    return shown


def phases(*addresses: str | None, failed: int = -1) -> tuple[Phase, ...]:
    return tuple(
        Phase(name="p", start_seconds=number, seconds=2.0, clock="user", address=address,
              outcome="failed" if number == failed else "ok")
        for number, address in enumerate(addresses)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "target", "address"),
    [
        (phases("192.0.2.1", "192.0.2.2"), "demo://h:1", "192.0.2.1"),
        (phases(None, "192.0.2.2"), "demo://h:1", "192.0.2.2"),
        (phases("192.0.2.1", "192.0.2.2", failed=0), "demo://h:1", "192.0.2.2"),
        (phases("192.0.2.1", failed=0), "demo://h:1", "192.0.2.1"),
        (phases("192.0.2.1"), "demo://192.0.2.1:1", None),
        (phases(None), "demo://h:1", None),
        ((), "demo://h:1", None),
    ],
)
def test_the_address_is_the_first_that_was_reached_else_tried(
    made: tuple[Phase, ...], target: str, address: str | None
) -> None:
    assert of(report(phases=made, target=target)).address == address


def test_bars_are_shares_of_the_whole() -> None:
    shown = of(report(phases=phases("a", "b", "c")))
    assert [(begin, length) for _, begin, length in shown.bars] == [
        (0.0, 0.5), (0.25, 0.5), (0.5, 0.5),
    ]  # fmt: skip
    assert span_seconds(shown.entry) == 4.0
    nothing = of(report(phases=()))
    assert (nothing.bars, span_seconds(nothing.entry)) == ((), 0.0)
    instant = of(report(phases=(replace(phases("a")[0], start_seconds=3.0, seconds=0.0),)))
    assert [(begin, length) for _, begin, length in instant.bars] == [(0.0, 0.0)]


@pytest.mark.parametrize(
    ("changes", "headline", "rules"),
    [
        ({}, "no findings", "1 passed, 0 failed"),
        ({"findings": (SLOW, WEAK, replace(WEAK, severity=Severity.LOW))}, "1 high, 2 low",
         "1 passed, 3 failed"),
        ({"failure": FAILURE}, "tls-certificate-expired in tls", "1 passed, 0 failed"),
        ({"failure": FAILURE, "findings": (SLOW,), "passed": ()},
         "tls-certificate-expired in tls; 1 low", "0 passed, 1 failed"),
    ],
)  # fmt: skip
def test_a_headline_has_the_failure_and_the_findings(
    changes: dict[str, Any], headline: str, rules: str
) -> None:
    shown = of(report(**changes))
    assert (shown.headline, shown.rule_counts) == (headline, rules)


def test_the_protocols_own_facts_come_first() -> None:
    facts = {"z": RICH.facts["demo"], "a": RICH.facts["demo"], "demo": RICH.facts["demo"]}
    assert of(report(facts=facts)).rooms == ["demo", "a", "z"]


@pytest.mark.parametrize(
    ("reason", "blame", "phase", "said", "who"),
    [
        (Reason.RESOLVE_NXDOMAIN, Blame.LOCAL, "resolve", "resolve-nxdomain in resolve",
         "the name does not exist; check the spelling"),
        (Reason.INTERRUPTED, Blame.LOCAL, "-", "interrupted",
         "this machine or its configuration"),
        (Reason.CONNECT_TIMEOUT, Blame.NETWORK, "connect", "connect-timeout in connect",
         "the network between this machine and the peer"),
        (Reason.PEER_CLOSED, Blame.PEER, "tls", "peer-closed in tls", "the peer"),
        (Reason.INTERNAL, Blame.SEVENTH, "-", "internal-error", "Seventh: please report this"),
    ],
)  # fmt: skip
def test_a_failure_has_its_phase_and_who_can_fix_it(
    reason: Reason, blame: Blame, phase: str, said: str, who: str
) -> None:
    entry = of(report(failure=Failure(reason=reason, phase=phase, blame=blame, detail=""))).entry
    assert entry.failure is not None
    assert (failed(entry.failure), blamed(entry.failure)) == (said, who)


def test_statuses_are_counted_the_worst_first() -> None:
    made = (report(), report(), FAILED, report(failure=replace(FAILURE, reason=Reason.INTERNAL)),
            report(findings=(replace(WEAK, severity=Severity.MEDIUM),)))  # fmt: skip
    shown = present(document(*made), View())
    assert tally_statuses(shown) == "1 critical, 1 unknown, 1 warning, 2 ok"
    assert WORST_FIRST == (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
    assert worst([Status.OK, Status.WARNING, Status.UNKNOWN]) is Status.UNKNOWN
    assert worst([]) is Status.UNKNOWN


def test_several_reports_need_a_summary_that_no_hosts_table_is() -> None:
    from seventh.render.hosts import host_entries

    hosts = host_entries(replace(document(), hosts=(HOST,)), View())
    of_host = present(document(*(port.report for port in HOST.ports)), View())
    assert not needs_summary(of_host, hosts)
    assert needs_summary(of_host, ())
    assert not needs_summary(of_host[:1], ())
    assert needs_summary((*of_host, of(FAILED)), hosts)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 rules"), (1, "1 rule"), (2, "2 rules"), (11, "11 rules")]
)
def test_a_count_has_its_plural(number: int, words: str) -> None:
    assert count(number, "rule") == words
