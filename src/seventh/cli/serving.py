"""``--listen`` of ``seventh watch``: reads what is to be served, and listens before all else."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from seventh.cli.streams import say
from seventh.model.failure import UsageError
from seventh.watch.config import Config
from seventh.watch.run import Watcher
from seventh.watch.store import Store

if TYPE_CHECKING:
    from seventh.serve.app import Access
    from seventh.serve.probe.modules import Module
    from seventh.serve.reports import Keeper
    from seventh.serve.snmp.modules import File

_NEEDED = ("starlette", "uvicorn", "yaml", "jinja2")


class Opened:
    """A socket that listens, and what is to be served there."""

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext | None,
        access: Access,
        modules: Mapping[str, Module],
        snmp: File | None = None,
        *,
        probe_any: bool,
    ) -> None:
        from seventh.serve.latest import Latest
        from seventh.serve.pages.recent import Recent

        self.latest, self.recent = Latest(), Recent()
        self._listening, self._context, self._access = listening, context, access
        self._modules, self._probe_any, self._snmp = modules, probe_any, snmp

    @property
    def url(self) -> str:
        """Where a browser finds the dashboard."""
        host, port = self._listening.getsockname()[:2]
        scheme = "https" if self._context is not None else "http"
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here
        return f"{scheme}://{f'[{here}]' if ':' in here else here}:{port}/"

    def keeper(self, store: Store) -> Keeper:
        """Return what keeps the reports of full checks."""
        from seventh.serve.reports import Keeper

        return Keeper(store, self.latest)

    @contextlib.asynccontextmanager
    async def serving(
        self, watcher: Watcher, store: Store, keeper: Keeper,
        reload: Callable[[], Awaitable[str]] | None,
    ) -> AsyncIterator[None]:  # fmt: skip
        """Serve while the block runs."""
        from seventh.serve.actions import Actions
        from seventh.serve.api import Api
        from seventh.serve.app import Faces, application
        from seventh.serve.checks import Checks
        from seventh.serve.listen import serving
        from seventh.serve.pages.routes import routes
        from seventh.serve.pages.site import Site
        from seventh.serve.probe.door import Door
        from seventh.serve.sessions import Sessions

        actions = Actions(store, Checks(watcher.checking, keeper))
        faces, api = Faces(watcher, store, self.latest, reload), Api(watcher, store, actions)
        sessions = Sessions(self._access.tokens, time.monotonic)
        site = Site(
            watcher, store, self.latest, self.recent, actions, sessions,
            needs_login=self._access.needs_token,
        )  # fmt: skip
        door = Door(
            self._modules, lambda: [each.target for each in watcher.targets.values()],
            any_target=self._probe_any,
        )  # fmt: skip
        every = [*faces.routes(), *api.routes(), *door.routes(), *routes(site)]
        if self._snmp is not None:
            from seventh.serve.snmp.door import SnmpDoor

            agents = SnmpDoor(
                self._snmp, lambda: [each.target for each in watcher.targets.values()],
                any_target=self._probe_any,
            )  # fmt: skip
            every += agents.routes()
        say(f"dashboard: {self.url}")
        app = application(every, self._access, sessions)
        async with serving(app, self._listening, self._context):
            try:
                yield
            finally:
                site.live.end()


def opened(
    parsed: argparse.Namespace, config: Config, stack: contextlib.ExitStack
) -> Opened | None:
    """Listen, if that is asked for; ``stack`` closes the socket. Raises UsageError."""
    keys = config.serve
    text = parsed.listen or keys.listen
    if text is None:
        for flag in ("blackbox", "snmp", "probe_any", "open"):
            if getattr(parsed, flag):
                raise UsageError(f"--{flag.replace('_', '-')}: needs --listen HOST:PORT")
        return None
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise UsageError("--listen: needs more libraries: pip install 'seventh[watch]'")
    from seventh.serve.app import Access
    from seventh.serve.listen import open_socket, place_of, tls_context
    from seventh.serve.probe import modules

    place = place_of(text)
    if not place.loopback and not keys.token_sha256:
        raise UsageError(
            f"--listen {place}: reachable from other machines: write token-sha256 = […] in [serve] "
            "of seventh.toml, or listen on 127.0.0.1"
        )
    context = None
    if keys.tls_cert is not None and keys.tls_key is not None:
        context = tls_context(keys.tls_cert, keys.tls_key)
    elif not place.loopback:
        say(f"--listen {place}: tokens are sent in clear: add tls-cert and tls-key to [serve]")
    blackbox = parsed.blackbox or keys.blackbox
    known = modules.load(blackbox) if blackbox is not None else modules.DEFAULT
    snmp = parsed.snmp or keys.snmp
    agents = None
    if snmp is not None:
        from seventh.serve.snmp import modules as snmp_modules

        agents = snmp_modules.load(snmp)
    listening = stack.enter_context(open_socket(place))
    access = Access(
        tokens=keys.token_sha256, hosts=tuple(host.lower() for host in keys.hosts),
        needs_token=not place.loopback,
    )  # fmt: skip
    return Opened(listening, context, access, known, agents, probe_any=parsed.probe_any)


def show(url: str) -> None:
    """Open the dashboard in the user's browser; say so if there is none."""
    import webbrowser

    if not webbrowser.open(url):
        say(f"--open: no browser was found; open {url}")
