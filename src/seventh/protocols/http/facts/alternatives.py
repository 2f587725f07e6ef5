"""Where else an origin announces that it is served, and whether it is (RFC 7838, RFC 9460)."""

from __future__ import annotations

from typing import Literal

import msgspec


class AltService(msgspec.Struct, frozen=True, kw_only=True):
    """An alternative service (RFC 7838 §3)."""

    protocol: str
    host: str = ""
    """Empty for the origin's own; an IPv6 address without its brackets."""
    port: int
    max_age_seconds: int = 86400
    persist: bool = False
    """Whether it outlives a change of the client's network."""


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTPS record in service mode (RFC 9460)."""

    priority: int
    """The lowest is to be tried first."""
    target: str
    """Empty for the name that the record stands at."""
    alpn: tuple[str, ...] = ()
    """As written: see :attr:`protocols`."""
    no_default_alpn: bool = False
    port: int | None = None
    """None for the origin's own."""
    ipv4_hints: tuple[str, ...] = ()
    ipv6_hints: tuple[str, ...] = ()
    ech: bool = False
    """Whether it has keys for encrypted hellos."""
    mandatory: tuple[str, ...] = ()
    unusable: str = ""
    """Why clients must ignore it; empty where they need not."""

    @property
    def protocols(self) -> tuple[str, ...]:
        """All its protocols: http/1.1 is included by default."""
        return self.alpn if self.no_default_alpn else tuple(dict.fromkeys((*self.alpn, "http/1.1")))


class Advertised(msgspec.Struct, frozen=True, kw_only=True):
    """Where else the origin is announced, and with which versions."""

    alt_svc: tuple[AltService, ...] | None = None
    """None without a response; empty where the field is absent."""
    alt_svc_clear: bool = False
    """Whether the origin withdraws its alternatives."""
    https_record: str = ""
    """The HTTPS records as received (RFC 9460)."""
    https_alpn: tuple[str, ...] | None = None
    """The protocols of the records; None where there is none."""
    https_outcome: str = ""
    records: tuple[ServiceRecord, ...] = ()
    """In their order of preference."""
    aliases: tuple[str, ...] = ()
    """The targets of records in alias mode, in order."""

    @property
    def h3(self) -> tuple[str, ...]:
        """What announces HTTP/3."""
        found = []
        if any(a.protocol == "h3" for a in self.alt_svc or ()):
            found.append("Alt-Svc")
        if "h3" in (self.https_alpn or ()):
            found.append("HTTPS record")
        return tuple(found)


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """An announced place at one address, and whether it serves the origin.

    A place works where it shows a certificate for the origin's own name (RFC 7838 §2.1) and
    answers the same request.
    """

    by: tuple[str, ...]
    """What announces it: Alt-Svc, HTTPS record, address hints."""
    protocol: str
    host: str = ""
    """Empty for the origin's own."""
    port: int
    address: str = ""
    outcome: Literal["works", "failed", "untried"] = "untried"
    reason: str = ""
    """The failure's reason, of the model's closed list."""
    detail: str = ""
    """Why it failed or was not tried."""
    version: str = ""
    """The version of HTTP that answered."""
    status: int | None = None
    content_type: str = ""
    connect_seconds: float | None = None
    handshake_seconds: float | None = None
    """Of TLS, or of QUIC."""
    ttfb_seconds: float | None = None

    @property
    def place(self) -> str:
        """Host and port, and the address unless it is the host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"{host}:{self.port}" if host else f"port {self.port}"
        named = not self.address or self.address == self.host
        return place if named else f"{place} at {self.address}"

    @property
    def label(self) -> str:
        """Protocol, place and what announces it."""
        return f"{self.protocol} on {self.place} ({', '.join(self.by)})"
