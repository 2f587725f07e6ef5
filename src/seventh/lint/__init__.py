"""Linters: one folder a product, found by looking. Nothing here is edited to add one.

A folder is a linter when its ``__init__`` has ``KINDS``, a tuple of
:class:`~seventh.lintkit.linted.Kind`; a folder without it holds what several linters share.
Linters kept elsewhere are found through the environment variable SEVENTH_LINTERS, a list of
directories searched like the one of this file.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil

from seventh.lintkit.linted import Kind

__path__.extend(p for p in os.environ.get("SEVENTH_LINTERS", "").split(os.pathsep) if p)


@functools.cache
def kinds() -> dict[str, Kind]:
    """Return every kind of file that a linter judges, by name, the products sorted."""
    products = sorted(info.name for info in pkgutil.iter_modules(__path__) if info.ispkg)
    modules = [importlib.import_module(f"{__name__}.{product}") for product in products]
    found: tuple[Kind, ...] = sum((getattr(module, "KINDS", ()) for module in modules), ())
    return {kind.name: kind for kind in found}
