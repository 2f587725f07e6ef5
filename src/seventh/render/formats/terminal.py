"""For a person at a terminal, or reading what a pipe kept: good at 80 columns and without colour.

Every line is laid out here to the view's width, and printed as it is. The one thing that is never
wrapped is a fix: a configuration line is copied as one line, however long.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from seventh.model.severity import Severity, Status
from seventh.render import checked_lines, host_lines, phase_lines
from seventh.render.bars import rows, title
from seventh.render.entries import FindingEntry, HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import host_entries, shows_all
from seventh.render.presentation import Presentation, blamed, count, failed, present, tally_statuses
from seventh.render.summary import duration
from seventh.render.view import Document, View
from seventh.render.wording import is_prose
from seventh.render.wrapping import middle, width_after, wrap, wrapped

_STATUS_STYLE = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.CRITICAL: "bold red",
    Status.UNKNOWN: "magenta",
}
_SEVERITY_STYLE = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "blue",
}
_MARKS = {Status.OK: "✔", Status.WARNING: "▲", Status.CRITICAL: "✖", Status.UNKNOWN: "?"}
_PLAIN_MARKS = {Status.OK: "+", Status.WARNING: "!", Status.CRITICAL: "x", Status.UNKNOWN: "?"}
_TRANSLITERATED = str.maketrans(
    {"…": "...", "→": "->", "←": "<-", "—": "--", "–": "-", "·": "|", "µ": "u", "≥": ">=",
     "≤": "<=", "’": "'", "“": '"', "”": '"', "×": "x", "±": "+/-", "─": "-", "§": "s.", "│": "|",
     "◀": "<", "▶": ">", "━": "="}
)  # fmt: skip
_LABEL = 10
_MOST_FACTS = 12


def render(document: Document, view: View) -> str:
    """Return ``document`` as lines of text; with escape sequences only if the view has colour."""
    told = present(document, view)
    lines: list[Text] = []
    hosts = host_entries(document, view)
    for host in hosts:
        if lines:
            lines.append(Text())
        lines.extend(_host(host, view))
    for one in told:
        if lines:
            lines.append(Text())
        lines.extend(_Sheet(one, view).lines())
    targets = [one.entry.target for one in told]
    if len(told) > 1 and not any(shows_all(host, targets) for host in hosts):
        lines.extend(_summary(told, view))
    text = _print(lines, view)
    if view.ascii:
        text = text.translate(_TRANSLITERATED).encode("ascii", "backslashreplace").decode()
    return text


def _print(lines: Iterable[Text], view: View) -> str:
    buffer = io.StringIO()
    # Nothing is left to rich's guess, and nothing to the environment: the view has decided.
    console = Console(
        file=buffer,
        width=view.width,
        height=25,
        force_terminal=view.color,
        color_system="standard" if view.color else None,
        no_color=not view.color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
    return buffer.getvalue()


class _Sheet:
    """One target's part of the page."""

    def __init__(self, told: Presentation, view: View) -> None:
        self.told = told
        self.entry = told.entry
        self.view = view
        self.page: list[Text] = []

    def lines(self) -> list[Text]:
        """Return the whole sheet, top to bottom."""
        self.header()
        self.failure()
        self.notes()
        self.checklist()
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
        line = _status(entry.status, view)
        line.append(f"  {entry.target}", "bold")
        if self.told.address:
            line.append(f" → {self.told.address}")
        total = duration(entry.duration_seconds)
        room = view.width - line.cell_len - len(total)
        if room >= 2:
            line.append(" " * room + total)
        else:
            line.append(f"  {total}")
        self.wrapped(line, 4)
        self.page.append(Text("─" * view.width, "dim"))

    def failure(self) -> None:
        failure = self.entry.failure
        if failure is None:
            return
        line = Text(str(failure.reason), "bold red")
        line.append(failed(failure).removeprefix(failure.reason), "default")
        self.labelled("failed", line)
        self.labelled("", Text(failure.detail))
        self.labelled("blame", Text(blamed(failure)))
        self.page.append(Text())

    def notes(self) -> None:
        for note in self.told.notes:
            self.labelled("note", Text(note))
        if self.told.notes:
            self.page.append(Text())

    def checklist(self) -> None:
        if self.entry.checklist:
            for line in checked_lines.lines(self.entry.checklist, self.view.width):
                self.wrapped(line, checked_lines.COLUMN)
            self.page.append(Text())

    def phases(self) -> None:
        if self.told.bars:
            self.page.extend(phase_lines.lines(self.told.bars, self.view))
            self.page.append(Text())

    def facts(self) -> None:
        some = False
        for room, pairs in self.told.summaries:
            if not pairs:
                continue
            most = len(pairs) if self.view.verbose else _MOST_FACTS
            items = [Text.assemble((f"{label} ", "dim"), value) for label, value in pairs[:most]]
            if len(pairs) > most:
                items.append(Text(f"… {len(pairs) - most} more (-v)", "dim"))
            self.flow(room, items)
            some = True
        if some:
            self.page.append(Text())

    def drawings(self) -> None:
        for drawing in self.told.drawings:
            self.labelled("", Text(title(drawing, ascii_only=self.view.ascii), "dim"))
            names = min(max(len(span.label) for span in drawing.spans), self.view.width // 3)
            drawn = rows(drawing, min(36, self.view.width // 3), ascii_only=self.view.ascii)
            for row, span in zip_longest(drawn, drawing.spans[: len(drawn)]):
                line = Text("  ")
                line.append(middle(row.label, names).ljust(names) + "  ")
                line.append(row.bar, "green" if span is not None and span.typical else "red")
                line.append(f"  {row.said}")
                line.truncate(self.view.width, overflow="ellipsis")
                self.page.append(line)
            self.page.append(Text())

    def findings(self) -> None:
        for finding in self.entry.findings:
            self.finding(finding)
            self.page.append(Text())

    def finding(self, finding: FindingEntry) -> None:
        line = Text("  ")
        line.append(f"{finding.severity:<8}  ", _SEVERITY_STYLE[finding.severity])
        line.append(finding.id, "bold")
        line.append(f"  {finding.title}")
        self.wrapped(line, 2 + _LABEL)
        self.labelled("seen", Text(finding.evidence))
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
        label = "fix" if product == "any" else f"fix in {product}:"
        lines = [line for whole in text.rstrip().splitlines() for line in self.broken(whole)]
        beside = len(label) < _LABEL
        if not beside:
            self.page.append(Text(f"  {label}", "dim"))
        for number, line in enumerate(lines):
            head = f"  {label:<{_LABEL}}" if beside and number == 0 else " " * (2 + _LABEL)
            self.page.append(Text.assemble((head, "dim"), (line, "green")))

    def broken(self, line: str) -> list[str]:
        """``line`` wrapped between words if it is prose, else as it is; a word is never broken."""
        if not is_prose(line):
            return [line]
        return textwrap.wrap(
            line, self._width(2 + _LABEL), break_long_words=False, break_on_hyphens=False
        )

    def rules(self) -> None:
        passed, skipped, found = self.told.passed, self.entry.skipped, self.entry.findings
        if not (passed or skipped or found):
            return
        parts = [f"{len(passed)} passed", f"{len(found)} found"]
        if skipped:
            hint = "" if self.view.verbose else " (-v says why)"
            parts.append(f"{len(skipped)} not judged{hint}")
        self.labelled("rules", Text(" · ".join(parts)))
        if self.view.verbose:
            for one in skipped:
                line = Text("  " + " " * _LABEL + one.id)
                line.append(f"  {one.reason}", "dim")
                self.wrapped(line, _LABEL + 6)

    def transcript(self) -> None:
        if not (self.view.verbose and self.told.transcript):
            return
        self.page.append(Text())
        self.page.append(Text("  transcript", "dim"))
        for line in self.told.transcript:
            self.wrapped(Text(f"  │ {line}"), 6)

    # -- laying out ------------------------------------------------------------------------------

    def labelled(self, label: str, text: Text) -> None:
        """``text`` beside ``label``, wrapped under itself."""
        if len(label) >= _LABEL:
            self.page.append(Text(f"  {label}", "dim"))
            label = ""
        for number, line in enumerate(self._wrap(text, 2 + _LABEL)):
            head = f"  {label:<{_LABEL - 1}} " if number == 0 else " " * (2 + _LABEL)
            self.page.append(Text.assemble((head, "dim"), line))

    def flow(self, label: str, items: list[Text]) -> None:
        """``items`` beside ``label``, a line broken between two of them where it can be."""
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
        """``text`` as one line if it fits, else its further lines from column ``hang``."""
        self.page.extend(wrapped(text, hang, self.view.width))

    def _wrap(self, text: Text, indent: int) -> list[Text]:
        return wrap(text, self._width(indent))

    def _width(self, indent: int) -> int:
        return width_after(indent, self.view.width)


def _status(status: Status, view: View) -> Text:
    mark = (_PLAIN_MARKS if view.ascii else _MARKS)[status]
    return Text(f"{mark} {status}", _STATUS_STYLE[status])


def _host(entry: HostEntry, view: View) -> list[Text]:
    """Return a host that was given without a scheme: its table of ports."""
    head = _status(entry.status, view)
    head.append(f"  {entry.host}", "bold")
    longest = duration(max((port.duration_seconds for port in entry.ports), default=0.0))
    head.append(longest.rjust(max(len(longest) + 2, view.width - head.cell_len)))
    page = [*wrapped(head, 4, view.width), Text("─" * view.width, "dim")]
    for line in host_lines.lines(entry, _STATUS_STYLE, view.width):
        page.extend(wrapped(line, host_lines.BELOW, view.width))
    return page


def _summary(told: tuple[Presentation, ...], view: View) -> list[Text]:
    lines = [Text(), Text("─" * view.width, "dim")]
    lines.append(Text(f"{count(len(told), 'target')}: {tally_statuses(told)}", "bold"))
    width = min(max(len(one.entry.target) for one in told), max(20, view.width - 46))
    for one in told:
        line = _status(one.entry.status, view)
        line.append(" " * (11 - line.cell_len))
        line.append(middle(one.entry.target, width).ljust(width))
        line.append(f"{duration(one.entry.duration_seconds):>9}  ")
        line.append(one.headline)
        line.truncate(view.width, overflow="ellipsis")
        lines.append(line)
    return lines
