"""Targets judged together, beside each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import ClassVar

import pytest

from seventh import protocols
from seventh.engine.check import check_many, check_one
from seventh.engine.together import together
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.facts import Facts
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import parse_target
from seventh.protocols import schemes
from seventh.rules.rule import AnyRule, Source, rule
from seventh.rules.run import Selection
from tests.options import options_with
from tests.render.samples import report
from tests.reports import metrics

OPTIONS = options_with(timeout_seconds=5, samples=1)


async def checked(names: list[str], kit: Kit) -> list[Report]:
    """A report for each of these ntp lab servers, by fault name or "clean"."""
    faults = [None if name == "clean" else start.find_fault("ntp", name) for name in names]
    async with AsyncExitStack() as stack:
        served = [
            await stack.enter_async_context(start.serving("ntp", fault, kit)) for fault in faults
        ]
        jobs = [
            (target, OPTIONS) for one in served for target in parse_target(one.target, schemes())
        ]
        return [report async for _, report in check_many(jobs)]


async def test_one_target_is_not_compared(kit: Kit) -> None:
    assert together(await checked(["clean"], kit), Selection()) == []


async def test_a_server_that_is_far_off_is_told_from_the_others(kit: Kit) -> None:
    reports = await checked(["clean", "clean", "clean", "wrong-time-seconds"], kit)
    (report,) = together(reports, Selection())
    assert "NTP-FALSETICKER" in {finding.id for finding in report.findings}
    assert report.protocol == "ntp"
    assert report.target.count("ntp://") == 4
    assert report.failure is None
    assert metrics(report)["seventh_ntp_falsetickers"] == 1
    assert "seventh_up" not in metrics(report)
    assert report.duration_seconds > 0


async def test_only_rules_about_several_are_asked(kit: Kit) -> None:
    (report,) = together(await checked(["clean", "clean"], kit), Selection())
    asked = {f.id for f in report.findings} | {s.id for s in report.skipped} | set(report.passed)
    assert "NTP-FEW" in asked
    assert "NTP-JITTER" not in asked
    (report,) = together(
        await checked(["clean", "clean"], kit), Selection(skip=frozenset({"NTP-FEW"}))
    )
    assert "NTP-FEW" not in {f.id for f in report.findings}


async def test_a_dead_server_is_part_of_the_comparison(kit: Kit) -> None:
    reports = await checked(["clean", "clean", "no-reply"], kit)
    assert any(report.failure for report in reports)
    (report,) = together(reports, Selection())
    assert len(report.facts["ntp"].sources.sources) == 3  # type: ignore[attr-defined]


async def test_rooms_that_do_not_compare_give_nothing() -> None:
    (target,) = parse_target("tcp://127.0.0.1:1", schemes())
    reports = await asyncio.gather(check_one(target, OPTIONS), check_one(target, OPTIONS))
    assert together(reports, Selection()) == []


class Joint(Facts, frozen=True, kw_only=True):
    """What a made-up room learns of several reports."""

    ROOM: ClassVar[str] = "net"
    targets: tuple[str, ...] = ()


def test_each_room_that_compares_adds_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []

    def compare(reports: Sequence[Report]) -> Joint | None:
        given.append([each.target for each in reports])
        return Joint() if len(given) < 3 else None

    part = SimpleNamespace(RULES=frozenset({"NET-A", "NET-C"}), together=compare)
    monkeypatch.setattr(protocols, "has_part", lambda room, name: room == "net")
    monkeypatch.setattr(protocols, "part", lambda room, name: part)
    monkeypatch.setattr(protocols, "rules", lambda room: [_rule("NET-A"), _rule("NET-B"),
                                                          _rule("NET-C")])  # fmt: skip
    times = ((10.0, 5.0), (8.0, 1.0), (9.0, 2.0))
    reports = [
        report(target=f"tcp://{n}", protocol="net", started_seconds=start, duration_seconds=length)
        for n, (start, length) in enumerate(times)
    ]
    other = report(protocol="demo")
    (made,) = together([other, *reports, other], Selection(skip=frozenset({"NET-C"})))
    assert given == [["tcp://0", "tcp://1", "tcp://2"]]
    assert (made.target, made.protocol) == ("tcp://0 tcp://1 tcp://2", "net")
    assert (made.started_seconds, made.duration_seconds) == (8.0, 7.0)
    assert (made.passed, made.failure, made.phases) == (("NET-A",), None, ())
    assert made.facts == {"net": Joint()}
    assert together(reports[:1], Selection()) == []
    assert len(together(reports[:2], Selection())) == 1
    assert together(reports[:2], Selection()) == [], "there was nothing to compare"


def _rule(name: str) -> AnyRule:
    declare = rule(
        name, Severity.LOW, tier=0, source=Source.WIRE, title="t", evidence="e", why="w",
        fix={"any": "f"}, good=Joint(), bad=Joint(),
    )  # fmt: skip
    return declare(lambda facts: None)
