"""A table as lines of text: columns as wide as their cells, the last one wrapped."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from seventh.model.table import Table

_INDENT = "  "
_MOST = 28
"""How wide a column is at most; a longer cell moves those behind it."""


def lines(table: Table) -> Iterator[tuple[Text, int]]:
    """Yield each line, and the column to which its further lines are indented."""
    widths = [
        min(_MOST, max(cell_len(row[at]) for row in (table.head, *table.rows)))
        for at in range(len(table.head) - 1)
    ]
    hang = len(_INDENT) + sum(width + 2 for width in widths)
    yield _line(table.head, widths, "dim"), hang
    for row in table.rows:
        yield _line(row, widths, ""), hang


def _line(row: tuple[str, ...], widths: list[int], style: str) -> Text:
    text = Text(_INDENT)
    for cell, width in zip(row, widths, strict=False):
        text.append(cell + " " * max(2, width + 2 - cell_len(cell)), style)
    text.append(row[-1], style)
    return text
