"""How we stand with a target: what opening a connection to it needs, and what an open one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seventh.model.failure import Failed
from seventh.net.address import Address
from seventh.net.stream import Stream
from seventh.net.talk import Talk
from seventh.protocols.http.wire.url import Origin
from seventh.web.connection import HttpConnection
from seventh.web.message import Fields

if TYPE_CHECKING:
    from seventh.net.quic.client import QuicClient
    from seventh.net.tls.stream import TlsStream


class Opened(msgspec.Struct, kw_only=True):
    """A connection that is ready, and how it became so."""

    connection: HttpConnection
    version: str
    address: Address
    ready_ns: int
    """When a request could go."""
    connect_seconds: float | None = None
    tls_seconds: float | None = None
    quic_seconds: float | None = None
    stream: Stream | None = None
    tls: TlsStream | None = None
    quic: QuicClient | None = None
    path_rtt_seconds: float | None = None
    """What another connection knows of the same path."""
    alternative: str = ""
    """The alternative service that it leads to, as Alt-Used names it (RFC 7838 §5)."""
    used: int = 0
    """How many exchanges it has carried."""
    ordinary: bool = True
    """Whether the last exchange was one after which a connection is kept: a GET that succeeded."""
    idle_since_ns: int = 0

    @property
    def ended_by_server(self) -> bool:
        """Whether the server ended an HTTP/1.1 connection with an ordinary answer.

        After an error, or a body that they did not read, even those that keep connections end one.
        """
        spent: str = getattr(getattr(self.connection, "stats", None), "spent", "")
        return self.ordinary and spent.startswith("the server ends")

    @property
    def fields(self) -> Fields:
        """What a request on this connection has beside what it has on any other."""
        return (("Alt-Used", self.alternative),) if self.alternative else ()

    @property
    def rtt_seconds(self) -> float | None:
        """The least round trip that is known of the path."""
        if self.quic is not None:
            # The server's first packet came after its own share of the handshake's work.
            seen = [self.quic.rtt_seconds, self.quic.least_rtt_seconds, self.path_rtt_seconds]
            return min((r for r in seen if r), default=None)
        info = self.stream.tcp_info() if self.stream is not None else None
        if info is None:
            return self.connect_seconds
        # The kernel's smoothed estimate takes in how long the server thought, where an
        # acknowledgement waited for the answer; its minimum does not.
        known = [info.min_rtt_seconds or info.rtt_seconds, self.connect_seconds]
        return min((r for r in known if r), default=None)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was sent and what it got, without bodies and header values."""

    method: str
    path: str
    version: str
    status: int


class Shared:
    """What a site and its views of single addresses have in common."""

    __slots__ = ("asked", "broken", "distrust", "requests", "round_trips")

    def __init__(self) -> None:
        self.requests = 0
        self.asked: list[Asked] = []
        self.distrust: Failed | None = None
        """Why the origin's certificate is not to be trusted, where it is not."""
        self.broken: dict[str, Failed] = {}
        """The versions of HTTP that cannot be used, and why."""
        self.round_trips: dict[str, float] = {}
        """The least that is known of the path to each address."""


class Standing:
    """The talk with a target, its origin, and whether that is to be trusted."""

    def __init__(self, talk: Talk, origin: Origin) -> None:
        self.talk = talk
        self.origin = origin
        """The target's own origin."""
        self.shared = Shared()

    @property
    def trusted(self) -> bool:
        """Whether nothing was found wrong with the origin's certificate."""
        return self.shared.distrust is None

    def server_name(self, origin: Origin) -> str:
        """The name to ask for in TLS and to hold the certificate against.

        It is the origin's wherever the connection leads: an alternative service has to show that
        it may speak for the origin (RFC 7838 §2.1).
        """
        return origin.host

    def learn_round_trip(self, opened: Opened) -> None:
        """Keep what a connection shows of the path to its address."""
        seen, ip = opened.rtt_seconds, opened.address.ip
        if seen:
            known = self.shared.round_trips.get(ip, seen)
            self.shared.round_trips[ip] = min(seen, known)
