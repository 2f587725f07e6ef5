"""Which of the web's configuration files are judged: nginx.conf and its parts."""

from __future__ import annotations

import re

from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind, Linted, Software
from seventh.protocols.http import lint_nginx, nginx_known

_LOOKED_AT = 400
"""Lines that are looked at to tell what a file is."""
_LINE = re.compile(r"\s*([a-z][a-z0-9_]*)(?:\s[^;{}]*)?([;{])\s*(?:#.*)?$")
_CLOSES = re.compile(r"\s*\}[\s}]*(?:#.*)?$")


def _looks_nginx(lines: tuple[str, ...]) -> int:
    """Lines with a known directive that end as nginx's do, and braces that close their blocks."""
    known = closes = 0
    for line in lines[:_LOOKED_AT]:
        match = _LINE.match(line[:1000])
        if match is not None and match[1] in nginx_known.directives():
            known += 1
        elif _CLOSES.match(line[:1000]):
            closes += 1
    return known + min(known, closes)


KINDS = (
    Kind(
        name="nginx.conf",
        title="nginx's configuration, or a part of it",
        product=nginx_known.PRODUCT,
        names=(
            "nginx.conf", "*.nginx.conf", "*.nginx", "nginx/conf.d/*.conf", "nginx/sites-*/*",
            "nginx/snippets/*.conf", "nginx/http.d/*.conf",
        ),
        looks=_looks_nginx,
    ),
)  # fmt: skip


def lint(kind: Kind, text: Text, files: Files, software: Software | None) -> Linted:
    """Judge one file; never raises for what it holds."""
    return lint_nginx.lint(text, files, software)
