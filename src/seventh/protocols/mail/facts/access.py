"""How mail clients find the servers of a domain (RFC 6186, RFC 8314 §5.1)."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class ClientServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server for mail clients."""

    SHOWN: ClassVar = ("scheme", "host", "port")

    scheme: str
    """That of a check, such as ``imaps``; ``smtps`` for submission with implicit TLS."""
    host: str
    port: int
    guessed: bool = False
    """Whether a usual name was tried, as no SRV record names a server."""


class AccessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The SRV records of the services for clients, and usual names without them."""

    offered: tuple[str, ...] = ()
    """The services that have a server, such as ``_imaps``."""
    not_offered: tuple[str, ...] = ()
    """The services that a record with the target ``.`` declares as not offered."""
    unknown: tuple[str, ...] = ()
    """The services whose look-up failed."""
    servers: tuple[ClientServer, ...] = ()
    """By service, the most preferred first."""
