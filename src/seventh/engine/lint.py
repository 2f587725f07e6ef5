"""Lint: the same rules over what configuration files say, with file and line as evidence."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.lint import kinds
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind, Linted, Software, View
from seventh.model.failure import Failed, Failure, Reason, UsageError
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Finding, Report, Skipped
from seventh.model.source import Line
from seventh.net.stopwatch import now_ns
from seventh.net.talk import vantage
from seventh.rules.rule import AnyRule, Source
from seventh.rules.run import Selection, run_rules

MAX_FOLDER_ENTRIES = 50_000
"""How many names of a folder are looked at before the rest is left alone."""
_MOST_LINES = 16
"""How many lines one finding stands on; more say nothing new."""
_SURE = 3
"""How many lines must look like a kind before a file of another name is taken for it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How to read the files, and which rules to judge them by."""

    kind: str | None = None
    """A kind's name; None is: recognise it."""
    software: tuple[Software, ...] = ()
    selection: Selection = Selection()


def lint_text(name: str, data: bytes, wanted: Wanted) -> Report:
    """Judge ``data`` that was read from elsewhere, such as stdin; includes go from here."""
    files = Files()
    return _lint(name, files.take(name, data), files, wanted)


def lint_file(path: Path, wanted: Wanted) -> Report:
    """Judge one file and what it includes. Never raises for what it holds."""
    files = Files(base=path.parent)
    return _lint(str(path), files.read(path), files, wanted)


def lint_folder(folder: Path, wanted: Wanted) -> Iterator[Report]:
    """Judge every file below ``folder`` that is recognised, each once.

    A file that another one includes is judged there and not by itself.
    """
    yield from without_included(list(each_in_folder(folder, wanted)))


def each_in_folder(folder: Path, wanted: Wanted) -> Iterator[Report]:
    """Judge every file below ``folder`` that is recognised, also those that others include."""
    for path, kind in _recognised(folder):
        yield lint_file(path, replace(wanted, kind=kind.name))


def without_included(reports: Sequence[Report]) -> list[Report]:
    """Those of ``reports`` whose file no other one includes."""
    included = {
        os.path.realpath(name)
        for report in reports
        for name in _files_of(report)
        if f"file:{name}" != report.target
    }
    return [
        report
        for report in reports
        if os.path.realpath(report.target.removeprefix("file:")) not in included
    ]


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
            kind = by_name(path) or _by_glance(path)
            if kind is not None and path.is_file():
                yield path, kind


def by_name(path: Path) -> Kind | None:
    """The kind that a file's name or its path's end tells; None where it tells none."""
    whole = str(path.absolute())
    for kind in kinds().values():
        if any(fnmatch(path.name, p) or fnmatch(whole, f"*/{p}") for p in kind.names):
            return kind
    return None


def _by_glance(path: Path) -> Kind | None:
    """The kind of a file with a name of no meaning, by its first 64 KiB."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(65536)
    except OSError:
        return None
    if b"\0" in data:
        return None
    return by_content(tuple(data.decode("utf-8", "replace").splitlines()))


def by_content(lines: tuple[str, ...]) -> Kind | None:
    """The kind that most of the lines look like; None where they look like none, or like two."""
    meant = sum(1 for line in lines if line.strip() and line.lstrip()[0] not in "#!;%")
    scores = sorted(((kind.looks(lines), name) for name, kind in kinds().items()), reverse=True)
    if not scores or scores[0][0] < min(_SURE, max(1, meant)) or 2 * scores[0][0] < meant:
        return None
    if len(scores) > 1 and scores[1][0] == scores[0][0]:
        return None
    return kinds()[scores[0][1]]


def _lint(name: str, text: Text | None, files: Files, wanted: Wanted) -> Report:
    started_seconds, begun = time.time(), now_ns()
    linted: Linted | None = None
    kind, failed = None, None
    if text is None:
        failed = Failed(Reason.FILE_UNREADABLE, str(files.problems[0]), phase="lint")
    else:
        try:
            kind = _kind_of(name, text, wanted)
            linted = kind.lint(text, files, _version(kind, wanted))
        except UsageError as error:
            failed = Failed(Reason.OPTIONS_UNUSABLE, str(error), phase="lint")
    problems = _problems(files, linted)
    findings, skipped, passed = (
        _judge(kind, linted, wanted.selection) if linted and kind else ((), (), ())
    )
    facts = LintFacts(
        kind=kind.name if kind else "",
        software=linted.software if linted else "",
        software_assumed=linted.software_assumed if linted else False,
        files=tuple(dict.fromkeys(files.read_names)),
        views=tuple(view.label or "the whole file" for view in linted.views) if linted else (),
        problems=problems,
    )
    return Report(
        target=f"file:{name}",
        protocol=kind.room if kind else "lint",
        vantage=vantage(),
        started_seconds=started_seconds,
        duration_seconds=(now_ns() - begun) / 1e9,
        failure=failed.failure() if failed else _failure(files, problems),
        phases=(),
        facts={"lint": facts, **(linted.views[0].facts if linted else {})},
        metrics=(),
        findings=findings,
        skipped=skipped,
        passed=passed,
    )


def _kind_of(name: str, text: Text, wanted: Wanted) -> Kind:
    if wanted.kind is not None:
        found = kinds().get(wanted.kind)
        if found is None:
            raise UsageError(f"--kind {wanted.kind!r}: there are {', '.join(sorted(kinds()))}")
        return found
    kind = by_name(Path(name)) or by_content(text.lines)
    if kind is None:
        raise UsageError(
            f"{name} looks like no file that Seventh judges: say which it is with --kind "
            f"({', '.join(sorted(kinds()))})"
        )
    return kind


def _version(kind: Kind, wanted: Wanted) -> Software | None:
    said = {one.product: one for one in wanted.software}
    return next((said[name] for name in (kind.product, *kind.also) if name in said), None)


def _problems(files: Files, linted: Linted | None) -> tuple[Line, ...]:
    return tuple(dict.fromkeys([*files.problems, *(linted.problems if linted else ())]))


def _failure(files: Files, problems: tuple[Line, ...]) -> Failure | None:
    """What could not be read leaves the verdict open; what its program would refuse does not."""
    if not problems:
        return None
    refused = [problem for problem in problems if problem not in files.unread]
    reason = Reason.FILE_MALFORMED if refused else Reason.FILE_UNREADABLE
    first = str((refused or list(problems))[0])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Failed(reason, first + more, phase="lint").failure()


# -- judging ---------------------------------------------------------------------------------------


def decided_by_files(rules: Sequence[AnyRule], product: str) -> tuple[AnyRule, ...]:
    """The rules that a file of ``product`` has evidence for."""
    return tuple(
        rule
        for rule in rules
        if product in rule.directives
        or (not rule.directives and rule.source in {Source.FILE, Source.LOCAL})
    )


def _deciding(kind: Kind, room: str) -> dict[str, AnyRule]:
    """The rules of ``room`` that a file of that kind decides: its own by right, others by name."""
    rules = protocols.rules(room)
    if room == kind.room:
        rules = decided_by_files(rules, kind.product)
    else:
        rules = tuple(rule for rule in rules if kind.product in rule.directives)
    return {rule.id: rule for rule in rules}


def _judge(
    kind: Kind, linted: Linted, selection: Selection
) -> tuple[tuple[Finding, ...], tuple[Skipped, ...], tuple[str, ...]]:
    """Every view by every rule; a finding that an earlier view has, too, is told once."""
    rooms = dict.fromkeys(room for view in linted.views for room in view.facts)
    rules = {room: _deciding(kind, room) for room in rooms}
    selection = replace(selection, denied={})
    told: dict[tuple[object, ...], Finding] = {}
    skipped: dict[str, Skipped] = {}
    passed: set[str] = set()
    for view in linted.views:
        for room, facts in view.facts.items():
            verdicts = run_rules(room, rules[room].values(), facts, selection)
            for finding in verdicts.findings:
                source = _lines(
                    view,
                    finding.settings or rules[room][finding.id].directives.get(kind.product, ()),
                )
                same = (finding.id, finding.severity, tuple(finding.params.items()), source)
                told.setdefault(
                    same, replace(finding, product=kind.product, view=view.label, source=source)
                )
            skipped.update({one.id: one for one in verdicts.skipped if one.id not in skipped})
            passed.update(verdicts.passed)
    found = {finding.id for finding in told.values()}
    passed -= found
    return (
        tuple(sorted(told.values(), key=lambda f: (-f.severity.rank, f.id))),
        tuple(one for name, one in skipped.items() if name not in found | passed),
        tuple(sorted(passed)),
    )


def _lines(view: View, names: tuple[str, ...]) -> tuple[Line, ...]:
    lines = [s.at for name in names for s in view.settings.get(name.lower(), ())]
    return tuple(dict.fromkeys(lines))[:_MOST_LINES]
