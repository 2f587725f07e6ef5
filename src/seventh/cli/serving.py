"""``--listen`` of ``seventh watch``: reads what is to be served, and listens before all else."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import socket
import ssl
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
    from seventh.serve.snmp.modules import File

_NEEDED = ("starlette", "uvicorn", "yaml")


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

        self.latest = Latest()
        self._listening, self._context, self._access = listening, context, access
        self._modules, self._probe_any, self._snmp = modules, probe_any, snmp

    @contextlib.asynccontextmanager
    async def serving(
        self, watcher: Watcher, store: Store, reload: Callable[[], Awaitable[str]] | None
    ) -> AsyncIterator[None]:
        """Serve while the block runs."""
        from seventh.serve.api import Api
        from seventh.serve.app import Faces, application
        from seventh.serve.listen import serving
        from seventh.serve.probe.door import Door

        faces = Faces(watcher, store, self.latest, reload)
        api = Api(watcher, store, self.latest)
        door = Door(
            self._modules, lambda: [each.target for each in watcher.targets.values()],
            any_target=self._probe_any,
        )  # fmt: skip
        routes = [*faces.routes(), *api.routes(), *door.routes()]
        if self._snmp is not None:
            from seventh.serve.snmp.door import SnmpDoor

            agents = SnmpDoor(
                self._snmp, lambda: [each.target for each in watcher.targets.values()],
                any_target=self._probe_any,
            )  # fmt: skip
            routes += agents.routes()
        host, port = self._listening.getsockname()[:2]
        scheme = "https" if self._context is not None else "http"
        say(f"listening on {scheme}://{f'[{host}]' if ':' in host else host}:{port}")
        app = application(routes, self._access)
        async with serving(app, self._listening, self._context):
            yield


def opened(
    parsed: argparse.Namespace, config: Config, stack: contextlib.ExitStack
) -> Opened | None:
    """Listen, if that is asked for; ``stack`` closes the socket. Raises UsageError."""
    keys = config.serve
    text = parsed.listen or keys.listen
    if text is None:
        for flag in ("blackbox", "snmp", "probe_any"):
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
