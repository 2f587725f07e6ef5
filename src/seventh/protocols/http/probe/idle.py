"""Idle connections of the site: pooled ones over TCP, and QUIC's."""

from __future__ import annotations

from collections.abc import Coroutine

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net import idle
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.quic.client import IDLE_SECONDS
from seventh.net.stopwatch import now_ns
from seventh.net.wait import all_of
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import OverTcp, Site


class OverQuic(msgspec.Struct, frozen=True):
    """Where HTTP/3 works, and after how long the server or we end an idle connection."""

    address: Address
    own_seconds: float


def quic_of(opened: Opened | None) -> OverQuic | None:
    """Return what a connection shows; None where it is not over QUIC."""
    if opened is None or opened.quic is None:
        return None
    parameters = opened.quic.engine.parameters()
    declared = parameters.max_idle_timeout_seconds if parameters is not None else None
    return OverQuic(opened.address, min(declared or IDLE_SECONDS, IDLE_SECONDS))


async def hold(site: Site, quic: OverQuic | None, *, tcp: bool) -> None:
    """Hold idle connections of the version that clients use, and of HTTP/3 where it works."""
    version: OverTcp = "2" if site.best == "2" else "1.1"

    async def pooled() -> idle.Connection:
        opened = await site.open(site.origin, version)
        held = _Pooled(site, opened)
        with on_failure(held.close):
            await held.use()
        return held

    async def over_quic() -> idle.Connection:
        assert quic is not None  # noqa: S101 - checked below
        return _Quic(await site.connect_quic(quic.address, phase="quic.compared"))

    works: list[Coroutine[None, None, None]] = []
    if tcp:
        works.append(idle.measure(site.ctx, "tcp", pooled))
    if quic is not None:
        works.append(idle.measure(site.ctx, "quic", over_quic, own_seconds=quic.own_seconds))
    await all_of(works)


class _Pooled(idle.Connection):
    """A connection after one exchange; another is the use."""

    def __init__(self, site: Site, opened: Opened) -> None:
        self._site, self._opened = site, opened

    async def idle(self, until_ns: int) -> None:
        """Answer HTTP/2's PING and SETTINGS. Raises Failed when the connection ends."""
        from seventh.web.h2 import H2Connection

        connection = self._opened.connection
        if not isinstance(connection, H2Connection):
            assert self._opened.stream is not None  # noqa: S101 - it is over TCP
            await idle.discard(self._opened.stream, until_ns)
        elif await connection.idle(until_ns) is not None:
            raise connection.failure or Failed(Reason.PEER_CLOSED, "the server sent GOAWAY")

    async def use(self) -> None:
        """Make one request, which is not repeated."""
        site = self._site
        site.spend()
        request = site.request(site.url, method="HEAD", version=self._opened.version)
        until = now_ns() + int(idle.USE_SECONDS * 1e9)
        await self._opened.connection.request(request, deadline_ns=until)

    def quiet_seconds(self) -> float | None:
        """Return for how long TCP has neither sent nor received."""
        assert self._opened.stream is not None  # noqa: S101 - it is over TCP
        return idle.quiet_seconds(self._opened.stream)

    def close(self) -> None:
        """Close at once."""
        self._opened.connection.close()


class _Quic(idle.Connection):
    """A QUIC connection; a PING is the use. A NAT that gives it another port does not end it."""

    def __init__(self, opened: Opened) -> None:
        assert opened.quic is not None  # noqa: S101 - opened as HTTP/3
        self._quic = opened.quic

    async def idle(self, until_ns: int) -> None:
        """Acknowledge what comes. Raises Failed when the connection ends."""
        await self._quic.until(lambda: False, until_ns)

    async def use(self) -> None:
        """Send a PING. Raises Failed without an acknowledgement."""
        await self._quic.ping(idle.USE_SECONDS)

    def quiet_seconds(self) -> float | None:
        """Return how long ago the last packet came."""
        return (now_ns() - self._quic.last_received.ns) / 1e9

    def close(self) -> None:
        """Close, with CONNECTION_CLOSE."""
        self._quic.close()
