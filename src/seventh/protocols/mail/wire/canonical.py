"""DKIM's canonical forms of header fields and bodies (RFC 6376 §3.4)."""

from __future__ import annotations

import copy
import hashlib
import re
from typing import Literal

from seventh.protocols.mail.wire.header import Field

Canon = Literal["simple", "relaxed"]
_SPACE = re.compile(rb"[ \t]{2,}|\t")
"""White space that is not a single space already: most text has little of it."""
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_OWN = re.compile(rb"((?:^|;)\s*b\s*=)[^;]*")
_ENDS_REVERSED = re.compile(rb"(?:\n\r)*")  # searched from the back, this is linear
_LONGEST_HELD = 1 << 16


def header_field(field: Field, canon: Canon) -> bytes:
    """Return a field as it is signed."""
    if canon == "simple":
        return field.raw
    name, _, value = field.raw.partition(b":")
    unfolded = _SPACE.sub(b" ", _FOLD.sub(b"", value.removesuffix(b"\r\n")))
    return name.rstrip(b" \t").lower() + b":" + unfolded.strip(b" \t") + b"\r\n"


def without_value(field: Field) -> Field:
    """Return a signature's own field with an empty b=."""
    name, _, value = field.raw.partition(b":")
    return Field(name + b":" + _OWN.sub(rb"\1", value.removesuffix(b"\r\n"), count=1) + b"\r\n")


class Body:
    """Hashes a body that comes in pieces, of any length, with CRLF as line ends."""

    def __init__(self, canon: Canon, digest: str, length: int | None = None) -> None:
        self._relaxed = canon == "relaxed"
        self._hash = hashlib.new(digest, usedforsecurity=False)
        self._left = length
        self._pending = b""
        """An unfinished line."""
        self._empty_lines = 0
        self.canonical_bytes = 0
        """The length of the canonical body so far, with what ``l=`` cuts off."""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        data = self._pending + data
        cut = data.rfind(b"\r\n") + 2
        if cut >= 2:
            self._take(data[:cut])
            data = data[cut:]
        self._pending = self._shortened(data) if len(data) > _LONGEST_HELD else data

    def _shortened(self, line: bytes) -> bytes:
        """Take what is decided of an unfinished line; return its end, which is not."""
        return_ = line[-1:] if line.endswith(b"\r") else b""
        content = line.removesuffix(b"\r")
        if self._relaxed:
            content = _SPACE.sub(b" ", content)
            return_ = content[len(content.rstrip(b" ")) :] + return_
            content = content.rstrip(b" ")
        if content:
            self._add(b"\r\n" * self._empty_lines + content)
            self._empty_lines = 0
        return return_

    def _take(self, lines: bytes) -> None:
        if self._relaxed:
            lines = _SPACE.sub(b" ", lines).replace(b" \r\n", b"\r\n")
        ends = _ENDS_REVERSED.match(lines[::-1])
        trailing = len(ends[0]) if ends is not None else 0
        if trailing == len(lines):
            self._empty_lines += trailing // 2
            return
        self._add(b"\r\n" * self._empty_lines + lines[: len(lines) - trailing])
        self._empty_lines = trailing // 2

    def _add(self, data: bytes) -> None:
        self.canonical_bytes += len(data)
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._hash.update(data)

    def copy(self) -> Body:
        """Return one that goes on from here by itself."""
        other = copy.copy(self)
        other._hash = self._hash.copy()
        return other

    def finish(self) -> bytes:
        """Return the hash: one CRLF ends the body, and a simple body is never empty."""
        self._take(self._pending + b"\r\n")  # one empty line more at the end makes no difference
        if self.canonical_bytes or not self._relaxed:
            self._add(b"\r\n")
        return self._hash.digest()
