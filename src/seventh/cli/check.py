"""``seventh check``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from seventh import given, protocols
from seventh.cli.output import need_writable
from seventh.cli.show import document, emit, worst_exit
from seventh.cli.signals import Ending, ending
from seventh.cli.streams import say
from seventh.cli.targets import Job, check_used, gather
from seventh.engine.check import check_many, prepare
from seventh.engine.descriptors import fitting
from seventh.engine.hosts import sift
from seventh.engine.together import together
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.rules.run import Selection

T = TypeVar("T")


def run(parsed: argparse.Namespace) -> int:
    """Check the targets, print the reports, give the exit code."""
    typed = given.among(vars(parsed))
    options = given.make(typed).replace(transcript=parsed.verbose)
    selection = Selection(only=frozenset(parsed.only), skip=frozenset(parsed.skip))
    if parsed.only or parsed.skip:
        selection.check_ids(built_ids())
    jobs = gather(parsed.targets, parsed.files, options, typed)
    check_used(typed, jobs)
    prepare(jobs)
    for own in {own for _, own in jobs if own.ca_file or own.ca_store or own.cert_file}:
        _tls_files_can_be_used(own)
    need_writable(parsed.output)
    with ending() as end:
        checked = run_loop(_check(jobs, selection, _side_by_side(jobs, parsed.parallel), end))
        missing = len(jobs) - len(checked)
        hosts, reports = sift(jobs, checked)
        if end.by is None:
            reports += together(reports, selection)
        elif missing:
            say(f"interrupted by {end.by.name}; {missing} targets were not looked at")
        emit(document(reports, hosts), parsed)
    return worst_exit(reports, parsed.fail_on, whole=not missing)


def _tls_files_can_be_used(options: Options) -> None:
    # Loading them once now, for the cache, tells what is wrong before any target is looked at.
    from seventh.net.tls.context import context

    context(options, "modern")


def _side_by_side(jobs: list[Job], parallel: int) -> int:
    """As many targets at once as this process has file descriptors for."""
    fit, limit = fitting(jobs, parallel)
    if fit < min(parallel, len(jobs)):
        say(f"checking {fit} at a time, not {parallel}: this process may open {limit} files "
            "(`ulimit -n` raises it)")  # fmt: skip
    return fit


def built_ids() -> set[str]:
    """Return the ids of all rules that are built."""
    return {rule.id for room in protocols.rooms() for rule in protocols.rules(room)}


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on uvloop where there is one."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    try:
        import uvloop

        loop_factory = uvloop.new_event_loop
    except ImportError:
        loop_factory = None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)


async def _check(
    jobs: list[Job], selection: Selection, parallel: int, end: Ending
) -> dict[int, Report]:
    """Return all reports by their job's index; after a signal, those that there are."""
    stop = asyncio.Event()
    reports: dict[int, Report] = {}
    show = progress([str(target) for target, _ in jobs], "targets")
    try:
        with end.in_loop(stop.set):
            async for index, report in check_many(jobs, selection, parallel=parallel, stop=stop):
                reports[index] = report
                show(report)
    finally:
        show(None)
    return reports


def progress(names: list[str], noun: str) -> Callable[[Report | None], None]:
    """What is called with each report, and with None at the end; silent where nobody watches."""
    if not sys.stderr.isatty():
        return lambda report: None
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    what = names[0] if len(names) == 1 else f"{len(names)} {noun}"
    task = bar.add_task(f"looking at {what}", total=len(names))
    bar.start()

    def show(report: Report | None) -> None:
        if report is None:
            bar.stop()
        else:
            bar.update(task, advance=1, description=f"{report.target}: {report.status}")

    return show
