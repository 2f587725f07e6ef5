"""What a reply says it is and what it is; how errors, limits and a resource's end are told."""

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
    """Return whether a media type is JSON's."""
    return content_type.endswith(_JSON_TYPES)


def body_of(path: str, response: Response) -> Body:
    """What the reply says that it is, what its content looks like, and whether the two fit."""
    declared = fields.media_type(response.get("content-type"))
    whole, fault, _ = undone(response)
    content = whole or b""
    seen, value = look(content)
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


def look(content: bytes) -> tuple[str, Any]:
    """Return what content is by its look, and of JSON its value."""
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
    """Return how the type that is declared does not fit what came; empty where it does."""
    if not content:
        return ""
    if not declared:
        return f"no Content-Type{f', and the content is {seen.upper()}' if seen else ''}"
    if "/" not in declared:
        return f"{printable(declared, 80)} is no media type"
    if is_json(declared):
        if seen == "json":
            return ""
        if seen:
            return f"{printable(declared, 80)}, and the content is {seen.upper()}"
        return "" if _is_json_scalar(content) else f"{printable(declared, 80)}, but it is no JSON"
    if seen == "json" and declared in {"text/html", "text/plain", "application/octet-stream",
                                       "application/xml", "text/xml"}:  # fmt: skip
        return f"{declared}, and the content is JSON"
    if seen == "html" and declared in {"text/plain", "application/octet-stream"}:
        return f"{declared}, and the content is HTML"
    return ""


def _is_json_scalar(content: bytes) -> bool:
    if len(content) > _MAX_LOOKED:
        return True  # not looked at
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def refusal(path: str, response: Response) -> Refusal:
    """Return what a 429 or 503 tells of when to come back."""
    retry = response.get("retry-after")
    limits = (name for name, _ in response.headers if _LIMITS.fullmatch(name))
    return Refusal(
        path=printable(path, 200),
        status=response.status,
        retry_after=None if retry is None else printable(retry, 64),
        rate_limit=tuple(dict.fromkeys(printable(name, 48) for name in limits))[:8],
    )


def lifecycle(responses: Iterable[Response], now_seconds: float) -> Lifecycle:
    """Return what the first reply that speaks of it says about the resource's end."""
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
    """RFC 9745 §2.1 has a structured date; its drafts had ``true`` and a date of HTTP."""
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
