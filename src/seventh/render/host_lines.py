"""A host's well-known ports as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from seventh.model.severity import Status
from seventh.render.entries import HostEntry, PortEntry
from seventh.render.hosts import STATES, headline, is_untried, number, worst_of
from seventh.render.summary import duration

_HEADS = ("PORT", "PROTOCOL", "STATE", "VERDICT", "TIME", "WORST")
_NARROW = 60
"""In fewer columns the verdict, time and worst finding of a port are on a separate line."""
BELOW = 6
"""The column of that line."""


def lines(entry: HostEntry, styles: dict[Status, str], width: int) -> Iterator[Text]:
    """Yield the table, a line per port; the caller wraps long ones."""
    yield Text(f"  {headline(entry)}")
    if is_untried(entry):
        return
    rows = [_cells(port) for port in entry.ports]
    narrow = width < _NARROW
    columns = 3 if narrow else 5
    widths = [
        max(len(_HEADS[column]), *(len(row[column]) for row in rows)) for column in range(columns)
    ]
    before_worst = 2 + sum(widths) + 2 * columns
    beside = not narrow and all(before_worst + len(row[5]) <= width for row in rows)
    has_worst = any(row[5] for row in rows)
    yield _row(_HEADS, widths, worst=beside and has_worst, style="dim")
    for port, row in zip(entry.ports, rows, strict=True):
        style = styles[port.status] if port.status is not None else "dim"
        yield _row(row, widths, worst=beside, style=style)
        if narrow and port.status is not None:
            yield Text(" " * BELOW + " · ".join(cell for cell in row[3:] if cell), style)
        elif row[5] and not beside:
            yield Text(" " * BELOW + row[5], style)


def _cells(port: PortEntry) -> tuple[str, ...]:
    scheme = port.target.partition("://")[0]
    return (
        number(port),
        f"{scheme} ({port.software})" if port.software else scheme,
        STATES[port.state],
        port.status.value if port.status is not None else "-",
        duration(port.duration_seconds),
        worst_of(port),
    )


def _row(cells: tuple[str, ...], widths: list[int], *, worst: bool, style: str) -> Text:
    text = "  " + "  ".join(
        cell.rjust(wide) if _HEADS[column] == "TIME" else cell.ljust(wide)
        for column, (cell, wide) in enumerate(zip(cells, widths, strict=False))
    )
    return Text(f"{text}  {cells[5]}" if worst else text.rstrip(), style)
