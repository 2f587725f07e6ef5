"""What is learnt of DNSSEC and of the TLSA records of a domain's exchangers (RFC 7672)."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Security = Literal["secure", "insecure", "unknown"]
"""``secure``: validated by a resolver that is believed. ``insecure``: not signed, says a resolver
that validates. ``unknown``: the resolver is not known to validate, or is not believed."""
Problem = Literal["", "pkix", "usage", "selector", "matching", "length"]
"""Why mail servers ignore a record. ``pkix``: usage 0 or 1 (RFC 7672 §3.1.3). ``length``: the data
is no digest of its type."""
Fit = Literal["match", "mismatch", "unusable", "unknown"]
"""``unusable``: all records are ignored."""


class TlsaRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A TLSA record."""

    SHOWN: ClassVar[tuple[str, ...]] = ("usage", "selector", "matching", "data")

    usage: int
    selector: int
    matching: int
    data: str
    """In hexadecimal."""
    problem: Problem = ""


class ServedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that an exchanger has shown, and whether a record matches its chain."""

    key_type: str
    key_sha256: str
    fit: Fit


class DaneHost(msgspec.Struct, frozen=True, kw_only=True):
    """The TLSA records of one exchanger."""

    SHOWN: ClassVar[tuple[str, ...]] = ("host", "outcome", "security", "records")

    host: str
    name: str = ""
    """Where the records are, such as ``_25._tcp.mx.example.org``."""
    outcome: Literal["found", "none", "unknown"] = "unknown"
    security: Security = "unknown"
    """That of the records and of the host's addresses together."""
    records: tuple[TlsaRecord, ...] = ()
    keys: tuple[ServedKey, ...] = ()
    """One for each type of key; none where no certificate was seen."""
    differs: bool = False
    """Whether further addresses of the host have shown another certificate, or none."""
    detail: str = ""
    """Why the outcome is unknown."""

    @property
    def usable(self) -> tuple[TlsaRecord, ...]:
        """The records that mail servers use."""
        return tuple(record for record in self.records if not record.problem)


class DaneFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The TLSA records of the exchangers."""

    hosts: tuple[DaneHost, ...] = ()
    omitted: int = 0
    """How many more exchangers there are."""
    bogus: tuple[str, ...] = ()
    """The questions of them, such as ``A mx.example.org``, whose answers do not validate."""


class DnssecFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is learnt of DNSSEC at the domain itself."""

    validates: bool | None = None
    """Whether the resolver validates; None if it is not known or the resolver is not believed."""
    security: Security = "unknown"
    """That of the MX records, or of their absence."""
    bogus: tuple[str, ...] = ()
    """The questions of the domain whose answers do not validate."""
