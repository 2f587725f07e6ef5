"""``--from``: the same check from other machines, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from seventh import protocols
from seventh.cli.signals import Ending
from seventh.cli.streams import say
from seventh.cli.targets import Job
from seventh.engine.check import check_many
from seventh.engine.elsewhere import Elsewhere, checks
from seventh.engine.places import compare
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.place import LOCAL, Comparison, Place
from seventh.model.report import Report
from seventh.model.target import Target, parse_target
from seventh.rules.run import Selection

By = dict[str, dict[int, Report]]
"""Reports by place, then by their job's index."""
MAX_PLACES = 16


def places_of(text: str) -> dict[str, Target | None]:
    """Read ``--from``: each place by its name, None for this machine; raises UsageError."""
    found: dict[str, Target | None] = {}
    for name in (part.strip() for part in text.split(",")):
        if name in found:
            raise UsageError(f"--from: {name} is there twice")
        if name == LOCAL:
            found[name] = None
            continue
        targets = parse_target(name, protocols.schemes()) if "://" in name else ()
        room = protocols.room_of(targets[0].scheme).name if targets else ""
        if not room or not protocols.has_part(room, "command"):
            raise UsageError(f"--from {name!r}: write {LOCAL} or ssh://host, separated by commas")
        found[name] = targets[0]
    if len(found) > MAX_PLACES:
        raise UsageError(f"--from: {len(found)} places (maximum: {MAX_PLACES})")
    return found


def _showable(place: Place, reports: dict[int, Report], show: Callable[[Report], object]) -> Place:
    for index, report in tuple(reports.items()):
        try:
            show(report)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            del reports[index]
            failure = place.failure or f"impossible values in a report: {type(error).__name__}"
            place = replace(place, missing=place.missing + 1, failure=failure)
    return place


class Places:
    """The places of one run."""

    def __init__(self, text: str, options: Options, jobs: Sequence[Job], selection: Selection,
                 parallel: int) -> None:  # fmt: skip
        self._jobs = jobs
        self._selection = selection
        self._parallel = parallel
        self._places = places_of(text)
        self._options = options
        self._errand = checks(jobs, selection, parallel)
        if any(target.of_bare_host for target, _ in jobs):
            raise UsageError("--from needs a scheme in each target, such as tcp://host:25")
        self.seen: tuple[Place, ...] = ()

    async def check(self, end: Ending) -> By:
        """Check from everywhere at once; after a signal, return what has arrived."""
        by: By = {name: {} for name in self._places}
        tasks = {
            name: asyncio.create_task(
                self._here(by[name]) if target is None else self._there(name, target, by[name])
            )
            for name, target in self._places.items()
        }

        def stop() -> None:
            for task in tasks.values():
                task.cancel()

        with end.in_loop(stop):
            await asyncio.wait(tasks.values())
        self.seen = tuple(
            Place(name=name, missing=len(self._jobs) - len(by[name]), failure="interrupted")
            if task.cancelled()
            else task.result()
            for name, task in tasks.items()
        )
        return by

    async def _here(self, reports: dict[int, Report]) -> Place:
        loop = asyncio.get_running_loop()
        began = loop.time()
        vantage = ""
        checking = check_many(self._jobs, self._selection, parallel=self._parallel)
        async for index, report in checking:
            reports[index] = replace(report, place=LOCAL)
            vantage = report.vantage
        return Place(name=LOCAL, vantage=vantage, seconds=loop.time() - began)

    async def _there(self, name: str, target: Target, reports: dict[int, Report]) -> Place:
        elsewhere = Elsewhere(name, target, self._options)
        return await elsewhere.check(self._errand, reports.__setitem__, say)

    def drop_unshowable(self, by: By, show: Callable[[Report], object]) -> None:
        """Drop reports of other machines that ``show`` fails on; say what failed at each place.

        Their types were checked, but a number or a name in them may be one that no check gives.
        """
        self.seen = tuple(
            place if place.name == LOCAL else _showable(place, by[place.name], show)
            for place in self.seen
        )
        for place in self.seen:
            if place.failure:
                say(f"{place.name}: {place.failure}")

    def in_order(self, by: By) -> list[Report]:
        """Return the reports target by target, those of one target side by side."""
        indices = range(len(self._jobs))
        return [by[name][index] for index in indices for name in by if index in by[name]]

    def comparisons(self, by: By) -> list[Comparison]:
        """Return where the reports of a target differ."""
        made = [
            compare(
                *job, {name: reports[index] for name, reports in by.items() if index in reports}
            )
            for index, job in enumerate(self._jobs)
        ]
        return [each for each in made if each is not None]
