"""What a proxy's configuration does to the WebSocket handshakes that it forwards."""

from __future__ import annotations

import msgspec


class ProxiedUpgrade(msgspec.Struct, frozen=True, kw_only=True):
    """How one location of a proxy's configuration forwards ``Upgrade: websocket``."""

    product: str
    place: str
    """The path or pattern, as the file writes it."""
    version: str
    """The HTTP version of the requests to the backend."""
    upgrade: bool
    """Whether it sends Upgrade to the backend; the field is hop-by-hop, so the file must set it."""
    connection: bool
    """The same for Connection."""
    in_clear: bool = False
    """Whether it is served without TLS and does not redirect to https."""
    idle_seconds: float | None = None
    """How long the backend may send nothing before the proxy closes the connection."""
    life_seconds: float | None = None
    """The age at which the proxy closes a connection, busy or not."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What the proxy would have to send to the backend and does not."""
        needed = {
            "HTTP/1.1 or newer": self.version != "1.0",
            "Upgrade": self.upgrade,
            "Connection": self.connection,
        }
        return tuple(name for name, sent in needed.items() if not sent)
