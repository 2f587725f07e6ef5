"""Which versions of HTTP a server supports and how fast each is, and how the site is reached."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

VersionName = Literal["1.0", "1.1", "2", "3"]
Temperature = Literal["cold", "warm", "resumed", "0-rtt"]
TEMPERATURES: tuple[Temperature, ...] = ("cold", "warm", "resumed", "0-rtt")
"""In the order of a visit."""
RungState = Literal["works", "broken", "not-offered", "untried"]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange of the matrix of versions and temperatures, with its phases.

    ``cold`` is a first connection, ``warm`` a second request on it, ``resumed`` a new connection
    that takes up its TLS session, ``0-rtt`` one whose request goes before the handshake is over.
    """

    version: str
    temperature: Temperature
    outcome: Literal["ok", "failed", "untried"] = "ok"
    why: str = ""
    """Why it failed or was not tried."""
    status: int | None = None
    resolve_seconds: float | None = None
    """Of the first cell alone: later ones know the address."""
    connect_seconds: float | None = None
    tls_seconds: float | None = None
    quic_seconds: float | None = None
    request_seconds: float | None = None
    """From the connection being ready to the request's first byte going."""
    ttfb_seconds: float | None = None
    """From the request's first byte to the answer's."""
    download_seconds: float | None = None
    """From the answer's first byte to its last."""
    think_seconds: float | None = None
    """The time to the first byte without the round trip."""
    total_seconds: float | None = None
    """From the beginning of the connection to the answer's last byte: the sum of :attr:`steps`."""
    body_bytes: int | None = None

    @property
    def steps(self) -> tuple[tuple[str, float], ...]:
        """The steps in order, in seconds; only those that occurred.

        With 0-RTT the request goes before the handshake, which is over by the time of the answer:
        it is no step of its own.
        """
        shaken = self.tls_seconds if self.tls_seconds is not None else self.quic_seconds
        steps = {
            "connect": self.connect_seconds,
            "handshake": shaken if self.temperature != "0-rtt" else None,
            "request": self.request_seconds,
            "ttfb": self.ttfb_seconds,
            "download": self.download_seconds,
        }
        return tuple((name, took) for name, took in steps.items() if took is not None)

    @property
    def parts(self) -> str:
        """The steps in words, in milliseconds; what takes no time is left out."""
        parts = [(name, f"{took * 1e3:.1f}") for name, took in self.steps]
        return ", ".join(f"{name} {took}" for name, took in parts if took != "0.0")

    def summed(self) -> Cell:
        """Return the cell with its total."""
        return replace(self, total_seconds=sum(took for _, took in self.steps))


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """How one version was found; a client falls back to a lower one."""

    version: str
    state: RungState
    detail: str = ""
    error: str = ""
    """The error code of HTTP/2 with which the server refused it, by its name."""
    field: str = ""
    """The header field that makes its responses malformed."""
    status: int | None = None
    content_type: str = ""


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One redirect."""

    status: int
    url: str
    """The requested URL, without the query."""
    location: str
    """The target, without the query."""


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """Redirects that lead back to a URL of their own."""

    urls: tuple[str, ...]
    """The URLs of the loop in order, without queries; one that redirects to itself is alone."""
    schemes: bool = False
    """Whether an http and an https URL of one host redirect to each other."""
    cookie: bool | None = None
    """Whether it ends for a client that returns the loop's cookies; None where none are set."""
    forwarded_proto: bool | None = None
    """Whether its https URL leads elsewhere with ``X-Forwarded-Proto: https``; None without one."""


class Redirects(msgspec.Struct, frozen=True, kw_only=True):
    """The redirects from the target's URL."""

    hops: tuple[Hop, ...] = ()
    final_url: str = ""
    final_status: int | None = None
    stopped: str = ""
    """Why it was not followed to its end."""
    loop: Loop | None = None
    downgraded: bool = False
    """Whether a hop leads from https to http."""


class Hsts(msgspec.Struct, frozen=True, kw_only=True):
    """Strict-Transport-Security (RFC 6797)."""

    value: str = ""
    max_age_seconds: int | None = None
    """None where the field is absent or has none."""
    include_subdomains: bool = False
    preload: bool = False
    applies: bool = True
    """False for a host that is an IP address, and over plain HTTP, where clients ignore it."""
    why_not: str = ""


class Clear(msgspec.Struct, frozen=True, kw_only=True):
    """What plain HTTP does."""

    url: str
    outcome: Literal["redirects", "serves", "refuses", "closed", "failed"]
    """``redirects`` to https; ``serves`` content; ``refuses`` with an error status; ``closed``:
    nothing listens, or only TLS does."""
    status: int | None = None
    location: str = ""
    detail: str = ""
    loopback: bool = False
    """Whether it never leaves this machine."""


class TlsUpgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to ``Upgrade: TLS/1.0`` (RFC 2817)."""

    url: str
    status: int
    upgrade: str = ""
    """The Upgrade field of the answer."""

    @property
    def offered(self) -> bool:
        """Whether TLS would begin inside HTTP."""
        named = (protocol.strip().lower() for protocol in self.upgrade.split(","))
        return self.status == 101 or any(protocol.startswith("tls/") for protocol in named)


class Reuse(msgspec.Struct, frozen=True, kw_only=True):
    """Whether HTTP/1.1's connection is kept."""

    requests: int
    """How many exchanges one connection carried."""
    said_close: bool = False
    """Whether the server closed it after the response, as HTTP/1.0 does."""
    keep_alive_seconds: int | None = None
    """What Keep-Alive declares."""
    keep_alive_requests: int | None = None
    idle_closed_seconds: float | None = None
    """After how long the server closed the idle connection; None while it was open."""
    idle_open_seconds: float | None = None
    """How long it was open and idle."""


class LeftOver(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes after the end of an HTTP/1.1 response."""

    bytes: int
    """How many were seen; more may have followed."""
    method: str
    status: int
    url: str
    """The requested URL, without its query."""


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """The Date field compared with this machine's clock."""

    value: str = ""
    skew_seconds: float | None = None
    """Server less here, the field's whole seconds allowed for."""
    unsynchronised: bool = False
    """Whether this machine's own clock is not synchronised."""
    own_error_seconds: float = 0.0
    """The most that this machine's clock may be off, where the kernel knows."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the user expects of the response, and whether it was met."""

    method: str
    status: int | str | None = None
    """As the user wrote it; one status is a number."""
    json: str = ""
    headers: tuple[str, ...] = ()
    """Each ``NAME: REGEX``, or a name alone."""
    body: str = ""
    """The regular expression."""
    met: bool | None = None
    detail: str = ""
    got: int | None = None
    """The status for the user's request."""
