"""Logical lines of main.cf and master.cf: a line that begins with blanks continues the one before.

Comments and empty lines may stand within a logical line (Postfix's readlline(3)).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seventh.lintkit.files import Text

SPACE = " \t\n\v\f\r"
"""What C calls blank."""


class Logical(msgspec.Struct, frozen=True, kw_only=True):
    """A logical line."""

    number: int
    """The line that it begins with."""
    last: int
    """The last line with a part of it."""
    text: str


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """A continuation of nothing: Postfix warns, and skips it."""

    number: int


def logical(text: Text) -> Iterator[Logical | Stray]:
    """Yield the logical lines of a file."""
    parts: list[str] = []
    first = last = 0
    for number, line in text.numbered():
        bare = line.strip(SPACE)
        if not bare or bare[0] == "#":
            continue
        if line[0] in SPACE:
            if parts:
                parts.append(line)
                last = number
            else:
                yield Stray(number=number)
            continue
        if parts:
            yield Logical(number=first, last=last, text="".join(parts))
        parts, first, last = [line], number, number
    if parts:
        yield Logical(number=first, last=last, text="".join(parts))
