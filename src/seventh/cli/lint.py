"""``seventh lint``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from seventh.cli.check import built_ids, progress
from seventh.cli.output import need_writable
from seventh.cli.show import document, emit, worst_exit
from seventh.cli.signals import ending, interrupt
from seventh.cli.streams import say, stdin_bytes
from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.lint_folder import FolderLint
from seventh.lint import kinds
from seventh.lintkit.files import MAX_FILE_BYTES
from seventh.lintkit.linted import Software, parse_software
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.report import Report
from seventh.rules.run import Selection


def run(parsed: argparse.Namespace) -> int:
    """Judge the files, print the reports, give the exit code."""
    selection = Selection(only=frozenset(parsed.only), skip=frozenset(parsed.skip))
    if parsed.only or parsed.skip:
        selection.check_ids(built_ids())
    if parsed.kind is not None and parsed.kind not in kinds():
        raise UsageError(
            f"--kind: {unknown('kind', parsed.kind, sorted(kinds()))} (`seventh lint --help`)"
        )
    wanted = Wanted(
        kind=parsed.kind,
        software=tuple(_software(text) for text in parsed.software),
        selection=selection,
    )
    need_writable(parsed.output)
    reports: list[Report] = []
    show = progress(parsed.files, "files")
    whole = False
    with ending() as end:
        try:
            with end.doing(interrupt):
                for name in parsed.files:
                    _judge(name, wanted, reports, show)
                whole = True
        except KeyboardInterrupt:
            say("interrupted; the rest was not read")
        finally:
            show(None)
        if whole and not reports:
            raise UsageError(f"{parsed.files[0]}: no file in it is one that Seventh judges; there "
                             f"are {', '.join(sorted(kinds()))}")  # fmt: skip
        emit(document(reports), parsed)
    return worst_exit(reports, parsed.fail_on, whole=whole)


def _software(text: str) -> Software:
    """A product and version of ``--software``; UsageError for a product that no linter knows."""
    software = parse_software(text)
    known = {name for kind in kinds().values() for name in (kind.product, *kind.also)}
    if software.product not in known:
        raise UsageError(f"--software: {unknown('product', software.product, sorted(known))}")
    return software


def _judge(
    name: str, wanted: Wanted, reports: list[Report], show: Callable[[Report | None], None]
) -> None:
    """Add the reports of one argument, also those before an interruption."""
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
