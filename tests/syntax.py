"""Source as a tree."""

from __future__ import annotations

import ast
import gc


def tree(source: str) -> ast.Module:
    """Parse a module.

    The collector waits meanwhile: CPython 3.11 counts a tree's depth wrongly when a traceback of
    something collected is printed, for which its line is parsed as well.
    """
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()
