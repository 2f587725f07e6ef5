"""Types of content, problem details, limits, and a resource's end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from seventh.protocols.http.facts.content import Body, Lifecycle, Refusal
from seventh.protocols.http.probe.content.coding import coding_of, undone
from seventh.protocols.http.wire import fields
from seventh.web.message import Response
from seventh.wire.text import printable

PROBLEM_TYPES = frozenset({"application/problem+json", "application/problem+xml"})
_LIMITS = re.compile(r"(x-)?ratelimit(-[a-z-]{1,32})?|x-rate-limit(-[a-z-]{1,32})?")
_HTML = re.compile(rb"<(!doctype\s{1,8}html|html|head|body)\b", re.IGNORECASE)
_MAX_COMMENTS = 16
_JSON_TYPES = ("/json", "+json", "/x-json")
_MAX_LOOKED = 1024 * 1024


def is_json(content_type: str) -> bool:
    """Return whether a media type is JSON."""
    return content_type.endswith(_JSON_TYPES)


def body_of(path: str, response: Response) -> Body:
    """Return the declared type, the type by the content, and whether the two match."""
    declared = fields.media_type(response.get("content-type"))
    whole, fault, _ = undone(response)
    content = whole or b""
    seen, value = sniff(content)
    return Body(
        path=printable(path, 200),
        status=response.status,
        declared=printable(declared, 80),
        seen=seen,
        problem=declared in PROBLEM_TYPES and (seen == "xml" or _is_problem(value)),
        misfit="" if fault else _misfit(declared, seen, content),
        coding=coding_of(response),
        fault=fault,
    )


def sniff(content: bytes) -> tuple[str, Any]:
    """Return the type of content by its bytes, and the value of JSON."""
    head = content[:1024].lstrip()
    if head[:1] in {b"{", b"["} and len(content) <= _MAX_LOOKED:
        try:
            return "json", msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return "", None
    if _HTML.match(_past_comments(content[:4096])):
        return "html", None
    return ("xml", None) if head.startswith(b"<?xml") else ("", None)


def _past_comments(head: bytes) -> bytes:
    for _ in range(_MAX_COMMENTS):
        head = head.lstrip()
        _, closed, rest = head.partition(b"-->")
        if not head.startswith(b"<!--") or not closed:
            break
        head = rest
    return head


def _is_problem(value: object) -> bool:
    """Return whether a JSON value can be a problem details object (RFC 9457 §3.1)."""
    if not isinstance(value, dict):
        return False
    texts = all(isinstance(value.get(n, ""), str) for n in ("type", "title", "detail", "instance"))
    # A member of another type is to be ignored, so that is no fault; none of them tells nothing.
    return texts and any(n in value for n in ("type", "title", "status", "detail"))


def _misfit(declared: str, seen: str, content: bytes) -> str:
    """Return how the declared type differs from the content; empty where it does not."""
    json = is_json(declared)
    if not content or (json and not seen and _is_json_scalar(content)):
        return ""
    if declared and "/" in declared:
        misfit = seen != "json" if json else declared in _MISFITS.get(seen, ())
        if not misfit:
            return ""
    found = seen.upper() or ("not JSON" if json else "unknown")
    return f"{printable(declared, 80) or 'none'}, content {found}"


_MISFITS = {
    "json": {"text/html", "text/plain", "application/octet-stream", "application/xml", "text/xml"},
    "html": {"text/plain", "application/octet-stream"},
}
"""By what content is: the declared types that do not match it."""


def _is_json_scalar(content: bytes) -> bool:
    if len(content) > _MAX_LOOKED:
        return True  # too long to parse
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def refusal(path: str, response: Response) -> Refusal:
    """Return when to retry and which limits a 429 or 503 gives."""
    retry = response.get("retry-after")
    limits = (name for name, _ in response.headers if _LIMITS.fullmatch(name))
    return Refusal(
        path=printable(path, 200),
        status=response.status,
        retry_after=None if retry is None else printable(retry, 64),
        rate_limit=tuple(dict.fromkeys(printable(name, 48) for name in limits))[:8],
    )


def lifecycle(responses: Iterable[Response], now_seconds: float) -> Lifecycle:
    """Return the first Deprecation or Sunset among ``responses``."""
    for response in responses:
        deprecation, sunset = response.get("deprecation"), response.get("sunset")
        if deprecation is None and sunset is None:
            continue
        since = _deprecated_at(deprecation, now_seconds)
        until = fields.http_date(sunset or "", now_seconds)
        return Lifecycle(
            deprecated=since is not None,
            deprecated_in_seconds=_ahead(since, now_seconds),
            sunset_in_seconds=_ahead(until, now_seconds),
            deprecation=None if deprecation is None else printable(deprecation, 64),
            sunset=None if sunset is None else printable(sunset, 64),
            successor=_successor(response),
        )
    return Lifecycle()


def _deprecated_at(value: str | None, now_seconds: float) -> int | None:
    """Read a structured date (RFC 9745 §2.1); its drafts had ``true`` and an HTTP date."""
    if value is None:
        return None
    if value.strip().lower() == "true":
        return int(now_seconds)
    return _first(fields.structured_date(value), fields.http_date(value, now_seconds))


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _ahead(instant: int | None, now_seconds: float) -> int | None:
    return None if instant is None else instant - int(now_seconds)


def _successor(response: Response) -> str | None:
    wanted = {"successor-version", "latest-version", "alternate", "deprecation", "sunset"}
    for target, relations in fields.links(*response.every("link")):
        if relations & wanted:
            return printable(target, 200)
    return None
