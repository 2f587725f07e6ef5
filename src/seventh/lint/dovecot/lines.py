"""Lines of dovecot.conf: settings, blocks, includes (Dovecot's config-parser.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

import msgspec

from seventh.lintkit.files import Text

BLANKS = " \t\r"
_COMMENT = re.compile(r"""(?:[^"'#]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*""")
"""The part of a line before a comment; a quote that is not closed hides the rest, too."""
_ESCAPED = re.compile(r"\\(.)")


class Shape(Enum):
    """What a line is."""

    SETTING = auto()
    OPENS = auto()
    CLOSES = auto()
    INCLUDE = auto()
    INCLUDE_TRY = auto()
    WRONG = auto()


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """One logical line."""

    shape: Shape
    number: int
    """The last of its lines, as Dovecot counts."""
    first: int
    """The line that it begins with."""
    key: str = ""
    value: str = ""
    """Of a setting or a block; the pattern of an include; why a line is wrong."""
    quoted: bool = False
    opens: bool = False
    """Whether a block begins, also on a wrong line."""
    is_file: bool = False
    """Whether the value is the name of a file that has it (``<file``)."""


def parsed(text: Text) -> Iterator[Parsed]:
    """Yield the logical lines of a file; a backslash at the end of a line continues it."""
    begun = ""
    first = 0
    for number, raw in text.numbered():
        line = raw.strip(BLANKS)
        if not line or line[0] == "#":
            begun, first = "", 0
            continue
        line = _without_comment(line)
        first = first or number
        if line.endswith("\\"):
            part = line[:-1].rstrip(BLANKS)
            begun += f"{part} " if part else ""
            continue
        yield _parsed(begun + line, number, first)
        begun, first = "", 0


def _without_comment(line: str) -> str:
    match = _COMMENT.match(line)
    assert match is not None  # noqa: S101 - it matches the empty text
    rest = line[match.end() :]
    return (match[0] if rest.startswith("#") else line).rstrip(BLANKS)


def _parsed(line: str, number: int, first: int) -> Parsed:
    match = re.match(r"([^ \t\r=]*)[ \t\r]*", line)
    assert match is not None  # noqa: S101 - it matches the empty text
    key, rest = match[1], line[match.end() :]
    if key in {"!include", "!include_try"}:
        shape = Shape.INCLUDE if key == "!include" else Shape.INCLUDE_TRY
        return Parsed(shape=shape, value=rest, number=number, first=first)
    if rest.startswith("="):
        return _setting(key, rest[1:].lstrip(BLANKS), number, first)
    if key == "}" and not rest:
        return Parsed(shape=Shape.CLOSES, number=number, first=first)
    return _block(key, rest, number, first)


def _setting(key: str, value: str, number: int, first: int) -> Parsed:
    is_file = value.startswith("<")
    quoted = not is_file and len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]
    if is_file:
        value = value[1:].lstrip(BLANKS)
    elif quoted:
        value = _ESCAPED.sub(r"\1", value[1:-1])
    return Parsed(shape=Shape.SETTING, key=key, value=value, quoted=quoted, is_file=is_file,
                  number=number, first=first)  # fmt: skip


def _block(key: str, rest: str, number: int, first: int) -> Parsed:
    """Return ``key [name] {``; ``group @name name {`` of 2.4 has two names."""
    name = ""
    if not rest.startswith("{"):
        if rest.startswith('"'):
            name, _, rest = rest[1:].partition('"')
            name = _ESCAPED.sub(r"\1", name)
            rest = rest.lstrip(BLANKS)
        else:
            word = re.match(r"([^ \t\r]*)[ \t\r]*", rest)
            assert word is not None  # noqa: S101 - it matches the empty text
            name, rest = word[1], rest[word.end() :]
        if key == "group" and not rest.startswith("{"):
            second, _, tail = rest.partition(" ")
            name, rest = f"{name} {second}", tail.lstrip(BLANKS)
    why = "" if rest == "{" else "garbage after {" if rest.startswith("{") else "expecting {"
    return Parsed(shape=Shape.WRONG if why else Shape.OPENS, key=key, value=why or name,
                  opens=rest.startswith("{"), number=number, first=first)  # fmt: skip
