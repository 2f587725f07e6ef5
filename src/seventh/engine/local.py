"""Looking at this machine: what no connection shows, judged by the same rules."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.engine.metrics import metrics_of_facts
from seventh.engine.report import make_report
from seventh.localkit.area import Area
from seventh.localkit.look import Looker, container_of
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Seen
from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.localfacts import ABSENT, LocalFacts, Unread
from seventh.model.near import unknown
from seventh.model.option import RoomOptions
from seventh.model.report import Finding, Report, Skipped
from seventh.net.probe_context import vantage
from seventh.net.stopwatch import now_ns
from seventh.rules.run import Selection, Verdicts, run_rules

_LABEL = ("source", "local")
"""Of every number: a check from elsewhere measures the same with other words."""
THIS_MACHINE = Machine()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The areas to look at, their options, and the rules to run."""

    areas: tuple[str, ...]
    options: Mapping[str, RoomOptions] = {}
    """By area; the defaults where there are none."""
    selection: Selection = Selection()


def areas_named(names: Sequence[str]) -> tuple[str, ...]:
    """Return the areas of that name, all if none is named; raises UsageError."""
    for name in names:
        if name not in protocols.areas():
            error = unknown("area", name, protocols.areas())
            raise UsageError(f"{error} (`seventh explain local` lists them)")
    return tuple(dict.fromkeys(names)) or tuple(protocols.areas())


def rooms_of(areas: Sequence[str]) -> frozenset[str]:
    """Return the protocols whose facts a look at ``areas`` learns."""
    return frozenset(protocols.areas()[name][0] for name in areas)


async def look(wanted: Wanted, machine: Machine = THIS_MACHINE, *, host: str = "") -> Report:
    """Look at the areas of this machine, all side by side; ``host`` is its name in the report."""
    started_seconds, begun = time.time(), now_ns()
    looker = Looker(machine)
    chosen = [protocols.areas()[name] for name in wanted.areas]
    options = {area.name: _options(wanted, area) for _, area in chosen}
    seen = await asyncio.gather(*(looker.look(area, options[area.name]) for _, area in chosen))
    facts: dict[str, Facts] = {}
    for (room, area), readings in zip(chosen, seen, strict=True):
        facts[room] = area.learn(facts.get(room, area.facts()), readings, options[area.name])
    selection = replace(wanted.selection, denied={})
    verdicts, misread = _with_printed(
        _judge(chosen, facts, selection), chosen, seen, machine, selection
    )
    return make_report(
        f"local://{host or vantage()}", LocalFacts.ROOM,
        {LocalFacts.ROOM: _described(wanted, seen, misread, machine), **facts}, verdicts,
        started_seconds=started_seconds, duration_seconds=(now_ns() - begun) / 1e9,
        metrics=tuple(each for each in metrics_of_facts(facts) if _LABEL in each.labels),
    )  # fmt: skip


def _options(wanted: Wanted, area: Area) -> RoomOptions | None:
    given = wanted.options.get(area.name)
    return area.options() if given is None and area.options is not None else given


def _described(
    wanted: Wanted, seen: Sequence[Seen], misread: Sequence[Unread], machine: Machine
) -> LocalFacts:
    without = dict.fromkeys([*(each for one in seen for each in one.unread), *misread])
    return LocalFacts(
        areas=wanted.areas, user_id=os.geteuid(), container=container_of(machine),
        unread=tuple(each for each in without if each.cause not in ABSENT),
        absent=tuple(each for each in without if each.cause in ABSENT),
    )  # fmt: skip


def _with_printed(
    verdicts: Verdicts,
    chosen: Sequence[tuple[str, Area]],
    seen: Sequence[Seen],
    machine: Machine,
    selection: Selection,
) -> tuple[Verdicts, list[Unread]]:
    """Add what the configurations decide that programs printed, and what was not understood."""
    misread: list[Unread] = []
    for (_, area), readings in zip(chosen, seen, strict=True):
        for printed in area.prints(readings) if area.prints is not None else ():
            # Linters are imported only here: most areas need none.
            from seventh.engine.printed import judge_printed

            decided, unread = judge_printed(printed, machine, selection)
            verdicts = _joined(verdicts, decided)
            misread += [unread] if unread is not None else []
    return verdicts, misread


def _joined(one: Verdicts, other: Verdicts) -> Verdicts:
    """Return both: a finding outweighs a pass, which outweighs a skip."""
    findings = sorted((*one.findings, *other.findings), key=lambda finding: finding.order)
    found = {finding.id for finding in findings}
    skips = {each.id: each for each in (*other.skipped, *one.skipped)}
    # What one of the two could not judge is not passed by the other.
    passed = {*one.passed, *other.passed} - found - {each.id for each in one.skipped}
    return Verdicts(
        findings=tuple(findings), passed=tuple(sorted(passed)),
        skipped=tuple(each for name, each in skips.items() if name not in found | passed),
    )  # fmt: skip


def _judge(
    chosen: Sequence[tuple[str, Area]], facts: Mapping[str, Facts], selection: Selection
) -> Verdicts:
    """Run the rules that the areas decide; what only a connection shows is not part of a look."""
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    passed: list[str] = []
    for room, learnt in facts.items():
        areas = [area for name, area in chosen if name == room]
        rules = [
            rule for rule in protocols.rules(room) if any(area.decides(rule) for area in areas)
        ]
        verdicts = run_rules(room, rules, learnt, selection)
        findings += (replace(one, product=learnt.product) for one in verdicts.findings)
        skipped += verdicts.skipped
        passed += verdicts.passed
    findings.sort(key=lambda finding: finding.order)
    return Verdicts(findings=tuple(findings), skipped=tuple(skipped), passed=tuple(passed))
