"""Templates with escaping that cannot be forgotten, and the words of values."""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import hashlib
import time
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from seventh.render.entries import clean
from seventh.render.summary import duration

FOLDER = files("seventh.serve.pages")
_LEAST = 1000
"""Bytes from which on a page is compressed."""
_LEVEL = 4
SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Fields of every page."""


@functools.cache
def environment() -> Environment:
    """Return what makes pages. Every text is escaped, and control characters are shown."""
    made = Environment(
        loader=FunctionLoader(lambda name: _text(f"templates/{name}")), autoescape=True,
        undefined=StrictUndefined, finalize=_finalized, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "duration": lambda ns: duration(ns / 1e9) if ns is not None else "–",
        "seconds": lambda seconds: duration(seconds) if seconds is not None else "–",
        "percent": percent, "moment": moment, "moment_in": moment_in, "ago": ago,
    }  # fmt: skip
    made.globals["asset"] = asset
    return made


def _text(name: str) -> str:
    return FOLDER.joinpath(name).read_text(encoding="utf-8")


def _finalized(value: Any) -> Any:
    if value is None:
        return ""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def static(name: str) -> bytes:
    """Return a file that browsers keep; raises FileNotFoundError."""
    return FOLDER.joinpath("static", name).read_bytes()


@functools.cache
def asset(name: str) -> str:
    """Return the address of a file, which is another when the file is."""
    return f"/static/{name}?{hashlib.sha256(static(name)).hexdigest()[:12]}"


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page of a template."""
    content = environment().get_template(template).render(path=request.url.path, **values)
    return answer(request, content.encode("utf-8", "replace"), "text/html", status)


def answer(request: Request, content: bytes, media_type: str, status: int = 200) -> Response:
    """Return content, compressed if the browser can read that."""
    fields = dict(SAFE)
    if len(content) >= _LEAST and "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, _LEVEL, mtime=0)
        fields |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(content, status, fields, media_type)


def percent(share: float | None) -> str:
    """Return a share that reads 0 % or 100 % only if it is that."""
    if share is None:
        return "–"
    if 0 < share < 1e-5:
        return "< 0.001 %"
    shown = f"{100 * share:.3g}"
    if share < 1 and shown == "100":
        shown = f"{int(share * 100_000) / 1000:g}"
    return f"{shown} %"


def moment(at_ns: int | None) -> Markup:
    """Return an instant, in UTC."""
    if not at_ns:
        return Markup("–")
    at = dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d %H:%M:%S")
    )


def moment_in(at_ns: int, zone: dt.tzinfo) -> str:
    """Return an instant by the clock of a zone."""
    return dt.datetime.fromtimestamp(at_ns / 1e9, zone).strftime("%a %Y-%m-%d %H:%M %Z")


def ago(at_ns: int | None) -> Markup:
    """Return how long ago an instant was, by this machine's clock."""
    if not at_ns:
        return Markup("–")
    at = dt.datetime.fromtimestamp(at_ns / 1e9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at, at, _whole(max(0, (time.time_ns() - at_ns) // 10**9))
    )


def _whole(seconds: int) -> str:
    """Return a time that is known to the second."""
    return f"{seconds} s" if seconds < 120 else duration(seconds)
