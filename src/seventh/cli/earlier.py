"""The older reports of ``--against`` and ``--baseline``; what compares loads with the first."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from seventh.cli.show import document, emit, worst_exit
from seventh.model.failure import UsageError
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.render.view import Document, worst

if TYPE_CHECKING:
    from seventh.render.difference import PastDocument, PastReport


class Earlier:
    """The reports that ``--against`` and ``--baseline`` name, read before anything is checked."""

    def __init__(self, parsed: argparse.Namespace) -> None:
        self.parsed = parsed
        self.against: PastDocument | None = None
        self.baseline: PastDocument | None = None
        if parsed.against is None and parsed.baseline is None:
            return
        from seventh.cli.diff import FORMATS, past

        if parsed.against is not None and parsed.format not in FORMATS:
            raise UsageError(
                f"--against has no format {parsed.format}: write --format {' or '.join(FORMATS)}"
            )
        if parsed.against == parsed.baseline == "-":
            raise UsageError("only one of --against and --baseline can be standard input")
        if parsed.against is not None:
            self.against = past(parsed.against)
        if parsed.baseline is not None:
            self.baseline = past(parsed.baseline)

    def mark(self, reports: Sequence[Report]) -> list[Report]:
        """Return reports whose findings are marked as known where the baseline has them."""
        if self.baseline is None:
            return list(reports)
        return _marked(reports, self.baseline.reports, self.parsed.lang)

    def emit(self, made: Document, whole: bool) -> int:
        """Print the reports, or with ``--against`` what changed, and return the exit code."""
        if self.against is None:
            emit(made, self.parsed)
            return worst_exit(made.reports, self.parsed.fail_on, whole=whole)
        from seventh.cli.diff import present, show
        from seventh.render.difference import diff

        changes = diff(self.against, present(made, self.parsed.lang), self.parsed.fail_on)
        show(changes, self.parsed)
        return worst([changes.status, *([] if whole else [Status.UNKNOWN])]).exit_code


def _marked(reports: Iterable[Report], baseline: Iterable[PastReport], lang: str) -> list[Report]:
    """Return reports, and their parts, whose findings are known where ``baseline`` has them."""
    from seventh.cli.diff import present
    from seventh.render.difference import fresh

    targets = {report.target: report for report in baseline}
    made: list[Report] = []
    for report in reports:
        findings = sorted(report.findings, key=lambda finding: finding.order)
        (new,) = present(document([report]), lang).reports
        old = targets.get(new.target)
        known = [
            finding if is_new or finding.known else replace(finding, known="in the baseline")
            for finding, is_new in zip(findings, fresh(old, new), strict=True)
        ]
        made.append(
            replace(
                report, findings=tuple(sorted(known, key=lambda f: f.order)),
                parts=tuple(_marked(report.parts, old.parts if old is not None else (), lang)),
            )
        )  # fmt: skip
    return made
