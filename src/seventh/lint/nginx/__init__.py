"""nginx's files."""

from __future__ import annotations

import re

from seventh.lint.nginx import known, views
from seventh.lintkit.linted import Kind

_LOOKED_AT = 400
"""Lines that are looked at to tell what a file is."""
_LINE = re.compile(r"\s*([a-z][a-z0-9_]*)(?:\s[^;{}]*)?([;{])\s*(?:#.*)?$")
_WORD = re.compile(r"\s*(?:([a-z][a-z0-9_]*)(?=[\s;{])[^;{]*[;{]|\})")
_CLOSES = re.compile(r"\s*\}[\s}]*(?:#.*)?$")


def _looks(lines: tuple[str, ...]) -> int:
    """Lines with a known directive that end as nginx's do, and braces that close their blocks."""
    fitting = closes = 0
    for line in lines[:_LOOKED_AT]:
        match = _LINE.match(line[:1000])
        if match is not None and match[1] in known.directives():
            fitting += 1
        elif _CLOSES.match(line[:1000]):
            closes += 1
    return fitting + min(fitting, closes)


def _fits(lines: tuple[str, ...]) -> int:
    """Lines that begin with a known directive and its mark, and closing braces."""
    words = (_WORD.match(line[:1000]) for line in lines[:_LOOKED_AT])
    return sum(1 for word in words if word is not None
               and (word[1] is None or word[1] in known.directives()))  # fmt: skip


KINDS = (
    Kind(
        name="nginx.conf",
        title="nginx's configuration, or a part of it",
        room="http",
        product=known.PRODUCT,
        names=(
            "nginx.conf", "*.nginx.conf", "*.nginx", "nginx/conf.d/*.conf", "nginx/sites-*/*",
            "nginx/snippets/*.conf", "nginx/http.d/*.conf",
        ),
        looks=_looks,
        fits=_fits,
        lint=views.lint,
    ),
)  # fmt: skip
