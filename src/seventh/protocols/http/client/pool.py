"""The connections that one check keeps, and the sessions that can be resumed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from seventh.model.failure import Failed
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.wire.url import Origin
from seventh.wire.tlsnames import NEW_SESSION_TICKET

if TYPE_CHECKING:
    from seventh.net.quic.client import Session as QuicSession
    from seventh.net.tls.session import Session


class Pool:
    """A connection for each origin and version; ``origin`` is the target's own."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._kept: dict[tuple[Origin, str], Opened] = {}
        self._ended: Opened | None = None
        self._tls_sessions: dict[str, Session] = {}
        self.quic_session: QuicSession | None = None
        """The newest session of HTTP/3."""

    def keep(self, origin: Origin, opened: Opened) -> None:
        """Keep a connection for later requests."""
        before = self._kept.get((origin, opened.version))
        if before is not None and before.ended_by_server and origin == self._origin:
            self._ended = self._ended or before
        self._kept[origin, opened.version] = opened

    def reusable(self, version: str, origin: Origin | None = None) -> Opened | None:
        """Return the kept connection of that version, where it can carry another request."""
        opened = self._kept.get((origin or self._origin, version))
        return opened if opened is not None and opened.connection.reusable else None

    def last(self, version: str) -> Opened | None:
        """Return the target's kept connection of that version, even if it is closed."""
        return self._kept.get((self._origin, version))

    @property
    def keep_alive(self) -> Opened | None:
        """The connection that shows whether HTTP/1.1's are kept alive; None where there is none.

        The first one that the server ended with its response, else the one that is kept.
        """
        return self._ended or self.last("1.1")

    def keep_session(self, opened: Opened) -> None:
        """Keep the session of a connection for resumption, where the server gave one."""
        if opened.quic is not None:
            self.quic_session = opened.quic.session or self.quic_session
        elif opened.tls is not None and opened.tls.tap.first(NEW_SESSION_TICKET) is not None:
            session = opened.tls.session
            if session is not None:
                self._tls_sessions[opened.version] = session

    def tls_session(self, version: str) -> Session | None:
        """Return the newest session of TLS over TCP that was not resumed yet.

        Early data is bound to ALPN, so each version has its own.
        """
        return self._tls_sessions.get(version)

    async def aclose(self) -> None:
        """Close all kept connections gracefully."""
        for opened in self._kept.values():
            with contextlib.suppress(Failed):
                await opened.connection.aclose()
        self._kept.clear()
