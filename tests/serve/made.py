"""A watcher that is served on loopback, and a client that shows whole answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from seventh.model.options import Options
from seventh.model.target import Target
from seventh.serve.actions import Actions
from seventh.serve.api import Api
from seventh.serve.app import Access, Faces, Reload, application
from seventh.serve.checks import Checks
from seventh.serve.latest import Latest
from seventh.serve.listen import Place, open_socket, serving
from seventh.serve.pages.recent import Recent
from seventh.serve.pages.routes import routes
from seventh.serve.pages.site import Site
from seventh.serve.probe.door import Door
from seventh.serve.probe.modules import DEFAULT, Module
from seventh.serve.reports import Keeper
from seventh.serve.sessions import Sessions
from seventh.watch.config import Config, WatchedTarget
from seventh.watch.heartbeats import tokens_of
from seventh.watch.run import Watcher
from seventh.watch.samples import Cause, Pulse
from seventh.watch.store import Store
from seventh.watch.verdict import Policy, Threshold
from tests.watch.made import REFUSED

EVERY = 20_000_000
POLICY = Policy(down=Threshold(bad=1, of=1, good=1, good_of=1), stale_ns=60 * 10**9)


def target(port: int, name: str = "", scheme: str = "tcp", **labels: str) -> WatchedTarget:
    made = Target(scheme=scheme, host="127.0.0.1", port=port)
    return WatchedTarget(
        name=name or str(made), target=made, options=Options(timeout_seconds=5), labels=labels,
        every_ns=EVERY, policy=POLICY,
    )  # fmt: skip


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


async def ask(
    port: int, path: str, method: str = "GET", body: bytes = b"", **fields: str
) -> Answer:
    """One request on a connection of its own; ``fields`` are header fields, ``_`` for ``-``."""
    headers = {"Host": f"127.0.0.1:{port}", "Connection": "close"}
    if body:
        headers["Content-Length"] = str(len(body))
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + b"\r\n" + body)
        data = await reader.read()
        writer.close()
    head_bytes, _, content = data.partition(b"\r\n\r\n")
    status, *lines = head_bytes.decode().split("\r\n")
    shown = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if shown.get("transfer-encoding") == "chunked":
        content = _joined(content)
    return Answer(int(status.split()[1]), shown, content.decode())


def _joined(chunks: bytes) -> bytes:
    whole = b""
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size, 16)
        whole, chunks = whole + chunks[:length], chunks[length + 2 :]
        if not length:
            break
    return whole


def fleet(count: int) -> list[WatchedTarget]:
    """Targets whose pulses a test makes: none is due while it runs."""
    teams = ("web", "core", "data")
    return [
        replace(target(9, f"host-{n:05}.example.net", team=teams[n % 3]), every_ns=86_400 * 10**9)
        for n in range(count)
    ]


class Served:
    """A watcher and where it is served."""

    def pulse(self, number: int, cause: Cause | None = None, **phases: int) -> None:
        """Take a pulse as if it had run now."""
        self.watcher._take(Pulse(target=number, at_ns=time.time_ns(), cause=cause,
                                 phases=tuple(phases.items())))  # fmt: skip

    def pulse_all(self) -> None:
        """Most are up, each with its own time; some are down, or failing."""
        for number in self.watcher.targets:
            for cause in (None, None, REFUSED if number % 41 == 0 else None):
                self.pulse(number, cause, connect=number * 37_000 % 9_000_000 + 500_000,
                           tls=number * 91_000 % 150_000_000 + 1_000_000)  # fmt: skip

    def __init__(self, watcher: Watcher, store: Store, latest: Latest, port: int) -> None:
        self.watcher, self.store, self.latest, self.port = watcher, store, latest, port
        self.changed = asyncio.Event()

    async def ask(self, path: str, method: str = "GET", body: bytes = b"", **f: str) -> Answer:
        return await ask(self.port, path, method, body, **f)

    async def pulsed(self) -> None:
        """Every target has had a pulse."""
        async with asyncio.timeout(20):
            await self.watcher.ready.wait()
            while not self.watcher.last.keys() >= self.watcher.targets.keys():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def served(
    folder: Path,
    *targets: WatchedTarget,
    access: Access | None = None,
    reload: Reload | None = None,
    config: Config | None = None,
    modules: Mapping[str, Module] = DEFAULT,
    any_target: bool = False,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[Served]:
    store = Store(folder)
    latest = Latest()
    stop = asyncio.Event()
    listening = open_socket(Place("127.0.0.1", 0))
    access = access or Access()
    keeper, recent = Keeper(store, latest), Recent()
    watcher = Watcher(
        store, config or Config(targets=targets), lambda watcher, seen: it.changed.set(),
        reported=latest.pulse, reported_check=keeper.note, taken=recent.pulse,
    )  # fmt: skip
    it = Served(watcher, store, latest, listening.getsockname()[1])
    door = Door(
        modules, lambda: [each.target for each in watcher.targets.values()], any_target=any_target
    )
    actions = Actions(store, Checks(watcher.checking, keeper))
    sessions = Sessions(access.tokens, time.monotonic)
    faces, api = Faces(watcher, store, latest, reload), Api(watcher, store, actions, latest)
    site = Site(watcher, store, latest, recent, actions, sessions, needs_login=access.needs_token)
    every = [*faces.routes(), *api.routes(), *door.routes(), *routes(site)]
    app = application(every, access, sessions, lambda name: tokens_of(watcher.heartbeats, name))
    running = asyncio.create_task(watcher.run(stop))
    try:
        async with serving(app, listening, context):
            try:
                yield it
            finally:
                site.live.end()
        stop.set()
        await asyncio.wait_for(running, 20)
    finally:
        running.cancel()
        store.close()
