"""What the judges of directives' words share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from seventh.lint.nginx import values
from seventh.lint.nginx.known import Version

Words = tuple[str, ...]
Judge = Callable[[str, Words, Version], str | None]
_PCRE = {
    "missing ), unterminated subpattern": "missing closing parenthesis",
    "unbalanced parenthesis": "unmatched closing parenthesis",
    "unterminated character set": "missing terminating ] for character class",
}
"""What Python says of a pattern, and what PCRE does."""
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


def pattern(text: str) -> str | None:
    """Say why PCRE refuses a pattern; None unless its brackets do not close.

    Python's patterns are not PCRE's, so that no other complaint of it counts.
    """
    if len(text) > 2000 or re.search(r"\\[QE]|\(\?[(|#&PR0-9+]", text):
        return None
    try:
        re.compile(text)
    except re.error as error:
        if error.msg in _PCRE:
            return f'pcre2_compile() failed: {_PCRE[error.msg]} in "{text}"'
    except (RecursionError, OverflowError):
        return None
    return None
