"""Refused handshakes: whose refusal it is, and what it means."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from OpenSSL import SSL

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Handler, Kit, tcp_server
from seventh.labkit.tlsserve import TlsPeer, server_context
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.protocols.websocket.lab.hub import Hub
from seventh.protocols.websocket.lab.setup import Setup
from seventh.web.message import Request
from tests.options import options_with
from tests.reports import websocket_facts as facts_of

pytestmark = pytest.mark.field
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def look(setup: Setup, **options: object) -> Report:
    hub = Hub(setup)
    async with web_server(hub.handle) as port:
        hub.origins = (f"http://127.0.0.1:{port}",)
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        return await check_one(target, options_with(**options))


def refusing(status: int, *fields: tuple[str, str]) -> Setup:
    return Setup(answers=Answer(status=status, headers=fields, body=b"no"))


@pytest.mark.parametrize(
    ("status", "versions", "reason", "said"),
    [
        (426, "8, 7", Reason.NEGOTIATION_FAILED, "only versions 8 and 7; clients use version 13"),
        (400, "0", Reason.NEGOTIATION_FAILED, "only version 0; clients use version 13"),
        (426, "13", Reason.PROTOCOL_MISMATCH, "a proxy in between removes the Upgrade field"),
        (426, "13, 8", Reason.PROTOCOL_MISMATCH, "a proxy in between removes the Upgrade field"),
    ],
)
async def test_versions_of_a_refusal(status: int, versions: str, reason: Reason, said: str) -> None:
    report = await look(refusing(status, ("Sec-WebSocket-Version", versions)))
    assert report.failure is not None
    assert report.failure.reason is reason and said in report.failure.detail


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "auth-required"), (403, "auth-rejected"), (404, "protocol-mismatch"),
     (302, "negotiation-failed"), (503, "negotiation-failed")],
)  # fmt: skip
async def test_other_refusals_say_their_status(status: int, reason: str) -> None:
    report = await look(refusing(status, ("Location", "https://login.example/")))
    assert report.failure is not None and report.failure.reason == reason
    assert f"HTTP {status}" in report.failure.detail


# -- Origin ----------------------------------------------------------------------------------------


def origin_severity(report: Report) -> Severity | None:
    return next((f.severity for f in report.findings if f.id == "WS-ORIGIN"), None)


@pytest.mark.parametrize(
    ("headers", "severity"),
    [
        ((), "low"),
        (("Authorization: Bearer abcdefgh",), "low"),
        (("Authorization: Basic dXNlcjpwYXNz",), "high"),
        (("Cookie: sid=0123456789abcdef",), "critical"),
    ],
)
async def test_open_to_all_pages(headers: tuple[str, ...], severity: str) -> None:
    report = await look(Setup(origins="any"), headers=headers)
    assert origin_severity(report) == severity


async def test_an_origin_that_is_refused_is_left_out_once() -> None:
    report = await look(Setup(origins="none"))
    facts = facts_of(report)
    assert report.failure is None
    assert facts.own_origin is not None and facts.own_origin.status == 403
    (finding,) = (f for f in report.findings if f.id == "WS-OWN-ORIGIN")
    assert finding.severity == "info" and finding.params["status"] == 403
    assert "WS-ORIGIN" in report.passed


async def test_an_origin_that_the_user_named_is_not_left_out() -> None:
    report = await look(Setup(origins="none"), origin="https://app.example")
    assert report.failure is not None and report.failure.reason is Reason.AUTH_REJECTED


async def test_a_refusal_of_everybody_stays_one() -> None:
    asked: list[str | None] = []

    async def refuse(request: Request) -> Answer:
        asked.append(request.get("origin"))
        return Answer(status=403)

    async with web_server(refuse) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await check_one(target, Options())
    assert report.failure is not None and report.failure.reason is Reason.AUTH_REJECTED
    assert asked[0] is not None and None in asked


# -- TLS -------------------------------------------------------------------------------------------


def tls_port(kit: Kit, in_clear: bytes) -> Handler:
    context = server_context(kit.authority.issue("www.lab.test"))

    async def serve(reader: Reader, writer: Writer) -> None:
        first = await reader.read(65536)
        if first[:1] == b"\x16":
            with contextlib.suppress(SSL.Error, asyncio.IncompleteReadError):
                await TlsPeer(reader, writer, context).shake_hands(first)
        else:
            writer.write(in_clear)

    return serve


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize(
    "in_clear",
    [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"", b"\x15\x03\x01\0\2\2\x46"],
)
async def test_ws_on_a_port_that_has_tls(kit: Kit, in_clear: bytes, verb: str) -> None:
    async with tcp_server(tls_port(kit, in_clear)) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await (check_one if verb == "check" else pulse_one)(target, Options())
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert f"use wss://127.0.0.1:{port}" in report.failure.detail


async def test_wss_on_a_port_in_clear() -> None:
    async with web_server(Hub(Setup()).handle) as port:
        target = Target(scheme="wss", host="127.0.0.1", port=port)
        report = await check_one(target, Options())
    assert report.failure is not None and report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert "not TLS" in report.failure.detail


async def test_a_refused_connection_is_not_left_open_while_the_next_is_asked(kit: Kit) -> None:
    """A server with one worker: each connection waits for the one before."""
    worker = asyncio.Lock()

    async def serve(reader: Reader, writer: Writer) -> None:
        async with worker:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async with tcp_server(serve) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await check_one(target, options_with(timeout_seconds=8.0))
    assert report.failure is not None and report.failure.reason is Reason.AUTH_REJECTED
    assert report.duration_seconds < 3
