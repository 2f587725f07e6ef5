"""Markdown for tickets: CommonMark with GitHub's tables."""

from __future__ import annotations

from seventh.model.checklist import LineVerdict
from seventh.model.severity import Status
from seventh.model.table import Table
from seventh.render import place_lines
from seventh.render.bars import text
from seventh.render.checklist import VERDICTS, tally
from seventh.render.commonmark import block, code, escape
from seventh.render.entries import FindingEntry, HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import STATES, headline, host_entries, is_untried, number, worst_of
from seventh.render.presentation import (
    Presentation,
    blamed,
    count,
    needs_summary,
    present,
    tally_statuses,
    whole,
)
from seventh.render.summary import duration
from seventh.render.view import Document, View
from seventh.render.wording import is_prose

_MARKS = {Status.OK: "✅", Status.WARNING: "⚠️", Status.CRITICAL: "❌", Status.UNKNOWN: "❔"}
_CHECKED = {
    LineVerdict.PASS: "✅", LineVerdict.FAIL: "❌", LineVerdict.NOT_LOOKED_AT: "❔",
    LineVerdict.NOT_APPLICABLE: "➖",
}  # fmt: skip


def render(document: Document, view: View) -> str:
    """Return ``document`` as Markdown."""
    reports = present(document, view)
    hosts = host_entries(document, view)
    blocks = [part for host in hosts for part in _host(host)]
    if needs_summary(reports, hosts):
        blocks += [f"# Seventh: {count(len(whole(reports)), 'target')}: {tally_statuses(reports)}"]
        blocks += [_summary(whole(reports))]
    blocks += _places(document)
    for report in reports:
        blocks += _report(report, view)
    blocks += [f"_Seventh {escape(document.version)}, {escape(document.generated_at)}_"]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _host(entry: HostEntry) -> list[str]:
    """Return the table of a host's ports."""
    head = f"# {_MARKS[entry.status]} {entry.status}: {code(entry.host)}"
    if is_untried(entry):
        return [head, escape(headline(entry))]
    rows = ["| Port | Protocol | State | Verdict | Time | Worst |", "|---|---|---|---|--:|---|"]
    for port in entry.ports:
        verdict = f"{_MARKS[port.status]} {port.status}" if port.status is not None else ""
        software = f" ({escape(port.software)})" if port.software else ""
        rows.append(
            f"| {number(port)} | {escape(port.service)}{software} | {STATES[port.state]} "
            f"| {verdict} | {duration(port.duration_seconds)} | {escape(worst_of(port))} |"
        )
    return [head, escape(headline(entry)), "\n".join(rows)]


def _places(document: Document) -> list[str]:
    """Return the places of ``--from``, and the targets whose reports differ between them."""
    if not document.places:
        return []
    blocks = ["\n".join(f"- {escape(line)}" for line in place_lines.places(document))]
    if not document.comparisons:
        return ["# Places", *blocks, "No difference between the places."]
    for target, lines in place_lines.targets(document):
        blocks += [f"Differs: {code(target)}", "\n".join(f"- {escape(line)}" for line in lines)]
    return ["# Places", *blocks]


def _summary(reports: tuple[Presentation, ...]) -> str:
    rows = ["| Status | Target | Time | Result |", "|---|---|--:|---|"]
    rows += [
        f"| {_MARKS[report.entry.status]} {report.entry.status} | {code(report.entry.target)}"
        f"{_from(report)} | {duration(report.entry.duration_seconds)} | {escape(report.headline)} |"
        for report in reports
    ]
    return "\n".join(rows)


def _from(report: Presentation) -> str:
    return f" from {escape(report.entry.place)}" if report.entry.place else ""


def _report(report: Presentation, view: View) -> list[str]:
    entry = report.entry
    address = f" at {code(report.address)}" if report.address else ""
    when = f"{escape(entry.started_at)} from {escape(report.vantage)}{address}"
    blocks = [
        f"## {_MARKS[entry.status]} {entry.status}: {code(entry.target)}",
        ", ".join([when, duration(entry.duration_seconds)]),
    ]
    if entry.failure is not None:
        failure = entry.failure
        where = "" if failure.phase == "-" else f" in {code(failure.phase)}"
        blocks.append(
            f"**Failed:** {code(str(failure.reason))}{where}. "
            f"{escape(failure.detail)}\n\n**Blame:** {escape(blamed(failure))}"
        )
    blocks.append("\n".join(f"- Note: {escape(note)}" for note in report.notes))
    blocks.append(_checklist(report))
    blocks += [_table(table) for table in report.tables]
    for finding in report.findings:
        blocks += _finding(finding, view)
    blocks += [block(text(drawing, 60)) for drawing in report.drawings]
    blocks += [_phases(report), _facts(report), _rules(report, view)]
    if view.verbose and report.transcript:
        blocks += ["### Transcript", block("\n".join(report.transcript))]
    return blocks


def _table(table: Table) -> str:
    rows = [table.head, tuple("---" for _ in table.head), *(map(escape, row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _checklist(report: Presentation) -> str:
    lines = report.entry.checklist
    if not lines:
        return ""
    rows = [f"### Checklist: {tally(lines)}", "", "| Verdict | Line | Evidence | Command |"]
    rows.append("|---|---|---|---|")
    for line in lines:
        command = line.look or (f"seventh explain {' '.join(line.found)}" if line.found else "")
        rows.append(
            f"| {_CHECKED[line.verdict]} {VERDICTS[line.verdict]} "
            f"| {escape(line.room)}: {escape(line.line)} | {escape(line.evidence)} "
            f"| {code(command) if command else ''} |"
        )
    return "\n".join(rows)


def _finding(finding: FindingEntry, view: View) -> list[str]:
    blocks = [
        f"### {finding.label}: {escape(finding.id)}: {escape(finding.title)}",
        f"**Evidence:** {escape(finding.evidence)}",
        f"**Known:** {escape(finding.known)}" if finding.known else "",
    ]
    if finding.source:
        lines = [f"{line.place}: {line.text}" for line in finding.source]
        blocks += ["**At:**", block("\n".join(lines))]
    if finding.why:
        blocks.append(f"**Why it matters:** {escape(finding.why)}")
    fixes = fixes_of(finding, view)
    for product, fix in fixes.shown:
        where = "" if product == "any" else f" in {escape(product)}"
        if is_prose(fix):
            blocks.append(f"**Fix{where}:** {escape(fix.strip())}")
        else:
            blocks += [f"**Fix{where}:**", block(fix)]
    if fixes.others:
        blocks.append(
            f"**Other fixes:** {escape(fixes.hint)}: {code(f'seventh explain {finding.id}')}"
        )
    if finding.references:
        blocks.append(f"**References:** {escape('; '.join(finding.references))}")
    return blocks


def _phases(report: Presentation) -> str:
    if not report.entry.phases:
        return ""
    rows = ["### Phases", "", "| Phase | Begin | Time | Clock | Outcome | Address |"]
    rows.append("|---|--:|--:|---|---|---|")
    rows += [
        f"| {code(phase.name)} | {duration(phase.start_seconds)} | {duration(phase.seconds)} "
        f"| {phase.clock} | {phase.outcome} | {code(phase.address) if phase.address else ''} |"
        for phase in report.entry.phases
    ]
    return "\n".join(rows)


def _facts(report: Presentation) -> str:
    rows = [
        f"| {escape(room)} | {escape(label)} | {code(value)} |"
        for room, pairs in report.summaries
        for label, value in pairs
    ]
    if not rows:
        return ""
    return "\n".join(["### Facts", "", "| Protocol | Fact | Value |", "|---|---|---|", *rows])


def _rules(report: Presentation, view: View) -> str:
    skipped = report.entry.skipped if view.verbose else ()
    items = [f"- {code(skip.id)}: {escape(skip.reason)}" for skip in skipped]
    return "\n".join([f"Rules: {report.rule_counts}", *([""] if items else []), *items])
