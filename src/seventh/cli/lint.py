"""``seventh lint``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from seventh.cli.check import built_ids, progress
from seventh.cli.output import need_writable
from seventh.cli.show import document, emit, worst_exit
from seventh.engine.lint import Wanted, lint_file, lint_folder, lint_text
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
    interrupted = False
    try:
        for name in parsed.files:
            for report in _of(name, wanted):
                reports.append(report)
                show(report)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        show(None)
    if interrupted:
        print("seventh: interrupted; the rest was not read", file=sys.stderr)  # noqa: T201
    if not reports and not interrupted:
        raise UsageError(f"{parsed.files[0]}: no file in it is one that Seventh judges; there are "
                         f"{', '.join(sorted(kinds()))}")  # fmt: skip
    emit(document(reports), parsed)
    return worst_exit(reports, parsed.fail_on)


def _software(text: str) -> Software:
    """A product and version of ``--software``; UsageError for a product that no linter knows."""
    software = parse_software(text)
    known = {name for kind in kinds().values() for name in (kind.product, *kind.also)}
    if software.product not in known:
        raise UsageError(f"--software: {unknown('product', software.product, sorted(known))}")
    return software


def _of(name: str, wanted: Wanted) -> Iterator[Report]:
    if name == "-":
        yield lint_text("-", sys.stdin.buffer.read(MAX_FILE_BYTES + 1), wanted)
        return
    path = Path(name)
    if path.is_dir():
        yield from lint_folder(path, wanted)
    else:
        yield lint_file(path, wanted)
