"""Running the real Caddy, and asking it what it thinks of a file."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from seventh.labkit.serve import free_port
from tests.peers import need_binary
from tests.peers.test_http import answers


def environment(folder: Path) -> dict[str, str]:
    """What Caddy needs, and nothing that a file could refer to."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config")}  # fmt: skip


def adapt(path: Path) -> str:
    """Why Caddy refuses a file; empty where it takes it."""
    said = subprocess.run(
        [need_binary("caddy"), "adapt", "--config", str(path), "--adapter", "caddyfile"],
        capture_output=True, text=True, check=False, errors="replace",
        env=environment(path.parent), cwd=path.parent,
    )  # fmt: skip
    if not said.returncode:
        return ""
    for line in said.stderr.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            if entry["level"] == "error":
                return str(entry["msg"])
    return said.stderr or "?"


@contextlib.contextmanager
def adapter(folder: Path) -> Iterator[Callable[[str], str]]:
    """What :func:`adapt` says, of texts and from one process; relative imports mean ``folder``."""
    port = free_port()
    settings = {"admin": {"listen": f"127.0.0.1:{port}", "config": {"persist": False}}}
    (folder / "caddy.json").write_text(json.dumps(settings))
    with (folder / "caddy.log").open("wb") as log:
        server = subprocess.Popen(
            [need_binary("caddy"), "run", "--config", str(folder / "caddy.json")],
            stdout=log, stderr=log, cwd=folder, env=environment(folder),
        )  # fmt: skip
    admin = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def adapted(text: str) -> str:
        admin.request("POST", "/adapt", text.encode(), {"Content-Type": "text/caddyfile"})
        answer = json.loads(admin.getresponse().read())
        return str(answer.get("error", ""))

    try:
        asyncio.run(answers(port))
        yield adapted
    finally:
        admin.close()
        server.terminate()
        server.wait()


@contextlib.asynccontextmanager
async def running(folder: Path, text: str, *ports: int) -> AsyncIterator[Path]:
    """Caddy with this Caddyfile; its ports are open when it is there."""
    path = folder / "Caddyfile"
    path.write_text(text)
    with (folder / "caddy.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            need_binary("caddy"), "run", "--config", str(path), "--adapter", "caddyfile",
            stdout=log, stderr=log, cwd=folder, env=environment(folder),
        )  # fmt: skip
    try:
        for port in ports:
            ready = asyncio.ensure_future(answers(port))
            ended = asyncio.ensure_future(server.wait())
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            assert server.returncode is None, (folder / "caddy.log").read_text()
            await ready
        yield path
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(server.wait(), 10)
        except TimeoutError:
            server.kill()
            await server.wait()
