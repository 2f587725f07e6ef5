"""How reports are shown: one file a format, found by looking, loaded when it is asked for.

A module of this folder is a format when it defines ``render(document, view) -> str`` at its top; to
add a format, add a file. The source is looked at, not imported, so that naming the formats loads
none of their libraries.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any, cast

from seventh.model.failure import UsageError
from seventh.render.view import Document, View

__all__ = ["FORMATS", "Document", "View", "formats", "render"]  # FORMATS comes from __getattr__


@functools.cache
def formats() -> tuple[str, ...]:
    """The name of every format, sorted."""
    return tuple(sorted(i.name for i in pkgutil.iter_modules(__path__) if _is_format(i)))


def _is_format(info: pkgutil.ModuleInfo) -> bool:
    spec = info.module_finder.find_spec(f"{__name__}.{info.name}", None)
    if spec is None:
        return False
    # Any loader that has sources; naming its class would import half of importlib.
    get_source = getattr(spec.loader, "get_source", None)
    return get_source is not None and "\ndef render(" in (get_source(spec.name) or "")


def render(format: str, document: Document, view: View) -> str:  # noqa: A002 - the option's name
    """``document`` as text in ``format``.

    Raises UsageError when there is no such format.
    """
    if not any(i.name == format and _is_format(i) for i in pkgutil.iter_modules(__path__)):
        raise UsageError(f"no format is called {format!r}; there are {', '.join(formats())}")
    module = importlib.import_module(f"{__name__}.{format}")
    return cast("str", module.render(document, view))


def __getattr__(name: str) -> Any:
    if name == "FORMATS":
        return formats()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
