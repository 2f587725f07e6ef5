"""Drawings as rows of characters."""

from __future__ import annotations

import msgspec

from seventh.model.drawing import Drawing, Span
from seventh.render.entries import clean

MOST = 64
"""How many spans a drawing shows."""


class Row(msgspec.Struct, frozen=True):
    """One span: its label, its bar, and its value as text; all are safe to show."""

    label: str
    bar: str
    value: str


def rows(drawing: Drawing, width: int, *, ascii_only: bool = False) -> list[Row]:
    """Draw the spans with bars of ``width`` cells; ``│`` is zero, an arrow is beyond the scale.

    Each step has its own shade; :func:`title` has the key. A last row counts the spans after the
    first 64.
    """
    low, high = drawing.scale
    per_cell = (high - low) / width
    shades = _shades(drawing, ascii_only)
    drawn = [_row(span, low, per_cell, width, shades) for span in drawing.spans[:MOST]]
    left = len(drawing.spans) - MOST
    return drawn + ([Row(f"… and {left} more", "", "")] if left > 0 else [])


def title(drawing: Drawing, *, ascii_only: bool = False) -> str:
    """Return the drawing's title, with the key of its shades."""
    shades = _shades(drawing, ascii_only)
    key = "  ".join(f"{shades[name]} {clean(name)}" for name in drawing.steps)
    return f"{clean(drawing.title)}: {key}" if key else clean(drawing.title)


def text(drawing: Drawing, width: int) -> str:
    """Return the drawing as lines of text of about ``width`` columns."""
    labels = [clean(span.label) for span in drawing.spans]
    name_width = min(max(map(len, labels)), 32)
    lines = [
        f"{middle(row.label, name_width):<{name_width}}  {row.bar}  {row.value}".rstrip()
        for row in rows(drawing, max(16, width - name_width - 4))
    ]
    return "\n".join([title(drawing), *lines])


def middle(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters, shortened in its middle."""
    if len(text) <= width:
        return text
    left = (width - 1) // 2
    return f"{text[:left]}…{text[len(text) - (width - 1 - left) :]}"


_WHOLE = ""
"""The key of a span without steps."""


def _shades(drawing: Drawing, ascii_only: bool) -> dict[str, str]:
    """Return the characters of the steps, of a span without steps, of zero and of the arrows."""
    body, zero, left, right = "=|<>" if ascii_only else "━│◀▶"
    steps = ".:-=#" if ascii_only else "░▒·▓█"
    named = {name: steps[min(n, len(steps) - 1)] for n, name in enumerate(drawing.steps)}
    return {**named, _WHOLE: body, "|": zero, "<": left, ">": right}


def _row(span: Span, low: float, per_cell: float, width: int, shades: dict[str, str]) -> Row:
    cells = [" "] * width
    cells[min(width - 1, max(0, int(-low / per_cell)))] = shades["|"]
    if span.empty:
        return Row(clean(span.label), "".join(cells), clean(span.value))
    first, last = int((span.low - low) / per_cell), int((span.high - low) / per_cell)
    for cell in range(max(0, first), min(width - 1, last) + 1):
        begin = low + cell * per_cell
        cells[cell] = shades[_step_at(span, begin, begin + per_cell)]
    if last < 0:
        cells[0] = shades["<"]
    elif first > width - 1:
        cells[-1] = shades[">"]
    return Row(clean(span.label), "".join(cells), clean(span.value))


def _step_at(span: Span, begin: float, end: float) -> str:
    """Return the step that has the most of a cell."""
    name, most, at = _WHOLE, 0.0, span.low
    for step, length in span.steps:
        share = min(end, at + length) - max(begin, at)
        if share > most:
            name, most = step, share
        at += length
    return name if most > 0 or not span.steps else span.steps[-1][0]
