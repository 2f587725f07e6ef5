"""``seventh lint --diff`` and ``--fix``: the patch is printed, the files are replaced."""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from seventh.cli.output import replace_file, write
from seventh.cli.streams import drop_output, say
from seventh.engine.fix import Change, Fixed, Unfixed, fix_file, key
from seventh.engine.lint import Wanted
from seventh.engine.validate import Answer, Validation
from seventh.lintkit.patch import Why, unified
from seventh.model.failure import UsageError, system_error
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.wire.text import printable

_WHY = {
    Why.KIND: "fixes are not lines of a file of this type",
    Why.CHOICE: "needs a decision; `seventh lint` shows the lines to complete",
    Why.NOT_LINES: "the fix is not a line of this file; `seventh lint` shows what to do",
    Why.NO_PLACE: "no line was found where the fix takes effect",
    Why.OUTSIDE: "the line is in a file outside the folder of the linted file",
    Why.STAYS: "the finding would stay",
    Why.CAUSES: "it would cause {detail}",
    Why.REFUSED: "the file would be refused: {detail}",
    Why.LIMIT: "not tried; fix the others and run this again",
}
_MOST_LINE = 4096
_MOST_KEPT = 100
"""Older copies beside one file."""


def need_usable(parsed: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go with --diff or --fix."""
    option = "--diff" if parsed.diff else "--fix"
    if "-" in parsed.files:
        raise UsageError(f"{option} requires files; standard input cannot be changed")
    if parsed.diff and (parsed.format != "terminal" or parsed.against is not None):
        other = "--against" if parsed.against is not None else "--format"
        raise UsageError(f"--diff prints a patch: it cannot be combined with {other}")


def fix(reports: Sequence[Report], wanted: Wanted, parsed: argparse.Namespace) -> None:
    """Make the changes for the reports, print the patch, and with --fix replace the files."""
    changes: dict[Path, Change] = {}
    told: list[str] = []
    for report in reports:
        known = {key(finding) for finding in report.findings if finding.known}
        name = report.target.removeprefix("file:")
        instead = {str(path): change.after for path, change in changes.items()}
        read_as = replace(wanted, kind=_kind_of(report), instead=instead)
        made = fix_file(Path(name), read_as, known)
        for change in made.changes:
            first = changes.get(change.path, change)
            changes[change.path] = replace(change, before=first.before)
        told += _told(name, made, "fixed" if parsed.fix else "can be fixed")
    if parsed.diff:
        _print(_patch(list(changes.values())), parsed)
    if parsed.fix:
        told += [
            f"{path}: written; the old file is {kept}"
            for path, kept in write_changes(list(changes.values()))
        ]
    for line in told:
        say(line)


def _kind_of(report: Report) -> str | None:
    """Return the kind that a file was read as, which its folder may have decided."""
    facts = report.facts.get(LintFacts.ROOM)
    return (facts.kind or None) if isinstance(facts, LintFacts) else None


def _told(name: str, made: Fixed, done: str) -> Iterator[str]:
    """Yield what is fixed, what the program says of it, and what is not fixed and why."""
    if made.fixed:
        yield f"{name}: {done}: {', '.join(sorted({one.id for one in made.fixed}))}"
    if made.changes:
        yield f"{name}: {_validated(made.validation)}"
    for unfixed in made.unfixed:
        yield f"{_place(name, unfixed)}: not fixed: {unfixed.finding.id}: {_reason(unfixed)}"


def _place(name: str, unfixed: Unfixed) -> str:
    at = next((line for line in unfixed.finding.source if line.line is not None), None)
    return name if at is None else f"{at.file}:{at.line}"


def _reason(unfixed: Unfixed) -> str:
    return _WHY[unfixed.why].replace("{detail}", unfixed.detail)


def _validated(validation: Validation | None) -> str:
    if validation is None:
        return "not validated: no program is known that validates such a file"
    if validation.answer is Answer.ACCEPTED:
        return f"validated: {validation.program} accepts the changed file"
    return f"not validated by {validation.program}: {validation.detail}"


# -- the patch -------------------------------------------------------------------------------------


def _patch(changes: Sequence[Change]) -> bytes:
    """Return one patch with names from the working folder, or from / where a file is elsewhere."""
    here = Path(os.path.realpath("."))
    if any(not change.path.is_relative_to(here) for change in changes):
        here = Path("/")
        say("the names in the patch are relative to /: apply it with patch -d / -p0")
    made = b""
    for change in sorted(changes, key=lambda change: change.path):
        name = str(change.path.relative_to(here))
        if not name.isprintable() or set('"\\') & set(name):
            raise UsageError(f"{printable(name, 300)}: such a name cannot be in a patch; use --fix")
        made += unified(name, change.before, change.after)
    return made


def _print(patch: bytes, parsed: argparse.Namespace) -> None:
    """Write the patch as it is; to a terminal, with control characters escaped."""
    text = patch.decode("utf-8", "surrogateescape")
    if parsed.output is not None:
        write(parsed.output, text)
        return
    try:
        if sys.stdout.isatty():
            for line in text.splitlines():
                sys.stdout.write(printable(line.replace("\t", "    "), _MOST_LINE) + "\n")
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(patch)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


# -- the files -------------------------------------------------------------------------------------


def write_changes(changes: Sequence[Change]) -> list[tuple[Path, Path]]:
    """Replace the files and return each with its old copy: all of them, or none.

    Raises UsageError, with the old files in place, if one changed since it was read or cannot be
    written.
    """
    for change in changes:
        _need_unchanged(change)
    with contextlib.ExitStack() as undo:
        kept = []
        for change in changes:
            try:
                old = _keep(change.path)
                undo.callback(_restore, old, change.path)
                replace_file(change.path, change.after, like=change.path)
            except OSError as error:
                raise UsageError(
                    f"{change.path}: cannot be written: {system_error(error)}; nothing was changed"
                ) from None
            kept.append((change.path, old))
        undo.pop_all()
    return kept


def _need_unchanged(change: Change) -> None:
    path = change.path
    try:
        same = path.read_bytes() == change.before
        writable = os.access(path, os.W_OK) and path.stat().st_mode & stat.S_IWUSR
    except OSError as error:
        raise UsageError(f"{path}: {system_error(error)}; nothing was changed") from None
    if not same:
        raise UsageError(f"{path}: changed since it was read; nothing was changed")
    if not writable:
        raise UsageError(f"{path}: is read-only; nothing was changed")


def _keep(path: Path) -> Path:
    """Give the old file a second name beside it, one that no shell pattern includes."""
    for number in range(1, _MOST_KEPT):
        more = f".{number}" if number > 1 else ""
        old = path.with_name(f".{path.name}.seventh-orig{more}")
        try:
            os.link(path, old)
        except FileExistsError:
            continue
        return old
    raise OSError(f"there are {_MOST_KEPT - 1} old copies of it already")


def _restore(old: Path, path: Path) -> None:
    old.replace(path)
    old.unlink(missing_ok=True)  # renaming one name of a file to another does nothing
