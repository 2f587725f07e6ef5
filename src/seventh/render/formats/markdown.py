"""Markdown: a report to paste into a ticket.

CommonMark with the tables of GitHub's.
"""

from __future__ import annotations

from seventh.model.checklist import LineVerdict
from seventh.model.severity import Status
from seventh.render.bars import text
from seventh.render.checked import VERDICTS, tally
from seventh.render.commonmark import block, code, escape
from seventh.render.entries import FindingEntry, HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import (
    STATES,
    headline,
    host_entries,
    is_untried,
    number,
    shows_all,
    worst_of,
)
from seventh.render.presentation import Presentation, blamed, count, present, tally_statuses
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
    told = present(document, view)
    hosts = host_entries(document, view)
    blocks = [part for host in hosts for part in _host(host)]
    if len(told) > 1 and not any(shows_all(host, [t.entry.target for t in told]) for host in hosts):
        blocks += [f"# Seventh: {count(len(told), 'target')}: {tally_statuses(told)}"]
        blocks += [_summary(told)]
    for one in told:
        blocks += _report(one, view)
    blocks += [f"_Seventh {escape(document.version)}, {escape(document.generated_at)}_"]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _host(entry: HostEntry) -> list[str]:
    """Return a host that was given without a scheme: its table of ports."""
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


def _summary(told: tuple[Presentation, ...]) -> str:
    rows = ["| Status | Target | Time | Found |", "|---|---|--:|---|"]
    for one in told:
        entry = one.entry
        rows.append(
            f"| {_MARKS[entry.status]} {entry.status} | {code(entry.target)} "
            f"| {duration(entry.duration_seconds)} | {escape(one.headline)} |"
        )
    return "\n".join(rows)


def _report(one: Presentation, view: View) -> list[str]:
    entry = one.entry
    address = f" at {code(one.address)}" if one.address else ""
    when = f"{escape(entry.started_at)} from {escape(entry.vantage)}{address}"
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
    blocks.append("\n".join(f"- Note: {escape(note)}" for note in one.notes))
    blocks.append(_checklist(one))
    for finding in entry.findings:
        blocks += _finding(finding, view)
    blocks += [block(text(drawing, 60)) for drawing in one.drawings]
    blocks += [_phases(one), _facts(one), _rules(one, view)]
    if view.verbose and one.transcript:
        blocks += ["### Transcript", block("\n".join(one.transcript))]
    return blocks


def _checklist(one: Presentation) -> str:
    lines = one.entry.checklist
    if not lines:
        return ""
    rows = [f"### Checklist: {tally(lines)}", "", "| Verdict | Line | Evidence | To type |"]
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
        f"### {finding.severity}: {finding.id}: {escape(finding.title)}",
        f"**Seen:** {escape(finding.evidence)}",
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
        blocks.append(f"**For others:** {escape(fixes.hint)}: `seventh explain {finding.id}`")
    if finding.references:
        blocks.append(f"**References:** {escape('; '.join(finding.references))}")
    return blocks


def _phases(one: Presentation) -> str:
    if not one.entry.phases:
        return ""
    rows = ["### Phases", "", "| Phase | Begin | Time | Clock | Outcome | Address |"]
    rows.append("|---|--:|--:|---|---|---|")
    rows += [
        f"| {code(phase.name)} | {duration(phase.start_seconds)} | {duration(phase.seconds)} "
        f"| {phase.clock} | {phase.outcome} | {code(phase.address) if phase.address else ''} |"
        for phase in one.entry.phases
    ]
    return "\n".join(rows)


def _facts(one: Presentation) -> str:
    rows = [
        f"| {escape(room)} | {escape(label)} | {code(value)} |"
        for room, pairs in one.summaries
        for label, value in pairs
    ]
    if not rows:
        return ""
    return "\n".join(["### Facts", "", "| Protocol | Fact | Value |", "|---|---|---|", *rows])


def _rules(one: Presentation, view: View) -> str:
    passed, skipped = len(one.passed), one.entry.skipped
    line = f"{count(passed, 'rule')} passed, {len(one.entry.findings)} found something"
    if skipped:
        line += f", {len(skipped)} could not be judged"
    if view.verbose and skipped:
        items = "\n".join(f"- {code(one.id)}: {escape(one.reason)}" for one in skipped)
        return f"{line}:\n\n{items}"
    return f"{line}."
