"""JSON, a document with one report in each line: for very many targets.

`seventh check` writes each line when its target is checked, and then forgets the report.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from seventh.render.document import json_document
from seventh.render.view import Document, View


def render(document: Document, view: View) -> str:
    """Return a line per report; hosts, places and comparisons are in the first line."""
    whole = json_document(document, view)
    rest = replace(whole, hosts=(), places=msgspec.UNSET, comparisons=msgspec.UNSET)
    first = replace(whole, reports=whole.reports[:1])
    documents = [first, *(replace(rest, reports=(report,)) for report in whole.reports[1:])]
    return "".join(f"{msgspec.json.encode(each).decode()}\n" for each in documents)
