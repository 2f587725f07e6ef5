"""Matchers of a Caddyfile's directives, and paths as they match them."""

from __future__ import annotations

import functools
import re
from fnmatch import fnmatchcase

from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy.file import Node

_WORD_FIRST = frozenset({"root", "rewrite"})


def matcher(node: Node) -> str:
    """Return the matcher before a directive's words; empty where there is none, or it is ``*``."""
    known = caddy_directives.site().get(node.name)
    word = node.words[0] if node.words else ""
    if known is not None and not known.matched and node.name not in {"handle_path", "try_files"}:
        return word if node.name in _WORD_FIRST and len(node.words) > 1 and word != "*" else ""
    return word if word[:1] in {"/", "@"} else ""


def arguments(node: Node) -> tuple[str, ...]:
    """Return a directive's words behind its matcher."""
    known = caddy_directives.site().get(node.name)
    if known is not None and known.matched and node.words:
        first = node.words[0]
        if first == "*" or first[:1] in {"/", "@"}:
            return node.words[1:]
    return node.words


def specific(node: Node) -> tuple[int, int]:
    """Return what sorts lines of one directive: the longest path first, no matcher last."""
    token = matcher(node)
    if not token:
        return 2, 0
    return (0, -len(token)) if token.startswith("/") else (1, 0)


def sample(token: str) -> str:
    """Return a path that a path matcher matches."""
    return token.replace("*", "x")


def fits(pattern: str, path: str) -> bool:
    """Return whether a path matcher matches a path, in whatever case."""
    return fnmatchcase(path.lower(), _glob(pattern))


@functools.lru_cache(maxsize=16384)
def _glob(pattern: str) -> str:
    """Return a path matcher as fnmatch writes it: ``*`` alone is special there."""
    return re.sub(r"([?\[])", r"[\1]", pattern.lower())
