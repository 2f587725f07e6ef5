"""Judging the files of a folder: what is recognised, each once, and what is in force."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from seventh.engine.lint import Wanted, lint_file
from seventh.engine.recognise import in_folder, is_idle, is_main
from seventh.lintkit.linted import Kind
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.source import Line
from seventh.wire.text import printable

MAX_FOLDER_ENTRIES = 50_000
"""How many names of a folder are looked at before the rest is left alone."""
_MOST_IDLE = 8
"""How many files that are not in force are named."""


def lint_folder(folder: Path, wanted: Wanted) -> Iterator[Report]:
    """Judge a folder as :class:`FolderLint` does, all at once."""
    linting = FolderLint(folder, wanted)
    for _ in linting.each():
        pass
    yield from linting.reports()


class FolderLint:
    """The files below a folder that are recognised, judged one by one.

    A file that another one includes is judged there and not by itself; one that stands below a main
    file which does not include it is not in force: it is named in the main file's notes.
    """

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted
        self._judged: list[Report] = []
        self._included: set[str] = set()
        """The real paths of what other files include."""
        self._idle: dict[int, list[str]] = {}
        """By the number of a main file's report, what stands below it and is not in force."""

    def each(self) -> Iterator[Report]:
        """Judge the next file; what has been judged so far stays when this is left."""
        met = list(_recognised(self._folder))
        mains = [pair for pair in met if not _is_part(*pair)]
        for pair in mains:
            yield self._judge(*pair)
        for path, kind in met:
            if (path, kind) in mains or os.path.realpath(path) in self._included:
                continue
            owner = _main_above(path, kind, mains)
            if owner is not None:
                below = os.path.relpath(path, mains[owner][0].parent)
                self._idle.setdefault(owner, []).append(below)
            elif _is_read_by_custom(path):
                yield self._judge(path, kind)

    def reports(self) -> list[Report]:
        """Return the reports so far, without those of files that others include."""
        return [
            _noting(report, self._idle.get(number, []))
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
    """Whether a file is read only where another one includes it, or is a copy that is kept."""
    return is_idle(path) or not (kind.only_by_name or is_main(path, kind))


def _is_read_by_custom(path: Path) -> bool:
    """Return whether the usual include would read a drop-in whose main file is not here."""
    of_openssh = [above for above in path.parents if above.name.endswith("_config.d")]
    return not is_idle(path) and (
        not of_openssh or (path.parent == of_openssh[0] and path.suffix == ".conf")
    )


def _main_above(path: Path, kind: Kind, mains: Sequence[tuple[Path, Kind]]) -> int | None:
    """Return which of ``mains``, of the same product, is nearest above the file; None for none."""
    above = [
        (len(main.parts), number)
        for number, (main, its) in enumerate(mains)
        if its.product == kind.product and its.name == kind.name and main.parent in path.parents
    ]
    return max(above)[1] if above else None


def _noting(report: Report, unused: Sequence[str]) -> Report:
    """Return the report with what stands beside its file and is not in force."""
    facts = report.facts.get("lint")
    if not unused or not isinstance(facts, LintFacts):
        return report
    named = ", ".join(sorted(unused)[:_MOST_IDLE])
    more = f" and {len(unused) - _MOST_IDLE} more" if len(unused) > _MOST_IDLE else ""
    text = f"not in force, because no include reads it: {printable(named, 300)}{more}"
    note = Line(file=report.target.removeprefix("file:"), line=None, text=text)
    return replace(
        report, facts={**report.facts, "lint": replace(facts, notes=(*facts.notes, note))}
    )


def _files_of(report: Report) -> tuple[str, ...]:
    facts = report.facts.get("lint")
    return facts.files if isinstance(facts, LintFacts) else ()


def _recognised(folder: Path) -> Iterator[tuple[Path, Kind]]:
    seen = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            seen += 1
            if seen > MAX_FOLDER_ENTRIES:
                return
            path = Path(place, name)
            kind = in_folder(path)
            if kind is not None:
                yield path, kind
