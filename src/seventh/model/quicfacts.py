"""What QUIC learns of a peer; any room whose protocol runs over QUIC carries these facts."""

from __future__ import annotations

from typing import Literal

import msgspec

MAX_AMPLIFICATION = 3.0
"""How many times what came from an unvalidated address a server may send to it (RFC 9000 §8.1)."""


class TransportParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the server declared in its handshake (RFC 9000 §18.2), the defaults filled in."""

    max_idle_timeout_seconds: float | None = None
    """None where the server sets no limit."""
    max_udp_payload_bytes: int = 65527
    initial_max_data_bytes: int = 0
    initial_max_stream_data_bidi_local_bytes: int = 0
    """Credit on streams that the server opens."""
    initial_max_stream_data_bidi_remote_bytes: int = 0
    """Credit on streams that the client opens: what a request's body may bring unasked."""
    initial_max_stream_data_uni_bytes: int = 0
    initial_max_streams_bidi: int = 0
    """How many requests may be open at once, to begin with."""
    initial_max_streams_uni: int = 0
    max_ack_delay_seconds: float = 0.025
    disable_active_migration: bool = False
    active_connection_id_limit: int = 2
    max_datagram_frame_bytes: int | None = None
    """RFC 9221; None where datagrams are not supported."""
    preferred_address: tuple[str, ...] = ()
    """Where the server would rather be talked to; noted, never followed."""
    versions: tuple[str, ...] = ()
    """The versions that it says it has (RFC 9368)."""


class Amplification(msgspec.Struct, frozen=True, kw_only=True):
    """What one Initial that nobody ever answers draws from the server."""

    sent_bytes: int
    received_bytes: int
    datagrams: int
    largest_bytes: int = 0
    """The longest of them."""
    retry: bool = False
    """Whether the server asked for a token (Retry) instead of going on."""
    window_seconds: float = 0.0
    """For how long it was counted, from the sending."""
    first_seconds: float | None = None

    @property
    def factor(self) -> float:
        """Bytes of UDP payload received for each one sent."""
        return self.received_bytes / self.sent_bytes if self.sent_bytes else 0.0

    @property
    def excess_bytes(self) -> int:
        """How far beyond the limit it went; 0 when it kept to it.

        A server that asks before each datagram whether the limit has been *reached* goes beyond it
        by up to one datagram, ``largest_bytes``: quic-go, and so Caddy, does.
        """
        return max(0, self.received_bytes - int(MAX_AMPLIFICATION * self.sent_bytes))


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a connection that went on from another port."""

    new_connection_id: bool
    """Whether the server had given a connection id to change to (RFC 9000 §9.5)."""
    challenged: bool
    """Whether the server sent a PATH_CHALLENGE to the new port."""
    validated: bool
    """Whether it answered our PATH_CHALLENGE with the right PATH_RESPONSE."""
    continued: bool
    """Whether the connection went on: data sent from the new port was acknowledged there."""
    rtt_seconds: float | None = None
    """From the first packet sent on the new path to the first that came back on it."""


class CloseCode(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection ended (RFC 9000 §19.19)."""

    by: Literal["peer", "us", "idle"]
    layer: Literal["transport", "application"]
    code: int
    name: str
    """The code's name in IANA's registries, or its number in hexadecimal."""
    reason: str = ""


class QuicFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection showed."""

    version: str | None = None
    versions_offered: tuple[str, ...] = ()
    """Of a Version Negotiation packet, where one came."""
    retry: bool | None = None
    """Whether the server made us prove our address before it went on."""
    rtt_seconds: float | None = None
    """From our first Initial to the server's first packet."""
    handshake_seconds: float | None = None
    """From our first Initial until the handshake was complete on our side: a request could go."""
    confirmed_seconds: float | None = None
    """The same until the server had confirmed it (RFC 9001 §4.1.2)."""
    parameters: TransportParameters | None = None
    alpn: str | None = None
    cipher: str | None = None
    tickets: int = 0
    early_data_offered: bool | None = None
    """Whether its session tickets allow early data."""
    resumed: bool | None = None
    early_data_accepted: bool | None = None
    close: CloseCode | None = None
    datagrams_received: int = 0
    bytes_received: int = 0
    bytes_before_validation: int = 0
    """What the server had sent when our second flight went: until then our address could have
    been anybody's."""
    bytes_sent_before_validation: int = 0
