"""What the judges of directives' words share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from seventh.lint.nginx import values
from seventh.lint.nginx.directives import Version

Words = tuple[str, ...]
Judge = Callable[[str, Words, Version], str | None]
_PIECE = re.compile(r"\\.|\[\^?+\]?+(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*+\]|[()\[]", re.DOTALL)
"""An escape, a whole class of characters, or a bracket by itself."""
_NOT_READ = re.compile(r"\\[QE]|\(\?(?:#|[a-wyzA-Z-]*x)")
"""Quoting, comments, and patterns whose blanks and comments do not count."""
ON_OFF = frozenset({"on", "off"})


def invalid(word: str) -> str:
    """Make nginx's complaint about a parameter."""
    return f'invalid parameter "{word}"'


def first_bad(words: Words, bad: Callable[[str], bool]) -> str | None:
    """Complain about the first word that is bad."""
    return next((invalid(word) for word in words if bad(word)), None)


def named(words: Words, readers: Mapping[str, Callable[[str], bool]]) -> str | None:
    """Read ``NAME=VALUE`` each; a name without ``=`` in ``readers`` is a word that stands alone."""
    for word in words:
        name, separator, value = word.partition("=")
        reader = readers.get(name + separator)
        if reader is None or not reader(value):
            return invalid(word)
    return None


def is_(reader: Callable[[str], int | None], least: int = 0) -> Callable[[str], bool]:
    """Make a test of a reader: whether a text has a value, and one that is large enough."""

    def fits(text: str) -> bool:
        value = reader(text)
        return value is not None and value >= least

    return fits


def anything(_: str) -> bool:
    """Take any text."""
    return True


whole = is_(values.number)
above_zero = is_(values.number, 1)


def is_hostname(text: str) -> bool:
    """Return whether a name has a ``*`` as its whole first or last label, if it has one."""
    return re.fullmatch(r"[^*]*|\*\.[^*]+|[^*]+\.\*", text) is not None


def pattern(text: str) -> str | None:
    """Say why PCRE refuses a pattern, as far as its brackets tell; None where they close."""
    if _NOT_READ.search(text):
        return None
    depth = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if depth < 0:
            return f'pcre2_compile() failed: unmatched closing parenthesis in "{text}"'
        if piece == "[":
            return f'pcre2_compile() failed: missing terminating ] for character class in "{text}"'
    if depth:
        return f'pcre2_compile() failed: missing closing parenthesis in "{text}"'
    return None
