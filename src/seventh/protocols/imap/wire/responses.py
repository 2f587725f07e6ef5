"""IMAP responses (RFC 9051 §7): lines with literals, as values, within limits."""

from __future__ import annotations

import re
from typing import TypeAlias, Union

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.wire.lines import Lines
from seventh.wire.text import quoted

MAX_LITERAL = 1024 * 1024
MAX_RESPONSE = MAX_LITERAL + 64 * 1024
MAX_NESTING = 32
MAX_VALUES = 20_000
"""The most values of one response."""
_SHOWN = 80
_LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}$")
_STATUS = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})
_TOKEN = re.compile(rb'[ ]+|[()]|"(?:[^"\\]|\\.)*"|(?:\[[^\]]{0,256}\]|[^ ()"\[])+|\[', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_CODE = re.compile(rb"\[([^\] ]+)(?: ([^\]]*))?\] ?")

Value: TypeAlias = Union[bytes, tuple["Value", ...], None]  # noqa: UP007 - it names itself
"""An atom, a string or a literal; None for NIL; a list."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One response."""

    tag: str
    """Ours, ``*`` for one without a tag, ``+`` for a continuation request."""
    name: str = ""
    """``OK``, ``CAPABILITY``, ``FETCH`` …; empty for a continuation request."""
    number: int | None = None
    """That of a message, or a count."""
    code: str = ""
    """The response code of a status, such as ``AUTHENTICATIONFAILED``."""
    arguments: tuple[str, ...] = ()
    """The words of the code."""
    text: bytes = b""
    """A status's text without its code, or that of a continuation request."""
    values: tuple[Value, ...] = ()
    """Of any other response."""


class Responses:
    """A reader of responses: :meth:`feed` what came, then :meth:`next` until it gives None."""

    def __init__(self) -> None:
        self._lines = Lines(max_bytes=MAX_RESPONSE)
        self._parts: list[bytes] = []
        """Text and literals in turn."""
        self._literal: int | None = None
        """The size of the literal that is being read."""

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self._lines.feed(data)

    def rest(self) -> bytes:
        """Take all that has arrived and was not read."""
        return self._lines.rest()

    @property
    def bare(self) -> int:
        """The number of lines so far that ended with LF alone."""
        return self._lines.bare

    def next(self) -> Response | None:
        """Return the next response; None until it is complete. Raises ProtocolViolation."""
        while True:
            if self._literal is not None:
                data = self._lines.exactly(self._literal)
                if data is None:
                    return None
                self._parts.append(data)
                self._literal = None
            line = self._lines.next()
            if line is None:
                return None
            self._parts.append(line.text)
            declared = _LITERAL.search(line.text)
            if declared is None:
                parts, self._parts = self._parts, []
                self._lines.begin()
                return parse(parts)
            size = int(declared[1])
            if size > MAX_LITERAL:
                raise ProtocolViolation(
                    f"a literal of {size} bytes is declared; at most {MAX_LITERAL} are read"
                )
            if len(self._parts) > 2 * MAX_VALUES:
                raise _too_many()
            self._parts[-1] = line.text[: declared.start()]
            self._literal = size


def parse(parts: list[bytes]) -> Response:
    """Parse a response: text and literals in turn. Raises ProtocolViolation."""
    head, *more = parts
    tag, _, rest = head.partition(b" ")
    if tag == b"+":
        return Response(tag="+", text=rest)
    name, _, after = rest.partition(b" ")
    number: int | None = None
    if tag == b"*" and name.isdigit() and len(name) <= 10:
        number = int(name)
        name, _, after = after.partition(b" ")
    if not tag or not name or not _is_atom(tag) or not _is_atom(name):
        raise _malformed(head)
    shown = name.upper().decode()
    if name.upper() in _STATUS:
        # The text of a status is for people, and may look like anything, a literal too.
        code = _CODE.match(after)
        return Response(
            tag=tag.decode(), name=shown,
            code=_ascii(code[1]).upper() if code else "",
            arguments=tuple(_ascii(word) for word in (code[2] or b"").split()) if code else (),
            text=after[code.end() :] if code else after,
        )  # fmt: skip
    values = _Values(head).read([after, *more])
    return Response(tag=tag.decode(), name=shown, number=number, values=values)


class _Values:
    """The values of a response."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._open: list[list[Value]] = [[]]
        self._count = 0

    def read(self, parts: list[bytes]) -> tuple[Value, ...]:
        for index, part in enumerate(parts):
            if index % 2:
                self._add(part)
            else:
                self._text(part)
        if len(self._open) > 1:
            raise _malformed(self._head)
        return tuple(self._open[0])

    def _text(self, text: bytes) -> None:
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _malformed(self._head)
            at = found.end()
            token = found[0]
            if token == b"(":
                if len(self._open) > MAX_NESTING:
                    raise ProtocolViolation(f"lists are nested more than {MAX_NESTING} deep")
                self._open.append([])
            elif token == b")":
                if len(self._open) == 1:
                    raise _malformed(self._head)
                self._add(tuple(self._open.pop()))
            elif token[:1] == b'"':
                self._add(_ESCAPED.sub(rb"\1", token[1:-1]))
            elif token[:1] != b" ":
                self._add(None if token.upper() == b"NIL" else token)

    def _add(self, value: Value) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            raise _too_many()
        self._open[-1].append(value)


def _is_atom(word: bytes) -> bool:
    return word.isascii() and word.decode("ascii").isprintable() and not set(word) & set(b'(){"\\')


def _ascii(word: bytes) -> str:
    return word.decode("ascii", "backslashreplace")


def _malformed(line: bytes) -> ProtocolViolation:
    return ProtocolViolation(f"a malformed IMAP response: {quoted(line, _SHOWN)}")


def _too_many() -> ProtocolViolation:
    return ProtocolViolation(f"a response has more than {MAX_VALUES} values")


def words_of(response: Response) -> tuple[str, ...]:
    """Return the values that are words, in upper case, such as capabilities."""
    words = (value for value in response.values if isinstance(value, bytes))
    return tuple(dict.fromkeys(_ascii(word).upper() for word in words))


def quote(text: str) -> bytes:
    """Return a quoted string. Raises ValueError for what needs a literal."""
    if not text.isascii() or not text.isprintable():
        raise ValueError(text)
    return b'"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').encode()
