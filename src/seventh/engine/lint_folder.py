"""Checking the recognised files of a folder, each once, and only those that are used."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from seventh.engine.lint import Wanted, lint_file
from seventh.engine.recognise import in_folder, is_backup, is_main
from seventh.lintkit.linted import Kind
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.source import Line
from seventh.wire.text import printable

MAX_FOLDER_ENTRIES = 50_000
"""How many files of a folder are considered."""
_MOST_UNUSED = 8
"""How many unused files are named."""


def lint_folder(folder: Path, wanted: Wanted) -> list[Report]:
    """Check all recognised files of a folder."""
    linting = FolderLint(folder, wanted)
    for _ in linting.each():
        pass
    return linting.reports()


class FolderLint:
    """The check of the recognised files below a folder, one by one.

    A file that another one includes is checked there and not by itself. A file below a main file
    that does not include it is unused: the main file's notes name it.
    """

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted
        self._judged: list[Report] = []
        self._included: set[str] = set()
        """The real paths of what other files include."""
        self._unused: dict[int, list[str]] = {}
        """By the number of a main file's report, the unused files below it."""

    def each(self) -> Iterator[Report]:
        """Check the files and yield their reports, which stay when the iteration is stopped."""
        recognised = list(_recognised(self._folder))
        mains = [pair for pair in recognised if not _is_part(*pair)]
        for pair in mains:
            # Where two files are one configuration, each of them names the other as read.
            if os.path.realpath(pair[0]) not in self._included:
                yield self._judge(*pair)
        for path, kind in recognised:
            if (path, kind) in mains or os.path.realpath(path) in self._included:
                continue
            owner = _main_above(path, kind, mains)
            if owner is not None:
                below = os.path.relpath(path, mains[owner][0].parent)
                self._unused.setdefault(owner, []).append(below)
            elif _is_usually_read(path):
                yield self._judge(path, kind)

    def reports(self) -> list[Report]:
        """Return the reports so far, without those of files that others include."""
        return [
            _noting(report, self._unused.get(number, []))
            for number, report in enumerate(self._judged)
            if os.path.realpath(report.target.removeprefix("file:")) not in self._included
        ]

    def _judge(self, path: Path, kind: Kind) -> Report:
        report = lint_file(path, replace(self._wanted, kind=kind.name))
        self._judged.append(report)
        self._included.update(
            os.path.realpath(name) for name in _files_of(report) if name != str(path)
        )
        return report


def _is_part(path: Path, kind: Kind) -> bool:
    """Return whether a file is read only where another one includes it, or is a backup copy."""
    return is_backup(path) or not (kind.only_by_name or is_main(path, kind))


def _is_usually_read(path: Path) -> bool:
    """Return whether the usual include would read a drop-in whose main file is not here."""
    of_openssh = [above for above in path.parents if above.name.endswith("_config.d")]
    return not is_backup(path) and (
        not of_openssh or (path.parent == of_openssh[0] and path.suffix == ".conf")
    )


def _main_above(path: Path, kind: Kind, mains: Sequence[tuple[Path, Kind]]) -> int | None:
    """Return the index of the nearest main file of the same kind above a file, if any."""
    above = [
        (len(main.parts), number)
        for number, (main, its) in enumerate(mains)
        if its.product == kind.product and its.name == kind.name and main.parent in path.parents
    ]
    return max(above)[1] if above else None


def _noting(report: Report, unused: Sequence[str]) -> Report:
    """Return the report with a note that names the unused files."""
    facts = report.facts.get("lint")
    if not unused or not isinstance(facts, LintFacts):
        return report
    named = ", ".join(sorted(unused)[:_MOST_UNUSED])
    more = f" and {len(unused) - _MOST_UNUSED} more" if len(unused) > _MOST_UNUSED else ""
    text = f"not checked, because no file includes it: {printable(named, 300)}{more}"
    note = Line(file=report.target.removeprefix("file:"), line=None, text=text)
    return replace(
        report, facts={**report.facts, "lint": replace(facts, notes=(*facts.notes, note))}
    )


def _files_of(report: Report) -> tuple[str, ...]:
    facts = report.facts.get("lint")
    return facts.files if isinstance(facts, LintFacts) else ()


def _recognised(folder: Path) -> Iterator[tuple[Path, Kind]]:
    for path in islice(_files_below(folder), MAX_FOLDER_ENTRIES):
        if (kind := in_folder(path)) is not None:
            yield path, kind


def _files_below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))
