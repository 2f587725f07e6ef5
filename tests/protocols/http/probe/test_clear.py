"""Plain HTTP beside https: port 80 beside port 443, and another port that speaks both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, free_port, tcp_server
from seventh.labkit.web.handler import Answer, Handler
from seventh.labkit.web.serve import web_server
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http import lab
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import Clear
from seventh.protocols.http.lab.setup import Setup
from seventh.web.message import Request
from tests.options import options_with
from tests.protocols.http.rules.looks import job

HERE = "127.0.0.80"
HSTS = ("Strict-Transport-Security", "max-age=31536000")


def need_low_ports() -> None:
    """Skip where this user may not bind the ports of the standard, or they are taken."""
    for port in (80, 443):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((HERE, port))
            except PermissionError:
                pytest.skip(f"binding port {port} needs root")
            except OSError as error:
                pytest.skip(f"{HERE} port {port} cannot be bound: {error.strerror}")


async def page(_: Request) -> Answer:
    return Answer(body=b"ok", headers=(HSTS, ("Content-Type", "text/plain")))


async def leads(request: Request) -> Answer:
    where = f"https://{request.authority or lab.NAME}{request.path}"
    return Answer(status=308, headers=(("Location", where),))


@contextlib.asynccontextmanager
async def pair(kit: Kit, plain: Handler | None) -> AsyncIterator[Options]:
    """https on port 443 and ``plain`` on port 80 of one address."""
    need_low_ports()
    async with contextlib.AsyncExitStack() as stack:
        issued = kit.authority.issue(lab.NAME)
        await stack.enter_async_context(web_server(page, issued=issued, host=HERE, port=443))
        if plain is not None:
            await stack.enter_async_context(
                web_server(plain, versions=("1.1",), host=HERE, port=80)
            )
        zone = {lab.NAME: {"A": (HERE,)}}
        resolver = await stack.enter_async_context(name_server(zone))
        yield options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))


def clear_of(report: Report) -> Clear:
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts) and facts.clear is not None
    return facts.clear


def found(report: Report) -> dict[str, str]:
    return {finding.id: str(finding.severity) for finding in report.findings}


async def test_port_80_leads_to_port_443(kit: Kit) -> None:
    asked: list[Request] = []

    async def plain(request: Request) -> Answer:
        asked.append(request)
        return await leads(request)

    target = Target(scheme="https", host=lab.NAME, port=443, path="/page?token=secret")
    async with pair(kit, plain) as options:
        report = await check_one(target, options.replace(headers=("X-Api-Key: k3y",)))
        led = await check_one(Target(scheme="http", host=lab.NAME, port=80), options)
    clear = clear_of(report)
    assert (clear.url, clear.outcome, clear.status) == (f"http://{lab.NAME}/page", "redirects", 308)
    assert {"HTTP-NO-HTTPS", "HTTP-UPGRADE-TLS", "HTTP-HSTS"} <= set(report.passed)
    ours = [request for request in asked if request.path.startswith("/page")]
    assert ours, "plain HTTP was asked"
    assert all("token" not in request.path for request in ours)
    assert all(request.get("x-api-key") is None for request in ours)
    facts = led.facts["http"]
    assert isinstance(facts, HttpFacts) and facts.redirects is not None
    assert facts.redirects.final_url == f"https://{lab.NAME}/" and led.failure is None
    assert "HTTP-NO-HTTPS" in led.passed


async def test_port_80_serves_the_page(kit: Kit) -> None:
    async with pair(kit, page) as options:
        report = await check_one(Target(scheme="https", host=lab.NAME, port=443), options)
    assert (clear_of(report).outcome, clear_of(report).loopback) == ("serves", True)
    assert found(report)["HTTP-NO-HTTPS"] == "info", "no network sees what stays on loopback"


async def test_nothing_on_port_80(kit: Kit) -> None:
    async with pair(kit, None) as options:
        report = await check_one(Target(scheme="https", host=lab.NAME, port=443), options)
    assert clear_of(report).outcome == "closed" and "HTTP-NO-HTTPS" in report.passed
    assert {s.id for s in report.skipped} >= {"HTTP-UPGRADE-TLS"}


async def test_another_port_that_speaks_tls_alone(kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        report = await check_one(*job(served))
    assert clear_of(report).outcome == "closed" and "HTTP-NO-HTTPS" in report.passed


async def test_another_port_that_speaks_both(kit: Kit) -> None:
    """One port for TLS and for plain HTTP, told apart by the first byte."""
    issued = kit.authority.issue(lab.NAME)
    inner, plain = free_port(), free_port()

    async def split(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        port = inner if first[:1] == b"\x16" else plain
        there, back = await asyncio.open_connection("127.0.0.1", port)
        back.write(first)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
            sink.close()

        await asyncio.gather(carry(reader, back), carry(there, writer))

    async with (
        web_server(page, issued=issued, port=inner),
        web_server(page, versions=("1.1",), port=plain),
        tcp_server(split) as port,
        name_server({lab.NAME: {"A": ("127.0.0.1",)}}) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        report = await check_one(Target(scheme="https", host=lab.NAME, port=port), options)
    clear = clear_of(report)
    assert (clear.outcome, clear.status) == ("serves", 200)
    assert "HTTP-NO-HTTPS" in found(report) and "HTTP-UPGRADE-TLS" in report.passed
