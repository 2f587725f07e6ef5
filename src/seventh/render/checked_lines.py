"""A debugging checklist as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from seventh.model.checklist import LineVerdict
from seventh.render.checked import VERDICTS, ChecklistEntry, tally

_STYLES = {
    LineVerdict.PASS: "green",
    LineVerdict.FAIL: "bold red",
    LineVerdict.NOT_LOOKED_AT: "magenta",
    LineVerdict.NOT_APPLICABLE: "dim",
}
COLUMN = 4 + max(map(len, VERDICTS.values()))
"""Where the statements begin, and all that is said below one."""


def lines(entries: Sequence[ChecklistEntry], width: int) -> Iterator[Text]:
    """Lay the checklist out, room by room; what is too long is the caller's to wrap."""
    yield Text.assemble(("  checklist  ", "dim"), tally(entries))
    for room, of_room in groupby(entries, key=lambda entry: entry.room):
        yield Text(f"  {room}", "dim")
        for entry in of_room:
            yield from _entry(entry, width)


def _entry(entry: ChecklistEntry, width: int) -> Iterator[Text]:
    """Give the verdict and the statement, then what it stands on and what to type.

    The evidence of a pass stands beside it where there is room.
    """
    fails = entry.verdict is LineVerdict.FAIL
    head = Text(f"  {VERDICTS[entry.verdict]:<{COLUMN - 2}}", _STYLES[entry.verdict])
    head.append(entry.line, "bold" if fails else "default")
    if entry.verdict is LineVerdict.PASS and head.cell_len + 2 + len(entry.evidence) <= width:
        head.append(f"  {entry.evidence}", "dim")
        yield head
        return
    yield head
    yield _below(entry.evidence, "" if fails else "dim")
    if fails and entry.found:
        yield _below(f"fix below, or: seventh explain {' '.join(entry.found)}", "green")
    if entry.look:
        yield _below(f"look: {entry.look}", "cyan")


def _below(text: str, style: str) -> Text:
    return Text(" " * COLUMN + text, style)
