"""Which of the web's configuration files are judged: nginx.conf with its parts, and Caddyfiles."""

from __future__ import annotations

import re

from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind, Linted, Software
from seventh.protocols.http.caddy import known as caddy_known
from seventh.protocols.http.caddy import lint as lint_caddy
from seventh.protocols.http.nginx import known as nginx_known
from seventh.protocols.http.nginx import lint as lint_nginx

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


_WORD = re.compile(r"\s*(@?[a-z0-9_]+)(?:\s|$)")
_OPENS = re.compile(r"[^;]*\S\s\{\s*$|\s*\{\s*$")


def _looks_caddy(lines: tuple[str, ...]) -> int:
    """Lines with a known directive or option that end without a mark, and blocks as Caddy has."""
    known = blocks = 0
    names = {*caddy_known.site(), *caddy_known.options(), *caddy_known.block("tls"),
             *caddy_known.block("reverse_proxy"), *caddy_known.block("servers")}  # fmt: skip
    for line in lines[:_LOOKED_AT]:
        line = line[:1000]
        match = _WORD.match(line)
        if match is not None and (match[1] in names or match[1][0] == "@"):
            known += not line.rstrip().endswith(";")
        elif _OPENS.match(line) or line.strip() == "}":
            blocks += 1
    return known + min(2 * known, blocks)


KINDS = (
    Kind(
        name="Caddyfile",
        title="Caddy's configuration",
        product=caddy_known.PRODUCT,
        names=("Caddyfile", "Caddyfile.*", "*.caddyfile", "*.Caddyfile"),
        looks=_looks_caddy,
    ),
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
    if kind.product == caddy_known.PRODUCT:
        return lint_caddy.lint(text, files, software)
    return lint_nginx.lint(text, files, software)
