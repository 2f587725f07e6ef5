"""``seventh tour``: whether every fault is named and every clean server left alone."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator

import msgspec

from seventh.cli.check import run_loop
from seventh.cli.show import document
from seventh.cli.signals import ending
from seventh.cli.streams import USAGE_EXIT, say
from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.serve import Fault, Kit, NotInstalledError
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.render import render
from seventh.render.presentation import count
from seventh.render.summary import duration
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
        return _name(self.room, self.fault)


def _name(room: str, fault: Fault | None) -> str:
    return f"{room}/{fault.name if fault else 'clean'}"


def run(parsed: argparse.Namespace) -> int:
    """Check reference servers; 0 when all faults were named and the clean ones are clean.

    2 when one was not, 3 when a signal ended the tour before.
    """
    rooms = start.labs()
    if parsed.room is not None:
        chosen = list(stops((start.find_lab(parsed.room),), everything=True))
    else:
        chosen = list(stops(rooms, everything=parsed.all))
    verbosity = Verbosity(lines=not parsed.quiet, reports=parsed.verbose)
    short = parsed.room is None and not parsed.all
    return run_loop(_tour(chosen, verbosity, short=short))


def stops(rooms: tuple[str, ...], *, everything: bool) -> Iterator[tuple[str, Fault | None]]:
    """Each room's clean server, then its faults: all, or the few that its lab has in ``TOUR``."""
    for room in rooms:
        yield room, None
        for fault in start.faults(room) if everything else start.toured(room):
            yield room, fault


class Verbosity(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the tour is printed besides the last line and what went wrong."""

    lines: bool
    """A line for each stop."""
    reports: bool
    """Each stop's whole report."""


async def _tour(
    chosen: list[tuple[str, Fault | None]], verbosity: Verbosity, *, short: bool
) -> int:
    made: list[Stop] = []
    begun = time.monotonic()
    total = len(chosen)
    if verbosity.lines:
        sys.stdout.write(f"Checking {count(total, 'reference server')} on loopback.\n\n")
        sys.stdout.flush()
    width = max(len(_name(*each)) for each in chosen)

    async def tour() -> None:
        with start.kit() as kit:
            for number, (room, fault) in enumerate(chosen, 1):
                place = f"{number:>{len(str(total))}}/{total} {_name(room, fault):<{width}}"
                if verbosity.lines:  # before it is there, as a stop may take seconds
                    sys.stdout.write(f"{place}  ")
                    sys.stdout.flush()
                made.append(await visit(room, fault, kit))
                _show(made[-1], len(place), verbosity)

    touring = asyncio.ensure_future(tour())
    with ending() as end, end.in_loop(touring.cancel):
        await asyncio.wait((touring,))
    if not touring.cancelled():
        touring.result()
    missing = total - len(made)
    if end.by is not None and missing:
        say(f"interrupted by {end.by.name}; {missing} reference servers were not checked")
    sys.stdout.write(_summary(made, time.monotonic() - begun))
    if short and verbosity.lines and not missing:
        rest = sum(1 for _ in stops(start.labs(), everything=True))
        sys.stdout.write(
            "\nseventh tour -v                       these, with their reports\n"
            f"seventh tour --all                    all {rest} servers (four minutes)\n"
            "seventh lab tls --fault expired       one of them, to try things on\n"
        )
    return 2 if any(stop.problem for stop in made) else USAGE_EXIT if missing else 0


def _summary(made: list[Stop], seconds: float) -> str:
    wrong = [stop for stop in made if stop.problem]
    skipped = sum(1 for stop in made if stop.skipped)
    named = sum(1 for stop in made if stop.fault and not stop.problem and not stop.skipped)
    clean = sum(1 for stop in made if stop.fault is None and not stop.problem and not stop.skipped)
    said = (
        f"{count(named, 'fault')} named, {count(clean, 'clean server')} clean, "
        f"{skipped} skipped, {len(wrong)} wrong, in {duration(seconds)}"
    )
    lines = [f"  {stop.name}: {stop.problem}" for stop in wrong]
    return "\n".join(["", said, *lines, ""])


async def visit(room: str, fault: Fault | None, kit: Kit) -> Stop:
    """Start one reference server, check it, and judge the report by what it should have named."""
    reason = fault.lacks() if fault else None
    if reason:
        return Stop(room=room, fault=fault, report=None, problem="", skipped=reason)
    try:
        async with start.serving(room, fault, kit) as served:
            target, options = start.job(served, Options())
            report = await check_one(target, options)
    except NotInstalledError as lacking:
        return Stop(room=room, fault=fault, report=None, problem="", skipped=str(lacking))
    return Stop(room=room, fault=fault, report=report, problem=problem_of(fault, report))


def problem_of(fault: Fault | None, report: Report) -> str:
    """Return what a report should have said and did not, or the reverse; empty when all is well."""
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


def _show(stop: Stop, column: int, verbosity: Verbosity) -> None:
    view = view_for(sys.stdout, os.environ)
    if verbosity.lines:
        mark = "-" if stop.skipped else ("✗" if stop.problem else "✓")
        said = f"{mark} {_said(stop)}"
        room = max(20, view.width - column - 2)
        line = said if len(said) <= room else f"{said[: room - 1]}…"
        if view.ascii:
            line = line.replace("✓", "+").replace("✗", "x").replace("…", "~")
            line = line.encode("ascii", "replace").decode()
        sys.stdout.write(f"{line}\n")
    if stop.report is not None and verbosity.reports:
        sys.stdout.write(render("terminal", document([stop.report]), view) + "\n")
    sys.stdout.flush()


def _said(stop: Stop) -> str:
    """Return what came of a stop, in a few words."""
    if stop.skipped:
        return f"skipped: {stop.skipped}"
    if stop.problem:
        return f"WRONG: {stop.problem}"
    if stop.fault is None:
        return "clean: nothing found"
    named = ", ".join(stop.fault.triggers) or str(stop.fault.reason)
    return f"{named}: {stop.fault.meaning}"
