"""The head of an HTTP/1 response, read as leniently as by curl and browsers (RFC 9112 §4, §5).

Deviations from the grammar are noted. Heads that no client accepts raise ProtocolViolation, and so
do those that leave the end of the content ambiguous.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.web import content, limits
from seventh.web.message import Fields
from seventh.wire.text import quoted


class Deviation(StrEnum):
    """A deviation from HTTP/1.1's grammar that clients accept."""

    BARE_LF = "bare-lf"
    FOLDED = "obs-fold"
    STATUS_LINE = "status-line"
    SPACE_BEFORE_COLON = "space-before-colon"
    FIELD_NAME = "field-name"
    NO_COLON = "no-colon"
    CONTROL = "control-character"
    BLANK_LINE_FIRST = "blank-line-first"
    LENGTH_AND_CHUNKED = "length-and-chunked"
    LENGTH_TWICE = "length-twice"
    IDENTITY = "transfer-encoding-identity"
    TRANSFER_CODING = "transfer-coding"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A response's status line and header fields."""

    status: int
    old: bool
    """Whether its version is before HTTP/1.1."""
    reason: str
    fields: Fields
    deviations: frozenset[Deviation]
    chunked: bool = False
    length: int | None = None
    """Content-Length, if it ends the content."""
    codings: tuple[str, ...] = ()
    """Transfer codings besides ``chunked``, in the order of their application."""

    def get(self, name: str) -> str | None:
        """Return the first field of that name (in lower case)."""
        return next((value for known, value in self.fields if known == name), None)

    def listed(self, name: str) -> frozenset[str]:
        """Return the tokens of a comma-separated field, in lower case."""
        members = (m.strip().lower() for n, v in self.fields if n == name for m in v.split(","))
        return frozenset(m for m in members if m)

    @property
    def persists(self) -> bool:
        """Whether the connection persists after this response (RFC 9112 §9.3)."""
        options = self.listed("connection")
        return "close" not in options and (not self.old or "keep-alive" in options)


_STATUS = re.compile(rb"(?i:HTTP)/(\d\.\d|1)[ \t]+(\d{3})(?:[ \t]+(.*))?", re.DOTALL)
_STRICT = re.compile(rb"HTTP/1\.[01] \d{3}(?: .*)?", re.DOTALL)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = re.compile(rb"[\x01-\x08\x0b-\x1f\x7f]")
_MAX_DIGITS = 18
_SHOWN = 60


def read_head(raw: bytes) -> Head:
    """Read a whole head with its blank line. Raises ProtocolViolation."""
    odd: set[Deviation] = set()
    if raw.count(b"\n") != raw.count(b"\r\n"):
        odd.add(Deviation.BARE_LF)
    status_line, *lines = [line.removesuffix(b"\r") for line in raw.rstrip(b"\r\n").split(b"\n")]
    found = _STATUS.fullmatch(status_line)
    if found is None or found[2] < b"100":
        raise ProtocolViolation(f"the status line is malformed: {quoted(status_line, _SHOWN)}")
    if not _STRICT.fullmatch(status_line):
        odd.add(Deviation.STATUS_LINE)
    fields = _fields(lines, odd)
    codings, chunked = _transfer_codings(fields, odd)
    length = None
    if not (chunked or codings):
        length = _length(fields, odd)
    elif any(name == "content-length" for name, _ in fields):
        odd.add(Deviation.LENGTH_AND_CHUNKED)
    return Head(
        status=int(found[2]),
        old=found[1] < b"1.1",
        reason=(found[3] or b"")[: limits.MAX_REASON].decode("latin-1"),
        fields=fields,
        deviations=frozenset(odd),
        chunked=chunked,
        length=length,
        codings=codings,
    )


def _fields(lines: list[bytes], odd: set[Deviation]) -> Fields:
    found: list[tuple[str, bytes]] = []
    for line in lines:
        if b"\0" in line:
            raise ProtocolViolation(f"a header field contains a NUL byte: {quoted(line, _SHOWN)}")
        if line[:1] in {b" ", b"\t"} and found:
            odd.add(Deviation.FOLDED)
            name, value = found[-1]
            found[-1] = name, value + b" " + line.strip(b" \t")
            continue
        name_part, colon, value = line.partition(b":")
        name_bytes = name_part.strip(b" \t")
        if not colon or not name_bytes:
            odd.add(Deviation.NO_COLON)
            continue
        if name_part != name_bytes:
            odd.add(Deviation.SPACE_BEFORE_COLON)
        if not _NAME.fullmatch(name_bytes):
            odd.add(Deviation.FIELD_NAME)
        if _CONTROLS.search(value):
            odd.add(Deviation.CONTROL)
        found.append((name_bytes.decode("latin-1").lower(), value.strip(b" \t")))
    return tuple([(name, value.decode("latin-1")) for name, value in found])


def _transfer_codings(fields: Fields, odd: set[Deviation]) -> tuple[tuple[str, ...], bool]:
    """Return the transfer codings besides ``chunked``, and whether that is last (RFC 9112 §6.1)."""
    named = [v.strip().lower() for n, value in fields if n == "transfer-encoding"
             for v in value.split(",")]  # fmt: skip
    codings = [name for name in named if name and name != "identity"]
    if "identity" in named:  # RFC 2616's name for no coding
        odd.add(Deviation.IDENTITY)
    chunked = codings[-1:] == ["chunked"]
    others = codings[:-1] if chunked else codings
    for name in others:
        if name == "chunked":
            raise ProtocolViolation("Transfer-Encoding names chunked twice, or not as the last")
        if name not in content.NAMES:
            raise ProtocolViolation(f"unknown transfer coding {quoted(name, 40)}")
        odd.add(Deviation.TRANSFER_CODING)
    return tuple(others), chunked


def _length(fields: Fields, odd: set[Deviation]) -> int | None:
    """Return Content-Length; repeats of one number are accepted (RFC 9112 §6.3)."""
    named = [v.strip() for n, value in fields if n == "content-length" for v in value.split(",")]
    for value in named:
        if not (value.isascii() and value.isdigit()) or len(value) > _MAX_DIGITS:
            raise ProtocolViolation(f"Content-Length is not a number: {quoted(value, 40)}")
    lengths = {int(value) for value in named}
    if len(lengths) > 1:
        shown = " and ".join(map(str, sorted(lengths)[:4]))
        raise ProtocolViolation(f"the response has different lengths: Content-Length {shown}")
    if len(named) > 1:
        odd.add(Deviation.LENGTH_TWICE)
    return lengths.pop() if lengths else None
