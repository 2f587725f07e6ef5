"""HTML: one file that needs nothing else, for a mail, a wiki or a printer.

No script, no font, no picture from anywhere; the policy in its head forbids all of them, so that
even a hole in the escaping could load nothing and run nothing. Light and dark follow the reader's
system.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from seventh.model.checklist import LineVerdict
from seventh.model.drawing import Drawing, Span
from seventh.render.checked import VERDICTS, tally
from seventh.render.drawn import MOST
from seventh.render.entries import (
    ChecklistEntry,
    FindingEntry,
    HostEntry,
    PhaseEntry,
    PortEntry,
    clean,
)
from seventh.render.fixes import fixes_of
from seventh.render.gist import duration
from seventh.render.hosts import STATES, headline, host_entries, is_unresolved, shows_all, worst_of
from seventh.render.hosts import number as port_number
from seventh.render.speech import is_prose
from seventh.render.told import Told, blamed, count, span_seconds, tally_statuses, tell
from seventh.render.view import Document, View, worst

_MARKS = {"ok": "✔", "warning": "▲", "critical": "✖", "unknown": "?"}
_VERDICT_BADGES = {
    LineVerdict.PASS: "ok", LineVerdict.FAIL: "critical", LineVerdict.NOT_LOOKED_AT: "unknown",
    LineVerdict.NOT_APPLICABLE: "",
}  # fmt: skip
_SLIVER = 0.004
"""The least share of the width that a bar takes: whatever was measured is seen."""


def render(document: Document, view: View) -> str:
    """``document`` as one self-contained page."""
    told = tell(document, view)
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


def _title(told: tuple[Told, ...]) -> str:
    if len(told) == 1:
        return f"{told[0].entry.status}: {told[0].entry.target} · Seventh"
    return f"{count(len(told), 'target')}: {tally_statuses(told)} · Seventh"


def _head(document: Document, told: tuple[Told, ...], status: str) -> str:
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


def _summary(told: tuple[Told, ...]) -> str:
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


def _host(entry: HostEntry, told: tuple[Told, ...]) -> str:
    """A host that was given without a scheme: its table of ports, the open ones with a link."""
    head = (
        f'<section class="report {entry.status}"><h2>{_badge(entry.status)} '
        f"<code>{escape(entry.host)}</code></h2><p>{escape(headline(entry))}</p>"
    )
    if is_unresolved(entry):
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


def _report(number: int, one: Told, view: View) -> str:
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
        _waterfall(one),
        "".join(_drawing(drawing) for drawing in one.drawings),
        "".join(_finding(finding, view) for finding in entry.findings),
        _gists(one),
        _rules(one),
        _details("All facts", _pre(_json(entry.facts))) if entry.facts else "",
        _details("Metrics", _pre(_json(entry.metrics))) if entry.metrics else "",
    ]
    if view.verbose and one.transcript:
        parts.append(_details("Transcript", _pre("\n".join(one.transcript))))
    return "\n".join([part for part in parts if part] + ["</section>"])


def _failure(one: Told) -> str:
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
    """What to type: to look, or to see the fixes."""
    if line.look:
        return f"<div>Look: <code>{escape(line.look)}</code></div>"
    ids = " ".join(line.found)
    return f"<div>Fix: below, or <code>seventh explain {escape(ids)}</code></div>" if ids else ""


# -- the waterfall -------------------------------------------------------------------------------


def _waterfall(one: Told) -> str:
    if not one.bars:
        return ""
    span = span_seconds(one.entry)
    ticks = _ticks(span)
    several = len({phase.address for phase, _, _ in one.bars if phase.address}) > 1
    grid = "".join(f'<line x1="{_part(t / span)}" x2="{_part(t / span)}" y1="0" y2="100%"/>'
                   for t in ticks)  # fmt: skip
    scale = "".join(
        f'<text x="{_part(t / span)}" y="12"{_anchor(t / span)}>{_round(t)}</text>' for t in ticks
    )
    rows = [_row(phase, begin, length, grid, several) for phase, begin, length in one.bars]
    return (
        '<table class="waterfall"><caption>Phases <span class="key"><span class="kernel">kernel'
        '</span> <span class="user">user</span> clock</span></caption><thead><tr>'
        '<th scope="col">Phase</th><th scope="col" class="bar"><svg width="100%" height="16" '
        f'aria-hidden="true">{scale}</svg></th><th scope="col" class="number">Time</th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _drawing(drawing: Drawing) -> str:
    """Spans on one scale, each with a line at zero; their steps in shades, which the key names."""
    low, high = drawing.scale
    zero = _part(-low / (high - low))
    shades = _shades(drawing.steps)
    rows = "".join(
        f'<tr><td>{escape(clean(span.label))}</td><td class="bar"><svg width="100%" height="14" '
        f'aria-hidden="true"><line x1="{zero}" x2="{zero}" y1="0" y2="100%"/>'
        f"{_span(span, low, high, shades)}</svg></td><td>{escape(clean(span.said))}</td></tr>"
        for span in drawing.spans[:MOST]
    )
    key = "".join(
        f' <svg width="10" height="10" aria-hidden="true"><rect class="kernel" width="10" '
        f'height="10" rx="2" fill-opacity="{shade}"/></svg> {escape(clean(name))}'
        for name, shade in shades.items()
    )
    key = f' <span class="quiet">{key}</span>' if key else ""
    return (
        f'<table class="waterfall"><caption>{escape(clean(drawing.title))}{key}</caption>'
        f"<tbody>{rows}</tbody></table>"
    )


def _shades(steps: tuple[str, ...]) -> dict[str, float]:
    """How opaque each step is drawn: the later the darker."""
    return {name: round(0.3 + 0.7 * n / max(1, len(steps) - 1), 2) for n, name in enumerate(steps)}


def _span(span: Span, low: float, high: float, shades: dict[str, float]) -> str:
    if span.empty:
        return ""
    kind = "kernel" if span.typical else "failed"
    pieces = [(span.low, span.high, 1.0)]
    if span.steps:
        pieces, at = [], span.low
        for name, length in span.steps:
            pieces.append((at, at + length, shades[name]))
            at += length
    least = _SLIVER if len(pieces) == 1 else 0.0
    return "".join(_piece(kind, p, low, high, least) for p in pieces)


def _piece(
    kind: str, piece: tuple[float, float, float], low: float, high: float, least: float
) -> str:
    begin = min(1.0 - least, max(0.0, (piece[0] - low) / (high - low)))
    end = min(1.0, max(begin + least, (piece[1] - low) / (high - low)))
    shade = f' fill-opacity="{piece[2]}"' if piece[2] < 1 else ""
    return (
        f'<rect class="{kind}" x="{_part(begin)}" width="{_part(max(0.0, end - begin))}" y="2" '
        f'height="10" rx="2"{shade}/>'
    )


def _row(phase: PhaseEntry, begin: float, length: float, grid: str, several: bool) -> str:
    width = min(1.0, max(length, _SLIVER))
    left = max(0.0, min(begin, 1.0 - width))
    kind = "failed" if phase.outcome == "failed" else phase.clock
    spoken = (
        f"{phase.name}: begins at {duration(phase.start_seconds)}, "
        f"lasts {duration(phase.seconds)} by the {phase.clock} clock, {phase.outcome}"
    )
    address = f' <span class="quiet">{escape(phase.address or "")}</span>' if several else ""
    failed = ' <span class="cross" title="failed">✖</span>' if phase.outcome == "failed" else ""
    return (
        f'<tr><th scope="row"><code>{escape(phase.name)}</code>{address}{failed}</th>'
        f'<td class="bar"><svg width="100%" height="22" role="img"><title>{escape(spoken)}</title>'
        f'{grid}<rect class="{kind}" x="{_part(left)}" width="{_part(width)}" y="5" height="12" '
        f'rx="2"/></svg></td><td class="number">{duration(phase.seconds)}</td></tr>'
    )


def _ticks(span: float) -> list[float]:
    """Three to six round instants over ``span`` seconds, from zero."""
    if span <= 0:
        return []
    step = next(s for s in _steps() if span / s <= 5)
    return [step * n for n in range(int(span / step * (1 + 1e-12)) + 1)]


def _steps() -> Any:
    for power in range(-12, 12):
        for factor in (1, 2, 5):
            yield factor * 10.0**power


def _round(seconds: float) -> str:
    number, _, unit = duration(seconds).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def _anchor(share: float) -> str:
    if share < 0.05:
        return ""
    return ' text-anchor="end"' if share > 0.95 else ' text-anchor="middle"'


def _part(share: float) -> str:
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"


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
    references = "; ".join(finding.references)
    see = f'<p class="quiet">{escape(references)}</p>' if references else ""
    return (
        f'<article class="finding {finding.severity}"><h3><span class="severity">'
        f"{finding.severity}</span> {escape(finding.title)} <code>{escape(finding.id)}</code></h3>"
        f'<p class="evidence">{escape(finding.evidence)}</p>{at}{why}{fixes}{see}</article>'
    )


def _fix(product: str, fix: str) -> str:
    where = "" if product == "any" else f" in {escape(product)}"
    if is_prose(fix):
        return f"<p><strong>Fix{where}</strong> {escape(fix.strip())}</p>"
    return f"<p><strong>Fix{where}</strong></p>{_pre(fix)}"


def _gists(one: Told) -> str:
    rooms = [
        f"<h3>{escape(room)}</h3><dl>"
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
        + "</dl>"
        for room, pairs in one.gists
        if pairs
    ]
    return f'<div class="facts">{"".join(rooms)}</div>' if rooms else ""


def _rules(one: Told) -> str:
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
