"""Where in a file a fact stands: the evidence of ``lint``."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file, or a default that holds because no line says otherwise."""

    file: str
    line: int | None
    """From 1; None where the value is the program's default, or the file as a whole is meant."""
    text: str
    """The effective setting as its file would write it, such as ``PermitRootLogin yes``; for a
    default, with the version that it is the default of."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.text}"
