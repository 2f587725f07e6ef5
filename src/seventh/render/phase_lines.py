"""Phases as bars of a terminal, on one time scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from rich.text import Text

from seventh.render.bars import middle
from seventh.render.entries import PhaseEntry
from seventh.render.presentation import count
from seventh.render.summary import duration
from seventh.render.view import View

Bar = tuple[PhaseEntry, float, float]
"""A phase with its begin and length as shares of the whole check."""
_EIGHTHS = " ▏▎▍▌▋▊▉█#"
"""Cells by their filling; the last one is the only one in ASCII."""
_MOST = 24


def lines(bars: Sequence[Bar], view: View) -> Iterator[Text]:
    """Draw a row per name, clock and outcome; with -v a row per phase."""
    several = len({phase.address for phase, _, _ in bars if phase.address}) > 1
    rows = _phase_rows(bars, several, apart=view.verbose)
    most = len(rows) if view.verbose else _MOST
    shown = rows[:most]
    names = [f"{row.name} ×{len(row.bars)}" if row.bars[1:] else row.name for row in shown]
    name_width = min(max(len(name) for name in names), view.width // 2 - 8)
    bar_width = min(60, view.width - 2 - name_width - 2 - 10 - 8 - 2)
    for row, name in zip(shown, names, strict=True):
        line = Text("  ")
        line.append(middle(name, name_width).ljust(name_width))
        line.append("  ")
        drawn = _merged([bar(*b, bar_width, ascii_only=view.ascii) for b in row.bars])
        line.append(drawn, "red" if row.failed else _clock_style(row.clock))
        line.append(f"{duration(row.seconds):>9}")
        line.append(f"  {row.clock}", "dim")
        if row.failed:
            line.append(" " if row.clock == "kernel" else "   ")
            line.append("x" if view.ascii else "✖", "bold red")
        yield line
    if len(rows) > most:
        yield Text(f"  … and {count(len(rows) - most, 'phase')} more (-v)", "dim")


class _Row(msgspec.Struct):
    """Phases of one name on one line, with their total time."""

    name: str
    clock: str
    failed: bool
    seconds: float = 0.0
    bars: list[tuple[float, float]] = []


def _phase_rows(bars: Iterable[Bar], several: bool, *, apart: bool) -> list[_Row]:
    """Group phases by name, clock and outcome, in the order of the first; not at all if apart."""
    rows: dict[object, _Row] = {}
    for number, (phase, begin, length) in enumerate(bars):
        name = _phase_name(phase, several)
        key = number if apart else (name, phase.clock, phase.outcome)
        row = rows.setdefault(key, _Row(name, phase.clock, phase.outcome == "failed"))
        row.seconds += phase.seconds
        row.bars.append((begin, length))
    return list(rows.values())


def _merged(drawn: list[str]) -> str:
    """Merge bars of one width; where two overlap, the fuller cell is shown."""
    return "".join(max(cells, key=_EIGHTHS.index) for cells in zip(*drawn, strict=True))


def _clock_style(clock: str) -> str:
    return "green" if clock == "kernel" else "cyan"


def _phase_name(phase: PhaseEntry, several: bool) -> str:
    return f"{phase.name} {phase.address}" if several and phase.address else phase.name


def bar(begin: float, length: float, width: int, *, ascii_only: bool) -> str:
    """Draw a bar of ``width`` cells, filled from ``begin`` over ``length`` (shares of the whole).

    It begins at a whole cell, and its length is rounded to an eighth of one, at least one eighth.
    """
    start = min(width - 1, max(0, int(begin * width + 1e-9)))
    eighths = max(1, round(min(float(width - start), length * width) * 8))
    if ascii_only:
        drawn = "#" * max(1, round(eighths / 8))
    else:
        drawn = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return (" " * start + drawn)[:width].ljust(width)
