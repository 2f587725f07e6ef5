"""``seventh check``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from seventh import given
from seventh.cli.earlier import Earlier
from seventh.cli.output import need_writable
from seventh.cli.show import document, text_of
from seventh.cli.signals import Ending, ending
from seventh.cli.stream import can_stream, stream
from seventh.cli.streams import say
from seventh.cli.targets import Job, check_limits, check_used, gather
from seventh.engine.check import check_many, prepare
from seventh.engine.descriptors import fitting
from seventh.model.failure import UsageError
from seventh.model.host import Host
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.model.target import Target
from seventh.render.view import worst
from seventh.render.wording import built
from seventh.rules.run import Selection

T = TypeVar("T")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def run(parsed: argparse.Namespace) -> int:
    """Check the targets, print the reports, and return the exit code."""
    typed = given.among(vars(parsed))
    options = given.make(typed).replace(transcript=parsed.verbose)
    selection = selection_of(parsed)
    jobs = gather(parsed.targets, parsed.files, options, typed)
    check_used(typed, jobs, _other_places(parsed))
    check_limits(jobs)
    looked_at = _looked_at(parsed, jobs)
    prepare(jobs)
    for own in {own for _, own in jobs if own.ca_file or own.ca_store or own.cert_file}:
        _load_tls_files(own)
    need_writable(parsed.output)
    if can_stream(parsed, jobs):
        return _stream(parsed, jobs, selection)
    earlier = Earlier(parsed)
    if parsed.places is not None:
        return _from_places(parsed, options, jobs, selection, earlier)
    with ending() as end:
        checked = run_loop(_check(jobs, selection, _side_by_side(jobs, parsed.parallel), end))
        checked = dict(zip(checked, earlier.mark([*checked.values()]), strict=True))
        missing = len(jobs) - len(checked)
        hosts, reports = _shown(jobs, checked)
        if end.by is None:
            reports += earlier.mark(_compared(reports, selection))
        elif missing:
            say(f"interrupted by {end.by.name}; {missing} of {len(jobs)} targets were not checked")
        looks, all_seen = _look(looked_at, selection) if end.by is None else ([], False)
        reports += earlier.mark(looks)
        code = earlier.emit(document(reports, hosts), whole=not missing and all_seen)
    if any(not own.carried for _, own in jobs):
        _hint_at_proxy(reports)
    return code


def _stream(parsed: argparse.Namespace, jobs: list[Job], selection: Selection) -> int:
    """Check the targets, print each report when it is complete, and return the exit code."""
    with ending() as end:
        parallel = _side_by_side(jobs, parsed.parallel)
        statuses, count = run_loop(stream(jobs, selection, parallel, parsed, end))
    if missing := len(jobs) - count:
        name = end.by.name if end.by is not None else "an error"
        say(f"interrupted by {name}; {missing} of {len(jobs)} targets were not checked")
        statuses.add(Status.UNKNOWN)
    return worst(statuses).exit_code


def _looked_at(parsed: argparse.Namespace, jobs: list[Job]) -> list[Job]:
    """Return the targets of ``--local``; raises UsageError."""
    if not parsed.local:
        return []
    if parsed.places is not None:
        raise UsageError("--local: not with --from; it logs in to the targets themselves")
    from seventh.cli.local import looks_at

    return looks_at(jobs)


def _look(jobs: list[Job], selection: Selection) -> tuple[list[Report], bool]:
    """Look at the machines of ``--local``; return the reports, and whether these are all."""
    if not jobs:
        return [], True
    from seventh.cli.local import look_there

    return run_loop(look_there(jobs, selection))


def _shown(jobs: list[Job], checked: dict[int, Report]) -> tuple[tuple[Host, ...], list[Report]]:
    """Return the hosts that were given without a scheme, and the reports in the jobs' order."""
    if not any(target.of_bare_host for target, _ in jobs):
        return (), [checked[index] for index in sorted(checked)]
    from seventh.engine.hosts import sift

    return sift(jobs, checked)


def _compared(reports: list[Report], selection: Selection) -> list[Report]:
    """Return the reports of protocols that compare several."""
    if len(reports) < 2:
        return []
    from seventh.engine.together import together

    return together(reports, selection)


def _other_places(parsed: argparse.Namespace) -> list[Target]:
    """Return the other machines of ``--from``; raises UsageError."""
    if parsed.places is None:
        return []
    from seventh.cli.places import places_of

    return [target for target in places_of(parsed.places).values() if target is not None]


def _from_places(
    parsed: argparse.Namespace,
    options: Options,
    jobs: list[Job],
    selection: Selection,
    earlier: Earlier,
) -> int:
    """Check from the places of ``--from``; a place that fails leaves the others' reports."""
    from seventh.cli.places import Places

    places = Places(parsed.places, options, jobs, selection, parsed.parallel)
    with ending() as end:
        by = run_loop(places.check(end))
        places.drop_unshowable(by, lambda report: text_of(document([report]), parsed))
        reports = earlier.mark(places.in_order(by))
        made = document(reports, places=places.seen, comparisons=places.comparisons(by))
        return earlier.emit(made, whole=not any(place.missing for place in places.seen))


def _hint_at_proxy(reports: list[Report]) -> None:
    """After a failed connection, mention a proxy of the environment: only --proxy is used."""
    name = next((name for name in _PROXY_VARIABLES if os.environ.get(name)), None)
    failed = (report.failure.phase for report in reports if report.failure is not None)
    if name is not None and not {"resolve", "connect"}.isdisjoint(failed):
        say(f"{name} is set, but only --proxy URL makes Seventh use a proxy")


def _load_tls_files(options: Options) -> None:
    """Load CA and certificate files into the cache; raises UsageError before any check."""
    from seventh.net.tls.context import context

    context(options, "modern")


def _side_by_side(jobs: list[Job], parallel: int) -> int:
    """Return how many targets to check at once with the file descriptors of this process."""
    fit, limit = fitting(jobs, parallel)
    if fit < min(parallel, len(jobs)):
        say(f"checking {fit} targets at a time, not {parallel}: this process may open only {limit} "
            "files (`ulimit -n` raises the limit)")  # fmt: skip
    return fit


def selection_of(parsed: argparse.Namespace) -> Selection:
    """Return what ``--only`` and ``--skip`` select; raises UsageError for an unknown rule."""
    selection = Selection(only=frozenset(parsed.only), skip=frozenset(parsed.skip))
    if parsed.only or parsed.skip:
        selection.check_ids(rule.id for rules in built().values() for rule in rules)
    return selection


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on uvloop, if that is installed."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)


async def _check(
    jobs: list[Job], selection: Selection, parallel: int, end: Ending
) -> dict[int, Report]:
    """Return the reports by their job's index; after a signal, those that are complete."""
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
    """Return a function to call with each report, and with None at the end.

    It draws a progress bar on standard error, if that is a terminal.
    """
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
    task = bar.add_task(f"checking {what}", total=len(names))
    bar.start()

    def show(report: Report | None) -> None:
        if report is None:
            bar.stop()
        else:
            bar.update(task, advance=1, description=f"{report.target}: {report.status}")

    return show
