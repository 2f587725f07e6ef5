"""``--measure``: the memory of one connection of a real nginx, Caddy and Python server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import seventh
from seventh.engine.local import Wanted, look
from seventh.labkit.serve import free_port
from seventh.localkit.machine import Machine
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import SocketLocalFacts
from seventh.protocols.websocket.local import SocketOptions, measure, tables
from tests.peers import need_binary
from tests.peers.caddy import running as caddy
from tests.peers.ports import listening

pytestmark = pytest.mark.peer
SERVER = """
import asyncio, sys
from websockets.asyncio.server import serve
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with serve(echo, "127.0.0.1", int(sys.argv[1])):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""
NGINX = """
pid {folder}/pid; worker_processes 2;
events {{ worker_connections 1024; }}
http {{
    access_log off; server_tokens off; limit_conn_zone $server_port zone=all:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        }}
        location /refused {{ return 403; }}
        location /limited {{
            limit_conn all 60; limit_conn_status 403; proxy_pass http://127.0.0.1:{backend};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        }}
    }}
}}
"""
REFUSED = (
    "auth-rejected: HTTP 403 to the handshake (nginx): the origin or the credential is refused"
)


@contextlib.asynccontextmanager
async def started(port: int, *words: str, end: int = signal.SIGTERM) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(*words, start_new_session=True)
    try:
        await listening(port, process)
        yield process.pid
    finally:
        process.send_signal(end)
        await process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seventh-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[dict[str, int]]:
    """A Python server with nginx and Caddy before it; their ports by name."""
    backend, proxy, other = free_port(), free_port(), free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, port=proxy, backend=backend))
    site = f"http://127.0.0.1:{other} {{\n reverse_proxy 127.0.0.1:{backend}\n}}\n"
    command = need_binary("nginx"), "-c", str(conf), "-e", f"{folder}/error", "-g", "daemon off;"
    async with (
        started(backend, sys.executable, "-c", SERVER, str(backend)),
        started(proxy, *command, end=signal.SIGQUIT),
        caddy(folder, "{\n admin off\n}\n" + site, other),
    ):
        yield {Path(sys.executable).name: backend, "nginx": proxy, "caddy": other}


async def seen(url: str) -> SocketLocalFacts:
    options = SocketOptions(measure=url, intrusive=True)
    report = await look(Wanted(areas=("sockets",), options={"sockets": options}), host="here")
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts)
    assert facts.local is not None
    return facts.local


def held(port: int) -> int:
    """The connections that a port has now."""
    return sum(row.established for row in tables.rows(Machine()) if row.local_port == port)


async def test_the_memory_of_a_connection(folder: Path) -> None:
    async with servers(folder) as ports:
        for name, port in ports.items():
            local = await seen(f"ws://127.0.0.1:{port}")
            memory = local.memory
            assert memory is not None, local.unread
            assert memory.name == name
            assert memory.processes == (3 if name == "nginx" else 1)
            assert (memory.target, memory.connections) == (f"ws://127.0.0.1:{port}", 100)
            assert memory.held == held(port) == 0  # all are closed
            # A socket takes more than 1 KiB of the kernel; none of these servers takes a MiB.
            assert 1024 < memory.bytes + memory.uncertainty_bytes < 1024 * 1024
            assert memory.available_bytes > 10**8
            (server,) = [each for each in local.servers or () if each.name == name]
            assert server.descriptor_limit is not None


async def test_what_cannot_be_measured(folder: Path) -> None:
    async with servers(folder) as ports:
        nobody = free_port()
        for url, detail in {
            f"ws://127.0.0.1:{ports['nginx']}/refused": REFUSED,
            f"ws://127.0.0.1:{ports['nginx']}/limited": REFUSED,  # the 61st
            f"ws://127.0.0.1:{nobody}": f"no visible process listens on 127.0.0.1 port {nobody}",
            f"ws://192.0.2.1:{ports['nginx']}": "192.0.2.1 is not an address of this machine",
        }.items():
            local = await seen(url)
            assert local.memory is None
            (unread,) = [each for each in local.unread if each.name == measure.NAME]
            assert unread.detail == detail
            assert held(ports["nginx"]) == 0


async def cli(*words: str) -> tuple[int, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh", "local", "sockets", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(seventh.__file__).parents[1])},
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, err


async def test_the_command() -> None:
    code, out, err = await cli("--measure", "ws://127.0.0.1:9")
    assert (code, out) == (3, b"")
    said = "seventh: --measure needs --intrusive: opening that many connections is tier 4\n"
    assert err.decode() == said
    port = free_port()
    async with started(port, sys.executable, "-c", SERVER, str(port)):
        url = f"ws://127.0.0.1:{port}"
        _, out, err = await cli("--measure", url, "--intrusive", "--format", "json")
    assert err == b""
    (report,) = json.loads(out)["reports"]
    assert report["facts"]["websocket"]["local"]["memory"]["target"] == url
