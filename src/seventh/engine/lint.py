"""Checking configuration files by the same rules, with file and line as evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.engine import ignoring
from seventh.engine.recognise import of_file
from seventh.engine.report import make_report
from seventh.lint import kinds
from seventh.lintkit.files import MAX_PROBLEMS, Files, Text
from seventh.lintkit.linted import Kind, Linted, Software, View
from seventh.model.failure import Failed, Failure, Reason, UsageError
from seventh.model.lintfacts import LintFacts
from seventh.model.near import unknown
from seventh.model.report import Finding, Report, Skipped
from seventh.model.source import Line
from seventh.net.stopwatch import now_ns
from seventh.rules.rule import AnyRule, Source
from seventh.rules.run import Selection, Verdicts, run_rules

_MOST_LINES = 16
"""How many lines a finding shows."""
_MOST_NAMED = 3
"""How many further blocks a finding names; the others are counted."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How to read the files, and the rules to run."""

    kind: str | None = None
    """The name of a kind; None to recognise it."""
    software: tuple[Software, ...] = ()
    ask: Callable[[Kind], Software | None] = lambda kind: None
    """How the version of a program is found that ``software`` does not name."""
    selection: Selection = Selection()
    instead: Mapping[str, bytes] = {}
    """By real path, what is read in place of a file's own bytes."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what it was made from."""

    report: Report
    files: Files
    kind: Kind | None
    """None, as ``linted``, where the file could not be read as any kind."""
    linted: Linted | None


def lint_text(name: str, data: bytes, wanted: Wanted) -> Report:
    """Check ``data`` from elsewhere, such as standard input; includes are relative to here."""
    files = Files()
    elsewhere = replace(wanted, ask=lambda kind: None)
    return _lint(name, files.take(name, data), files, elsewhere).report


def lint_file(path: Path, wanted: Wanted) -> Report:
    """Check one file and what it includes; errors in it are the report's failure."""
    return judge_file(path, wanted).report


def judge_file(path: Path, wanted: Wanted) -> Judged:
    """Check as :func:`lint_file` does, and keep what the report was made from."""
    files = Files(base=path.parent, instead=wanted.instead)
    return _lint(str(path), files.read(path), files, wanted)


def _lint(name: str, text: Text | None, files: Files, wanted: Wanted) -> Judged:
    started_seconds, begun = time.time(), now_ns()
    linted: Linted | None = None
    kind, failed, asked = None, None, None
    if text is None:
        failed = Failed(Reason.FILE_UNREADABLE, str(files.problems[0]), phase="lint")
    else:
        try:
            kind = _kind_of(name, text, wanted)
            given = _version(kind, wanted)
            asked = wanted.ask(kind) if given is None else None
            linted = kind.lint(text, files, given or asked)
        except UsageError as error:
            failed = Failed(Reason.OPTIONS_UNUSABLE, str(error), phase="lint")
    problems = _problems(files, linted)
    verdicts = judge(kind, linted, wanted.selection) if linted and kind else Verdicts()
    notes = list(files.notes)
    if files.ignores:
        notes += ignoring.idle(verdicts, files.ignores, _every_rule())
        verdicts = ignoring.accept(verdicts, files.ignores)
    facts = LintFacts(
        kind=kind.name if kind else "",
        software=linted.software if linted else "",
        software_assumed=linted.software_assumed if linted else False,
        software_installed=asked is not None,
        files=tuple(dict.fromkeys(files.read_names)),
        views=tuple(view.label or "the whole file" for view in linted.views) if linted else (),
        problems=_listed(problems, files),
        notes=tuple(notes),
    )
    report = make_report(
        f"file:{name}", kind.room if kind else LintFacts.ROOM,
        {LintFacts.ROOM: facts, **(linted.views[0].facts if linted else {})}, verdicts,
        started_seconds=started_seconds, duration_seconds=(now_ns() - begun) / 1e9,
        failure=failed.failure() if failed else _failure(files, problems),
    )  # fmt: skip
    return Judged(report=report, files=files, kind=kind, linted=linted)


def kind_named(name: str) -> Kind:
    """Return the kind of that name; raises UsageError, with suggestions, if there is none."""
    if name not in kinds():
        error = unknown("kind", name, sorted(kinds()))
        raise UsageError(f"--kind: {error} (`seventh lint --help`)")
    return kinds()[name]


def _kind_of(name: str, text: Text, wanted: Wanted) -> Kind:
    if wanted.kind is not None:
        return kind_named(wanted.kind)
    kind = of_file(name, text.lines)
    if kind is None:
        raise UsageError(
            f"{name}: unrecognised file type; name it with --kind ({', '.join(sorted(kinds()))})"
        )
    return kind


def _every_rule() -> set[str]:
    return {rule.id for room in protocols.rooms() for rule in protocols.rules(room)}


def _version(kind: Kind, wanted: Wanted) -> Software | None:
    given = {one.product: one for one in wanted.software}
    return next((given[name] for name in (kind.product, *kind.also) if name in given), None)


def _problems(files: Files, linted: Linted | None) -> tuple[Line, ...]:
    return tuple(dict.fromkeys([*files.problems, *(linted.problems if linted else ())]))


def _listed(problems: tuple[Line, ...], files: Files) -> tuple[Line, ...]:
    """Return the problems that fit in a report, and a line that counts the others."""
    more = len(problems) - MAX_PROBLEMS + files.unlisted
    if more <= 0:
        return problems
    last = Line(file=problems[0].file, line=None, text=f"{more} more problems are not listed")
    return (*problems[:MAX_PROBLEMS], last)


def _failure(files: Files, problems: tuple[Line, ...]) -> Failure | None:
    """Return the failure for the problems: malformed if the program would refuse the file."""
    if not problems:
        return None
    refused = [problem for problem in problems if problem not in files.unread]
    reason = Reason.FILE_MALFORMED if refused else Reason.FILE_UNREADABLE
    first = str((refused or list(problems))[0])
    others = len(problems) - 1 + files.unlisted
    more = f" (and {others} more)" if others else ""
    return Failed(reason, first + more, phase="lint").failure()


def decided_by_files(rules: Sequence[AnyRule], product: str) -> tuple[AnyRule, ...]:
    """Return the rules that a file of ``product`` decides."""
    return tuple(
        rule
        for rule in rules
        if product in rule.directives or (not rule.directives and rule.source is Source.FILE)
    )


def _deciding(kind: Kind, room: str) -> dict[str, AnyRule]:
    """Return the rules of ``room`` that a file of that kind decides.

    Rules of another room count only if they name the kind's product.
    """
    rules = protocols.rules(room)
    if room == kind.room:
        rules = decided_by_files(rules, kind.product)
    else:
        rules = tuple(rule for rule in rules if kind.product in rule.directives)
    return {rule.id: rule for rule in rules}


def judge(kind: Kind, linted: Linted, selection: Selection) -> Verdicts:
    """Run every rule on every view.

    Of views with the same fault the first has the finding, which names the others. What a view
    inherits from another is reported there only.
    """
    rooms = dict.fromkeys(room for view in linted.views for room in view.facts)
    rules = {room: _deciding(kind, room) for room in rooms}
    selection = replace(selection, denied={})
    merged: dict[tuple[object, ...], Finding] = {}
    skipped: dict[str, Skipped] = {}
    passed: set[str] = set()
    inherited: dict[str, set[tuple[object, ...]]] = {}
    for view in linted.views:
        mine = inherited.setdefault(view.label, set())
        outer = inherited.get(view.within, set()) if view.within not in {None, view.label} else ()
        for room, facts in view.facts.items():
            verdicts = run_rules(room, rules[room].values(), facts, selection)
            for finding in verdicts.findings:
                rule = rules[room][finding.id]
                settings = finding.settings or rule.directives.get(kind.product, ())
                source = _lines(view, settings)
                key = (finding.id, finding.severity, tuple(finding.params.items()), source)
                mine.add(key)
                if key in outer:
                    continue
                placed = replace(
                    finding, product=kind.product, view=view.label, source=source,
                    place=_place(view, finding, rule, kind.product),
                )  # fmt: skip
                merged[key] = _with(merged.get(key, placed), view.label)
            skipped.update({one.id: one for one in verdicts.skipped if one.id not in skipped})
            passed.update(verdicts.passed)
        mine.update(outer)
    found = {finding.id for finding in merged.values()}
    passed -= found
    return Verdicts(
        findings=tuple(sorted(merged.values(), key=lambda finding: finding.order)),
        skipped=tuple(one for name, one in skipped.items() if name not in found | passed),
        passed=tuple(sorted(passed)),
    )


def _place(view: View, finding: Finding, rule: AnyRule, product: str) -> str:
    """Return where the fix belongs, if it has settings of the file and not only commands."""
    lines = finding.fixes.get(product) or rule.words.fix.get(product, "").splitlines()
    words = (line.split()[:1] for line in lines)
    return view.place if any(word[0].lower() in view.settings for word in words if word) else ""


def _with(first: Finding, label: str) -> Finding:
    """Add a block that has the same finding, unless it is part of one that is named."""
    named = (first.view, *first.also)
    if not first.view or any(label == one or label.startswith(f"{one}, ") for one in named):
        return first
    if len(first.also) < _MOST_NAMED:
        return replace(first, also=(*first.also, label))
    return replace(first, more=first.more + 1)


def _lines(view: View, names: tuple[str, ...]) -> tuple[Line, ...]:
    settings = (view.settings.get(name, ()) for name in dict.fromkeys(map(str.lower, names)))
    lines = dict.fromkeys(setting.at for some in settings for setting in some)
    return tuple(islice(lines, _MOST_LINES))
