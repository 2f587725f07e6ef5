"""Redirects that form a loop, and what ends it."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.protocols.http import lab
from seventh.protocols.http.facts.versions import Loop
from seventh.protocols.http.lab.setup import Before, Setup
from seventh.web.message import Fields, Request
from tests.protocols.http.rules.looks import job
from tests.reports import found
from tests.reports import http_facts as facts_of

RULE = "HTTP-REDIRECT-LOOP"


def to(where: str, *fields: tuple[str, str]) -> Answer:
    return Answer(status=302, headers=(("Location", where), *fields))


def field(request: Request, name: str) -> str:
    return next((value for n, value in request.headers if n.lower() == name), "")


def itself(request: Request) -> Answer:
    return to(request.path)


def unaware(request: Request) -> Answer | None:
    return None if field(request, "x-forwarded-proto") == "https" else to(request.path)


def asks_cookies(request: Request) -> Answer | None:
    both = field(request, "cookie") == "a=1; b=2"
    cookies: Fields = (("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"))
    return None if both else to("/", *cookies)


def sets_cookies(_: Request) -> Answer:
    return to("/", ("Set-Cookie", "a=1"))


def three(request: Request) -> Answer:
    return to({"/": "/1", "/1": "/2", "/2": "/1"}.get(request.path, "/"))


def queries(request: Request) -> Answer:
    return to({"/": "/?1", "/?1": "/?2"}.get(request.path, "/?1"))


def elsewhere(request: Request) -> Answer:
    return to("/x" if field(request, "x-forwarded-proto") else "/")


CASES: dict[str, tuple[Before, tuple[str, ...], dict[str, bool]]] = {
    "itself": (itself, ("/",), {"forwarded_proto": False}),
    "unaware": (unaware, ("/",), {"forwarded_proto": True}),
    "elsewhere": (elsewhere, ("/",), {"forwarded_proto": True}),
    "cookies": (asks_cookies, ("/",), {"cookie": True}),
    "sets cookies": (sets_cookies, ("/",), {"cookie": False, "forwarded_proto": False}),
    "a circle that the first URL is no part of": (three, ("/1", "/2"), {}),
    "queries": (queries, ("/?…", "/?…"), {}),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_loop_and_its_cause(name: str, kit: Kit) -> None:
    before, paths, causes = CASES[name]
    async with lab.site(Setup(before=before), kit) as served:
        report = await check_one(*job(served))
    origin = served.target.rstrip("/")
    chain = facts_of(report).redirects
    assert chain is not None
    assert chain.loop == Loop(urls=tuple(origin + path for path in paths), **causes)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert RULE in found(report)


async def between(kit: Kit, *, forwarded: bool) -> tuple[Report, str, str]:
    """An https and an http server that redirect to each other."""
    places: dict[str, str] = {}

    def secure(request: Request) -> Answer | None:
        aware = forwarded and field(request, "x-forwarded-proto") == "https"
        return None if aware else to(places["http"])

    async def clear(_: Request) -> Answer:
        return to(places["https"])

    async with (
        web_server(clear) as port,
        lab.site(Setup(before=secure), kit) as served,
    ):
        places |= {"http": f"http://{lab.NAME}:{port}/", "https": served.target}
        report = await check_one(*job(served))
    return report, places["https"], places["http"]


@pytest.mark.parametrize("forwarded", [True, False])
async def test_http_and_https_to_each_other(kit: Kit, forwarded: bool) -> None:
    report, https, http = await between(kit, forwarded=forwarded)
    chain = facts_of(report).redirects
    assert chain is not None
    assert chain.loop == Loop(urls=(https, http), schemes=True, forwarded_proto=forwarded)


async def test_a_chain_that_ends_is_no_loop(kit: Kit) -> None:
    async with lab.site(Setup(before=lambda r: to("/x") if r.path == "/" else None), kit) as served:
        report = await check_one(*job(served))
    chain = facts_of(report).redirects
    assert chain is not None and chain.loop is None
    assert RULE in report.passed
