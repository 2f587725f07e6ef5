"""``seventh lint``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from seventh.cli.check import progress, selection_of
from seventh.cli.earlier import Earlier
from seventh.cli.fix import fix, need_usable
from seventh.cli.output import need_writable
from seventh.cli.show import document, worst_exit
from seventh.cli.signals import Ending, ending, interrupt
from seventh.cli.streams import say, stdin_bytes
from seventh.engine.installed import installed
from seventh.engine.lint import Wanted, kind_named, lint_file, lint_text
from seventh.engine.lint_folder import FolderLint
from seventh.lint import kinds
from seventh.lintkit.files import MAX_FILE_BYTES
from seventh.lintkit.linted import Software, parse_software
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.report import Report


def run(parsed: argparse.Namespace) -> int:
    """Check the files, print the reports, and return the exit code."""
    selection = selection_of(parsed)
    if parsed.kind is not None:
        kind_named(parsed.kind)
    software = tuple(_software(text) for text in parsed.software)
    wanted = Wanted(kind=parsed.kind, software=software, ask=installed, selection=selection)
    if parsed.diff or parsed.fix:
        need_usable(parsed)
    need_writable(parsed.output)
    earlier = Earlier(parsed)
    with ending() as end:
        reports, whole = _judge_all(parsed.files, wanted, end)
        if whole and not reports:
            raise UsageError(f"{parsed.files[0]}: contains no recognised file; name a file with "
                             f"--kind ({', '.join(sorted(kinds()))})")  # fmt: skip
        reports = earlier.mark(reports)
        if whole and (parsed.diff or parsed.fix):
            with end.doing(interrupt):
                fix(reports, wanted, parsed)
            if parsed.fix:
                reports, whole = _judge_all(parsed.files, wanted, end)
                reports = earlier.mark(reports)
        if parsed.diff:
            return worst_exit(reports, parsed.fail_on, whole=whole)
        return earlier.emit(document(reports), whole=whole)


def _judge_all(names: list[str], wanted: Wanted, end: Ending) -> tuple[list[Report], bool]:
    """Return the reports, and whether these are all: an interruption ends the reading."""
    reports: list[Report] = []
    show = progress(names, "files")
    try:
        with end.doing(interrupt):
            for name in names:
                _judge(name, wanted, reports, show)
    except KeyboardInterrupt:
        say("interrupted; the remaining files were not checked")
        return reports, False
    finally:
        show(None)
    return reports, True


def _software(text: str) -> Software:
    """Read a value of ``--software``; raises UsageError for an unknown product."""
    software = parse_software(text)
    known = {name for kind in kinds().values() for name in (kind.product, *kind.also)}
    if software.product not in known:
        raise UsageError(f"--software: {unknown('product', software.product, sorted(known))}")
    return software


def _judge(
    name: str, wanted: Wanted, reports: list[Report], show: Callable[[Report | None], None]
) -> None:
    """Add the reports of one argument, also those made before an interruption."""
    path = Path(name)
    if name == "-":
        reports.append(lint_text("-", stdin_bytes(MAX_FILE_BYTES + 1), wanted))
    elif not path.is_dir():
        reports.append(lint_file(path, wanted))
    else:
        folder = FolderLint(path, wanted)
        try:
            for report in folder.each():
                show(report)
        finally:
            reports += folder.reports()
