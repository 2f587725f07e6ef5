"""Envoy and HAProxy before a server: their files, how they start, when they are ready.

A configuration is text with places for lines of a test: what a rule's ``fix`` advises goes in there
letter by letter, so that a real proxy has read every line that is advised.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import ssl
import textwrap
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from seventh import protocols
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Failed
from seventh.net.address import Address
from seventh.net.quic import connect as quic
from seventh.rules.rule import Hit
from seventh.rules.words import fill
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.peers.test_quic import a_context, free_for_both

_PLACE = re.compile(r"# (?:or )?in (?P<place>[A-Za-z_ ']+?)(?:[,;:]| of |$)")
_TYPES = "type.googleapis.com/envoy.extensions"
HCM = f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = (
    "- name: envoy.filters.http.router\n"
    f'  typed_config: {{ "@type": {_TYPES}.filters.http.router.v3.Router }}'
)
WEBSOCKETS = "upgrade_configs: [{ upgrade_type: websocket }]"
QUIC = "udp_listener_config: { quic_options: {} }"


def _in(depth: int, lines: str) -> str:
    return textwrap.indent(lines.strip("\n"), " " * depth)


# -- Envoy -----------------------------------------------------------------------------------------


def compressor(library: str = "gzip", *, direction: str = "", common: str = "") -> str:
    """Envoy's filter that compresses replies by ``library`` (gzip, brotli or zstd)."""
    where = f"{_TYPES}.compression.{library}.compressor.v3.{library.capitalize()}"
    return (
        "- name: envoy.filters.http.compressor\n  typed_config:\n"
        f'    "@type": {_TYPES}.filters.http.compressor.v3.Compressor\n'
        "    response_direction_config:\n"
        f"{_in(6, direction)}\n      common_config:\n        min_content_length: 256\n"
        f"{_in(8, common)}\n"
        f'    compressor_library: {{ name: {library}, typed_config: {{ "@type": {where} }} }}'
    )


def _tls(issued: Issued, alpn: str, *, wrapped: bool = False, more: str = "") -> str:
    kind = "quic.v3.QuicDownstreamTransport" if wrapped else "tls.v3.DownstreamTlsContext"
    context = (
        f"common_tls_context:\n  alpn_protocols: [{alpn}]\n  tls_certificates:\n"
        f"  - certificate_chain: {{ filename: {issued.cert_file} }}\n"
        f"    private_key: {{ filename: {issued.key_file} }}"
    )
    if wrapped:
        context = f"{more}\ndownstream_tls_context:\n{_in(2, context)}"
    return (
        f"transport_socket:\n  name: envoy.transport_sockets.{'quic' if wrapped else 'tls'}\n"
        f'  typed_config:\n    "@type": {_TYPES}.transport_sockets.{kind}\n{_in(4, context)}'
    )


def _at(port: int, protocol: str = "TCP") -> str:
    address = f"{{ protocol: {protocol}, address: 127.0.0.1, port_value: {port} }}"
    return f"{{ socket_address: {address} }}"


def envoy_config(
    port: int,
    backend: int,
    issued: Issued | None = None,
    *,
    manager: str = "",
    filters: str = "",
    host: str = "",
    route: str = "",
    routes: str = "",
    cluster: str = "",
    alpn: str = "h2, http/1.1",
    quic: str | None = None,
    transport: str = "",
) -> str:
    """Envoy's file: one listener on TCP, one on UDP where ``quic`` (its options) is given.

    ``manager`` goes into both HttpConnectionManagers, ``host`` into the virtual host, ``route``
    into the one route's action, ``routes`` before that route, ``filters`` before the router,
    ``transport`` into QUIC's transport socket.
    """

    def listening(name: str, protocol: str, transport: str, more: str) -> str:
        return f"""
  - name: {name}
    address: {_at(port, protocol)}
{_in(4, more)}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {HCM}
          stat_prefix: {name}
          codec_type: {"HTTP3" if protocol == "UDP" else "AUTO"}
{_in(10, manager)}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
{_in(14, host)}
              routes:
{_in(14, routes)}
              - match: {{ prefix: / }}
                route:
                  cluster: origin
{_in(18, route)}
          http_filters:
{_in(10, filters)}
{_in(10, ROUTER)}
{_in(6, transport)}"""

    listeners = listening("tcp", "TCP", _tls(issued, alpn) if issued else "", "")
    if quic is not None and issued is not None:
        wrapped = _tls(issued, "h3", wrapped=True, more=transport)
        listeners += listening("udp", "UDP", wrapped, quic or QUIC)
    return f"""static_resources:
  listeners:{listeners}
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 2s
{_in(4, cluster)}
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {_at(backend)} }}
"""


@contextlib.asynccontextmanager
async def envoy(
    folder: Path, backend: int, kit: Kit | None = None, **places: str
) -> AsyncIterator[int]:
    """Run Envoy before ``backend``; with TLS where ``kit`` is given; ready when it answers."""
    wants_quic = "quic" in places
    port = free_for_both() if wants_quic else free_port()
    issued = kit.authority.issue("localhost", "lab.test", "127.0.0.1") if kit else None
    config = folder / "envoy.yaml"
    config.write_text(envoy_config(port, backend, issued, **places))
    command = (
        need_binary("envoy"), "-c", str(config), "--concurrency", "1", "--disable-hot-restart",
        "--log-level", "warning", "--drain-time-s", "1",
    )  # fmt: skip
    async with running(command, folder / "envoy.log", port, secure=kit is not None):
        if wants_quic and kit is not None:
            await quic_ready(port, kit, folder / "envoy.log")
        yield port


# -- HAProxy ---------------------------------------------------------------------------------------


def haproxy_config(
    port: int,
    backend: int,
    issued_file: Path | None = None,
    *,
    main: str = "",
    defaults: str = "",
    bind: str = "alpn h2,http/1.1",
    front: str = "",
    back: str = "",
    server: str = "",
) -> str:
    """HAProxy's file; ``bind`` and ``server`` are words at the end of those lines."""
    tls = f"ssl crt {issued_file} {bind}" if issued_file else ""
    return f"""global
  maxconn 200
{_in(2, main)}
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
{_in(2, defaults)}
frontend front
  bind 127.0.0.1:{port} {tls}
{_in(2, front)}
  default_backend back
backend back
{_in(2, back)}
  server one 127.0.0.1:{backend} {server}
"""


@contextlib.asynccontextmanager
async def haproxy(
    folder: Path, backend: int, kit: Kit | None = None, **places: str
) -> AsyncIterator[int]:
    """Run HAProxy before ``backend``; with TLS where ``kit`` is given; ready when it answers."""
    port = free_port()
    joined: Path | None = None
    if kit is not None:
        issued = kit.authority.issue("localhost", "lab.test", "127.0.0.1")
        joined = folder / "haproxy.pem"
        joined.write_bytes(issued.cert_file.read_bytes() + issued.key_file.read_bytes())
    config = folder / "haproxy.cfg"
    config.write_text(haproxy_config(port, backend, joined, **places))
    command = (need_binary("haproxy"), "-db", "-f", str(config))
    async with running(command, folder / "haproxy.log", port, secure=kit is not None):
        yield port


# -- what rules advise -----------------------------------------------------------------------------


def fixes(product: str) -> list[tuple[str, str]]:
    """What the rules of HTTP and WebSocket tell to write for a product."""
    told = []
    for room in ("http", "websocket"):
        for rule in protocols.rules(room):
            verdict = rule(rule.bad)
            assert isinstance(verdict, Hit)
            if product in rule.words.fix:
                told.append((rule.id, fill(rule.words.fix[product], verdict.params)))
    return told


def by_place(lines: str) -> dict[str, str]:
    """The parts of a ``fix`` by where it says that they go: ``# in route; …`` and what follows."""
    parts: dict[str, list[str]] = {}
    place = ""
    for line in lines.splitlines():
        named = _PLACE.match(line)
        if named is not None:
            place = named["place"].strip()
        elif not line.startswith("#"):
            parts.setdefault(place, []).append(line)
    return {place: "\n".join(found) for place, found in parts.items()}


# -- the servers behind ----------------------------------------------------------------------------


async def site(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application: a cacheable page with what was asked, and event streams."""
    assert scope["type"] == "http"
    if scope["path"].startswith("/events"):
        await _events(scope, send)
        return
    while (await receive()).get("more_body"):
        pass
    fields = " ".join(name.decode() for name, _ in scope["headers"])
    body = f"<!doctype html><p>{fields}</p>" + "<p>Words, and more words.</p>" * 80
    head = [
        (b"content-type", b"text/html"),
        (b"cache-control", b"public, max-age=60, stale-while-revalidate=60"),
        (b"etag", b'"one"'),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body.encode()})


async def _events(scope: dict[str, Any], send: Any) -> None:
    """One event and then silence, or with ``?beat`` a comment each quarter of a second."""
    head = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    beats = b"beat" in scope["query_string"]
    while True:
        body = b": beat\n\n" if beats else b"data: once\n\n"
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0.25 if beats else 30)  # the origin's own rhythm


@contextlib.asynccontextmanager
async def behind(application: Any = site) -> AsyncIterator[int]:
    """An ASGI application under uvicorn, in clear."""
    port = free_port()
    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    try:
        await listening(port)
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await task


# -- starting and stopping -------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def running(
    command: tuple[str, ...], log: Path, port: int, *, secure: bool,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:  # fmt: skip
    """Run a proxy until the block's end; it has answered a request when the block begins."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
    try:
        await _answers(child, port, log, secure=secure)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), 5)
        except TimeoutError:
            child.kill()
            await child.wait()


def said_in(log: Path) -> str:
    """What a proxy has said."""
    return log.read_text()


async def _answers(
    child: asyncio.subprocess.Process, port: int, log: Path, *, secure: bool
) -> None:
    """Return when a request is answered with HTTP, whatever the status."""
    context: ssl.SSLContext | None = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(20):
        while True:
            assert child.returncode is None, said_in(log)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
                try:
                    writer.write(b"GET / HTTP/1.1\r\nHost: ready\r\nConnection: close\r\n\r\n")
                    if await reader.readexactly(1):
                        return
                finally:
                    writer.close()
            await asyncio.sleep(0.02)  # its port is not open yet; nothing can be waited on


async def quic_ready(port: int, kit: Kit, log: Path) -> None:
    """Return when a QUIC handshake with ``port`` comes to its end."""
    for _ in range(100):
        ctx = a_context(port, kit)
        try:
            address = Address(ip="127.0.0.1", port=port)
            client = await quic.connect(ctx, address, "localhost", verify=False)
        except Failed:
            await asyncio.sleep(0.05)  # as above
        else:
            client.close()
            return
        finally:
            ctx.close()
    pytest.fail(said_in(log))
