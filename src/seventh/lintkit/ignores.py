"""Comments that accept a finding: ``# seventh: ignore=SSH-AGENTFWD reason``.

At the end of a line, or alone above it, such a comment is for the findings of that line. A finding
without a line in the files, such as one of a default, is accepted anywhere in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from seventh.model.source import Line

_MARK = "seventh:"
_COMMENT = re.compile(
    r"(?P<before>.*?)(?<!\S)#[#\s]*seventh:\s*ignore\s*=\s*"
    r"(?P<ids>[A-Za-z0-9_-]+(?:,[A-Za-z0-9_-]+)*)(?P<reason>.*)"
)


class Ignore(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a comment names."""

    rule: str
    reason: str
    at: Line
    line: int | None
    """The line that it is for; None at the end of the file."""

    def covers(self, source: tuple[Line, ...]) -> bool:
        """Return whether a finding with these lines as its evidence is accepted."""
        placed = [line for line in source if line.line is not None]
        if not placed:
            return True
        return any((line.file, line.line) == (self.at.file, self.line) for line in placed)


def find(name: str, lines: tuple[str, ...]) -> Iterator[Ignore]:
    """Yield what the comments of a file accept."""
    for number, text in enumerate(lines, 1):
        if _MARK not in text or (match := _COMMENT.match(text)) is None:
            continue
        line = number if match["before"].strip() else _next(lines, number)
        for rule in match["ids"].split(","):
            yield Ignore(
                rule=rule.upper(),
                reason=match["reason"].strip(" \t:-"),
                at=Line(file=name, line=number, text=text.strip()),
                line=line,
            )


def _next(lines: tuple[str, ...], number: int) -> int | None:
    """Return the number of the next line that is neither empty nor a comment."""
    for below, text in enumerate(lines[number:], number + 1):
        if text.strip() and not text.lstrip().startswith("#"):
            return below
    return None
