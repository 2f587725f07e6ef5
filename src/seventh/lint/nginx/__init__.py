"""nginx's files."""

from __future__ import annotations

import re

from seventh.lint.nginx import conf, directives, dump, fix, views
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator

_LOOKED_AT = 400
"""Lines that are looked at to tell what a file is."""
_LOOKED_AT_CHARS = 1000
"""Of each of them."""
_LINE = re.compile(r"\s*([^\s;{}]+)(?:\s[^;{}]*)?([;{])\s*(?:#.*)?$")
_WORD = re.compile(r"\s*(?:([a-z][a-z0-9_]*)(?=[\s;{])[^;{]*[;{]|\})")
_CLOSES = re.compile(r"\s*\}[\s}]*(?:#.*)?$")
_OTHERS = re.compile(r"\s*(?:\[[^\]]*\]\s*$|[\w.-]+\s*=\s|@)")
"""A section in brackets, an assignment, a word with an at sign: other programs' files."""


def _looked_at(lines: tuple[str, ...]) -> list[str]:
    return [line[:_LOOKED_AT_CHARS] for line in lines[:_LOOKED_AT]]


def _looks(lines: tuple[str, ...]) -> int:
    """Lines with a known directive that end as nginx's do, and braces that close their blocks.

    None are counted where more lines end so that begin with another word: the file is another
    program's with the same braces.
    """
    if lines and dump.HEAD.match(lines[0]):
        return 0  # nginx -T
    fitting = closes = unknown = 0
    in_table = False
    for line in _looked_at(lines):
        match = _LINE.match(line)
        if _OTHERS.match(line) and not in_table:
            return 0
        if match is not None and any(
            match[1] in directives.directives(t) for t in directives.TABLES
        ):
            fitting += 1
            in_table = in_table or (match[1] in directives.DATA and match[2] == "{")
        elif _CLOSES.match(line):
            closes += 1
            in_table = False
        elif match is not None and not in_table:
            unknown += 1
    return 0 if unknown > fitting else fitting + min(fitting, closes)


def _looks_printed(lines: tuple[str, ...]) -> int:
    """Return the lines that look like nginx's, and the first: the name of a file."""
    if not lines or not dump.HEAD.match(lines[0]):
        return 0
    return 1 + _looks(lines[1:])


def _fits(lines: tuple[str, ...]) -> int:
    """Return lines that begin with a known directive and its mark, and closing braces."""
    words = map(_WORD.match, _looked_at(lines))
    return sum(1 for word in words if word is not None
               and (word[1] is None or word[1] in directives.directives()))  # fmt: skip


_PROGRAMS = (Program(("nginx", "-v"), r"nginx/(?P<version>\d+(\.\d+)*)"),)
KINDS = (
    Kind(
        name="nginx.conf",
        title="nginx's configuration, or a part of it",
        room="http",
        product=directives.PRODUCT,
        programs=_PROGRAMS,
        names=(
            "nginx.conf", "*.nginx.conf", "*.nginx", "nginx/conf.d/*.conf", "nginx/sites-*/*",
            "nginx/snippets/*.conf", "nginx/http.d/*.conf",
        ),
        looks=_looks,
        fits=_fits,
        lint=views.lint,
        fix=fix.place,
        validator=Validator(
            command=("nginx", "-t", "-c", "{file}"),
            include=r"\s*include\s+(?P<names>.*)",
            system=conf.SYSTEM,
            # A module or engine is native code; Perl and Lua run while the file is read.
            unsafe=r"load_module\s+(?!(?:modules|/usr/(?:lib|share)/nginx/modules)/\w+\.so\s*;)"
            r"|(?:^|[\s;{}])perl(?:_\w+)?\s|_by_lua|ssl_engine\s|engine:",
        ),
    ),
    Kind(
        name="nginx-T",
        title="output of `nginx -T`",
        room="http",
        product=directives.PRODUCT,
        programs=_PROGRAMS,
        names=("nginx-T", "nginx-T.*"),
        looks=_looks_printed,
        lint=views.lint_printed,
    ),
)  # fmt: skip
