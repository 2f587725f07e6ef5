"""What a page loads from its own origin, requested as a browser does."""

from __future__ import annotations

import html
import itertools
import re

from seventh.protocols.http.facts.content import Asset
from seventh.protocols.http.probe.content import coding
from seventh.protocols.http.probe.content.representation import Representation
from seventh.protocols.http.wire import fields
from seventh.protocols.http.wire.url import resolve
from seventh.web.message import Response
from seventh.wire.text import printable

MAX_HTML = 512 * 1024
MAX_FOUND = 64
# Bounded and without ambiguity, so that no page makes the search slow.
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


async def check_assets(rep: Representation) -> None:
    """Request one script, one style sheet and one image of a page, as a browser does."""
    plain = rep.plain
    if plain is None or plain.status != 200 or plain.truncated:
        return
    if fields.media_type(plain.get("content-type")) != "text/html":
        return
    found: list[Asset] = []
    for named in references(coding.content_of(plain)).values():
        for reference in named:
            url = resolve(rep.site.base_url, reference)
            if url is not None and url.origin == rep.site.base_url.origin:
                response = await rep.ask(url.path, ("Accept-Encoding", rep.browser_codings))
                found.append(_asset(url.path, response))
                rep.learn(assets=tuple(found))
                break
    rep.learn(assets=tuple(found))


def _asset(path: str, response: Response) -> Asset:
    seen = coding.variant("any", response)
    kind = fields.media_type(response.get("content-type"))
    return Asset(
        path=printable(path.partition("?")[0], 200),
        status=response.status,
        content_type=printable(kind, 80),
        compressible=coding.is_compressible(kind),
        packed=coding.is_packed(kind),
        coding=seen.coding,
        wire_bytes=seen.wire_bytes,
        content_bytes=seen.content_bytes,
        truncated=seen.truncated,
        fault=seen.fault,
    )
