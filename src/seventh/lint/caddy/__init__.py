"""Caddyfiles."""

from __future__ import annotations

import re

from seventh.lint.caddy import known, views
from seventh.lintkit.linted import Kind

_LOOKED_AT = 400
"""Lines that are looked at to tell what a file is."""
_WORD = re.compile(r"\s*(@?[a-z0-9_]+)(?:\s|$)")
_OPENS = re.compile(r"[^;]*\S\s\{\s*$|\s*\{\s*$")


def _looks(lines: tuple[str, ...]) -> int:
    """Lines with a known directive or option, with blocks as Caddy has.

    None where no block is opened: single lines fit other programs, too.
    """
    fitting, blocks = _counted(lines)
    opened = any(_OPENS.match(line[:1000]) for line in lines[:_LOOKED_AT])
    return fitting + min(2 * fitting, blocks) if opened else 0


def _fits(lines: tuple[str, ...]) -> int:
    return sum(_counted(lines))


def _counted(lines: tuple[str, ...]) -> tuple[int, int]:
    """Lines with a known word that end without a mark, and those that open or close a block."""
    fitting = blocks = 0
    names = {*known.site(), *known.options(), *known.block("tls"),
             *known.block("reverse_proxy"), *known.block("servers")}  # fmt: skip
    for line in lines[:_LOOKED_AT]:
        line = line[:1000]
        match = _WORD.match(line)
        if match is not None and (match[1] in names or match[1][0] == "@"):
            fitting += not line.rstrip().endswith(";")
        elif _OPENS.match(line) or line.strip() == "}":
            blocks += 1
    return fitting, blocks


KINDS = (
    Kind(
        name="Caddyfile",
        title="Caddy's configuration",
        room="http",
        product=known.PRODUCT,
        names=("Caddyfile", "Caddyfile.*", "*.caddyfile", "*.Caddyfile"),
        looks=_looks,
        fits=_fits,
        lint=views.lint,
    ),
)
