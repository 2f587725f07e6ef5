"""Hostile WebSocket servers, through HTTP/1.1, 2 and 3: typed, bounded, within the deadline."""

from __future__ import annotations

import time

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web.h3 import serve_h3
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.tls.handshake import start_tls
from seventh.protocols.websocket import SPEC
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.lab import serve_setup, wrong
from seventh.protocols.websocket.lab.hub import Hub
from seventh.protocols.websocket.lab.setup import Setup, Tunnel
from seventh.protocols.websocket.wire.handshake import (
    Offer,
    handshake_request,
    handshake_response,
)
from seventh.web.h2 import H2Connection
from seventh.wire.websocket_frames import Frames
from seventh.wire.websocket_key import accept_of, new_key
from tests.hostile.bounds import LATE_SECONDS, bounded
from tests.hostile.servers import answering, dripping, flooding, saying
from tests.options import changed, options_with

SECONDS = 4.0
MEBIBYTES = 48
WRONG: dict[str, Tunnel] = {
    "masks": wrong.mask,
    "declares": wrong.declare,
    "pings": wrong.pings,
    "pongs": wrong.pongs,
    "bad_utf8": wrong.bad_utf8,
    "endless_fragments": wrong.endless_fragments,
    "endless_message": wrong.endless_message,
    "inflates": wrong.inflate,
    "reserved": wrong.reserved,
    "bad_close": wrong.bad_close,
}


async def look(setup: Setup, kit: Kit, verb: str = "check", **more: object) -> Report:
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=SECONDS))
        chosen = changed(options, **more)
        with bounded(SECONDS, MEBIBYTES):
            return await (check_one if verb == "check" else pulse_one)(target, chosen)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_over_http_1(kit: Kit, name: str, verb: str) -> None:
    setup = Setup(tunnel=WRONG[name])
    report = await look(setup, kit, verb)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION, report.failure
    assert report.failure.phase.startswith("ws."), report.failure


@pytest.mark.parametrize("name", WRONG)
async def test_with_every_permission(kit: Kit, name: str) -> None:
    """The conversation is in order; only the sockets after it misbehave."""
    hub = Hub(Setup(origins="any"))
    calm = 0

    async def handle(request: object) -> Answer:
        nonlocal calm
        calm += 1
        hub.setup = Setup(origins="any", tunnel=WRONG[name] if calm > 1 else None)
        return await hub.handle(request)  # type: ignore[arg-type]

    async with web_server(handle) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        options = options_with(
            timeout_seconds=SECONDS, intrusive=True, allow_write=True, sockets=3,
            hold_seconds=0.3, message_template="publish {id}",
        )  # fmt: skip
        with bounded(SECONDS, MEBIBYTES):
            report = await check_one(target, options)
    assert report.failure is None or report.failure.reason is not Reason.INTERNAL, report.failure


@pytest.mark.parametrize("name", WRONG)
async def test_inside_http_2(kit: Kit, name: str) -> None:
    hub = Hub(Setup(origins="any", tunnel=WRONG[name]))
    async with web_server(hub.handle, issued=kit.authority.issue()) as port:
        target = Target(scheme="wss", host="127.0.0.1", port=port)
        options = Options(timeout_seconds=SECONDS, ca_file=str(kit.authority.ca_file))
        ctx = ProbeContext(target, options, connections=SPEC.connections)
        with bounded(SECONDS, MEBIBYTES):
            below = await ctx.connect()
            tls = await start_tls(below, options, "127.0.0.1", watch=Stopwatch(), alpn=("h2",))
            offer = Offer(key=new_key(), deflate=True)
            response, stream = await H2Connection(tls).tunnel(
                handshake_request(target, offer, over="2")
            )
            assert stream is not None
            handshake, deflate = handshake_response(response, offer)
            assert handshake.sound
            socket = Socket(stream, Frames(deflate), response.first)
            with pytest.raises(Failed) as caught:
                await socket.until_closed(ctx.budget.within(3))
        assert caught.value.reason is Reason.PROTOCOL_VIOLATION
        ctx.close()


@pytest.mark.parametrize("name", ["pings", "inflates", "endless_message"])
async def test_inside_http_3(kit: Kit, name: str) -> None:
    """What goes wrong inside QUIC costs the look at HTTP/3, not the report."""
    issued = kit.authority.issue()
    good = Hub(Setup(origins="any"))
    bad = Hub(Setup(origins="any", tunnel=WRONG[name]))
    async with (
        web_server(good.handle, issued=issued) as port,
        serve_h3(bad.handle, issued, port=port),
    ):
        target = Target(scheme="wss", host="127.0.0.1", port=port)
        options = Options(timeout_seconds=SECONDS, ca_file=str(kit.authority.ca_file))
        begun = time.monotonic()
        report = await check_one(target, options)
        assert time.monotonic() - begun < SECONDS + LATE_SECONDS
    assert report.failure is None
    h3 = report.facts["websocket"].h3  # type: ignore[attr-defined]
    assert h3.handshake is not None and h3.handshake.status == 200
    assert h3.ping_seconds is None and h3.detail


# -- before the protocol is switched ---------------------------------------------------------------

_101 = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
_RIGHT = f"Sec-WebSocket-Accept: {accept_of('x' * 24)}\r\n".encode()
HEADS = {
    "a 101 for somebody else": (answering(_101 + _RIGHT + b"\r\n"), Reason.PROTOCOL_VIOLATION),
    "a bare 101": (answering(_101 + b"\r\n"), Reason.PROTOCOL_VIOLATION),
    "a 101 that never ends": (
        answering(_101 + b"X: " + b"y" * 400_000), Reason.PROTOCOL_VIOLATION
    ),
    "a hundred extensions": (
        answering(_101 + b"Sec-WebSocket-Extensions: a;b=c\r\n" * 100 + b"\r\n"),
        Reason.PROTOCOL_VIOLATION,
    ),
    "an endless page": (
        flooding(b"HTTP/1.1 200 OK\r\n\r\n" + b"<html>" * 1000), Reason.PROTOCOL_MISMATCH
    ),
    "a dripping page": (
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), Reason.BUDGET_EXCEEDED
    ),
    "a redirect to a secret place": (
        answering(b"HTTP/1.1 302 Found\r\nLocation: https://u:p@h/x?token=abc\r\n\r\n"),
        Reason.NEGOTIATION_FAILED,
    ),
    "escape codes": (
        answering(b"HTTP/1.1 400 \x1b[2J\r\nServer: \x1b]0;owned\x07\r\n\r\n"),
        Reason.PROTOCOL_MISMATCH,
    ),
    "HTTP/2 frames": (saying(bytes.fromhex("000000040000000000")), Reason.PROTOCOL_MISMATCH),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_heads(name: str, verb: str) -> None:
    handler, reason = HEADS[name]
    async with tcp_server(handler) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        look_at = check_one if verb == "check" else pulse_one
        with bounded(SECONDS, MEBIBYTES):
            report = await look_at(target, Options(timeout_seconds=0.8 if "drip" in name else 2.0))
    assert report.failure is not None
    # A grammar that h11 does not take is a violation, or names what speaks there.
    allowed = {reason, Reason.PROTOCOL_VIOLATION, Reason.PROTOCOL_MISMATCH}
    assert report.failure.reason in allowed, report.failure
    assert "\x1b" not in str(report)
    assert "token=abc" not in str(report)
