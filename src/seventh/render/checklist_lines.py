"""A debugging checklist as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from seventh.model.checklist import LineVerdict
from seventh.render.checklist import VERDICTS, tally
from seventh.render.entries import ChecklistEntry

_STYLES = {
    LineVerdict.PASS: "green",
    LineVerdict.FAIL: "bold red",
    LineVerdict.NOT_LOOKED_AT: "magenta",
    LineVerdict.NOT_APPLICABLE: "dim",
}
COLUMN = 4 + max(map(len, VERDICTS.values()))
"""The column of the statements, and of the text below them."""


def lines(entries: Sequence[ChecklistEntry], width: int) -> Iterator[Text]:
    """Yield the lines of the checklist, protocol by protocol; the caller wraps long ones."""
    yield Text.assemble(("  checklist  ", "dim"), tally(entries))
    for room, of_room in groupby(entries, key=lambda entry: entry.room):
        yield Text(f"  {room}", "dim")
        for _, alike in groupby(of_room, key=_text_below):
            yield from _block(list(alike), width)


def _text_below(entry: ChecklistEntry) -> tuple[str, ...]:
    """Return what consecutive lines must share for their common text to be printed once."""
    passes = entry.verdict is LineVerdict.PASS
    return (entry.verdict, entry.evidence, entry.look, entry.line if passes else "")


def _block(alike: Sequence[ChecklistEntry], width: int) -> Iterator[Text]:
    """Yield verdicts and statements, then the evidence and what to type.

    The evidence of a pass is on its line if it fits.
    """
    last = alike[-1]
    fails = last.verdict is LineVerdict.FAIL
    verdict = (f"  {VERDICTS[last.verdict]:<{COLUMN - 2}}", _STYLES[last.verdict])
    for entry in alike[:-1]:
        yield Text.assemble(verdict, (entry.line, "bold" if fails else ""))
    head = Text.assemble(verdict, (last.line, "bold" if fails else ""))
    beside = Text.assemble(head, (f"  {last.evidence}", "dim"))
    if last.verdict is LineVerdict.PASS and beside.cell_len <= width:
        yield beside
        return
    yield head
    yield _below(last.evidence, "" if fails else "dim")
    if last.found:
        yield _below(f"fix: see below, or seventh explain {' '.join(last.found)}", "green")
    if last.look:
        yield _below(f"to check: {last.look}", "cyan")


def _below(text: str, style: str) -> Text:
    return Text(" " * COLUMN + text, style)
