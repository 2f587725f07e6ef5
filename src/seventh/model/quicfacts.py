"""Facts of QUIC, for every room whose protocol runs over it."""

from __future__ import annotations

from typing import Literal

import msgspec

MAX_AMPLIFICATION = 3.0
"""How many times the bytes received from an unvalidated address a server may send (RFC 9000 §8.1).
"""


class TransportParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The server's transport parameters (RFC 9000 §18.2), with the defaults filled in."""

    max_idle_timeout_seconds: float | None = None
    """None where the server sets no limit."""
    max_udp_payload_bytes: int = 65527
    initial_max_data_bytes: int = 0
    initial_max_stream_data_bidi_local_bytes: int = 0
    """Credit on streams that the server opens."""
    initial_max_stream_data_bidi_remote_bytes: int = 0
    """Credit on streams that the client opens, for the body of a request."""
    initial_max_stream_data_uni_bytes: int = 0
    initial_max_streams_bidi: int = 0
    """How many requests may be open at once initially."""
    initial_max_streams_uni: int = 0
    max_ack_delay_seconds: float = 0.025
    disable_active_migration: bool = False
    active_connection_id_limit: int = 2
    max_datagram_frame_bytes: int | None = None
    """RFC 9221; None where datagrams are not supported."""
    preferred_address: tuple[str, ...] = ()
    """The addresses that the server prefers; reported, never used."""
    versions: tuple[str, ...] = ()
    """The versions that it declares (RFC 9368)."""


class Amplification(msgspec.Struct, frozen=True, kw_only=True):
    """The server's response to one Initial without any further packet from the client."""

    sent_bytes: int
    received_bytes: int
    datagrams: int
    largest_bytes: int = 0
    """The size of the largest."""
    retry: bool = False
    """Whether the server sent a Retry."""
    close: str = ""
    """The error with which the server closed the connection; empty where it did not."""
    window_seconds: float = 0.0
    """For how long datagrams were counted."""
    first_seconds: float | None = None

    @property
    def shook(self) -> bool:
        """Whether the server went on with the handshake."""
        return bool(self.datagrams) and not (self.retry or self.close)

    @property
    def factor(self) -> float:
        """Bytes of UDP payload received per byte sent."""
        return self.received_bytes / self.sent_bytes if self.sent_bytes else 0.0

    @property
    def excess_bytes(self) -> int:
        """How many bytes beyond the limit it sent; 0 within the limit.

        A server that only compares the bytes already sent exceeds the limit by up to one datagram,
        ``largest_bytes``: quic-go, and so Caddy, does.
        """
        return max(0, self.received_bytes - int(MAX_AMPLIFICATION * self.sent_bytes))


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """The result of moving a connection to another client port."""

    new_connection_id: bool
    """Whether the server had supplied a spare connection ID (RFC 9000 §9.5)."""
    challenged: bool
    """Whether the server sent a PATH_CHALLENGE to the new port."""
    validated: bool
    """Whether it answered our PATH_CHALLENGE with the right PATH_RESPONSE."""
    continued: bool
    """Whether data sent from the new port was acknowledged there."""
    rtt_seconds: float | None = None
    """From the first packet sent on the new path to the first received on it."""


class CloseCode(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection ended (RFC 9000 §19.19)."""

    by: Literal["peer", "us", "idle"]
    layer: Literal["transport", "application"]
    code: int
    name: str
    """The code's name in IANA's registries, or its number in hexadecimal."""
    reason: str = ""


class QuicFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one connection."""

    version: str | None = None
    versions_offered: tuple[str, ...] = ()
    """The versions in a Version Negotiation packet, if one was received."""
    retry: bool | None = None
    """Whether the server validated our address with a Retry."""
    rtt_seconds: float | None = None
    """From our first Initial to the server's first packet."""
    handshake_seconds: float | None = None
    """From our first Initial until the handshake was complete at the client."""
    confirmed_seconds: float | None = None
    """From our first Initial until the handshake was confirmed (RFC 9001 §4.1.2)."""
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
    """What the server had sent before our second flight, which validates our address."""
    bytes_sent_before_validation: int = 0
