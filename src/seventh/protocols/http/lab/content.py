"""A small API and its pages in good order, and what can be wrong with its caching and content.

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
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

import brotli  # type: ignore[import-untyped]
import msgspec
import zstandard

from seventh.labkit.serve import Fault
from seventh.labkit.web.handler import Answer, Handler
from seventh.protocols.http.lab import events as lab_events
from seventh.web.message import Fields, Request

MODIFIED = "Sun, 01 Nov 2026 08:00:00 GMT"
FRESH = "public, max-age=60, stale-while-revalidate=60, stale-if-error=600"
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


class ContentSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How the site behaves; without arguments, as it should."""

    validators: bool = True
    honours: bool = True
    """Whether it answers conditional requests by 304."""
    steady: bool = True
    """Whether the same content has the same ETag each time."""
    tags_by_coding: bool = True
    thin: bool = False
    """Whether a 304 goes without its fields."""
    cache_control: str | None = FRESH
    cookie: str = ""
    vary: str = "Accept-Encoding"
    codings: tuple[str, ...] = ("br", "zstd", "gzip")
    squeezes_media: bool = False
    token: str = ""
    """A token in the page, which also repeats its query."""
    many: bool = False
    keyed: bool = True
    """Whether a POST under a known Idempotency-Key acts but once."""
    limited: bool = False
    """Whether unknown paths are refused by 429, without a word on when to come back."""
    described: bool = True
    truthful: bool = True
    """Whether replies keep to the description."""
    problems: bool = True
    json_type: str = "application/json"
    more: Fields = ()
    reflects_origin: bool = False
    events: str = "good"
    path: str = "/"
    options: Mapping[str, str | float | int | tuple[str, ...]] = {}


def _fault(
    name: str, meaning: str, *triggers: str, ways: ContentSetup
) -> tuple[Fault, ContentSetup]:
    return Fault(name=name, meaning=meaning, triggers=triggers), ways


def _date(days: float) -> str:
    """Return a date of HTTP that many days from now."""
    import time

    return formatdate(time.time() + days * 86400, usegmt=True)


_HOLD = {"intrusive": True, "hold_seconds": 3.0, "timeout_seconds": 12.0}
_TABLE = (
    _fault(
        "no-validator", "replies have neither ETag nor Last-Modified", "HTTP-NO-VALIDATOR",
        ways=ContentSetup(validators=False),
    ),
    _fault(
        "etag-ignored", "conditional requests are answered in full", "HTTP-ETAG-IGNORED",
        ways=ContentSetup(honours=False),
    ),
    _fault(
        "etag-unstable", "each reply has another ETag", "HTTP-ETAG-UNSTABLE",
        ways=ContentSetup(steady=False),
    ),
    _fault(
        "etag-encoding", "one strong ETag for all codings", "HTTP-ETAG-ENC",
        ways=ContentSetup(tags_by_coding=False),
    ),
    _fault("thin-304", "304 without the fields of the 200", "HTTP-304-HDRS",
           ways=ContentSetup(thin=True)),
    _fault(
        "no-freshness", "no reply says how long it holds", "HTTP-NO-FRESHNESS",
        ways=ContentSetup(cache_control=None),
    ),
    _fault(
        "two-minds", "replies may be kept for an hour and not at all", "HTTP-NO-FRESHNESS",
        ways=ContentSetup(cache_control="no-store, max-age=3600"),
    ),
    _fault(
        "cache-leak", "a session's cookie goes into shared caches", "HTTP-CACHE-LEAK",
        ways=ContentSetup(cookie="session={id}; Path=/; Secure; HttpOnly; SameSite=Lax"),
    ),
    _fault(
        "no-stale", "nothing may be served stale", "HTTP-NO-SWR",
        ways=ContentSetup(cache_control="public, max-age=60"),
    ),
    _fault("no-vary", "codings are chosen and Vary is missing", "HTTP-VARY",
           ways=ContentSetup(vary="")),
    _fault(
        "vary-star", "Vary names everything", "HTTP-VARY", ways=ContentSetup(vary="*"),
    ),
    _fault(
        "cors-reflected", "any Origin is allowed, with credentials, and Vary is silent",
        "HTTP-VARY", ways=ContentSetup(reflects_origin=True),
    ),
    _fault("plain-text", "nothing is compressed", "HTTP-NO-COMPRESS",
           ways=ContentSetup(codings=())),
    _fault("gzip-only", "texts are compressed by gzip alone", "HTTP-NO-BR",
           ways=ContentSetup(codings=("gzip",))),
    _fault(
        "squeezed-image", "an image is compressed again", "HTTP-COMPRESS-WASTE",
        ways=ContentSetup(squeezes_media=True, path="/logo.png"),
    ),
    _fault(
        "breach", "a compressed page repeats its query beside a token", "HTTP-COMPRESS-BREACH",
        ways=ContentSetup(token="b3f1c9d2a4e5f60718293a4b", path="/page"),  # noqa: S106 - it is in a lab
    ),
    _fault(
        "large-json", "one reply of two megabytes of JSON", "HTTP-PAYLOAD",
        ways=ContentSetup(many=True),
    ),
    _fault(
        "acts-twice", "a POST acts again under the same Idempotency-Key", "HTTP-IDEMPOTENCY",
        ways=ContentSetup(
            keyed=False, path="/orders", options={"method": "POST", "allow_write": True},
        ),
    ),
    _fault(
        "no-retry-after", "refuses by 429 and does not say for how long", "HTTP-RETRY-INFO",
        ways=ContentSetup(limited=True),
    ),
    _fault("undescribed", "an API without a description", "REST-SCHEMA",
           ways=ContentSetup(described=False)),
    _fault(
        "breaks-schema", "replies are not what is described", "REST-SCHEMA",
        ways=ContentSetup(truthful=False),
    ),
    _fault("bare-errors", "errors are pages for people", "REST-ERRORS",
           ways=ContentSetup(problems=False)),
    _fault(
        "wrong-type", "JSON is sent as HTML", "REST-CTYPE",
        ways=ContentSetup(json_type="text/html"),
    ),
    _fault(
        "sunset", "the interface was to end last week", "REST-SUNSET",
        ways=ContentSetup(more=(
            ("Deprecation", "@1750000000"), ("Sunset", _date(-7)),
            ("Link", "</v2>; rel=successor-version"),
        )),
    ),
    _fault(
        "mute-events", "an event stream that is silent until it is cut", "SSE-HEARTBEAT",
        ways=ContentSetup(events="mute", path="/events", options=_HOLD),
    ),
    _fault(
        "buffered-events", "events that wait in a buffer until it is full", "SSE-HEARTBEAT",
        ways=ContentSetup(events="buffered", path="/events", options=_HOLD),
    ),
)  # fmt: skip
FAULTS: tuple[Fault, ...] = tuple(fault for fault, _ in _TABLE)
WAYS: Mapping[str, ContentSetup] = {fault.name: ways for fault, ways in _TABLE}


def site(ways: ContentSetup | None = None) -> Handler:
    """Return the site, with its own memory of orders."""
    return _Site(ways or ContentSetup()).answer


class _Site:
    def __init__(self, ways: ContentSetup) -> None:
        self.ways = ways
        self._counter = itertools.count(1)
        self._orders = itertools.count(1)
        self._kept: dict[str, Answer] = {}

    async def answer(self, request: Request) -> Answer:
        """Return what the site says to a request."""
        path = urlsplit(request.path).path
        if path == "/events" and request.method == "GET":
            return self._events()
        if request.method not in {"GET", "HEAD"}:
            return self._act(request, path)
        found = self._content(request, path)
        return self._missing(path) if found is None else self._shown(request, *found)

    # -- content -----------------------------------------------------------------------------------

    def _content(self, request: Request, path: str) -> tuple[str, bytes] | None:
        """Type and content of a path; None where there is nothing."""
        ways = self.ways
        if path in {"/", "/things"}:
            return ways.json_type, _json(self._things())
        if path == "/orders":
            return "application/json", _json({"orders": "POST here"})
        if path == "/openapi.json" and ways.described:
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
        if self.ways.many:
            return _THINGS * 600
        if not self.ways.truthful:
            return [{"id": str(thing["id"]), "free": "yes"} for thing in _THINGS]
        return _THINGS

    def _page(self, request: Request) -> bytes:
        if not self.ways.token:
            return _PAGE
        words = " ".join(parse_qs(urlsplit(request.path).query).get("q", ()))
        hidden = f'<input type="hidden" name="csrf_token" value="{self.ways.token}">'
        return _PAGE + f"<form>{hidden}</form><p>You looked for {words[:80]}.</p>".encode()

    def _missing(self, path: str) -> Answer:
        ways = self.ways
        if ways.limited:
            return Answer(status=429, headers=(("Content-Type", "text/plain"),), body=b"too many")
        if not ways.problems:
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
        ways = self.ways
        coding = self._coding(request, kind, content)
        fields = self._fields(request, content, coding)
        tag = dict(fields).get("ETag")
        if ways.honours and tag is not None and _matches(request, tag):
            return Answer(status=304, headers=() if ways.thin else fields)
        coded = () if not coding else (("Content-Encoding", coding),)
        body = _encode(coding, content) if coding else content
        return Answer(headers=(("Content-Type", kind), *coded, *fields, *ways.more), body=body)

    def _coding(self, request: Request, kind: str, content: bytes) -> str:
        if len(content) < 512 or (kind.startswith("image/") and not self.ways.squeezes_media):
            return ""
        offered = {
            c.partition(";")[0].strip() for c in _field(request, "accept-encoding").split(",")
        }
        return next((c for c in self.ways.codings if c in offered), "")

    def _fields(self, request: Request, content: bytes, coding: str) -> Fields:
        ways = self.ways
        fields: list[tuple[str, str]] = []
        if ways.validators:
            digest = hashlib.sha256(content).hexdigest()[:16]
            suffix = f"-{coding}" if coding and ways.tags_by_coding else ""
            drift = "" if ways.steady else f"-{next(self._counter)}"
            fields += [("ETag", f'"{digest}{suffix}{drift}"'), ("Last-Modified", MODIFIED)]
        if ways.cache_control is not None:
            fields.append(("Cache-Control", ways.cache_control))
        if ways.vary:
            fields.append(("Vary", ways.vary))
        if ways.cookie:
            fields.append(("Set-Cookie", ways.cookie.replace("{id}", secrets.token_hex(6))))
        origin = _field(request, "origin")
        if ways.reflects_origin and origin:
            fields.append(("Access-Control-Allow-Origin", origin))
            fields.append(("Access-Control-Allow-Credentials", "true"))
        return tuple(fields)

    # -- acting ------------------------------------------------------------------------------------

    def _act(self, request: Request, path: str) -> Answer:
        """Orders: POST makes one (once for each key), PUT and DELETE lead to one state."""
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
        if key and self.ways.keyed and key in self._kept:
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
        }[self.ways.events]  # fmt: skip
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
    """Return whether the client has this representation already (RFC 9110 §13.2.2)."""
    if (asked := request.get("if-none-match")) is not None:
        tags = {t.strip().removeprefix("W/") for t in asked.split(",")}
        return tag.removeprefix("W/") in tags or "*" in tags
    return _field(request, "if-modified-since") == MODIFIED


def bomb(coding: str, size: int = 64 * 1024 * 1024) -> bytes:
    """Return a little content that undoes to ``size`` bytes, for hostile tests."""
    zeros = bytes(size)
    return zlib.compress(zeros) if coding == "deflate" else _ENCODERS[coding](zeros)
