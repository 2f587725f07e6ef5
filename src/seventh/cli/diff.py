"""``seventh diff``, and the older report of ``--against`` and ``--baseline``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from seventh.cli.output import need_writable
from seventh.cli.show import deliver, document, emit, worst_exit
from seventh.cli.targets import read
from seventh.model.failure import UsageError
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.render.difference import Diff, PastDocument, diff, fresh, read_report
from seventh.render.document import json_document
from seventh.render.view import Document, View, view_for, worst

FORMATS = ("terminal", "json")


def run(parsed: argparse.Namespace) -> int:
    """Print what changed between two JSON reports, and return the exit code."""
    if parsed.old == parsed.new == "-":
        raise UsageError("only one of the two reports can be standard input")
    need_writable(parsed.output)
    old, new = (past(name) for name in (parsed.old, parsed.new))
    made = diff(old, new, parsed.fail_on)
    show(made, parsed)
    return made.status.exit_code


def past(name: str) -> PastDocument:
    """Read an older report; raises UsageError, with the file's name, if that fails."""
    return read_report(read(name), "stdin" if name == "-" else name)


def show(made: Diff, parsed: argparse.Namespace) -> None:
    """Write a difference to standard output or to ``--output``, as text or JSON."""
    if parsed.format == "json":
        text = msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
    else:
        from seventh.render.difference_lines import text as lines

        view = View(verbose=parsed.verbose, bar=parsed.fail_on)
        to_file = parsed.output is not None
        text = lines(made, view if to_file else view_for(sys.stdout, os.environ, view))
    deliver(text, parsed)


class Earlier:
    """The reports that ``--against`` and ``--baseline`` name, read before anything is checked."""

    def __init__(self, parsed: argparse.Namespace) -> None:
        self.parsed = parsed
        if parsed.against is not None and parsed.format not in FORMATS:
            raise UsageError(
                f"--against has no format {parsed.format}: write --format {' or '.join(FORMATS)}"
            )
        if parsed.against == parsed.baseline == "-":
            raise UsageError("only one of --against and --baseline can be standard input")
        self.against = None if parsed.against is None else past(parsed.against)
        self.baseline = None if parsed.baseline is None else past(parsed.baseline)

    def mark(self, reports: Sequence[Report]) -> list[Report]:
        """Return reports whose findings are marked as known where the baseline has them."""
        if self.baseline is None:
            return list(reports)
        targets = {report.target: report for report in self.baseline.reports}
        made: list[Report] = []
        for report in reports:
            findings = sorted(report.findings, key=lambda finding: finding.order)
            (new,) = self._past(document([report])).reports
            flags = fresh(targets.get(new.target), new)
            known = [
                finding if is_new or finding.known else replace(finding, known="in the baseline")
                for finding, is_new in zip(findings, flags, strict=True)
            ]
            made.append(replace(report, findings=tuple(sorted(known, key=lambda f: f.order))))
        return made

    def emit(self, made: Document, whole: bool) -> int:
        """Print the reports, or with ``--against`` what changed, and return the exit code."""
        if self.against is None:
            emit(made, self.parsed)
            return worst_exit(made.reports, self.parsed.fail_on, whole=whole)
        changes = diff(self.against, self._past(made), self.parsed.fail_on)
        show(changes, self.parsed)
        return worst([changes.status, *([] if whole else [Status.UNKNOWN])]).exit_code

    def _past(self, made: Document) -> PastDocument:
        """Return the reports of this run as a comparison reads them."""
        plain = msgspec.json.encode(json_document(made, View(lang=self.parsed.lang)))
        return msgspec.json.decode(plain, type=PastDocument)
