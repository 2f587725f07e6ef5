"""``seventh local``, and ``seventh check ssh://host --local``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from seventh import protocols
from seventh.cli.check import run_loop, selection_of
from seventh.cli.earlier import Earlier
from seventh.cli.output import need_writable
from seventh.cli.show import document
from seventh.cli.signals import ending, interrupt
from seventh.cli.streams import say
from seventh.cli.targets import Job
from seventh.engine.elsewhere import Elsewhere
from seventh.engine.elsewhere import look as look_errand
from seventh.engine.local import Wanted, areas_named, look
from seventh.given import own
from seventh.model.failure import UsageError
from seventh.model.option import RoomOptions, declared
from seventh.model.report import Report
from seventh.rules.run import Selection


def run(parsed: argparse.Namespace) -> int:
    """Look at this machine, print the report, and return the exit code."""
    areas = areas_named(parsed.areas)
    wanted = Wanted(
        areas=areas, options=_options(vars(parsed), areas), selection=selection_of(parsed)
    )
    need_writable(parsed.output)
    earlier = Earlier(parsed)
    with ending(interrupt):
        reports = earlier.mark([run_loop(look(wanted))])
    return earlier.emit(document(reports), whole=True)


def _options(given: Mapping[str, Any], areas: Sequence[str]) -> dict[str, RoomOptions]:
    """Return the areas' options; raises UsageError for one whose area is not looked at."""
    made: dict[str, RoomOptions] = {}
    for name, (_, area) in protocols.areas().items():
        if area.options is None:
            continue
        typed = {e.field: given[e.field] for e in declared(area.options) if e.field in given}
        if typed and name not in areas:
            flag = next(e.flag for e in declared(area.options) if e.field in typed)
            raise UsageError(f"{flag}: an option of the area {name}, which is not looked at")
        made[name] = own(area.options, typed)
    return made


def looks_at(jobs: Sequence[Job]) -> list[Job]:
    """Return the targets of ``--local``: those that log in. Raises UsageError."""
    hosts = [
        (target, options)
        for target, options in jobs
        if not target.of_bare_host
        and protocols.has_part(protocols.room_of(target.scheme).name, "command")
    ]
    if not hosts:
        raise UsageError("--local needs a target that it can log in to: ssh://host")
    if any(options.carried for _, options in hosts):
        raise UsageError("--local: not with --via or --proxy; name jump hosts in ~/.ssh/config")
    return hosts


async def look_there(jobs: Sequence[Job], selection: Selection) -> tuple[list[Report], bool]:
    """Look at other machines, side by side; return the reports, and whether these are all."""
    wanted = Wanted(areas=areas_named(()), selection=selection)
    reports: dict[int, Report] = {}

    async def one(number: int, job: Job) -> bool:
        target, options = job
        there = Elsewhere("", target, options)
        place = await there.check(
            look_errand(wanted, target.host),
            lambda _, report: reports.update({number: report}),
            say,
        )
        if place.failure:
            say(f"--local {target}: {place.failure}")
        return not place.missing

    whole = await asyncio.gather(*(one(number, job) for number, job in enumerate(jobs)))
    return [reports[number] for number in sorted(reports)], all(whole)
