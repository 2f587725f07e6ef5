"""Phases and drawings as HTML tables with one bar per row."""

from __future__ import annotations

import itertools
from html import escape
from typing import Any

from seventh.model.drawing import Drawing, Span
from seventh.render.bars import MOST
from seventh.render.entries import PhaseEntry, clean
from seventh.render.presentation import Presentation, span_seconds
from seventh.render.summary import duration

_SLIVER = 0.004
"""The minimum width of a bar, as a share, so that every phase is visible."""


def waterfall(report: Presentation) -> str:
    """Draw the phases of a check on one time scale."""
    if not report.bars:
        return ""
    span = span_seconds(report.entry)
    ticks = ticks_of(span)
    several = len({phase.address for phase, _, _ in report.bars if phase.address}) > 1
    grid = "".join(f'<line x1="{_part(t / span)}" x2="{_part(t / span)}" y1="0" y2="100%"/>'
                   for t in ticks)  # fmt: skip
    scale = "".join(
        f'<text x="{_part(t / span)}" y="12"{_anchor(t / span)}{_rank(n, len(ticks))}>'
        f"{_round(t)}</text>"
        for n, t in enumerate(ticks)
    )
    rows = [_row(phase, begin, length, grid, several) for phase, begin, length in report.bars]
    return (
        '<table class="waterfall"><caption>Phases <span class="key"><span class="kernel">kernel'
        '</span> <span class="user">user</span> clock</span></caption><thead><tr>'
        '<th scope="col">Phase</th><th scope="col" class="bar"><svg width="100%" height="16" '
        f'aria-hidden="true">{scale}</svg></th><th scope="col" class="number">Time</th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def drawing_of(drawing: Drawing) -> str:
    """Draw spans on one scale, with a line at zero, and steps in the shades of the key."""
    low, high = drawing.scale
    zero = _part(-low / (high - low))
    shades = _shades(drawing.steps)
    rows = "".join(
        f'<tr><td>{escape(clean(span.label))}</td><td class="bar"><svg width="100%" height="14" '
        f'aria-hidden="true"><line x1="{zero}" x2="{zero}" y1="0" y2="100%"/>'
        f"{_span(span, low, high, shades)}</svg></td><td>{escape(clean(span.value))}</td></tr>"
        for span in drawing.spans[:MOST]
    )
    key = "".join(
        ' <span class="shade"><svg width="10" height="10" aria-hidden="true">'
        f'<rect class="kernel" width="10" height="10" rx="2" fill-opacity="{shade}"/></svg> '
        f"{escape(clean(name))}</span>"
        for name, shade in shades.items()
    )
    key = f' <span class="quiet">{key}</span>' if key else ""
    return (
        f'<table class="waterfall drawing"><caption>{escape(clean(drawing.title))}{key}</caption>'
        f"<tbody>{rows}</tbody></table>"
    )


def _shades(steps: tuple[str, ...]) -> dict[str, float]:
    """Return the opacity of each step: later ones are darker."""
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
    width = max(length, _SLIVER)
    left = min(begin, 1.0 - width)
    kind = "failed" if phase.outcome == "failed" else phase.clock
    title = (
        f"{phase.name}: begins at {duration(phase.start_seconds)}, "
        f"lasts {duration(phase.seconds)} by the {phase.clock} clock, {phase.outcome}"
    )
    address = f' <span class="quiet">{escape(phase.address or "")}</span>' if several else ""
    failed = ' <span class="cross" title="failed">✖</span>' if phase.outcome == "failed" else ""
    return (
        f'<tr><th scope="row"><code>{escape(phase.name)}</code>{address}{failed}</th>'
        f'<td class="bar"><svg width="100%" height="22" role="img"><title>{escape(title)}</title>'
        f'{grid}<rect class="{kind}" x="{_part(left)}" width="{_part(width)}" y="5" height="12" '
        f'rx="2"/></svg></td><td class="number">{duration(phase.seconds)}</td></tr>'
    )


def ticks_of(span: float) -> list[float]:
    """Return three to six round times from zero to ``span`` seconds; none beyond 10¹² of them."""
    step = next((s for s in _steps() if span / s <= 5), None)
    if span <= 0 or step is None:
        return []
    return [step * n for n in range(int(span / step * (1 + 1e-12)) + 1)]


def _steps() -> Any:
    for power in itertools.count(-12):
        for factor in (1, 2, 5):
            yield factor * 10.0**power


def _round(seconds: float) -> str:
    number, _, unit = duration(seconds).partition(" ")
    return f"{number.rstrip('0').removesuffix('.') if '.' in number else number} {unit}"


def _anchor(share: float) -> str:
    if share < 0.05:
        return ""
    return ' text-anchor="end"' if share > 0.95 else ' text-anchor="middle"'


def _rank(number: int, count: int) -> str:
    """Return the class of a label: a narrow page shows only the first and last, or every second."""
    if number in (0, count - 1):
        return ""
    return ' class="minor"' if number % 2 or number == count - 2 else ' class="inner"'


def _part(share: float) -> str:
    return f"{share * 100:.3f}".rstrip("0").removesuffix(".") + "%"
