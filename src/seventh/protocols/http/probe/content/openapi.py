"""OpenAPI descriptions: where one may be, and what it says of responses.

OpenAPI 3.x and Swagger 2.0, both as JSON; of a YAML description, and of an API catalog (RFC 9727),
that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.http.probe.content import schema
from seventh.protocols.http.probe.content.coding import content_of
from seventh.protocols.http.probe.content.errors import is_json, sniff
from seventh.protocols.http.wire import fields
from seventh.web.message import Response
from seventh.wire.text import printable

PLACES = (
    "/openapi.json",
    "/.well-known/api-catalog",
    "/swagger.json",
    "/v3/api-docs",
    "/openapi.yaml",
)
MAX_DESCRIPTION_BYTES = 2 * 1024 * 1024
MAX_OPERATIONS = 3
_YAML = re.compile(rb"^(?:openapi|swagger):[ ]{0,4}[\"']?([0-9.]{1,12})", re.MULTILINE)
_SILENT = frozenset({401, 403, 429})
"""Statuses that do not come from the operation itself."""


class Operation(msgspec.Struct, frozen=True):
    """A GET that needs no parameter, and what is promised of its replies."""

    path: str
    responses: Any


def described_by(response: Response) -> Iterator[str]:
    """Yield where a response links a description of its API (RFC 8631)."""
    for target, relations in fields.links(*response.every("link")):
        if "service-desc" in relations:
            yield target


def recognise(response: Response) -> tuple[str, Any] | None:
    """Return which description a response is, and its JSON document; None for none."""
    if response.status != 200 or response.truncated:
        return None
    try:
        content = content_of(response)
    except ProtocolViolation:
        return None
    declared = fields.media_type(response.get("content-type"))
    seen, document = sniff(content)
    if seen == "json" and isinstance(document, dict):
        for word, name in (("openapi", "OpenAPI"), ("swagger", "Swagger")):
            if isinstance(document.get(word), str) and isinstance(document.get("paths", {}), dict):
                return f"{name} {printable(document[word], 12)}", document
        if declared == "application/linkset+json" and isinstance(document.get("linkset"), list):
            return "API catalog", None
    if seen != "html" and (found := _YAML.search(content[:65536])):
        return f"OpenAPI {found[1].decode('ascii')} (YAML)", None
    return None


def operations(document: Any, *, origin: str, credentials: bool) -> Iterator[Operation]:
    """Yield GET operations on the same origin that need no parameter."""
    prefix = _prefix(document, origin)
    paths = document.get("paths") if isinstance(document, dict) else None
    if prefix is None or not isinstance(paths, dict):
        return
    for path, item in paths.items():
        operation = item.get("get") if isinstance(item, dict) else None
        if not isinstance(operation, dict) or not path.startswith("/") or "{" in path:
            continue
        demanded = operation.get("security", document.get("security"))
        if demanded and not credentials and {} not in _list(demanded):
            continue
        parameters = [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
        # A parameter behind a reference may be a required one.
        if any(not isinstance(p, dict) or p.get("required") or "$ref" in p for p in parameters):
            continue
        yield Operation(prefix + path, operation.get("responses"))


def _prefix(document: Any, origin: str) -> str | None:
    """Return the path before all paths; None where the API is elsewhere."""
    base = document.get("basePath") if isinstance(document, dict) else None
    if isinstance(base, str):
        return base.rstrip("/") if base.startswith("/") else None
    servers = _list(document.get("servers")) if isinstance(document, dict) else []
    url = servers[0].get("url") if servers and isinstance(servers[0], dict) else "/"
    if not isinstance(url, str) or "{" in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme and f"{parts.scheme}://{parts.netloc}" != origin:
        return None
    return parts.path.rstrip("/") if parts.path.startswith("/") or not parts.path else None


def violations(operation: Operation, response: Response, document: Any) -> tuple[str, ...]:
    """Return how a response violates its operation's description."""
    if response.status in _SILENT or response.status >= 500 or response.truncated:
        return ()
    promised = _promised(operation.responses, response.status, document)
    if promised is None:
        if 200 <= response.status < 300 and isinstance(operation.responses, dict):
            return (f"status {response.status} is not described",)
        return ()
    declared = fields.media_type(response.get("content-type"))
    content = promised.get("content")
    described = promised.get("schema")
    if isinstance(content, dict) and content:
        names = {fields.media_type(name) for name in content}
        if declared not in names and not any("*" in name for name in names):
            return (f"type {printable(declared or 'none', 60)} is not described",)
        media = next((c for n, c in content.items() if fields.media_type(n) == declared), None)
        described = media.get("schema") if isinstance(media, dict) else None
    if described is None or not is_json(declared):
        return ()
    try:
        value = msgspec.json.decode(content_of(response))
    except (ProtocolViolation, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ("the content is not JSON",)
    return schema.violations(described, value, document)


def _promised(responses: Any, status: int, document: Any) -> dict[str, Any] | None:
    if not isinstance(responses, dict):
        return None
    for key in (str(status), status, f"{status // 100}XX", "default"):
        found = responses.get(key)
        if isinstance(found, dict) and isinstance(found.get("$ref"), str):
            found = schema.at_pointer(document, found["$ref"])
        if isinstance(found, dict):
            return found
    return None


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []
