"""What a page loads from its own origin: found in its HTML, to be asked for as a browser asks."""

from __future__ import annotations

import html
import itertools
import re

MAX_HTML = 512 * 1024
MAX_FOUND = 64
# Bounded and without a choice of ways through, so that no page makes the search slow.
_TAG = re.compile(r"<(script|img|link)\b([^<>]{0,2048})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""\b(src|href|rel)\s{0,8}=\s{0,8}("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE
)
_HELD = {"script": "src", "img": "src", "link": "href"}


def references(content: bytes) -> dict[str, list[str]]:
    """Return the references of a page's scripts, style sheets and images, by tag."""
    found: dict[str, list[str]] = {tag: [] for tag in _HELD}
    text = content[:MAX_HTML].decode("utf-8", "replace")
    for tag in itertools.islice(_TAG.finditer(text), MAX_FOUND):
        kind = tag[1].lower()
        given = {n.lower(): html.unescape(v.strip("\"'")) for n, v in _ATTRIBUTE.findall(tag[2])}
        if kind == "link" and "stylesheet" not in given.get("rel", "").lower().split():
            continue
        reference = given.get(_HELD[kind], "").strip()
        if reference and not reference.lower().startswith(("data:", "blob:", "javascript:")):
            found[kind].append(reference)
    return found
