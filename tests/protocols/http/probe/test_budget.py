"""What a check costs a site, counted by the site: requests, their methods, and connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.http import SPEC, lab
from seventh.protocols.http.client.origin import MAX_REQUESTS
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.lab.content import site
from seventh.protocols.http.lab.setup import Setup
from seventh.web.message import Request
from tests.options import changed
from tests.protocols.http.rules.looks import job

SAFE = {"GET", "HEAD", "OPTIONS"}
PAGE = (
    b"<!doctype html><link rel=stylesheet href=/a.css><script src=/b.js></script><img src=/c.png>"
    + b"<p>words, words</p>" * 200
)


class Recorder:
    """Notes what comes, and has the lab's site answer."""

    def __init__(self) -> None:
        self.methods: Counter[str] = Counter()
        self.connections = 0

    def before(self, request: Request) -> None:
        """Note a request; the site goes on with it."""
        self.methods[request.method] += 1


@contextlib.asynccontextmanager
async def counted(port: int, recorder: Recorder) -> AsyncIterator[int]:
    """A door before a TCP port that counts who comes in; gives its own port."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recorder.connections += 1
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(
                pass_on(reader, before), pass_on(behind, writer), return_exceptions=True
            )
        finally:
            before.close()

    async with tcp_server(serve) as door:
        yield door


TIERS: dict[str, dict[str, object]] = {
    "default": {},
    "head": {"method": "HEAD"},
    "options": {"method": "OPTIONS"},
    "expectations": {"expect_status": "2xx", "expect_json": "things"},
    "write": {"allow_write": True},
    "own post": {"allow_write": True, "method": "POST"},
    "own delete": {"allow_write": True, "method": "DELETE"},
    "intrusive": {"allow_write": True, "intrusive": True, "hold_seconds": 0.2},
    "only h1": {"http_version": "1.1"},
    "only h2": {"http_version": "2"},
}


@pytest.mark.parametrize("secure", [True, False], ids=["https", "http"])
@pytest.mark.parametrize("tier", TIERS)
async def test_a_check_keeps_to_its_budget(tier: str, secure: bool, kit: Kit) -> None:
    recorder = Recorder()
    setup = Setup(before=recorder.before, secure=secure, early_data=16384 if secure else 0)
    async with lab.site(setup, kit) as served:
        target, options = job(served, timeout_seconds=20.0, **TIERS[tier])
        async with counted(target.port, recorder) as door:
            report = await check_one(replace(target, port=door), options)
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert 0 < sum(recorder.methods.values()) <= facts.requests <= MAX_REQUESTS == 40
    assert 0 < recorder.connections <= SPEC.connections
    if not options.allow_write:
        assert set(recorder.methods) <= SAFE
    if tier == "head":
        assert recorder.methods["HEAD"] >= 1


@pytest.mark.parametrize("version", ["1.1", "2"])
async def test_a_page_full_of_links_costs_no_more(version: str, kit: Kit) -> None:
    """Assets, redirects, errors and an API's description come out of the same budget."""
    recorder = Recorder()
    good = site()

    async def handle(request: Request) -> Answer:
        recorder.before(request)
        if request.path == "/start":
            return Answer(status=302, headers=(("Location", "/1"),))
        if request.path[1:].isdigit() and int(request.path[1:]) < 9:
            return Answer(status=302, headers=(("Location", f"/{int(request.path[1:]) + 1}"),))
        if request.path in {"/9", "/a.css", "/b.js", "/c.png"}:
            link = ("Link", "</d1>; rel=service-desc, </d2>; rel=service-desc")
            return Answer(headers=(("Content-Type", "text/html"), ("ETag", '"x"'), link), body=PAGE)
        return await good(request)

    issued = kit.authority.issue(lab.NAME)
    async with (
        web_server(handle, issued=issued, versions=("2", "1.1")) as port,
        counted(port, recorder) as door,
    ):
        report = await check_one(
            Target(scheme="https", host="127.0.0.1", port=door, path="/start"),
            changed(Options(
                timeout_seconds=20.0, server_name=lab.NAME, allow_write=True,
                ca_file=str(kit.authority.ca_file),
            ), http_version=version),
        )  # fmt: skip
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.redirects is not None and len(facts.redirects.hops) == 9
    assert sum(recorder.methods.values()) <= facts.requests <= MAX_REQUESTS
    assert recorder.connections <= SPEC.connections


async def test_a_pulse_is_one_request_on_one_connection(kit: Kit) -> None:
    recorder = Recorder()
    async with lab.site(Setup(before=recorder.before), kit) as served:
        target, options = job(served)
        async with counted(target.port, recorder) as door:
            report = await pulse_one(replace(target, port=door), options)
    assert report.failure is None
    assert (recorder.methods, recorder.connections) == ({"GET": 1}, 1)
