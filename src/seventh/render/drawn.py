"""Spans on one scale, as rows of characters: for a terminal, a ticket, a page."""

from __future__ import annotations

import msgspec

from seventh.model.drawing import Drawing, Span
from seventh.render.document import clean

MOST = 64
"""How many spans one drawing shows."""


class Row(msgspec.Struct, frozen=True):
    """One span: what it is, its bar, and its value in words. All three are safe to show."""

    label: str
    bar: str
    said: str


def rows(drawing: Drawing, width: int, *, ascii_only: bool = False) -> list[Row]:
    """The spans with bars of ``width`` cells; ``│`` is zero, an arrow points beyond the scale.

    What does not fit into the first 64 rows is left out and counted in a last one.
    """
    low, high = drawing.scale
    per_cell = (high - low) / width
    drawn = [_row(span, low, per_cell, width, ascii_only) for span in drawing.spans[:MOST]]
    left = len(drawing.spans) - MOST
    return drawn + ([Row(f"… and {left} more", "", "")] if left > 0 else [])


def text(drawing: Drawing, width: int) -> str:
    """The drawing as lines of text of about ``width`` columns."""
    labels = [clean(span.label) for span in drawing.spans]
    name_width = min(max(map(len, labels), default=0), 32)
    lines = [
        f"{row.label:<{name_width}}  {row.bar}  {row.said}".rstrip()
        for row in rows(drawing, max(16, width - name_width - 4))
    ]
    return "\n".join([clean(drawing.title), *lines])


def _row(span: Span, low: float, per_cell: float, width: int, ascii_only: bool) -> Row:
    body, zero = ("=", "|") if ascii_only else ("━", "│")
    left, right = ("<", ">") if ascii_only else ("◀", "▶")
    cells = [" "] * width
    cells[min(width - 1, max(0, int(-low / per_cell)))] = zero
    first, last = int((span.low - low) / per_cell), int((span.high - low) / per_cell)
    for cell in range(max(0, first), min(width - 1, last) + 1):
        cells[cell] = body
    if last < 0:
        cells[0] = left
    elif first > width - 1:
        cells[-1] = right
    return Row(clean(span.label), "".join(cells), clean(span.said))
