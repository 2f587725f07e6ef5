"""The map of the fleet: a cell for each target, as one small drawing. Pure."""

from __future__ import annotations

import math
from itertools import groupby

from markupsafe import Markup

_WIDTH, _HEIGHT = 1200, 260
_SMALLEST, _LARGEST = 5, 26
"""Pixels of a cell's side."""


def size_of(count: int) -> int:
    """Return the side of a cell, in pixels, so that ``count`` cells have room."""
    fits = math.isqrt(_WIDTH * _HEIGHT // max(1, count))
    return max(_SMALLEST, min(_LARGEST, fits))


def heat(cells: str, size: int, label: str) -> Markup:
    """Return the drawing of ``cells``, one letter each, in rows from the left.

    Cells side by side that are alike are one dashed line, whose dashes are the cells: 10,000 cells
    are a few kilobytes.
    """
    columns = max(1, min(len(cells), _WIDTH // size))
    lines = -(-len(cells) // columns)
    runs: dict[str, list[str]] = {}
    for line in range(lines):
        at = 0
        for cell, same in groupby(cells[line * columns : (line + 1) * columns]):
            length = sum(1 for _ in same)
            runs.setdefault(cell, []).append(f"M{at} {line}h{length}")
            at += length
    paths = Markup("").join(
        Markup('<path class="c{}" d="{}"/>').format(cell, "".join(runs[cell]))
        for cell in sorted(runs)
    )
    return Markup(
        '<svg class="heat" role="img" aria-label="{}" data-cells="{}" data-size="{}"'
        ' viewBox="0 -.5 {} {}" width="{}" height="{}">{}</svg>'
    ).format(label, cells, size, columns, lines, columns * size, lines * size, paths)
