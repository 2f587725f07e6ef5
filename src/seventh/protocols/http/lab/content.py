"""The site's content: a small API and its pages, as its setup has them.

``/`` is an API of things, described at ``/openapi.json``; ``/page`` a page with its assets;
``/events`` an event stream; ``/orders`` takes POST, PUT and DELETE.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import itertools
import json
import secrets
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import brotli  # type: ignore[import-untyped]
import zstandard

from seventh.labkit.web.handler import Answer, Handler
from seventh.protocols.http.lab import events as lab_events
from seventh.protocols.http.lab.setup import ContentSetup
from seventh.web.message import Fields, Request

MODIFIED = "Sun, 01 Nov 2026 08:00:00 GMT"
_THINGS = [{"id": number, "name": f"thing number {number}", "free": True} for number in range(60)]
_THING = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer"}, "name": {"type": "string"}, "free": {"type": "boolean"},
    },
}  # fmt: skip
_LIST = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
_DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "responses": {
                    "200": {
                        "description": "All things.",
                        "content": {"application/json": {"schema": _LIST}},
                    }
                }
            }
        }
    },
    "components": {"schemas": {"Thing": _THING}},
}
_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": functools.partial(brotli.compress, quality=5),
    "zstd": zstandard.ZstdCompressor(level=6).compress,
    "gzip": functools.partial(gzip.compress, mtime=0),
}
_PIXELS = hashlib.shake_256(b"an image").digest(4096)
_SCRIPT = b"".join(b"export const value%d = %d;\n" % (n, n) for n in range(100))
_STYLE = b"".join(b".rule-%d { margin: %dpx; }\n" % (n, n) for n in range(100))
_PAGE = (
    b"<!doctype html><html><head><title>Things</title>"
    b'<link rel="stylesheet" href="/style.css"><script src="/app.js"></script></head>'
    b'<body><img src="/logo.png" alt="">' + b"<p>A page about things.</p>\n" * 60
)


def site(setup: ContentSetup | None = None) -> Handler:
    """Return the site, with its own store of orders."""
    return _Site(setup or ContentSetup()).answer


class _Site:
    def __init__(self, setup: ContentSetup) -> None:
        self.setup = setup
        self._counter = itertools.count(1)
        self._orders = itertools.count(1)
        self._kept: dict[str, Answer] = {}

    async def answer(self, request: Request) -> Answer:
        """Return the response to a request."""
        path = urlsplit(request.path).path
        if path == "/events" and request.method == "GET":
            return self._events()
        if request.method not in {"GET", "HEAD"}:
            return self._act(request, path)
        found = self._content(request, path)
        return self._missing(path) if found is None else self._shown(request, *found)

    # -- content -----------------------------------------------------------------------------------

    def _content(self, request: Request, path: str) -> tuple[str, bytes] | None:
        """Return type and content of a path; None where there is nothing."""
        setup = self.setup
        if path in {"/", "/things"}:
            return setup.json_type, _json(self._things())
        if path == "/orders":
            return "application/json", _json({"orders": "POST here"})
        if path == "/openapi.json" and setup.described:
            return "application/json", _json(_DESCRIPTION)
        if path == "/page":
            return "text/html; charset=utf-8", self._page(request)
        plain = {
            "/app.js": ("text/javascript", _SCRIPT),
            "/style.css": ("text/css", _STYLE),
            "/logo.png": ("image/png", _PIXELS),
        }
        return plain.get(path)

    def _things(self) -> list[dict[str, Any]]:
        if self.setup.many:
            return _THINGS * 600
        if not self.setup.truthful:
            return [{"id": str(thing["id"]), "free": "yes"} for thing in _THINGS]
        return _THINGS

    def _page(self, request: Request) -> bytes:
        if not self.setup.token:
            return _PAGE
        words = " ".join(parse_qs(urlsplit(request.path).query).get("q", ()))
        hidden = f'<input type="hidden" name="csrf_token" value="{self.setup.token}">'
        return _PAGE + f"<form>{hidden}</form><p>You looked for {words[:80]}.</p>".encode()

    def _missing(self, path: str) -> Answer:
        setup = self.setup
        if setup.limited:
            return Answer(status=429, headers=(("Content-Type", "text/plain"),), body=b"too many")
        if not setup.problems:
            return Answer(
                status=404, headers=(("Content-Type", "text/html"),),
                body=b"<html><body>nothing here</body></html>",
            )  # fmt: skip
        body = _json({"type": "about:blank", "title": "Not Found", "status": 404})
        return Answer(
            status=404, headers=(("Content-Type", "application/problem+json"),), body=body
        )

    # -- representations ---------------------------------------------------------------------------

    def _shown(self, request: Request, kind: str, content: bytes) -> Answer:
        setup = self.setup
        coding = self._coding(request, kind, content)
        fields = self._fields(request, content, coding)
        tag = dict(fields).get("ETag")
        if setup.conditional and tag is not None and _matches(request, tag):
            return Answer(status=304, headers=() if setup.thin else fields)
        coded = () if not coding else (("Content-Encoding", coding),)
        body = _encode(coding, content) if coding else content
        return Answer(headers=(("Content-Type", kind), *coded, *fields, *setup.more), body=body)

    def _coding(self, request: Request, kind: str, content: bytes) -> str:
        if len(content) < 512 or (kind.startswith("image/") and not self.setup.codes_media):
            return ""
        offered = {
            c.partition(";")[0].strip() for c in _field(request, "accept-encoding").split(",")
        }
        return next((c for c in self.setup.codings if c in offered), "")

    def _fields(self, request: Request, content: bytes, coding: str) -> Fields:
        setup = self.setup
        fields: list[tuple[str, str]] = []
        if setup.validators:
            digest = hashlib.sha256(content).hexdigest()[:16]
            suffix = f"-{coding}" if coding and setup.tags_by_coding else ""
            drift = "" if setup.steady else f"-{next(self._counter)}"
            fields += [("ETag", f'"{digest}{suffix}{drift}"'), ("Last-Modified", MODIFIED)]
        if setup.cache_control is not None:
            fields.append(("Cache-Control", setup.cache_control))
        if setup.vary:
            fields.append(("Vary", setup.vary))
        if setup.cookie:
            fields.append(("Set-Cookie", setup.cookie.replace("{id}", secrets.token_hex(6))))
        origin = _field(request, "origin")
        if setup.reflects_origin and origin:
            fields.append(("Access-Control-Allow-Origin", origin))
            fields.append(("Access-Control-Allow-Credentials", "true"))
        return tuple(fields)

    # -- acting ------------------------------------------------------------------------------------

    def _act(self, request: Request, path: str) -> Answer:
        """Serve orders: POST makes one (once for each key), PUT and DELETE are idempotent."""
        private: Fields = (("Cache-Control", "no-store"),)
        if request.method == "OPTIONS":
            return Answer(status=204, headers=(("Allow", "GET, HEAD, OPTIONS, POST"), *private))
        if _field(request, "early-data") == "1":
            return Answer(status=425, headers=private)  # RFC 8470 §5.2
        if request.method in {"PUT", "DELETE"}:
            return Answer(status=204, headers=private)
        if request.method != "POST":
            return Answer(status=405, headers=(("Allow", "GET, HEAD, OPTIONS, POST"), *private))
        key = _field(request, "idempotency-key")
        if key and self.setup.keyed and key in self._kept:
            return self._kept[key]
        number = next(self._orders)
        answer = Answer(
            status=201,
            headers=(
                ("Location", f"/orders/{number}"), ("Content-Type", "application/json"), *private,
            ),
            body=_json({"order": number}),
        )  # fmt: skip
        if key:
            self._kept[key] = answer
        return answer

    # -- events ------------------------------------------------------------------------------------

    def _events(self) -> Answer:
        stream = {
            "good": lab_events.events, "mute": lab_events.mute, "buffered": lab_events.buffered,
        }[self.setup.events]  # fmt: skip
        fields = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"))
        return Answer(headers=fields, body=stream)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@functools.lru_cache(maxsize=32)
def _encode(coding: str, content: bytes) -> bytes:
    return _ENCODERS[coding](content)


def _field(request: Request, name: str) -> str:
    return request.get(name) or ""


def _matches(request: Request, tag: str) -> bool:
    """Return whether the client has this content already (RFC 9110 §13.2.2)."""
    if (asked := request.get("if-none-match")) is not None:
        tags = {t.strip().removeprefix("W/") for t in asked.split(",")}
        return tag.removeprefix("W/") in tags or "*" in tags
    return _field(request, "if-modified-since") == MODIFIED


def bomb(coding: str, size: int = 64 * 1024 * 1024) -> bytes:
    """Return a few bytes that decode to ``size`` bytes, for hostile tests."""
    zeros = bytes(size)
    return zlib.compress(zeros) if coding == "deflate" else _ENCODERS[coding](zeros)
