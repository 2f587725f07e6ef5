"""The header of a message: its fields, byte for byte, within limits."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

MAX_HEADER_BYTES = 1 << 20
MAX_FIELDS = 2000
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


class Field(msgspec.Struct, frozen=True):
    """One header field, with the CRLF at its end."""

    raw: bytes

    @property
    def name(self) -> str:
        """The name as it is written."""
        return self.raw.partition(b":")[0].rstrip(b" \t").decode("ascii", "replace")

    @property
    def value(self) -> bytes:
        """What follows the colon, without the CRLF at its end."""
        return self.raw.partition(b":")[2].removesuffix(b"\r\n")

    @property
    def text(self) -> str:
        """The value in one line."""
        return " ".join(self.value.decode("utf-8", "replace").split())


def read_header(data: bytes) -> tuple[Field, ...]:
    """Return the fields; a line that belongs to none is left out.

    Lines end at CRLF only: a bare CR or LF is part of a line.
    """
    fields: list[Field] = []
    lines: list[bytes] = []
    for line in filter(None, data.split(b"\r\n")):
        if line[:1] in {b" ", b"\t"}:
            if lines:
                lines.append(line + b"\r\n")
            continue
        if lines:
            fields.append(Field(b"".join(lines)))
        if len(fields) >= MAX_FIELDS:
            return tuple(fields)
        lines = [line + b"\r\n"] if _NAME.match(line) else []
    if lines:
        fields.append(Field(b"".join(lines)))
    return tuple(fields)


def named(fields: Sequence[Field], name: str) -> list[Field]:
    """Return the fields of that name, the topmost first."""
    return [field for field in fields if field.name.lower() == name]
