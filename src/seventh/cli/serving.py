"""``--listen`` of ``seventh watch``: reads what is to be served, and listens before all else."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from seventh.cli.streams import say
from seventh.model.failure import UsageError
from seventh.watch.config import Config
from seventh.watch.heartbeats import tokens_of
from seventh.watch.run import Watcher
from seventh.watch.store import Store

if TYPE_CHECKING:
    from seventh.model.target import Target
    from seventh.serve.app import Access
    from seventh.serve.listen import Place
    from seventh.serve.probe.modules import Module
    from seventh.serve.reports import Keeper
    from seventh.serve.snmp.modules import File

_NEEDED = ("starlette", "uvicorn", "yaml", "jinja2")


class Settings(NamedTuple):
    """What is served, by the command line and ``[serve]``."""

    place: Place
    tls: tuple[str, str] | None
    """The files of the certificate and the key."""
    access: Access
    modules: Mapping[str, Module]
    agents: File | None
    """The modules of ``/snmp``."""


class Opened:
    """A socket that listens, and what is to be served there."""

    def __init__(
        self, parsed: argparse.Namespace, settings: Settings, listening: socket.socket
    ) -> None:
        from seventh.serve.latest import Latest
        from seventh.serve.pages.recent import Recent

        self.latest, self.recent = Latest(), Recent()
        self._parsed, self._settings, self._listening = parsed, settings, listening
        self._context = _context(settings)
        self._applied: Callable[[Settings], None] = lambda settings: None

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
        from seventh.serve.snmp.door import SnmpDoor

        settings, any_target = self._settings, self._parsed.probe_any

        def watched() -> list[Target]:
            return [each.target for each in watcher.targets.values() if not each.is_local]

        actions = Actions(store, Checks(watcher.checking, keeper))
        faces = Faces(watcher, store, self.latest, reload)
        api = Api(watcher, store, actions, self.latest)
        sessions = Sessions(settings.access.tokens, time.monotonic)
        site = Site(
            watcher, store, self.latest, self.recent, actions, sessions,
            needs_login=settings.access.needs_token,
        )  # fmt: skip
        door = Door(settings.modules, watched, any_target=any_target)
        every = [*faces.routes(), *api.routes(), *door.routes(), *routes(site)]
        agents = None
        if settings.agents is not None:
            agents = SnmpDoor(settings.agents, watched, any_target=any_target)
            every += agents.routes()
        say(f"dashboard: {self.url}")
        app = application(
            every, settings.access, sessions, lambda name: tokens_of(watcher.heartbeats, name)
        )

        def apply(settings: Settings) -> None:
            app.admit(settings.access.tokens, settings.access.hosts)
            door.modules = settings.modules
            if agents is not None and settings.agents is not None:
                agents.file = settings.agents

        self._applied = apply
        async with serving(app, self._listening, self._context):
            try:
                yield
            finally:
                site.live.end()

    def prepare(self, config: Config) -> Callable[[], str]:
        """Read what ``[serve]`` says now; raises UsageError, and then nothing has changed.

        Return what applies it. That returns which keys apply only after a restart, or nothing.
        """
        before, now = self._settings, _settings(self._parsed, config)
        if now is None:
            return lambda: "listen"
        if now.tls is not None:
            _context(now)  # the files are valid
        keys = {
            "listen": before.place != now.place,
            "tls-cert": (before.tls is None) is not (now.tls is None),
            "snmp": (before.agents is None) is not (now.agents is None),
        }

        def apply() -> str:
            self._applied(now)
            if self._context is not None and now.tls is not None:
                self._context.load_cert_chain(*now.tls)
            return ", ".join(key for key, late in keys.items() if late)

        return apply


def opened(
    parsed: argparse.Namespace, config: Config, stack: contextlib.ExitStack
) -> Opened | None:
    """Listen, if that is asked for; ``stack`` closes the socket. Raises UsageError."""
    settings = _settings(parsed, config)
    if settings is None:
        for flag in ("blackbox", "snmp", "probe_any", "open"):
            if getattr(parsed, flag):
                raise UsageError(f"--{flag.replace('_', '-')}: needs --listen HOST:PORT")
        return None
    from seventh.serve.listen import open_socket

    _context(settings)  # before the socket: its files are named in the error
    if settings.tls is None and not settings.place.loopback:
        say(f"--listen {settings.place}: tokens are sent in clear: add tls-cert and tls-key to "
            "[serve]")  # fmt: skip
    return Opened(parsed, settings, stack.enter_context(open_socket(settings.place)))


def _context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context of the certificate; None without one. Raises UsageError."""
    from seventh.serve.listen import tls_context

    return tls_context(*settings.tls) if settings.tls is not None else None


def _settings(parsed: argparse.Namespace, config: Config) -> Settings | None:
    """Return what is to be served; None if nothing is. Raises UsageError."""
    keys = config.serve
    text = parsed.listen or keys.listen
    if text is None:
        return None
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise UsageError("--listen: needs more libraries: pip install 'seventh[watch]'")
    from seventh.serve.app import Access
    from seventh.serve.listen import place_of
    from seventh.serve.probe import modules

    place = place_of(text)
    if not place.loopback and not keys.token_sha256:
        raise UsageError(
            f"--listen {place}: reachable from other machines: write token-sha256 = […] in [serve] "
            "of seventh.toml, or listen on 127.0.0.1"
        )
    blackbox, snmp = parsed.blackbox or keys.blackbox, parsed.snmp or keys.snmp
    agents = None
    if snmp is not None:
        from seventh.serve.snmp import modules as snmp_modules

        agents = snmp_modules.load(snmp)
    access = Access(
        tokens=keys.token_sha256, hosts=tuple(host.lower() for host in keys.hosts),
        needs_token=not place.loopback,
    )  # fmt: skip
    return Settings(
        place=place,
        tls=(keys.tls_cert, keys.tls_key) if keys.tls_cert and keys.tls_key else None,
        access=access,
        modules=modules.load(blackbox) if blackbox is not None else modules.DEFAULT,
        agents=agents,
    )


def show(url: str) -> None:
    """Open the dashboard in the user's browser; say so if there is none."""
    import webbrowser

    if not webbrowser.open(url):
        say(f"--open: no browser was found; open {url}")
