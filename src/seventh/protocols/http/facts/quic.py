"""HTTP/2's and HTTP/3's connections."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.model.quicfacts import Amplification, Migration, QuicFacts


class H2Facts(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP/2 connection (RFC 9113)."""

    settings: Mapping[str, int] = {}
    """As sent, by name; a setting at its default may be absent."""
    ping_seconds: float | None = None
    goaway: str = ""
    """The error name of a GOAWAY, where one came while the connection was used."""
    rtt_seconds: float | None = None
    """The least round trip of the connection."""
    connection_window_bytes: int | None = None

    @property
    def max_concurrent_streams(self) -> int | None:
        """None where the server sets no limit."""
        return self.settings.get("MAX_CONCURRENT_STREAMS")

    @property
    def initial_window_bytes(self) -> int:
        """How much of a request's body may be sent at first (RFC 9113 §6.9.2)."""
        return self.settings.get("INITIAL_WINDOW_SIZE", 65535)

    @property
    def upload_bits_per_second(self) -> float | None:
        """The limit of one stream's upload by window and round trip."""
        if not self.rtt_seconds:
            return None
        return self.initial_window_bytes * 8 / self.rtt_seconds


class H3Setting(msgspec.Struct, frozen=True):
    """One setting of HTTP/3."""

    name: str
    value: int


class H3Facts(msgspec.Struct, frozen=True, kw_only=True):
    """QUIC and HTTP/3 (RFC 9000, RFC 9114)."""

    address: str = ""
    port: int = 0
    quic: QuicFacts | None = None
    settings: tuple[H3Setting, ...] = ()
    ping_seconds: float | None = None
    amplification: Amplification | None = None
    forged_token: Amplification | None = None
    """The response to an Initial with a token that the server never issued (RFC 9000 §8.1.3)."""
    forged_instead_of_retry: bool = False
    """Whether that token was accepted where an Initial without one, before it and after it, had
    to be sent again after a Retry."""
    migration: Migration | None = None
    after_migration_status: int | None = None
    early_data: bool | None = None
    """Whether a GET sent as early data was accepted."""
    qlog: str = ""
    """The file that the connection's log was written to."""
