"""Rendering reports; ``formats`` has a file per format, and this folder what they share."""

from __future__ import annotations

import importlib
from typing import cast

from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.render.formats import FORMATS
from seventh.render.view import Document, View

__all__ = ["FORMATS", "Document", "View", "render"]


def render(format: str, document: Document, view: View) -> str:  # noqa: A002 - the option's name
    """Return ``document`` as text in ``format``; raises UsageError for an unknown format."""
    if format not in FORMATS:
        raise UsageError(unknown("format", format, FORMATS))
    module = importlib.import_module(f"{__name__}.formats.{format}")
    return cast("str", module.render(document, view))
