"""Replies: statuses, rewriting, files, lifetimes."""

from __future__ import annotations

import re

from seventh.lint.nginx import values
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.parameters.judging import Words, invalid, pattern


def returns(_: str, words: Words, __: Version) -> str | None:
    """Judge ``return``."""
    code = values.number(words[0])
    if code is not None and code <= 999:
        return None
    if len(words) == 1 and re.match(r"https?://|\$scheme", words[0]):
        return None
    return f'invalid return code "{words[0]}"'


def rewrites(_: str, words: Words, __: Version) -> str | None:
    """Judge ``rewrite``."""
    if len(words) == 3 and words[2] not in {"last", "break", "redirect", "permanent"}:
        return invalid(words[2])
    return pattern(words[0])


def error_page(_: str, words: Words, __: Version) -> str | None:
    """Judge ``error_page``."""
    codes = list(words[:-1])
    if len(codes) > 1 and codes[-1].startswith("="):
        code = codes.pop()
        if len(code) > 1 and values.number(code[1:]) is None:
            return f'invalid value "{code}"'
    for code in codes:
        value = values.number(code)
        if value is None or value == 499:
            return f'invalid value "{code}"'
        if not 300 <= value <= 599:
            return f'value "{code}" must be between 300 and 599'
    return None


def try_files(_: str, words: Words, __: Version) -> str | None:
    """Judge ``try_files``."""
    last = words[-1]
    if last.startswith("="):
        code = values.number(last[1:])
        if code is None or code > 999:
            return f'invalid code "{last}"'
    return None


def expires(name: str, words: Words, _: Version) -> str | None:
    """Judge ``expires``."""
    why = f'"{name}" directive invalid value'
    *before, time = words
    if before and before != ["modified"]:
        return why
    if "$" in time:
        return None
    if time in {"epoch", "max", "off"}:
        return why if before else None
    if time.startswith("@"):
        if before:
            return f'"{name}" directive daily time cannot be used with "modified" parameter'
        value = values.seconds(time[1:])
        if value is not None and value > 86400:
            return f'"{name}" directive daily time value must be less than 24 hours'
    else:
        value = values.seconds(time[1:] if time[:1] in {"+", "-"} else time)
    return why if value is None else None
