"""``seventh tour``: checks reference servers; each fault must be found, and nothing else."""

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
    """One reference server of the tour, and the result of its check."""

    room: str
    fault: Fault | None
    report: Report | None = None
    problem: str = ""
    """Why the report is wrong; empty when it is right."""
    skipped: str = ""
    """Why the server was not started; empty when it was."""

    @property
    def name(self) -> str:
        """``ssh/weak-kex``."""
        return _name(self.room, self.fault)


def _name(room: str, fault: Fault | None) -> str:
    return f"{room}/{fault.name if fault else 'clean'}"


def run(parsed: argparse.Namespace) -> int:
    """Check reference servers; returns 0 when every report is right.

    2 when one is wrong, 3 when a signal ended the tour.
    """
    rooms = start.labs() if parsed.room is None else (start.find_lab(parsed.room),)
    short = parsed.room is None and not parsed.all
    chosen = list(stops(rooms, everything=not short))
    verbosity = Verbosity(lines=not parsed.quiet, reports=parsed.verbose)
    return run_loop(_tour(chosen, verbosity, short=short))


def stops(rooms: tuple[str, ...], *, everything: bool) -> Iterator[tuple[str, Fault | None]]:
    """Yield each room's correct server, then its faults: all, or those of its lab's ``TOUR``."""
    for room in rooms:
        yield room, None
        for fault in start.faults(room) if everything else start.toured(room):
            yield room, fault


class Verbosity(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed besides the errors and the last line."""

    lines: bool
    """A line per stop."""
    reports: bool
    """The report of each stop."""


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
                if verbosity.lines:  # before the check, which may take seconds
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
            "\nseventh tour -v                       the same with the reports\n"
            f"seventh tour --all                    all {rest} servers (four minutes)\n"
            "seventh lab tls --fault expired       start one of them\n"
        )
    return 2 if any(stop.problem for stop in made) else USAGE_EXIT if missing else 0


def _summary(made: list[Stop], seconds: float) -> str:
    wrong = [stop for stop in made if stop.problem]
    skipped = sum(1 for stop in made if stop.skipped)
    right = [stop for stop in made if not stop.problem and not stop.skipped]
    found = sum(1 for stop in right if stop.fault)
    clean = len(right) - found
    total = (
        f"{count(found, 'fault')} found, {count(clean, 'correct server')} without findings, "
        f"{skipped} skipped, {len(wrong)} wrong, in {duration(seconds)}"
    )
    lines = [f"  {stop.name}: {stop.problem}" for stop in wrong]
    return "\n".join(["", total, *lines, ""])


async def visit(room: str, fault: Fault | None, kit: Kit) -> Stop:
    """Start one reference server, check it, and judge the report."""
    if fault is not None and (reason := fault.lacks()):
        return Stop(room=room, fault=fault, skipped=reason)
    try:
        async with start.serving(room, fault, kit) as served:
            target, options = start.job(served, Options())
            report = await check_one(target, options)
    except NotInstalledError as lacking:
        return Stop(room=room, fault=fault, skipped=str(lacking))
    return Stop(room=room, fault=fault, report=report, problem=problem_of(fault, report))


def problem_of(fault: Fault | None, report: Report) -> str:
    """Return how a report differs from the one that ``fault`` must give; empty when it is right."""
    findings = [each for one in (report, *report.parts) for each in one.findings]
    found = {finding.id for finding in findings}
    reason = str(report.failure.reason) if report.failure else None
    if fault is None:
        loud = sorted(f.id for f in findings if f.severity.reaches(Severity.LOW))
        if report.failure:
            return f"failure on a correct server: {reason}: {report.failure.detail}"
        return f"findings on a correct server: {', '.join(loud)}" if loud else ""
    missing = [rule for rule in fault.triggers if rule not in found]
    if missing:
        return f"not found: {', '.join(missing)} (failure: {reason or 'none'})"
    if reason != fault.reason:
        return f"expected failure: {fault.reason or 'none'}, not {reason or 'none'}"
    return ""


def _show(stop: Stop, column: int, verbosity: Verbosity) -> None:
    view = view_for(sys.stdout, os.environ)
    if verbosity.lines:
        mark = "-" if stop.skipped else ("✗" if stop.problem else "✓")
        text = f"{mark} {_outcome(stop)}"
        width = max(20, view.width - column - 2)
        line = text if len(text) <= width else f"{text[: width - 1]}…"
        if view.ascii:
            line = line.replace("✓", "+").replace("✗", "x").replace("…", "~")
            line = line.encode("ascii", "replace").decode()
        sys.stdout.write(f"{line}\n")
    if stop.report is not None and verbosity.reports:
        sys.stdout.write(render("terminal", document([stop.report]), view) + "\n")
    sys.stdout.flush()


def _outcome(stop: Stop) -> str:
    """Return the result of a stop in a few words."""
    if stop.skipped:
        return f"skipped: {stop.skipped}"
    if stop.problem:
        return f"WRONG: {stop.problem}"
    if stop.fault is None:
        return "no findings"
    found = ", ".join(stop.fault.triggers) or str(stop.fault.reason)
    return f"{found}: {stop.fault.meaning}"
