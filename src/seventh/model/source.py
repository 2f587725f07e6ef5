"""Lines of files, the evidence of ``lint``."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file, or a default that applies because no line sets it."""

    file: str
    line: int | None
    """From 1; None for a default of the program, and for the file as a whole."""
    text: str
    """The effective setting as the file would write it, such as ``PermitRootLogin yes``; a
    default with its program's version."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.text}"
