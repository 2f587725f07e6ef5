"""Text laid out to a width in columns."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

_PROSE_WIDTH = 100


def width_after(indent: int, width: int) -> int:
    """Return the width of prose that begins at column ``indent`` of ``width``."""
    return max(20, min(width, _PROSE_WIDTH + indent) - indent)


def wrap(text: Text, width: int) -> list[Text]:
    """Break ``text`` into lines of at most ``width`` columns, between words if possible."""
    lines = list(text.wrap(_measure(), width))
    for line in lines:
        line.rstrip()
    return lines


def wrapped(text: Text, hang: int, width: int) -> Iterator[Text]:
    """Yield ``text`` as one line if it fits, else with further lines indented to ``hang``."""
    if text.cell_len <= width:
        yield text
        return
    head, *_ = wrap(text, width_after(0, width))
    yield head
    rest = text[len(head) :]
    rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
    for line in wrap(rest, width_after(hang, width)):
        yield Text.assemble(" " * hang, line)


@functools.cache
def _measure() -> Console:
    return Console(file=io.StringIO(), _environ={})
