"""Responses for the tests of what is made of them."""

from __future__ import annotations

from seventh.model.phase import Mark
from seventh.web.message import Response
from seventh.wire.text import printable

NOW = 1795341125.0
"""Sun, 22 Nov 2026 09:52:05 GMT."""
DATE = "Sun, 22 Nov 2026 09:52:05 GMT"


def safe(text: str) -> bool:
    """Whether a text is fit to be shown."""
    return printable(text, len(text)) == text


def reply(
    *fields: tuple[str, str],
    status: int = 200,
    body: bytes = b"content",
    truncated: bool = False,
    body_bytes: int | None = None,
) -> Response:
    """A response of HTTP/1.1 with these fields, in lower case."""
    at = Mark(0, "user")
    size = len(body) if body_bytes is None else body_bytes
    return Response(
        status=status, version="1.1", headers=fields, body=body, body_bytes=size,
        truncated=truncated, sent=at, first=at, last=at,
    )  # fmt: skip
