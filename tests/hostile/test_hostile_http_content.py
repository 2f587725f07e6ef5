"""Sites whose content is made to hurt whoever looks at it: typed, bounded, in time, fit to show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from seventh.cli.show import document
from seventh.engine.check import check_one
from seventh.labkit.web.handler import Answer, Handler
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.lab.content import bomb, site
from seventh.protocols.http.lab.setup import ContentSetup
from seventh.render import FORMATS, View, render
from seventh.web.message import Fields, Request
from tests.hostile.bounds import bounded

SECONDS = 2.0
MAX_MEBIBYTES = 48
"""The server is in this process, too."""
JUNK = "\x1b[2J\x9b31m\xad<script>"
HTML = ("Content-Type", "text/html")
JSON = ("Content-Type", "application/json")


def always(*fields: tuple[str, str], body: bytes = b"x" * 2000, status: int = 200) -> Handler:
    async def handle(_: Request) -> Answer:
        return Answer(status=status, headers=fields, body=body)

    return handle


def after_the_first(then: Callable[[Request], Answer]) -> Handler:
    """Good at first, so that the look goes on; hostile from the second request on."""
    good, count = site(), 0

    async def handle(request: Request) -> Answer:
        nonlocal count
        count += 1
        return await good(request) if count == 1 else then(request)

    return handle


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"data: " + b"x" * 8192
        await asyncio.sleep(0)  # the fault: no end; the loop gets its turn


async def _dripping() -> AsyncIterator[bytes]:
    while True:
        yield b"x"
        await asyncio.sleep(0.05)  # the fault: a byte now and then


async def _stalled() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.sleep(3600)  # the fault: silence, until the look is over


def events(body: Callable[[], AsyncIterator[bytes]]) -> Handler:
    async def handle(_: Request) -> Answer:
        return Answer(headers=(("Content-Type", "text/event-stream"),), body=body)

    return handle


def _described(document: bytes) -> Handler:
    good = site(ContentSetup())

    async def handle(request: Request) -> Answer:
        if request.path == "/openapi.json":
            return Answer(headers=(JSON,), body=document)
        return await good(request)

    return handle


def _coded(name: str) -> Handler:
    return always(HTML, ("Content-Encoding", name), body=bomb(name))


_MANY: Fields = tuple(("Set-Cookie", f"c{n}=1; Path=/{'p' * 100}") for n in range(200))
_SCHEMA = {"application/json": {"schema": {"$ref": "#/x"}}}
_LOOP = msgspec.json.encode(
    {
        "openapi": "3.1.0",
        "paths": {"/things": {"get": {"responses": {"200": {"content": _SCHEMA}}}}},
        "x": {"anyOf": [{"$ref": "#/x"}] * 200},
    }
)
SITES: dict[str, Handler] = {
    "gzip bomb": _coded("gzip"),
    "br bomb": _coded("br"),
    "zstd bomb": _coded("zstd"),
    "deflate bomb": _coded("deflate"),
    "two bombs": always(HTML, ("Content-Encoding", "gzip, gzip"), body=bomb("gzip")),
    "lying coding": always(HTML, ("Content-Encoding", "br")),
    "unknown coding": always(HTML, ("Content-Encoding", JUNK)),
    "many codings": always(HTML, ("Content-Encoding", ", ".join(["gzip"] * 500))),
    "cookie flood": always(HTML, *_MANY),
    "junk everywhere": always(
        ("Content-Type", JUNK),
        ("Cache-Control", f"max-age={JUNK}, {JUNK}"),
        ("ETag", f'"{JUNK}"'),
        ("Vary", JUNK),
        ("Set-Cookie", JUNK),
        ("Age", JUNK),
        ("Cache-Status", f"{JUNK}; hit"),
        ("Sunset", JUNK),
        ("Deprecation", "true"),
        ("Link", f"<{JUNK}>; rel=sunset"),
        ("Access-Control-Allow-Origin", JUNK),
        ("Expires", JUNK),
        ("Date", JUNK),
    ),
    "huge ETag": always(HTML, ("ETag", '"' + "e" * 50_000 + '"')),
    "huge Cache-Control": always(HTML, ("Cache-Control", "max-age=1," * 5000)),
    "huge number": always(HTML, ("Cache-Control", "max-age=" + "9" * 50_000), ("Age", "9" * 5000)),
    "huge Vary": always(HTML, ("Vary", ",".join(f"f{n}" for n in range(8000)))),
    "deep JSON": always(JSON, body=b"[" * 400_000),
    "deep closed JSON": always(JSON, body=b"[" * 400_000 + b"]" * 400_000),
    "slow HTML": always(HTML, body=b"<img src=" * 100_000),
    "comments": always(HTML, body=b"<!---->" * 100_000),
    "many assets": always(HTML, body=b"<html>" + b"<img src=//10.0.0.1/a><script src=b>" * 20_000),
    "looping description": _described(_LOOP),
    "deep description": _described(b'{"openapi":"3.1.0","paths":' + b'{"/":' * 100_000 + b"}"),
    "always 429": always(HTML, status=429),
    "redirects after the first": after_the_first(
        lambda _: Answer(status=302, headers=(("Location", "http://10.0.0.1/"),))
    ),
    "endless after the first": after_the_first(lambda _: Answer(body=_endless)),
    "drips after the first": after_the_first(lambda _: Answer(body=_dripping)),
    "stalls after the first": after_the_first(lambda _: Answer(body=_stalled)),
    "endless events": events(_endless),
    "dripping events": events(_dripping),
}


def sound(report: Report) -> None:
    if report.failure is not None:
        assert report.failure.reason is not Reason.INTERNAL, report.failure.detail
    made = document([report])
    for name in FORMATS:
        shown = render(name, made, View(lang="en", verbose=True, color=False, width=80))
        assert "\x1b" not in shown and "\x9b" not in shown
        if name in {"html", "junit"}:
            assert "<script>" not in shown
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.requests <= 40
    assert len(msgspec.json.encode(facts.content)) < 64 * 1024


@pytest.mark.parametrize("name", SITES)
async def test_a_hostile_site(name: str) -> None:
    hold = {"intrusive": True, "hold_seconds": 1.0} if "events" in name else {}
    options = Options(timeout_seconds=SECONDS).replace(**hold)
    async with web_server(SITES[name], versions=("1.1",)) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port, path="/")
        with bounded(SECONDS, MAX_MEBIBYTES):
            report = await check_one(target, options)
        sound(report)
