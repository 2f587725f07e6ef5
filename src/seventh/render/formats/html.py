"""HTML: one self-contained file, for a mail, a wiki or a printer.

It has no script and no external resource. A Content-Security-Policy forbids both, so that even a
fault in the escaping could not load or run anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import msgspec

from seventh.model.checklist import LineVerdict
from seventh.model.table import Table
from seventh.render import place_lines
from seventh.render.checklist import VERDICTS, tally
from seventh.render.entries import (
    ChecklistEntry,
    FindingEntry,
    HostEntry,
    PortEntry,
)
from seventh.render.fixes import fixes_of
from seventh.render.hosts import STATES, headline, host_entries, is_untried, worst_of
from seventh.render.hosts import number as port_number
from seventh.render.html_bars import drawing_of, waterfall
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
from seventh.render.view import Document, View, status_of_run
from seventh.render.wording import is_prose

_MARKS = {"ok": "✔", "warning": "▲", "critical": "✖", "unknown": "?"}
_VERDICT_BADGES = {
    LineVerdict.PASS: "ok", LineVerdict.FAIL: "critical", LineVerdict.NOT_LOOKED_AT: "unknown",
    LineVerdict.NOT_APPLICABLE: "",
}  # fmt: skip
_RFC = re.compile(r"RFC ([1-9][0-9]{0,4})(?: (?:§|Appendix )([0-9A-Z]+(?:\.[0-9]+)*))?")


def render(document: Document, view: View) -> str:
    """Return ``document`` as one self-contained page."""
    reports = present(document, view)
    style = (Path(__file__).parent / "html.css").read_text(encoding="utf-8")
    body = [_head(document, reports, status_of_run(document, view))]
    hosts = host_entries(document, view)
    body += [_host(host, reports) for host in hosts]
    body += [_summary(reports)] if needs_summary(reports, hosts) else []
    body += _places(document)
    body += [_report(number, report, view) for number, report in enumerate(reports, 1)]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{escape(view.lang)}">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style)}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(_title(reports))}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _title(reports: tuple[Presentation, ...]) -> str:
    if len(whole(reports)) == 1:
        return f"{reports[0].entry.status}: {reports[0].entry.target} · Seventh"
    return f"{count(len(whole(reports)), 'target')}: {tally_statuses(reports)} · Seventh"


def _head(document: Document, reports: tuple[Presentation, ...], status: str) -> str:
    statuses = tally_statuses(reports) or "nothing was checked"
    return (
        f'<header class="top"><p class="brand">Seventh <span>{escape(document.version)}</span></p>'
        f"<h1>{_badge(status)} {count(len(whole(reports)), 'target')}: {escape(statuses)}</h1>"
        f'<p class="when"><time datetime="{escape(document.generated_at)}">'
        f"{escape(document.generated_at)}</time></p></header>"
    )


def _badge(status: str) -> str:
    mark = _MARKS.get(status, "")
    return f'<span class="badge {status}"><span aria-hidden="true">{mark} </span>{status}</span>'


def _summary(reports: tuple[Presentation, ...]) -> str:
    rows = [
        f"<tr><td>{_badge(report.entry.status)}</td>"
        f'<td><a href="#target-{number}"><code>{escape(report.entry.target)}</code></a>'
        f"{_from(report)}</td>"
        f'<td class="number">{duration(report.entry.duration_seconds)}</td>'
        f"<td>{escape(report.headline)}</td></tr>"
        for number, report in enumerate(reports, 1)
        if not report.part_of
    ]
    return (
        '<nav aria-label="Targets"><table class="summary"><thead><tr><th scope="col">Status</th>'
        '<th scope="col">Target</th><th scope="col" class="number">Time</th>'
        f'<th scope="col">Result</th></tr></thead><tbody>{"".join(rows)}</tbody></table></nav>'
    )


def _from(report: Presentation) -> str:
    return f" from {escape(report.entry.place)}" if report.entry.place else ""


def _places(document: Document) -> list[str]:
    """Return the places of ``--from``, and the targets whose reports differ between them."""
    if not document.places:
        return []
    parts = ["<h2>Places</h2>", _list(place_lines.places(document))]
    for target, lines in place_lines.targets(document):
        parts += [f"<h3>Differs: <code>{escape(target)}</code></h3>", _list(lines)]
    if not document.comparisons:
        parts.append("<p>No difference between the places.</p>")
    return [f'<section class="places">{"".join(parts)}</section>']


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _host(entry: HostEntry, reports: tuple[Presentation, ...]) -> str:
    """Return the table of a host's ports; an open port links to its report."""
    head = (
        f'<section class="report {entry.status}"><h2>{_badge(entry.status)} '
        f"<code>{escape(entry.host)}</code></h2><p>{escape(headline(entry))}</p>"
    )
    if is_untried(entry):
        return f"{head}</section>"
    places = {report.entry.target: number for number, report in enumerate(reports, 1)}
    rows = "".join(_port(port, places.get(port.target)) for port in entry.ports)
    return (
        f'{head}<div class="wide"><table class="ports"><thead><tr><th scope="col">Port</th>'
        '<th scope="col">Protocol</th><th scope="col">State</th><th scope="col">Verdict</th>'
        '<th scope="col" class="number">Time</th><th scope="col">Worst</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _port(port: PortEntry, place: int | None) -> str:
    name = f"<code>{port_number(port)}</code>"
    if place is not None:
        name = f'<a href="#target-{place}">{name}</a>'
    software = f" ({escape(port.software)})" if port.software else ""
    verdict = _badge(port.status) if port.status is not None else ""
    quiet = ' class="quiet"' if port.status is None else ""
    return (
        f"<tr{quiet}><td>{name}</td><td>{escape(port.service)}{software}</td>"
        f"<td>{STATES[port.state]}</td><td>{verdict}</td>"
        f'<td class="number">{duration(port.duration_seconds)}</td>'
        f"<td>{escape(worst_of(port))}</td></tr>"
    )


def _report(number: int, report: Presentation, view: View) -> str:
    entry = report.entry
    at = f" at <code>{escape(report.address)}</code>" if report.address else ""
    time = f'<time datetime="{escape(entry.started_at)}">{escape(entry.started_at)}</time>'
    when = f"{duration(entry.duration_seconds)}{at} · from {escape(report.vantage)} · {time}"
    parts = [
        f'<section class="report {entry.status}" id="target-{number}">',
        f"<h2>{_badge(entry.status)} <code>{escape(entry.target)}</code>{_from(report)}</h2>",
        f'<p class="when">{when}</p>',
        _failure(report),
        "".join(f'<p class="quiet">Note: {escape(note)}</p>' for note in report.notes),
        _checklist(entry.checklist or ()),
        "".join(map(_table, report.tables)),
        waterfall(report),
        "".join(drawing_of(drawing) for drawing in report.drawings),
        "".join(_finding(finding, view) for finding in report.findings),
        _facts(report),
        _rules(report),
        _details("All facts", _pre(_json(entry.facts))) if entry.facts else "",
        _details("Metrics", _pre(_json(entry.metrics))) if entry.metrics else "",
    ]
    if view.verbose and report.transcript:
        parts.append(_details("Transcript", _pre("\n".join(report.transcript))))
    return "\n".join([part for part in parts if part] + ["</section>"])


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return (
        f'<div class="wide"><table class="ports"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _failure(report: Presentation) -> str:
    failure = report.entry.failure
    if failure is None:
        return ""
    where = "" if failure.phase == "-" else f" in <code>{escape(failure.phase)}</code>"
    return (
        f'<div class="failure" role="note"><p><strong>{escape(failure.reason)}</strong>'
        f"{where}</p><p>{escape(failure.detail)}</p>"
        f'<p class="quiet">Blame: {escape(blamed(failure))}</p></div>'
    )


# -- the checklist -------------------------------------------------------------------------------


def _checklist(lines: Sequence[ChecklistEntry]) -> str:
    if not lines:
        return ""
    rows = "".join(_line(line) for line in lines)
    return (
        f'<table class="checklist"><caption>Checklist: {escape(tally(lines))}</caption><thead><tr>'
        '<th scope="col">Verdict</th><th scope="col">Line</th><th scope="col">Protocol</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _line(line: ChecklistEntry) -> str:
    badge = f'<span class="badge {_VERDICT_BADGES[line.verdict]}">{VERDICTS[line.verdict]}</span>'
    return (
        f'<tr class="{line.verdict}"><td>{badge}</td><td>{escape(line.line)}'
        f'<div class="quiet">{escape(line.evidence)}</div>{_next(line)}</td>'
        f"<td>{escape(line.room)}</td></tr>"
    )


def _next(line: ChecklistEntry) -> str:
    """Return what to type to check the line or to see the fixes."""
    if line.look:
        return f"<div>To check: <code>{escape(line.look)}</code></div>"
    ids = escape(" ".join(line.found))
    return f"<div>Fix: see below, or <code>seventh explain {ids}</code></div>" if ids else ""


# -- findings, facts and rules -------------------------------------------------------------------


def _finding(finding: FindingEntry, view: View) -> str:
    chosen = fixes_of(finding, view)
    fixes = "".join(_fix(product, fix.strip("\n")) for product, fix in chosen.shown)
    if chosen.others:
        others = (_fix(name, finding.fix[name].strip("\n")) for name in chosen.others)
        fixes += _details(f"For {chosen.hint}", "".join(others))
    why = f"<p>{escape(finding.why)}</p>" if finding.why else ""
    known = f'<p class="quiet">Known: {escape(finding.known)}</p>' if finding.known else ""
    lines = "\n".join(f"{line.place}: {line.text}" for line in finding.source)
    at = _pre(lines) if lines else ""
    references = "; ".join(map(_reference, finding.references))
    see = f'<p class="quiet references">{references}</p>' if references else ""
    return (
        f'<article class="finding {finding.severity}"><h3><span class="severity">'
        f"{finding.label}</span> {escape(finding.title)} <code>{escape(finding.id)}</code></h3>"
        f'<p class="evidence">{escape(finding.evidence)}</p>{known}{at}{why}{fixes}{see}</article>'
    )


def _reference(text: str) -> str:
    """Return a reference; an RFC is a link to the RFC Editor's page, at the section if named."""
    return _RFC.sub(_rfc_link, escape(text))


def _rfc_link(match: re.Match[str]) -> str:
    section = (
        f"#{'appendix' if match[2][0].isalpha() else 'section'}-{match[2]}" if match[2] else ""
    )
    return f'<a href="https://www.rfc-editor.org/rfc/rfc{match[1]}{section}">{match[0]}</a>'


def _fix(product: str, fix: str) -> str:
    where = "" if product == "any" else f" in {escape(product)}"
    if is_prose(fix):
        return f"<p><strong>Fix{where}</strong> {escape(fix.strip())}</p>"
    return f"<p><strong>Fix{where}</strong></p>{_pre(fix)}"


def _facts(report: Presentation) -> str:
    rooms = [
        f"<h3>{escape(room)}</h3><dl>"
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
        + "</dl>"
        for room, pairs in report.summaries
        if pairs
    ]
    return f'<div class="facts">{"".join(rooms)}</div>' if rooms else ""


def _rules(report: Presentation) -> str:
    skipped = report.entry.skipped
    line = f"Rules: {report.rule_counts}"
    if not skipped:
        return f'<p class="quiet">{line}</p>'
    items = "".join(f"<li><code>{escape(s.id)}</code> {escape(s.reason)}</li>" for s in skipped)
    return _details(line, f"<ul>{items}</ul>")


def _details(summary: str, inside: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def _pre(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
