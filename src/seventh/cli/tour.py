"""``seventh tour``: whether every fault is named and every clean server left alone."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator

import msgspec

from seventh.cli.check import run_loop
from seventh.cli.show import document
from seventh.cli.signals import ending
from seventh.cli.streams import USAGE_EXIT, say
from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.serve import Fault, Kit
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.render import render
from seventh.render.view import view_for


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """One reference server of the tour: what should have been named, and what was."""

    room: str
    fault: Fault | None
    report: Report | None
    problem: str
    """Why this stop did not go as it must; empty when it did."""
    skipped: str = ""

    @property
    def name(self) -> str:
        """``ssh/weak-kex``."""
        return f"{self.room}/{self.fault.name if self.fault else 'clean'}"


def run(parsed: argparse.Namespace) -> int:
    """Check every reference server; 0 when all faults were named and the clean ones are clean.

    2 when one was not, 3 when a signal ended the tour before.
    """
    rooms = start.labs()
    if parsed.room is not None and parsed.room not in rooms:
        raise UsageError(f"there is no {parsed.room!r} lab; there are: {', '.join(rooms)}")
    return run_loop(_tour((parsed.room,) if parsed.room else rooms, quiet=parsed.quiet))


async def _tour(rooms: tuple[str, ...], *, quiet: bool) -> int:
    total = sum(1 + len(start.faults(room)) for room in rooms)
    stops: list[Stop] = []

    async def tour() -> None:
        with start.kit() as kit:
            async for stop in walk(rooms, kit):
                stops.append(stop)
                _show(stop, len(stops), total, quiet=quiet)

    touring = asyncio.ensure_future(tour())
    with ending() as end, end.in_loop(touring.cancel):
        await asyncio.wait((touring,))
    if not touring.cancelled():
        touring.result()
    missing = total - len(stops)
    if end.by is not None and missing:
        say(f"interrupted by {end.by.name}; {missing} reference servers were not checked")
    wrong = [stop for stop in stops if stop.problem]
    skipped = [stop for stop in stops if stop.skipped]
    named = sum(1 for stop in stops if stop.fault and not stop.problem and not stop.skipped)
    clean = sum(1 for stop in stops if stop.fault is None and not stop.problem)
    sys.stdout.write(
        f"\n{named} faults named, {clean} clean servers clean, {len(skipped)} skipped, "
        f"{len(wrong)} wrong\n"
    )
    for stop in wrong:
        sys.stdout.write(f"  {stop.name}: {stop.problem}\n")
    return 2 if wrong else USAGE_EXIT if missing else 0


async def walk(rooms: tuple[str, ...], kit: Kit) -> AsyncIterator[Stop]:
    """Every stop of the tour: each room's clean server, then each of its faults."""
    for room in rooms:
        for fault in (None, *start.faults(room)):
            yield await visit(room, fault, kit)


async def visit(room: str, fault: Fault | None, kit: Kit) -> Stop:
    """Start one reference server, check it, and judge the report by what it should have named."""
    reason = fault.lacks() if fault else None
    if reason:
        return Stop(room=room, fault=fault, report=None, problem="", skipped=reason)
    async with start.serving(room, fault, kit) as served:
        target, options = start.job(served, Options())
        report = await check_one(target, options)
    return Stop(room=room, fault=fault, report=report, problem=problem_of(fault, report))


def problem_of(fault: Fault | None, report: Report) -> str:
    """What a report should have said and did not, or the reverse; empty when all is well."""
    found = {finding.id for finding in report.findings}
    reason = str(report.failure.reason) if report.failure else None
    if fault is None:
        loud = sorted(f.id for f in report.findings if f.severity.reaches(Severity.LOW))
        if reason:
            return f"a clean server failed: {reason}: {report.failure and report.failure.detail}"
        return f"findings on a clean server: {', '.join(loud)}" if loud else ""
    missing = [rule for rule in fault.triggers if rule not in found]
    if missing:
        return f"not named: {', '.join(missing)} (failure: {reason or 'none'})"
    if fault.reason is not None and reason != fault.reason:
        return f"the failure should be {fault.reason}, not {reason or 'none'}"
    if fault.reason is None and reason is not None:
        return f"an unexpected failure: {reason}"
    return ""


def _show(stop: Stop, done: int, total: int, *, quiet: bool) -> None:
    if stop.report is not None and not quiet:
        view = view_for(sys.stdout, os.environ)
        sys.stdout.write(render("terminal", document([stop.report]), view))
    verdict = f"skipped: {stop.skipped}" if stop.skipped else (stop.problem or "as it must be")
    mark = "-" if stop.skipped else ("✗" if stop.problem else "✓")
    named = "no finding"
    if stop.fault is not None:
        named = ", ".join(stop.fault.triggers) or str(stop.fault.reason)
    sys.stdout.write(f"[{done}/{total}] {mark} {stop.name} ({named}): {verdict}\n")
    sys.stdout.flush()
