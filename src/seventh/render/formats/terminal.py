"""Text for terminals and pipes, readable in 80 columns and without colour.

All lines are wrapped here to the view's width, except the lines of a fix, which are to be copied.
"""

from __future__ import annotations

import textwrap
from itertools import zip_longest

from rich.text import Text

from seventh.render import checklist_lines, host_lines, phase_lines, place_lines, table_lines
from seventh.render.bars import middle, rows, title
from seventh.render.console import SEVERITY_STYLE, STATUS_STYLE, mark, printed
from seventh.render.entries import FindingEntry, HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import host_entries
from seventh.render.presentation import (
    Presentation,
    blamed,
    count,
    failed,
    needs_summary,
    present,
    tally_statuses,
    whole,
)
from seventh.render.summary import duration
from seventh.render.view import Document, View
from seventh.render.wording import is_prose
from seventh.render.wrapping import width_after, wrap, wrapped

_LABEL = 10
_MOST_FACTS = 12


def render(document: Document, view: View) -> str:
    """Return ``document`` as lines of text; with escape sequences only if the view has colour."""
    reports = present(document, view)
    hosts = host_entries(document, view)
    parts = [*(_host(host, view) for host in hosts), *(_Sheet(r, view).lines() for r in reports)]
    lines = [line for part in parts for line in (Text(), *part)][1:]
    if needs_summary(reports, hosts):
        lines.extend(_summary(whole(reports), view))
    if document.places:
        lines.extend(_places(document, view))
    return printed(lines, view)


class _Sheet:
    """One report's part of the text."""

    def __init__(self, report: Presentation, view: View) -> None:
        self.report = report
        self.entry = report.entry
        self.view = view
        self.page: list[Text] = []

    def lines(self) -> list[Text]:
        """Return all lines of the report."""
        self.header()
        self.failure()
        self.notes()
        self.checklist()
        self.tables()
        if self.view.verbose or not self.report.part_of:
            self.phases()
            self.facts()
        self.drawings()
        self.findings()
        self.rules()
        self.transcript()
        while self.page and not self.page[-1]:
            self.page.pop()
        return self.page

    def header(self) -> None:
        entry, view = self.entry, self.view
        line = mark(entry.status, view)
        line.append(f"  {entry.target}", "bold")
        if self.report.address:
            line.append(f" {'->' if view.ascii else '→'} {self.report.address}")
        if entry.place:
            line.append(f"  from {entry.place}")
        total = duration(entry.duration_seconds)
        line.append(total.rjust(max(len(total) + 2, view.width - line.cell_len)))
        self.wrapped(line, 4)
        self.page.append(Text("─" * view.width, "dim"))

    def failure(self) -> None:
        failure = self.entry.failure
        if failure is None:
            return
        where = failed(failure).removeprefix(failure.reason)
        self.labelled("failed", Text.assemble((failure.reason, "bold red"), where))
        self.labelled("", Text(failure.detail))
        self.labelled("blame", Text(blamed(failure)))
        self.page.append(Text())

    def notes(self) -> None:
        for note in self.report.notes:
            self.labelled("note", Text(note))
        if self.report.notes:
            self.page.append(Text())

    def checklist(self) -> None:
        if self.entry.checklist:
            for line in checklist_lines.lines(self.entry.checklist, self.view.width):
                self.wrapped(line, checklist_lines.COLUMN)
            self.page.append(Text())

    def tables(self) -> None:
        for table in self.report.tables:
            for line in table_lines.lines(table):
                self.wrapped(*line)
            self.page.append(Text())

    def phases(self) -> None:
        if self.report.bars:
            self.page.extend(phase_lines.lines(self.report.bars, self.view))
            self.page.append(Text())

    def facts(self) -> None:
        summaries = [(room, pairs) for room, pairs in self.report.summaries if pairs]
        for room, pairs in summaries:
            most = len(pairs) if self.view.verbose else _MOST_FACTS
            items = [Text.assemble((f"{label} ", "dim"), value) for label, value in pairs[:most]]
            if len(pairs) > most:
                items.append(Text(f"… {len(pairs) - most} more (-v)", "dim"))
            self.flow(room, items)
        if summaries:
            self.page.append(Text())

    def drawings(self) -> None:
        for drawing in self.report.drawings:
            self.labelled("", Text(title(drawing, ascii_only=self.view.ascii), "dim"))
            names = min(max(len(span.label) for span in drawing.spans), self.view.width // 3)
            drawn = rows(drawing, min(36, self.view.width // 3), ascii_only=self.view.ascii)
            for row, span in zip_longest(drawn, drawing.spans[: len(drawn)]):
                line = Text("  ")
                line.append(middle(row.label, names).ljust(names) + "  ")
                line.append(row.bar, "green" if span is not None and span.typical else "red")
                line.append(f"  {row.value}")
                line.truncate(self.view.width, overflow="ellipsis")
                self.page.append(line)
            self.page.append(Text())

    def findings(self) -> None:
        brief = []
        for finding in self.report.findings:
            if finding.known and not self.view.verbose:
                brief.append(Text(f"{finding.id}  {finding.title} ({finding.known})", "dim"))
                continue
            self.finding(finding)
            self.page.append(Text())
        for number, line in enumerate(brief):
            self.labelled("" if number else "known", line)
        if brief:
            self.page.append(Text())

    def finding(self, finding: FindingEntry) -> None:
        line = Text("  ")
        line.append(f"{finding.label:<8}  ", SEVERITY_STYLE[finding.severity])
        line.append(finding.id, "bold")
        line.append(f"  {finding.title}")
        self.wrapped(line, 2 + _LABEL)
        self.labelled("evidence", Text(finding.evidence))
        if finding.known:
            self.labelled("known", Text(finding.known))
        for number, source in enumerate(finding.source):
            place = Text.assemble((source.place, "cyan"), f"  {source.text}")
            self.labelled("" if number else "at", place)
        if finding.why:
            self.labelled("why", Text(finding.why))
        fixes = fixes_of(finding, self.view)
        for product, fix in fixes.shown:
            self.fix(product, fix)
        if fixes.others:
            self.labelled("others", Text(f"{fixes.hint}: seventh explain {finding.id}", "dim"))
        if finding.references:
            self.labelled("ref", Text("; ".join(finding.references)))

    def fix(self, product: str, text: str) -> None:
        label = "fix" if product == "any" else ""
        if not label:
            self.page.append(Text(f"  fix in {product}:", "dim"))
        lines = [line for whole in text.rstrip().splitlines() for line in self.broken(whole)]
        for line in lines:
            self.page.append(Text.assemble((f"  {label:<{_LABEL}}", "dim"), (line, "green")))
            label = ""

    def broken(self, line: str) -> list[str]:
        """Return ``line`` wrapped between words if it is prose, else unchanged."""
        if not is_prose(line):
            return [line]
        return textwrap.wrap(
            line, self._width(2 + _LABEL), break_long_words=False, break_on_hyphens=False
        )

    def rules(self) -> None:
        skipped = self.entry.skipped
        if not (self.report.entry.passed or skipped or self.entry.findings):
            return
        hint = " (-v shows why)" if skipped and not self.view.verbose else ""
        self.labelled("rules", Text(f"{self.report.rule_counts}{hint}"))
        if self.view.verbose:
            for skip in skipped:
                line = Text("  " + " " * _LABEL + skip.id)
                line.append(f"  {skip.reason}", "dim")
                self.wrapped(line, _LABEL + 6)

    def transcript(self) -> None:
        if not (self.view.verbose and self.report.transcript):
            return
        self.page.append(Text())
        self.page.append(Text("  transcript", "dim"))
        for line in self.report.transcript:
            self.wrapped(Text(f"  │ {line}"), 6)

    # -- laying out ------------------------------------------------------------------------------

    def labelled(self, label: str, text: Text) -> None:
        """Add ``text`` beside ``label``, wrapped under itself."""
        if len(label) >= _LABEL:
            self.page.append(Text(f"  {label}", "dim"))
            label = ""
        for number, line in enumerate(self._wrap(text, 2 + _LABEL)):
            head = f"  {label:<{_LABEL - 1}} " if number == 0 else " " * (2 + _LABEL)
            self.page.append(Text.assemble((head, "dim"), line))

    def flow(self, label: str, items: list[Text]) -> None:
        """Add ``items`` beside ``label``, with line breaks between items if possible."""
        width = self._width(2 + _LABEL)
        text = Text()
        column = 0
        for item in items:
            if text and column + 3 + item.cell_len <= width:
                text.append(" · ", "dim")
                column += 3
            elif text:
                text.append("\n")
                column = 0
            text.append_text(item)
            column += item.cell_len
        self.labelled(label, text)

    def wrapped(self, text: Text, hang: int) -> None:
        """Add ``text``, with further lines indented to ``hang``."""
        self.page.extend(wrapped(text, hang, self.view.width))

    def _wrap(self, text: Text, indent: int) -> list[Text]:
        return wrap(text, self._width(indent))

    def _width(self, indent: int) -> int:
        return width_after(indent, self.view.width)


def _host(entry: HostEntry, view: View) -> list[Text]:
    """Return the table of a host's ports."""
    head = mark(entry.status, view)
    head.append(f"  {entry.host}", "bold")
    longest = duration(max((port.duration_seconds for port in entry.ports), default=0.0))
    head.append(longest.rjust(max(len(longest) + 2, view.width - head.cell_len)))
    page = [*wrapped(head, 4, view.width), Text("─" * view.width, "dim")]
    for line in host_lines.lines(entry, STATUS_STYLE, view.width):
        page.extend(wrapped(line, host_lines.BELOW, view.width))
    return page


def _places(document: Document, view: View) -> list[Text]:
    """Return the places of ``--from``, and the targets whose reports differ between them."""
    page = [Text(), Text("─" * view.width, "dim")]
    for line in place_lines.places(document):
        page.extend(wrapped(Text(line), 4, view.width))
    if not document.comparisons:
        page.append(Text("no difference between the places"))
    for target, lines in place_lines.targets(document):
        page.extend([Text(), *wrapped(Text(f"differs: {target}", "bold"), 4, view.width)])
        for line in lines:
            page.extend(wrapped(Text(f"  {line}"), 4, view.width))
    return page


def _summary(reports: tuple[Presentation, ...], view: View) -> list[Text]:
    lines = [Text(), Text("─" * view.width, "dim")]
    lines.append(Text(f"{count(len(reports), 'target')}: {tally_statuses(reports)}", "bold"))
    width = min(max(len(report.entry.target) for report in reports), max(20, view.width - 46))
    for report in reports:
        line = mark(report.entry.status, view)
        line.append(" " * (11 - line.cell_len))
        line.append(middle(report.entry.target, width).ljust(width))
        line.append(f"{duration(report.entry.duration_seconds):>9}  ")
        line.append(f"{report.entry.place}: {report.headline}" if report.entry.place else
                    report.headline)  # fmt: skip
        line.truncate(view.width, overflow="ellipsis")
        lines.append(line)
    return lines
