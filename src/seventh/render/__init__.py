"""How reports are shown: one file a format, loaded when it is asked for.

A format is a module of this folder with ``render(document, view) -> str``.
"""

from __future__ import annotations

import importlib
from typing import cast

from seventh.model.failure import UsageError
from seventh.render.view import Document, View

__all__ = ["FORMATS", "Document", "View", "render"]

FORMATS = ("terminal", "json", "markdown", "html", "nagios", "junit")


def render(format: str, document: Document, view: View) -> str:  # noqa: A002 - the option's name
    """``document`` as text in ``format``.

    Raises UsageError when there is no such format.
    """
    if format not in FORMATS:
        raise UsageError(f"no format is called {format!r}; there are {', '.join(FORMATS)}")
    module = importlib.import_module(f"{__name__}.{format}")
    return cast("str", module.render(document, view))
