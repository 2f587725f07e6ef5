"""Changes of lines in files: placed by a linter, applied to the files' bytes, shown as a patch."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from seventh.model.source import Line

if TYPE_CHECKING:
    from seventh.lintkit.linted import View


class Why(StrEnum):
    """Why the fix of a finding is not written."""

    KIND = "kind"
    """Fixes for such a file are not lines of it."""
    CHOICE = "choice"
    """A person has to complete it or to choose."""
    NOT_LINES = "not-lines"
    """It is prose, a command, or for another file."""
    NO_PLACE = "no-place"
    OUTSIDE = "outside"
    """The line is in a file that does not belong to the linted configuration."""
    STAYS = "stays"
    """The finding would still be there."""
    CAUSES = "causes"
    """Another finding at least as severe would appear."""
    REFUSED = "refused"
    """The program, or its linter here, would refuse the file."""
    LIMIT = "limit"
    """It was not tried: there are too many findings."""


class NotPlaced(Exception):  # noqa: N818 - an answer of a placing function, not an error
    """The fix cannot be written, with the reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Edit(msgspec.Struct, frozen=True):
    """Lines of a file in place of ``count`` lines from ``line`` on; none are replaced by 0."""

    file: str
    line: int
    """From 1; one more than the file has appends."""
    count: int
    lines: tuple[str, ...]


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What a placing function is given."""

    rule: str
    lines: tuple[str, ...]
    """The fix as it is printed, comments included."""
    evidence: tuple[Line, ...]
    view: View
    main: str
    """The name of the linted file."""
    texts: Mapping[str, Sequence[str]]
    """By name, the lines of each file that was read."""
    software: str
    """The version that was judged, such as ``nginx 1.22.1``."""

    def raw(self, at: Line) -> str:
        """Return a line as the file has it; empty if there is no such line."""
        lines = self.texts.get(at.file, ())
        return lines[at.line - 1] if at.line is not None and at.line <= len(lines) else ""


Place = Callable[[Fix], Sequence[Edit]]
"""Turns a fix into edits; raises NotPlaced."""


class Validator(msgspec.Struct, frozen=True, kw_only=True):
    """How the installed program is asked whether it accepts a file, without applying it."""

    command: tuple[str, ...]
    """``{file}`` is the file, ``{beside}`` its folder, ``{folder}`` a temporary folder."""
    prepare: tuple[str, ...] = ()
    """A command that is run before, in the temporary folder."""
    include: str = ""
    """A regular expression for a line that includes files, whose group ``names`` has them."""
    system: str = ""
    """The folder of the program's files, such as ``/etc/ssh``."""
    unsafe: str = ""
    """A regular expression for what would make the program run code, wherever it is in a file's
    text without quotes and backslashes. Better too much than too little: it is not asked then."""


def lines_of(data: bytes) -> list[str]:
    """Return the lines without their ends; any byte survives :func:`changed`."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def changed(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return a file's bytes with edits of it; its line ends are kept.

    Raises ValueError for edits that overlap or are beyond the end.
    """
    lines = data.split(b"\n")
    ended = not lines[-1]
    if ended:
        lines.pop()
    end = b"\r" if lines and lines[0].endswith(b"\r") else b""
    below = len(lines) + 1
    # From below; what is inserted before a line after its replacement, the later insertion first.
    order = sorted(
        enumerate(edits), key=lambda pair: (pair[1].line, pair[1].count > 0, pair[0]), reverse=True
    )
    for _, edit in order:
        if not 1 <= edit.line <= edit.line + edit.count <= below:
            raise ValueError("edits overlap or are beyond the end of the file")
        new = [line.encode("utf-8", "surrogateescape") + end for line in edit.lines]
        lines[edit.line - 1 : edit.line - 1 + edit.count] = new
        below = edit.line
    if not lines:
        return b""
    if not ended and data:
        lines[-1] = lines[-1].removesuffix(b"\r")
        return b"\n".join(lines)
    return b"\n".join(lines) + b"\n"


def unified(name: str, before: bytes, after: bytes) -> bytes:
    """Return a patch that ``patch -p0`` and ``git apply -p0`` take; empty where nothing changed."""
    shown = name.encode("utf-8", "surrogateescape")
    if b" " in shown:
        shown += b"\t"  # ends a name with blanks
    made = difflib.diff_bytes(
        difflib.unified_diff, _with_ends(before), _with_ends(after), shown, shown, lineterm=b"\n"
    )
    return b"".join(
        line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
        for line in made
    )  # fmt: skip


def _with_ends(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + [lines[-1]] * bool(lines[-1])
