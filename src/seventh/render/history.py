"""What ``seventh history`` shows: a strip of states, and the quantiles of the times above it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec
from rich.console import Group
from rich.text import Text

from seventh.render.presentation import count
from seventh.render.summary import duration, instant
from seventh.watch.history import log16
from seventh.watch.history.query import Row, merged
from seventh.wire.text import printable

SCHEMA = "seventh.history/1"
LABEL = 9
"""Columns before the picture."""
_ROWS = 10
_REASONS = 5


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """The history of one target, in spans of one length."""

    target: str
    phase: str
    """Empty for the sum of all phases of the pulses that succeeded."""
    since_s: int
    until_s: int
    span_s: int
    rows: dict[int, Row]
    """By the span's start; spans without a pulse are not there."""

    @property
    def cells(self) -> list[Row | None]:
        """Each span, in order."""
        return [self.rows.get(at) for at in range(self.since_s, self.until_s, self.span_s)]


class SpanDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One span in JSON; times in seconds."""

    at: str
    pulses: int
    ok: int
    failed: int
    unknown: int
    reasons: dict[str, int]
    exact: bool
    p5: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class HistoryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of ``seventh history``."""

    schema: str = SCHEMA
    target: str
    phase: str
    since: str
    until: str
    span_seconds: int
    spans: list[SpanDocument]


def document(picture: Picture) -> HistoryDocument:
    """Return a history as it is in JSON."""
    return HistoryDocument(
        target=picture.target, phase=picture.phase, since=instant(picture.since_s),
        until=instant(picture.until_s), span_seconds=picture.span_s,
        spans=[_span(at_s, row) for at_s, row in picture.rows.items()],
    )  # fmt: skip


def _span(at_s: int, row: Row) -> SpanDocument:
    p5, p50, p95, p99 = (
        [float(f"{_seconds(code):.4g}") for code in row.quantiles]
        if row.quantiles is not None
        else [None] * 4
    )
    return SpanDocument(
        at=instant(at_s), pulses=row.pulses, ok=row.ok, failed=row.failed, unknown=row.unknown,
        reasons=row.reasons, exact=row.exact, p5=p5, p50=p50, p95=p95, p99=p99,
    )  # fmt: skip


def picture_of(picture: Picture) -> Group:
    """Return the drawing: quantiles, the strip, the time, and the numbers."""
    cells = picture.cells
    return Group(
        Text(f"{printable(picture.target, 200)}  {picture.phase or 'all phases'}", "bold"),
        *_band(cells), _strip(cells), _axis(picture, len(cells)), *_numbers(picture),
    )  # fmt: skip


def _band(cells: Sequence[Row | None]) -> list[Text]:
    """Return lines of a logarithmic scale: p5 to p95 shaded, the median, p99 as a dot."""
    shown = [cell.quantiles for cell in cells if cell is not None and cell.quantiles is not None]
    if not shown:
        return []
    low, high = min(each[0] for each in shown), max(each[3] for each in shown)
    if high - low < _ROWS * 4:  # a scale of less than an eighth of an octave shows only noise
        middle = (low + high) // 2
        low, high = middle - _ROWS * 2, middle + _ROWS * 2
    lines = []
    for row in range(_ROWS - 1, -1, -1):
        label = duration(_seconds(low + round((high - low) * row / (_ROWS - 1))))
        line = Text(f"{label:>{LABEL - 1}} " if row % 3 == 0 else " " * LABEL, "dim")
        for cell in cells:
            line.append(*_point(cell, row, low, high))
        lines.append(line)
    return lines


def _point(cell: Row | None, row: int, low: int, high: int) -> tuple[str, str]:
    if cell is None or cell.quantiles is None:
        return " ", ""
    p5, p50, p95, p99 = (
        round((code - low) * (_ROWS - 1) / (high - low)) for code in cell.quantiles
    )
    if row == p50:
        return "━", "bold"
    if p5 <= row <= p95:
        return "░", "cyan"
    return ("·", "dim") if row == p99 else (" ", "")


def _strip(cells: Sequence[Row | None]) -> Text:
    strip = Text(f"{'state':>{LABEL - 1}} ", "dim")
    for cell in cells:
        strip.append(*_state(cell))
    return strip


def _state(cell: Row | None) -> tuple[str, str]:
    """Return the mark of a span; the higher it is, the more pulses failed."""
    if cell is None:
        return " ", ""
    if cell.failed:
        return ("█", "bold red") if cell.failed * 2 > cell.pulses else ("▄", "yellow")
    return ("?", "magenta") if cell.unknown == cell.pulses else ("▁", "green")


def _axis(picture: Picture, width: int) -> Text:
    begin, end = instant(picture.since_s), instant(picture.until_s)
    space = width - len(begin) - len(end)
    line = f"{begin}{' ' * space}{end}" if space > 0 else begin
    return Text(" " * LABEL + line, "dim")


def _numbers(picture: Picture) -> list[Text]:
    if not picture.rows:
        return [Text("no pulses in this time")]
    total = merged([*picture.rows.values()])
    known = total.pulses - total.unknown
    parts = [count(total.pulses, "pulse")]
    if known:
        parts.append(f"{_percent(total.ok, known)} succeeded")
    if total.unknown:
        parts.append(f"{total.unknown} unknown")
    parts.append(f"one column: {duration(picture.span_s)}")
    lines = [Text(", ".join(parts))]
    if total.quantiles is not None:
        about = "" if total.exact else "about "
        named = zip(("p5", "p50", "p95", "p99"), total.quantiles, strict=True)
        lines.append(Text(", ".join(f"{name} {about}{duration(_seconds(code))}"
                                    for name, code in named)))  # fmt: skip
    most = Counter(total.reasons).most_common(_REASONS)
    lines += [Text(f"{number:>{LABEL - 1}} {reason}", "red") for reason, number in most]
    lines.append(Text("━ p50  ░ p5 to p95  · p99", "dim"))
    lines.append(Text("▁ all succeeded  ▄ some failed  █ most failed  ? unknown", "dim"))
    return lines


def _percent(part: int, whole: int) -> str:
    """Return a share that reads 100 % only if it is all."""
    share = 100 * part / whole
    return f"{share:.3g} %" if part == whole else f"{math.floor(share * 1000) / 1000:g} %"


def _seconds(code: int) -> float:
    return log16.decode(code) / 1e9
