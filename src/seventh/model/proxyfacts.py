"""What a proxy's configuration does to a WebSocket's handshake that passes through it."""

from __future__ import annotations

import msgspec


class ProxiedUpgrade(msgspec.Struct, frozen=True, kw_only=True):
    """How a place in a proxy's configuration hands on ``Upgrade: websocket``."""

    product: str
    place: str
    """The path or pattern, as the file writes it."""
    version: str
    """The version of HTTP that the server behind is spoken to."""
    upgrade: bool
    """Whether the Upgrade field goes on: it is for one hop alone, so a proxy must renew it."""
    connection: bool
    """The same of Connection."""
    in_clear: bool = False
    """Whether the network reaches it without TLS, and is not sent to https."""
    idle_seconds: float | None = None
    """How long the server behind may be silent before the proxy ends the connection."""
    life_seconds: float | None = None
    """How old a connection may become before the proxy ends it, busy or not."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What would have to go on and does not."""
        found = [] if self.version != "1.0" else ["HTTP/1.1 or newer"]
        found += [] if self.upgrade else ["Upgrade"]
        return (*found, *([] if self.connection else ["Connection"]))
