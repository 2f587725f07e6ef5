"""The server: where it listens, and what one connection may take of it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import h11
import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from seventh.model.failure import UsageError, system_error
from seventh.net.on_failure import on_failure

MAX_CONNECTIONS = 256
_MAX_HEAD = 16 * 1024
_LOOK_SECONDS = 5.0
_SLOW_REQUEST, _SLOW_READER = 2, 6
"""For how many looks in a row a request may be incomplete, or its answer unread."""
_END_SECONDS = 2


class Place(msgspec.Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(text: str) -> Place:
    """Read ``HOST:PORT``, ``[IPv6]:PORT`` or ``:PORT``; raises UsageError."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    valid = port.isascii() and port.isdigit() and int(port) <= 65535
    if not (colon and valid) or (":" in bare and bare == host):
        raise UsageError(f"--listen {text!r:.80}: write HOST:PORT, such as 127.0.0.1:9707")
    return Place(bare or "127.0.0.1", int(port))


def open_socket(place: Place) -> socket.socket:
    """Listen; raises UsageError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, socket.SOCK_STREAM)
        with on_failure(made.close):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(MAX_CONNECTIONS)
    except OSError as error:
        raise UsageError(f"--listen {place}: {system_error(error)}") from None
    return made


def tls_context(cert_file: str, key_file: str) -> ssl.SSLContext:
    """Return the context of a certificate with its chain and key; raises UsageError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise UsageError(
            f"tls-cert {cert_file}, tls-key {key_file}: {system_error(error)}"
        ) from None
    return context


class Connection(H11Protocol):
    """A connection that is closed when its peer neither sends nor reads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; refuse it when there are too many."""
        super().connection_made(transport)
        self._looks = 0
        self._seen: object = None
        """The exchange at the last look."""
        self._looking: asyncio.TimerHandle | None = None
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._looking = self.loop.call_later(_LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle = self.cycle
        answered = cycle is None or cycle.response_complete  # type: ignore[redundant-expr]
        unread = self.transport.get_write_buffer_size() > 0
        asking = answered or self.conn.their_state is h11.SEND_BODY
        stalls = (unread or asking) and cycle is self._seen
        self._looks, self._seen = self._looks + 1 if stalls else 0, cycle
        if self._looks >= (_SLOW_READER if unread else _SLOW_REQUEST):
            self.transport.abort()
        else:
            self._looking = self.loop.call_later(_LOOK_SECONDS, self._look)


class _Server(uvicorn.Server):
    """Leaves signals to the command."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, listening: socket.socket, context: ssl.SSLContext | None
) -> AsyncIterator[None]:
    """Serve while the block runs; then finish what has begun, for two seconds."""
    settings: dict[str, Any] = {}
    if context is not None:
        settings["ssl_context_factory"] = lambda config, default: context
    config = uvicorn.Config(
        app, http=Connection, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, h11_max_incomplete_event_size=_MAX_HEAD,
        timeout_graceful_shutdown=_END_SECONDS, backlog=MAX_CONNECTIONS, **settings,
    )  # fmt: skip
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await running
