"""Changing files as the fixes of their findings say, in memory, and keeping what proves right.

Each fix is applied to what was read, and the result is linted again: the finding must be gone, no
other may have come, and the program must accept the files where it is installed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.engine.installed import installed
from seventh.engine.lint import Judged, Wanted, judge_file
from seventh.engine.validate import Answer, Validation, validate
from seventh.lintkit.links import is_foreign
from seventh.lintkit.linted import Linted, View
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why, changed, lines_of
from seventh.lintkit.place import place_of
from seventh.model.report import Finding
from seventh.model.severity import Severity
from seventh.model.source import Line
from seventh.rules.words import filled
from seventh.wire.text import printable

MAX_FIXES = 200
"""Fixes that are tried for one file with its includes; each means another lint."""
_MOST_CHARS = 4096
_MAY_CHANGE = frozenset({Why.STAYS, Why.CAUSES, Why.REFUSED})

Key = tuple[str, str, str]
"""What tells a finding, whatever the numbers of its lines."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is to be changed."""

    path: Path
    """The file itself, where a link led to it."""
    before: bytes
    after: bytes


class Unfixed(msgspec.Struct, frozen=True, kw_only=True):
    """A finding whose fix is not written."""

    finding: Finding
    why: Why
    detail: str = ""
    """The findings that would come, or what the program says."""


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """What the fixes of one file and its includes come to."""

    changes: tuple[Change, ...]
    fixed: tuple[Finding, ...]
    unfixed: tuple[Unfixed, ...]
    validation: Validation | None
    """The program's answer on the changed files; None where nothing changed or none is known."""


def key(finding: Finding) -> Key:
    """Return what tells a finding from the others of its file, also when its lines have moved."""
    return (finding.id, finding.view, repr(sorted(finding.params.items())))


def fix_file(path: Path, wanted: Wanted, known: Collection[Key]) -> Fixed:
    """Apply the fixes of one file in memory; findings in ``known`` are accepted and stay."""
    return _Fixing(path, wanted, known).run()


class _Fixing:
    def __init__(self, path: Path, wanted: Wanted, known: Collection[Key]) -> None:
        self._path = path
        self._wanted = wanted
        self._known = known
        self._judged = judge_file(path, wanted)
        self._read = _real(self._judged.files.contents)
        self._now: dict[str, bytes] = {}
        """By real path, the files that are changed."""
        self._first = list(self._open({}))
        self._unfixed: dict[Key, Unfixed] = {}
        self._before: Validation | None = None
        self._validation: Validation | None = None

    def run(self) -> Fixed:
        """Try every fix; what did not prove right is tried again after others did."""
        tried, since = 0, False
        while tried < MAX_FIXES:
            finding = next(self._open(self._unfixed), None)
            if finding is None:
                again = {k: one for k, one in self._unfixed.items() if one.why in _MAY_CHANGE}
                if not (since and again):
                    break
                since = False
                self._unfixed = {k: v for k, v in self._unfixed.items() if k not in again}
                continue
            tried += 1
            try:
                since = self._try(finding) or since
            except NotPlaced as no:
                self._leave(finding, no.why)
        for finding in self._open(self._unfixed):
            self._leave(finding, Why.LIMIT)
        open_ = {key(finding) for finding in self._open(())}
        left = {(one.id, one.view) for one in self._judged.report.findings}
        return Fixed(
            changes=tuple(
                Change(path=Path(name), before=self._read[name], after=data)
                for name, data in self._now.items()
            ),
            fixed=tuple(one for one in self._first if (one.id, one.view) not in left),
            unfixed=tuple(one for k, one in self._unfixed.items() if k in open_),
            validation=self._validation,
        )

    def _open(self, but: Collection[Key]) -> Iterator[Finding]:
        """Yield the findings that count, but those."""
        for finding in self._judged.report.findings:
            if not (finding.known or key(finding) in self._known or key(finding) in but):
                yield finding

    def _leave(self, finding: Finding, why: Why, detail: str = "") -> None:
        self._unfixed[key(finding)] = Unfixed(finding=finding, why=why, detail=detail)

    def _try(self, finding: Finding) -> bool:
        """Apply one fix, keep it if it proves right, and return whether it does."""
        judged = self._judged
        now = {**self._now, **_edited(judged, _edits(judged, finding), self._path)}
        again = judge_file(
            self._path, replace(self._wanted, instead={**self._wanted.instead, **now})
        )
        if not _is_gone(finding, judged, again):
            self._leave(finding, Why.STAYS)
        elif came := _came(finding, judged, again):
            self._leave(finding, Why.CAUSES, ", ".join(came))
        elif refused := _refused(judged, again):
            self._leave(finding, Why.REFUSED, refused)
        else:
            validation = self._validate(again)
            if validation is not None and validation.answer is Answer.REFUSED:
                self._leave(finding, Why.REFUSED, f"{validation.program}: {validation.detail}")
                return False
            self._validation = validation
            self._judged, self._now = again, now
            return True
        return False

    def _validate(self, again: Judged) -> Validation | None:
        """Ask the program; what it refuses as the files are proves nothing of a change."""
        validator = again.kind.validator if again.kind is not None else None
        if validator is None or again.kind is None or again.linted is None:
            return None
        here = installed(again.kind)
        if here is not None and not again.linted.software_assumed and (
            str(here) != again.linted.software
        ):  # fmt: skip
            detail = f"not asked: it is {here} here, and the files are for {again.linted.software}"
            return Validation(program=validator.command[0], answer=Answer.UNKNOWN, detail=detail)
        main = str(self._path)
        if self._before is None:
            self._before = validate(validator, main, self._judged.files.contents)
        after = validate(validator, main, again.files.contents)
        if after.answer is Answer.REFUSED and self._before.answer is not Answer.ACCEPTED:
            detail = f"refuses the unchanged file, too: {self._before.detail}"
            return replace(after, answer=Answer.UNKNOWN, detail=detail)
        return after


def _real(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    return {os.path.realpath(name): data for name, data in contents.items()}


def _edits(judged: Judged, finding: Finding) -> Sequence[Edit]:
    """Return where the lines of a fix belong; raises NotPlaced."""
    kind, linted = judged.kind, judged.linted
    if kind is None or linted is None or kind.fix is None:
        raise NotPlaced(Why.KIND)
    rule = next(rule for rule in protocols.rules(finding.room) if rule.id == finding.id)
    if kind.product in rule.choice:
        raise NotPlaced(Why.CHOICE)
    general = filled(rule.words, finding.params).fix.get(kind.product, "")
    lines = finding.fixes.get(kind.product) or tuple(general.splitlines())
    if not lines:
        raise NotPlaced(Why.NOT_LINES)
    if any(printable(line.replace("\t", " "), _MOST_CHARS) != line.replace("\t", " ")
           for line in lines):  # fmt: skip
        raise NotPlaced(Why.CHOICE)
    view = _view_of(finding, linted)
    edits = kind.fix(Fix(
        rule=finding.id, lines=lines, evidence=finding.source, view=view,
        main=judged.report.target.removeprefix("file:"),
        texts={name: lines_of(data) for name, data in judged.files.contents.items()},
        software=linted.software,
    ))  # fmt: skip
    if not edits:
        raise NotPlaced(Why.NO_PLACE)
    return edits


def _view_of(finding: Finding, linted: Linted) -> View:
    """Return the view of a finding; of several with its label, the one with its lines."""
    views = [view for view in linted.views if view.label == finding.view]
    lines = set(finding.source)
    return next((view for view in views if lines <= _lines(view)), views[0])


def _lines(view: View) -> set[Line]:
    return {setting.at for settings in view.settings.values() for setting in settings}


def _edited(judged: Judged, edits: Sequence[Edit], main: Path) -> dict[str, bytes]:
    """Return the changed files by real path; raises NotPlaced for what may not be changed."""
    place = place_of(str(main))
    made: dict[str, bytes] = {}
    for file in dict.fromkeys(edit.file for edit in edits):
        data = judged.files.contents.get(file)
        if data is None:
            raise NotPlaced(Why.NO_PLACE)
        if is_foreign(place, Path(file)):
            raise NotPlaced(Why.OUTSIDE)
        try:
            mine = dict.fromkeys(edit for edit in edits if edit.file == file)
            made[os.path.realpath(file)] = changed(data, mine)
        except ValueError:
            raise NotPlaced(Why.NO_PLACE) from None
    return made


def _is_gone(finding: Finding, before: Judged, after: Judged) -> bool:
    """Return whether one block less has a finding of the rule."""
    was, now = (
        sum(map(_blocks, (one for one in judged.report.findings if one.id == finding.id)))
        for judged in (before, after)
    )
    return now < was


def _blocks(finding: Finding) -> int:
    """Return how many blocks have the finding: of those with the same lines it is one."""
    return 1 + len(finding.also) + finding.more


def _came(finding: Finding, before: Judged, after: Judged) -> list[str]:
    """Return the rules with a new or graver finding that is at least as severe as the fixed one."""
    was, now = _weights(before), _weights(after)
    return sorted({
        name for (name, severity), count in now.items()
        if severity.reaches(finding.severity) and count > was[name, severity]
    })  # fmt: skip


def _weights(judged: Judged) -> Counter[tuple[str, Severity]]:
    found: Counter[tuple[str, Severity]] = Counter()
    for one in judged.report.findings:
        if not one.known:
            found[one.id, one.severity] += _blocks(one)
    return found


def _refused(before: Judged, after: Judged) -> str:
    """Return a problem that the change has brought; empty if there is none."""
    was = {line.text for line in _problems(before)}
    return next((str(line) for line in _problems(after) if line.text not in was), "")


def _problems(judged: Judged) -> list[Line]:
    problems = judged.linted.problems if judged.linted is not None else ()
    return [*judged.files.problems, *problems]
