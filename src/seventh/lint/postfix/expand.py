"""Expansion of ``$name``, ``${name?then:else}`` and ``${{a} == {b} ? {then} : {else}}``.

As Postfix's mac_expand(3) does it, errors included. What depends on the machine is unknown, and so
is every text with it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from seventh.lint.postfix.lines import SPACE

MAX_DEPTH = 100
"""Postfix's own limit on nested references."""
MAX_WORK = 4000
"""References in one value; beyond it the value counts as unknown."""
MAX_CHARS = 64 * 1024
Lookup = Callable[[str], str | None]
"""Gives a parameter's value, empty for one that is not set; None where it is not known."""
_NAME = re.compile(r"[A-Za-z0-9_]*")
_LITERAL = re.compile(r"[^$]+")
_OPERATOR = re.compile(r"[<>!=?+\-*/~&|%]*")
_SUFFIX = re.compile(r"[A-Za-z0-9]*")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">=": operator.ge, ">": operator.gt,
}  # fmt: skip
_CLOSES = {"(": ")", "{": "}"}


class BadReferenceError(ValueError):
    """A reference that Postfix cannot read; it does not start."""


class _UnknownError(Exception):
    """A value that only the machine knows is needed."""


def expand(value: str, lookup: Lookup) -> str | None:
    """Return a value with its references replaced; None if a needed one is not known.

    Raises BadReferenceError for what Postfix refuses.
    """
    expansion = _Expansion(lookup)
    try:
        expansion.add(value)
    except _UnknownError:
        return None
    return "".join(expansion.out)


class _Expansion:
    """The state of :func:`expand`."""

    def __init__(self, lookup: Lookup, depth: int = 0) -> None:
        self.out: list[str] = []
        self._lookup = lookup
        self._depth = depth
        self._work = 0
        self._chars = 0

    def add(self, value: str) -> None:
        """Expand a text (mac_parse)."""
        at = 0
        while at < len(value):
            if value[at] != "$":
                match = _LITERAL.match(value, at)
                assert match is not None  # noqa: S101
                self._put(match[0])
                at = match.end()
            elif value[at + 1 : at + 2] == "$":
                self._put("$")
                at += 2
            else:
                body, at = _reference(value, at + 1)
                self._refer(body)

    def _put(self, text: str) -> None:
        self._chars += len(text)
        if self._chars > MAX_CHARS:
            raise _UnknownError
        self.out.append(text)

    def _refer(self, body: str) -> None:
        """Expand what is between the braces (mac_expand_callback)."""
        self._depth += 1
        self._work += 1
        if self._depth > MAX_DEPTH:
            raise BadReferenceError(f"references are nested more than {MAX_DEPTH} deep")
        if self._work > MAX_WORK:
            raise _UnknownError
        start = body.lstrip(SPACE)
        if start.startswith("{"):
            found, rest = self._compared(start)
            if rest and rest[0] not in "?:":
                raise BadReferenceError('"?" or ":" expected after a comparison')
        else:
            name, rest = _named(start)
            got = self._lookup(name)
            if got is None:
                raise _UnknownError
            found = got
        self._choose(found, rest)
        self._depth -= 1

    def _choose(self, found: str, rest: str) -> None:
        """Add the value, or the text that follows ``?`` or ``:``."""
        if not rest:
            self.add(found)
            return
        if rest[0] == "?":
            then, rest = _operand(rest[1:])
            if found:
                self.add(then)
            if not rest:
                return
            if rest[0] != ":":
                raise BadReferenceError('":" expected after the text for a set parameter')
        otherwise, rest = _operand(rest[1:])
        if not found:
            self.add(otherwise)
        if rest:
            raise BadReferenceError("text after a conditional expression")

    def _compared(self, body: str) -> tuple[str, str]:
        """Return the result of a comparison, empty for false, and what follows it."""
        left, rest = _braced(body)
        match = _OPERATOR.match(rest)
        assert match is not None  # noqa: S101
        compare = _COMPARE.get(match[0])
        if compare is None:
            raise BadReferenceError("a comparison needs ==, !=, <, <=, >= or >")
        suffix = _SUFFIX.match(rest, match.end())
        assert suffix is not None  # noqa: S101
        if suffix[0] not in {"", "level"}:
            raise BadReferenceError(f"unknown comparison {match[0]}{suffix[0]}")
        rest = rest[suffix.end() :].lstrip(SPACE)
        if not rest.startswith("{"):
            raise BadReferenceError("a comparison needs {expression} on both sides")
        right, rest = _braced(rest)
        one, two = self._inner(left), self._inner(right)
        keys = (_level(one), _level(two)) if suffix[0] else _keys(one, two)
        return ("true" if compare(*keys) else ""), rest

    def _inner(self, text: str) -> str:
        inner = _Expansion(self._lookup, self._depth)
        inner._work = self._work
        inner.add(text)
        self._work = inner._work
        return "".join(inner.out)


def _reference(value: str, at: int) -> tuple[str, int]:
    """Return the text of the reference that begins at ``at``, and where it ends."""
    opened = value[at : at + 1]
    if opened not in _CLOSES:
        match = _NAME.match(value, at)
        assert match is not None  # noqa: S101
        body, end = match[0], match.end()
    else:
        end = _balanced(value, at, opened, _CLOSES[opened])
        body = value[at + 1 : end - 1]
    if not body:
        raise BadReferenceError('"$" without a name; a literal one is "$$"')
    return body, end


def _balanced(text: str, at: int, opened: str, closes: str) -> int:
    """Return the end of what begins with a parenthesis at ``at``."""
    level = 0
    for match in re.finditer(f"[{re.escape(opened + closes)}]", text[at:]):
        level += 1 if match[0] == opened else -1
        if not level:
            return at + match.end()
    raise BadReferenceError(f'"{opened}" is not closed')


def _braced(text: str) -> tuple[str, str]:
    """Return what is between the braces that ``text`` begins with, and what follows."""
    end = _balanced(text, 0, "{", "}")
    return text[1 : end - 1], text[end:].lstrip(SPACE)


def _operand(text: str) -> tuple[str, str]:
    """Return the text after ``?`` or ``:``, in braces or up to the end."""
    stripped = text.lstrip(SPACE)
    return _braced(stripped) if stripped.startswith("{") else (text, "")


def _named(text: str) -> tuple[str, str]:
    """Return the name that a reference begins with, and the rest from ``?`` or ``:`` on."""
    match = _NAME.match(text)
    assert match is not None  # noqa: S101
    rest = text[match.end() :].lstrip(SPACE)
    if rest and rest[0] not in "?:":
        raise BadReferenceError(f'"{text[:40]}" is not the name of a parameter')
    return match[0], rest


def _keys(one: str, two: str) -> tuple[object, object]:
    """Return what is compared: numbers if both are, else bytes."""
    if all(text.isascii() and text.isdigit() for text in (one, two)):
        return int(one[:20]), int(two[:20])
    return one.encode("utf-8", "surrogateescape"), two.encode("utf-8", "surrogateescape")


def _level(text: str) -> tuple[int, ...]:
    """Return a compatibility level such as ``3.6``."""
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,3}){0,2}", text) is None:
        raise BadReferenceError(f"compatibility_level {text[:40]!r} is not a version")
    return (*map(int, text.split(".")), 0, 0)[:3]
