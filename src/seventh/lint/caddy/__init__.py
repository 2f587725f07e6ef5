"""Caddyfiles."""

from __future__ import annotations

import re

from seventh.lint.caddy import directives, fix, views
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator

_LOOKED_AT = 400
"""Lines that are looked at to tell what a file is."""
_WORD = re.compile(r"\s*(@?[a-z0-9_]+)(?:\s|$)")
_OPENS = re.compile(r"[^;]*\S\s\{\s*$|\s*\{\s*$")
_OTHERS = re.compile(r"\[[^\]]*\]$|[\w.-]+\s*=(?:\s|$)|.*;$")
"""A section in brackets, an assignment, a line that ends with a semicolon."""
_HEAD = re.compile(r"(?:https?://\S+|\S*[.:*]\S*|localhost|\{\$\S+\}\S*|&?\([^()\s]+\)),?(?:\s+|$)")
"""What a block of the outermost level begins with: addresses, a snippet, a named route."""


def _is_head(text: str) -> bool:
    at = 0
    while at < len(text):
        match = _HEAD.match(text, at)
        if match is None or match.end() == at:
            return False
        at = match.end()
    return True


def _looks(lines: tuple[str, ...]) -> int:
    """Lines with a known directive or option that end without a mark, and blocks as Caddy has.

    None are counted where a block of the outermost level begins with what is no address, nor where
    no block is opened: single lines fit other programs, too.
    """
    fitting = blocks = others = depth = 0
    began = opened = False
    names = _names()
    for whole in lines[:_LOOKED_AT]:
        line = whole[:1000].strip()
        if not line or line.startswith("#"):
            continue
        opens = line == "{" or line.endswith(" {")
        opened = opened or opens
        first = not began
        if not depth and (opens or first or line.startswith("@")):
            head = line.removesuffix("{").rstrip()
            if not (_is_head(head) or (not opens and head.startswith("import "))):
                return 0
            blocks += first and not opens
        began = True
        depth = max(0, depth + opens - (line == "}"))
        others += _OTHERS.match(line) is not None
        match = _WORD.match(line)
        if match is not None and (match[1] in names or match[1][0] == "@"):
            fitting += not line.endswith(";")
        elif _OPENS.match(line) or line == "}":
            blocks += 1
    return 0 if not opened or 4 * others > fitting else fitting + min(2 * fitting, blocks)


def _fits(lines: tuple[str, ...]) -> int:
    """Return lines that begin with a known word and end without a mark, and those of blocks."""
    names = _names()
    fitting = 0
    for whole in lines[:_LOOKED_AT]:
        line = whole[:1000].strip()
        word = _WORD.match(line)
        if word is not None and (word[1] in names or word[1][0] == "@"):
            fitting += not line.endswith(";")
        elif _OPENS.match(line) or line == "}":
            fitting += 1
    return fitting


def _names() -> frozenset[str]:
    blocks = (directives.block(name) for name in ("tls", "reverse_proxy", "servers"))
    return frozenset().union(directives.site(), directives.options(), *blocks)


KINDS = (
    Kind(
        name="Caddyfile",
        title="Caddy's configuration",
        room="http",
        product=directives.PRODUCT,
        programs=(Program(("caddy", "version"), r"^v?(?P<version>\d+(\.\d+)*)"),),
        names=("Caddyfile", "Caddyfile.*", "*.caddyfile", "*.Caddyfile"),
        looks=_looks,
        fits=_fits,
        lint=views.lint,
        fix=fix.place,
        validator=Validator(
            command=("caddy", "adapt", "--config", "{file}", "--adapter", "caddyfile")
        ),
    ),
)
