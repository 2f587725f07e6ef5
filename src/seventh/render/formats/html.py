"""HTML: one file that needs nothing else, for a mail, a wiki or a printer.

No script, no font, no picture from anywhere; the policy in its head forbids all of them, so that
even a hole in the escaping could load nothing and run nothing. Light and dark follow the reader's
system.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec

from seventh.model.checklist import LineVerdict
from seventh.render.checked import VERDICTS, tally
from seventh.render.entries import (
    ChecklistEntry,
    FindingEntry,
    HostEntry,
    PortEntry,
)
from seventh.render.fixes import fixes_of
from seventh.render.hosts import STATES, headline, host_entries, is_untried, shows_all, worst_of
from seventh.render.hosts import number as port_number
from seventh.render.html_bars import drawing_of, waterfall
from seventh.render.presentation import Presentation, blamed, count, present, tally_statuses
from seventh.render.summary import duration
from seventh.render.view import Document, View, worst
from seventh.render.wording import is_prose

_MARKS = {"ok": "✔", "warning": "▲", "critical": "✖", "unknown": "?"}
_VERDICT_BADGES = {
    LineVerdict.PASS: "ok", LineVerdict.FAIL: "critical", LineVerdict.NOT_LOOKED_AT: "unknown",
    LineVerdict.NOT_APPLICABLE: "",
}  # fmt: skip
_RFC = re.compile(r"RFC ([1-9][0-9]{0,4})(?: (?:§|Appendix )([0-9A-Z]+(?:\.[0-9]+)*))?")


def render(document: Document, view: View) -> str:
    """Return ``document`` as one self-contained page."""
    told = present(document, view)
    style = (Path(__file__).parent / "html.css").read_text(encoding="utf-8")
    status = worst(one.entry.status for one in told)
    title = _title(told)
    body = [_head(document, told, status)]
    hosts = host_entries(document, view)
    body += [_host(host, told) for host in hosts]
    summed = any(shows_all(host, [one.entry.target for one in told]) for host in hosts)
    body += [_summary(told)] if len(told) > 1 and not summed else []
    body += [_report(number, one, view) for number, one in enumerate(told, 1)]
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
            f"<title>{escape(title)}</title>",
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


def _title(told: tuple[Presentation, ...]) -> str:
    if len(told) == 1:
        return f"{told[0].entry.status}: {told[0].entry.target} · Seventh"
    return f"{count(len(told), 'target')}: {tally_statuses(told)} · Seventh"


def _head(document: Document, told: tuple[Presentation, ...], status: str) -> str:
    said = tally_statuses(told) or "nothing was looked at"
    return (
        f'<header class="top"><p class="brand">Seventh <span>{escape(document.version)}</span></p>'
        f"<h1>{_badge(status)} {count(len(told), 'target')}: {escape(said)}</h1>"
        f'<p class="when"><time datetime="{escape(document.generated_at)}">'
        f"{escape(document.generated_at)}</time></p></header>"
    )


def _badge(status: str) -> str:
    mark = _MARKS.get(status, "")
    return f'<span class="badge {status}"><span aria-hidden="true">{mark} </span>{status}</span>'


def _summary(told: tuple[Presentation, ...]) -> str:
    rows = [
        f"<tr><td>{_badge(one.entry.status)}</td>"
        f'<td><a href="#target-{number}"><code>{escape(one.entry.target)}</code></a></td>'
        f'<td class="number">{duration(one.entry.duration_seconds)}</td>'
        f"<td>{escape(one.headline)}</td></tr>"
        for number, one in enumerate(told, 1)
    ]
    return (
        '<nav aria-label="Targets"><table class="summary"><thead><tr><th scope="col">Status</th>'
        '<th scope="col">Target</th><th scope="col" class="number">Time</th>'
        f'<th scope="col">Found</th></tr></thead><tbody>{"".join(rows)}</tbody></table></nav>'
    )


def _host(entry: HostEntry, told: tuple[Presentation, ...]) -> str:
    """A host that was given without a scheme: its table of ports, the open ones with a link."""
    head = (
        f'<section class="report {entry.status}"><h2>{_badge(entry.status)} '
        f"<code>{escape(entry.host)}</code></h2><p>{escape(headline(entry))}</p>"
    )
    if is_untried(entry):
        return f"{head}</section>"
    places = {one.entry.target: number for number, one in enumerate(told, 1)}
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


def _report(number: int, one: Presentation, view: View) -> str:
    entry = one.entry
    at = f" at <code>{escape(one.address)}</code>" if one.address else ""
    time = f'<time datetime="{escape(entry.started_at)}">{escape(entry.started_at)}</time>'
    when = f"{duration(entry.duration_seconds)}{at} · from {escape(entry.vantage)} · {time}"
    parts = [
        f'<section class="report {entry.status}" id="target-{number}">',
        f"<h2>{_badge(entry.status)} <code>{escape(entry.target)}</code></h2>",
        f'<p class="when">{when}</p>',
        _failure(one),
        "".join(f'<p class="quiet">Note: {escape(note)}</p>' for note in one.notes),
        _checklist(entry.checklist or ()),
        waterfall(one),
        "".join(drawing_of(drawing) for drawing in one.drawings),
        "".join(_finding(finding, view) for finding in entry.findings),
        _gists(one),
        _rules(one),
        _details("All facts", _pre(_json(entry.facts))) if entry.facts else "",
        _details("Metrics", _pre(_json(entry.metrics))) if entry.metrics else "",
    ]
    if view.verbose and one.transcript:
        parts.append(_details("Transcript", _pre("\n".join(one.transcript))))
    return "\n".join([part for part in parts if part] + ["</section>"])


def _failure(one: Presentation) -> str:
    failure = one.entry.failure
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
    """Return what to type: to look, or to see the fixes."""
    if line.look:
        return f"<div>Look: <code>{escape(line.look)}</code></div>"
    ids = " ".join(line.found)
    return f"<div>Fix: below, or <code>seventh explain {escape(ids)}</code></div>" if ids else ""


# -- what was found ------------------------------------------------------------------------------


def _finding(finding: FindingEntry, view: View) -> str:
    chosen = fixes_of(finding, view)
    fixes = "".join(_fix(product, fix.strip("\n")) for product, fix in chosen.shown)
    if chosen.others:
        others = (_fix(name, finding.fix[name].strip("\n")) for name in chosen.others)
        fixes += _details(f"For {chosen.hint}", "".join(others))
    why = f"<p>{escape(finding.why)}</p>" if finding.why else ""
    lines = "\n".join(f"{line.place}: {line.text}" for line in finding.source)
    at = _pre(lines) if lines else ""
    references = "; ".join(map(_reference, finding.references))
    see = f'<p class="quiet references">{references}</p>' if references else ""
    return (
        f'<article class="finding {finding.severity}"><h3><span class="severity">'
        f"{finding.severity}</span> {escape(finding.title)} <code>{escape(finding.id)}</code></h3>"
        f'<p class="evidence">{escape(finding.evidence)}</p>{at}{why}{fixes}{see}</article>'
    )


def _reference(text: str) -> str:
    """A reference; an RFC leads to the RFC editor's page, at its section where one is named."""
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


def _gists(one: Presentation) -> str:
    rooms = [
        f"<h3>{escape(room)}</h3><dl>"
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
        + "</dl>"
        for room, pairs in one.summaries
        if pairs
    ]
    return f'<div class="facts">{"".join(rooms)}</div>' if rooms else ""


def _rules(one: Presentation) -> str:
    skipped = one.entry.skipped
    line = f"{count(len(one.passed), 'rule')} passed, {len(one.entry.findings)} found something"
    if not skipped:
        return f'<p class="quiet">{line}.</p>'
    items = "".join(f"<li><code>{escape(s.id)}</code> {escape(s.reason)}</li>" for s in skipped)
    return _details(f"{line}, {len(skipped)} could not be judged", f"<ul>{items}</ul>")


def _details(summary: str, inside: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def _pre(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
