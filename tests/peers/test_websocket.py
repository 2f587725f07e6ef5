"""WebSocket against real servers: websockets', uvicorn, hypercorn, nginx and Caddy before them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import hypercorn.asyncio
import hypercorn.config
import pytest
import uvicorn
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.probe import permitted
from seventh.protocols.websocket.rules import live
from seventh.rules.rule import Hit
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.reports import found
from tests.reports import websocket_facts as facts_of

pytestmark = pytest.mark.peer
SECONDS = 30.0
EVERYTHING: dict[str, Any] = {
    "intrusive": True, "allow_write": True, "sockets": 5, "message_template": "to all {id}",
    "hold_seconds": 1.0, "timeout_seconds": SECONDS,
}  # fmt: skip


async def look(port: int, *, scheme: str = "ws", path: str = "/", **options: Any) -> Report:
    target = Target(scheme=scheme, host="127.0.0.1", port=port, path=path)
    return await check_one(target, options_with(**{"timeout_seconds": SECONDS, **options}))


async def held(port: int, seconds: float) -> WebSocketFacts:
    """The facts of two idle sockets; nothing else of a check runs."""
    target = Target(scheme="ws", host="127.0.0.1", port=port)
    options = Options(timeout_seconds=SECONDS, hold_seconds=seconds)
    ctx = ProbeContext(target, options, connections=4)
    endpoint = Endpoint(ctx)
    endpoint.use((await ctx.addresses())[0])
    await permitted.hold(endpoint)
    ctx.close()
    return endpoint.notes.facts


# -- the library websockets' own server -----------------------------------------------------------


@contextlib.asynccontextmanager
async def websockets_server(**options: Any) -> AsyncIterator[int]:
    """An echo that sends ``to all`` to everybody."""
    members: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        members.add(connection)
        try:
            async for message in connection:
                if isinstance(message, str) and message.startswith("to all"):
                    broadcast(members, message)
                else:
                    await connection.send(message)
        finally:
            members.discard(connection)

    server: Server
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def test_websockets_as_it_comes() -> None:
    async with websockets_server() as port:
        report = await look(port, **EVERYTHING)
    assert report.failure is None
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.sound
    assert facts.handshake.server.startswith("Python/")
    # It takes any origin, says nothing of versions, and limits messages but not their rate.
    assert {"WS-ORIGIN", "WS-VERSION", "WS-RATE"} <= found(report)
    assert not found(report) & {"WS-MASK", "WS-RSV", "WS-UTF8", "WS-FRAG", "WS-MSG-LIMIT",
                                "WS-CLOSE", "WS-NO-PONG"}  # fmt: skip
    assert facts.long_message is not None
    # Its default limit is 1 MiB: exactly that is taken.
    assert (facts.long_message.accepted_bytes, facts.long_message.code) == (1 << 20, 1009)
    # broadcast() waits for nobody, as its documentation says; an awaited send() does.
    assert facts.backpressure is not None and facts.backpressure.outcome == "unbounded"
    assert "WS-BACKPRESSURE" in found(report)
    assert facts.violations is not None
    assert {v.outcome for v in facts.violations} == {"refused"}
    assert facts.fanout is not None and facts.fanout.ratio == 1.0
    assert facts.fanout.echoed == facts.fanout.rounds


async def test_websockets_set_right() -> None:
    async with websockets_server(
        origins=[None, "https://app.example"], subprotocols=["chat"], max_size=65536,
        ping_interval=0.3,
    ) as port:  # fmt: skip
        report = await look(
            port, origin="https://app.example", subprotocols=("chat",), **EVERYTHING
        )
        mine = await look(port)
        echoing = await look(
            port, origin="https://app.example", subprotocols=("chat",), intrusive=True
        )
        without = await look(port, origin="https://app.example")
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.subprotocol == "chat"
    assert not found(report) & {"WS-ORIGIN", "WS-MSG-LIMIT", "WS-NO-SERVER-PING", "WS-IDLE-CUT"}
    assert facts.hold is not None and facts.hold.pings >= 2
    assert without.failure is not None and "missing subprotocol" in without.failure.detail
    slow = facts_of(echoing).backpressure
    assert slow is not None and slow.outcome == "stopped"
    assert mine.failure is not None and mine.failure.reason == "auth-rejected"


async def test_websockets_with_a_short_keepalive_of_its_own() -> None:
    def process(connection: ServerConnection, request: Request) -> Response | None:
        if "Authorization" not in request.headers:
            return Response(401, "Unauthorized", Headers({"WWW-Authenticate": "Bearer"}), b"no")
        return None

    async with websockets_server(process_request=process) as port:
        without = await look(port)
        with_one = await look(port, headers=("Authorization: Bearer abc",))
    assert without.failure is not None and without.failure.reason == "auth-required"
    assert with_one.failure is None


# -- ASGI servers ---------------------------------------------------------------------------------


async def asgi_echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "http":
        await receive()
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"no page"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        out = {k: v for k, v in message.items() if k in {"text", "bytes"} and v is not None}
        await send({"type": "websocket.send", **out})


@contextlib.asynccontextmanager
async def under_uvicorn(implementation: str) -> AsyncIterator[int]:
    port = free_port()
    config = uvicorn.Config(
        asgi_echo, host="127.0.0.1", port=port, ws=implementation, log_level="critical",
        lifespan="off",
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    try:
        await listening(port)
        yield port
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


@pytest.mark.parametrize("implementation", ["websockets-sansio", "wsproto"])
async def test_uvicorn(implementation: str) -> None:
    async with under_uvicorn(implementation) as port:
        report = await look(port, intrusive=True)
    assert report.failure is None, report.failure
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.sound
    assert "WS-ORIGIN" in found(report)
    assert not found(report) & {"WS-MASK", "WS-RSV", "WS-FRAG", "WS-CLOSE", "WS-NO-PONG"}
    assert facts.no_upgrade is not None and facts.no_upgrade.status == 404
    # Its default limit is 16 MiB; an awaited send() waits for the reader.
    assert facts.long_message is not None and facts.long_message.accepted_bytes == 16 << 20
    assert "WS-MSG-LIMIT" in found(report)
    assert facts.backpressure is not None and facts.backpressure.outcome == "stopped"
    assert facts.violations is not None
    assert {v.outcome for v in facts.violations} == {"refused"}
    # wsproto just ends the connection.
    codes = {v.code for v in facts.violations}
    assert codes == ({None} if implementation == "wsproto" else {1002, 1007})
    assert facts.handshake.extensions, "both agree on compression"


@contextlib.asynccontextmanager
async def under_hypercorn(kit: Kit) -> AsyncIterator[int]:
    issued = kit.authority.issue()
    port = free_port()
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile, config.keyfile = str(issued.cert_file), str(issued.key_file)
    config.errorlog = config.accesslog = None
    stop = asyncio.Event()
    task = asyncio.create_task(
        hypercorn.asyncio.serve(asgi_echo, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    )
    try:
        await listening(port)
        yield port
    finally:
        stop.set()
        await task


async def test_hypercorn_over_http_1_and_2(kit: Kit) -> None:
    async with under_hypercorn(kit) as port:
        report = await look(port, scheme="wss", ca_file=str(kit.authority.ca_file))
    assert report.failure is None, report.failure
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.sound
    assert facts.h2 is not None and facts.h2.handshake is not None
    assert (facts.h2.enabled, facts.h2.handshake.status) == (True, 200)
    assert facts.h2.ping_seconds is not None
    assert "WS-NO-H2" not in found(report)
    assert report.facts["tls"].version == "TLSv1.3"  # type: ignore[attr-defined]


# -- proxies --------------------------------------------------------------------------------------

_GOOD = """proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_set_header Host $http_host;"""


@contextlib.asynccontextmanager
async def process(*command: str, port: int, **environment: str) -> AsyncIterator[None]:
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        await listening(port)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        await child.wait()


@contextlib.asynccontextmanager
async def nginx(
    folder: Path, backend: int, rules: str, kit: Kit | None = None
) -> AsyncIterator[int]:
    port = free_port()
    temp = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                    ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    listen = f"listen 127.0.0.1:{port};"
    if kit is not None:
        issued = kit.authority.issue()
        listen = (f"listen 127.0.0.1:{port} ssl http2; ssl_certificate {issued.cert_file}; "
                  f"ssl_certificate_key {issued.key_file};")  # fmt: skip
    user = "user root; " if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off; {temp}\n"
        "map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n"
        f"server {{ {listen} location / {{ proxy_pass http://127.0.0.1:{backend};\n{rules} }} }} }}"
    )
    async with process(
        need_binary("nginx"), "-c", str(config), "-e", f"{folder}/error.log", port=port
    ):
        yield port


async def test_nginx_that_passes_the_upgrade_on(tmp_path: Path, kit: Kit) -> None:
    async with websockets_server() as backend:
        async with nginx(tmp_path, backend, _GOOD, kit) as port:
            report = await look(port, scheme="wss", ca_file=str(kit.authority.ca_file))
            target = Target(scheme="wss", host="127.0.0.1", port=port)
            pulse = await pulse_one(
                target, Options(ca_file=str(kit.authority.ca_file), timeout_seconds=SECONDS)
            )
    assert report.failure is None, report.failure
    assert "WS-STRIPPED" not in found(report)
    assert pulse.failure is None
    # nginx speaks HTTP/2, and knows no extended CONNECT.
    facts = facts_of(report)
    assert facts.h2 is not None and (facts.h2.spoken, facts.h2.enabled) == (True, False)
    assert {"WS-NO-H2", "WS-NO-H3"} <= found(report)


@pytest.mark.parametrize("server", ["websockets", "uvicorn", "hypercorn", "nginx"])
async def test_a_text_and_its_answer(server: str, tmp_path: Path, kit: Kit) -> None:
    """Every echo answers with the text; a long one may come in several frames."""
    async with contextlib.AsyncExitStack() as stack:
        if server == "uvicorn":
            port = await stack.enter_async_context(under_uvicorn("wsproto"))
        elif server == "hypercorn":
            port = await stack.enter_async_context(under_hypercorn(kit))
        else:
            port = await stack.enter_async_context(websockets_server())
        if server == "nginx":
            port = await stack.enter_async_context(nginx(tmp_path, port, _GOOD, kit))
        scheme = "wss" if server in {"nginx", "hypercorn"} else "ws"
        given = {"allow_write": True, "ca_file": str(kit.authority.ca_file),
                 "send_text": f"{'x' * 50_000} are you there?"}  # fmt: skip
        target = Target(scheme=scheme, host="127.0.0.1", port=port, path="/")
        answered, other = [
            await pulse_one(target, options_with(timeout_seconds=seconds, **given, **more))
            for seconds, more in ((SECONDS, {"expect_message": r"x{999} are (you|they) there\?\Z"}),
                                  (4.0, {"expect_message": "^are"}))
        ]  # fmt: skip
    assert answered.failure is None, answered.failure
    reply = facts_of(answered).reply
    assert reply is not None and (reply.outcome, reply.unmatched) == ("matched", 0)
    assert other.failure is not None and other.failure.reason == "unexpected-answer"
    assert f"received: '{'x' * 100}…'" in other.failure.detail


async def test_nginx_that_strips_it(tmp_path: Path) -> None:
    async with websockets_server() as backend:
        async with nginx(tmp_path, backend, "") as port:
            alone = await look(port)
            compared = await look(port, direct=f"ws://127.0.0.1:{backend}")
    for report in (alone, compared):
        # nginx asks the server in HTTP/1.0, which its library refuses with 505.
        assert report.failure is not None and report.failure.reason == "negotiation-failed"
        assert "WS-STRIPPED" in found(report), [s for s in report.skipped if s.id == "WS-STRIPPED"]
    direct = facts_of(compared).direct
    assert direct is not None and direct.sound


async def test_nginx_that_cuts_what_is_idle(tmp_path: Path) -> None:
    rules = f"{_GOOD}\nproxy_read_timeout 1s;"
    async with websockets_server(ping_interval=None) as backend:
        async with nginx(tmp_path, backend, rules) as port:
            facts = await held(port, 2.0)
    hold = facts.hold
    assert hold is not None and len(hold.cuts_seconds) == 2
    assert all(0.9 <= age <= 2.0 for age in hold.cuts_seconds), hold
    assert isinstance(live.idle_cut(facts), Hit)


async def test_caddy_passes_the_upgrade_on(tmp_path: Path, kit: Kit) -> None:
    issued = kit.authority.issue()
    port = free_port()
    async with websockets_server() as backend:
        file = tmp_path / "Caddyfile"
        file.write_text(
            "{\n admin off\n auto_https off\n persist_config off\n default_bind 127.0.0.1\n}\n"
            f"https://127.0.0.1:{port} {{\n tls {issued.cert_file} {issued.key_file}\n"
            f" reverse_proxy 127.0.0.1:{backend}\n}}\n"
        )
        command = (need_binary("caddy"), "run", "--config", str(file), "--adapter", "caddyfile")
        async with process(
            *command, port=port, HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path),
            XDG_CONFIG_HOME=str(tmp_path),
        ):  # fmt: skip
            report = await look(port, scheme="wss", ca_file=str(kit.authority.ca_file))
    assert report.failure is None, report.failure
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.sound
    assert "caddy" in facts.handshake.server.lower()
    assert facts.h3 is not None and facts.h3.spoken is True
    assert facts.h2 is not None and facts.h2.spoken is True
