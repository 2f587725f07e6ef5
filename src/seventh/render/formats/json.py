"""JSON for other programs; see docs/report.schema.json."""

from __future__ import annotations

import msgspec

from seventh.render.document import json_document
from seventh.render.view import Document, View


def render(document: Document, view: View) -> str:
    """Return ``document`` as ``seventh.report/1``, indented, with keys in a fixed order."""
    encoded = msgspec.json.encode(json_document(document, view))
    return msgspec.json.format(encoded, indent=2).decode() + "\n"
