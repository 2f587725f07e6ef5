"""What is learnt of a domain's TLS reporting record (RFC 8460)."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec


class TlsrptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The record at ``_smtp._tls``."""

    SHOWN: ClassVar = ("outcome", "text", "detail")

    outcome: Literal["record", "none", "several", "invalid", "unknown"] | None = None
    """``invalid``: it has no address that reports can be sent to."""
    text: str = ""
    reports: tuple[str, ...] = ()
    """The usable addresses of ``rua``: mailto or https."""
    wrong: tuple[str, ...] = ()
    """The addresses that cannot be used."""
    detail: str = ""
    """Why it is unknown."""
