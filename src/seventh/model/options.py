"""The options that every verb shares, one name each."""

from __future__ import annotations

from typing import Any, Literal, Self

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to look. Secrets are not here: they are read from their files when a probe needs them."""

    timeout_seconds: float = 10.0
    family: Literal["any", "ipv4", "ipv6"] = "any"
    ca_file: str | None = None
    ca_store: str | None = None
    """Where the public roots are (a hashed directory or a bundle), not the system's place."""
    server_name: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    resolver: str | None = None
    max_tier: int = 1
    transcript: bool = False
    samples: int = 4
    """How many datagrams a clock is asked with (NTP)."""
    interval_seconds: float = 2.0
    """The pause between two of them; servers limit their rate."""

    def replace(self, **changes: Any) -> Self:
        """A copy with ``changes``; an option that does not exist is a TypeError."""
        return msgspec.structs.replace(self, **changes)
