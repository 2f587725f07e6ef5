"""What a comparison of several servers, or a symmetric key, shows."""

from __future__ import annotations

from typing import Literal

import msgspec

Standing = Literal[
    "truechimer", "falseticker", "outvoted", "undecided", "alone", "unusable", "repeated", ""
]
"""The result of the selection for a source.

truechimer: agrees with the majority. falseticker: wrong if any majority is right. outvoted: clients
discard it, although it may be correct. undecided: there is no majority. alone: no other source to
compare with. unusable: has no time. repeated: the same server as one listed before.
"""
KeyOutcome = Literal["", "authenticated", "nak", "plain", "forged", "silence", "refused"]
"""authenticated: the reply's MAC was made with our key. nak: a crypto-NAK. plain: a reply without
MAC. forged: a reply with another MAC. refused: ICMP or a kiss code. silence: no reply."""


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """Two of this machine's clocks, read at one instant.

    Offsets count from the wall clock, which may be stepped or steered between measurements. The
    raw clock is neither, so the difference of the two shows by how much.
    """

    unix_seconds: float
    raw_seconds: float


class SourceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One server among several."""

    target: str = ""
    address: str = ""
    port: int = 0
    stratum: int | None = None
    leap: int | None = None
    reference_id: str = ""
    reference_id_hex: str = ""
    reference_timestamp_hex: str = ""
    """When its clock was last set, as on the wire: equal for two addresses of one server."""
    offset_seconds: float | None = None
    """Its clock minus ours, for all judged sources from our clock at one instant."""
    error_seconds: float | None = None
    """The maximum error of the offset if the server is correct: its root distance (RFC 5905
    appendix A.5.5.2), including our path to it."""
    measured: ClockReading | None = None
    """When the offset was measured; None: unknown."""
    smears: str = ""
    """The operator that smears leap seconds, and how; empty where no smearing is known."""
    smears_by: str = ""
    """How that is known: its name, address, reference ID or upstream."""
    verdict: Standing = ""
    detail: str = ""
    """Why it is unusable, or which source it repeats."""

    @property
    def usable(self) -> bool:
        """Whether it took part in the selection."""
        return self.verdict not in {"unusable", "repeated", ""}

    @property
    def name(self) -> str:
        """Its address, with the port if that is not the usual one."""
        where = self.address or self.target
        return f"{where} port {self.port}" if self.port not in {0, 123, 4460} else where


class SourcesFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Several servers, judged together.

    The bounds apply if a majority of the usable sources is correct.
    """

    own_offset_seconds: float | None = None
    """True time minus our clock by the majority; positive: our clock is behind."""
    own_offset_error_seconds: float | None = None
    """The maximum error of ``own_offset_seconds``."""
    targets: int = 0
    """The number of targets; 1: a name with several addresses."""
    sources: tuple[SourceFacts, ...] = ()
    low_seconds: float | None = None
    """True time minus our clock is at least this …"""
    high_seconds: float | None = None
    """… and at most this; None where no majority agrees."""
    span_seconds: float = 0.0
    """Between the first and the last measurement."""
    drift_seconds: float = 0.0
    """The most that was added to a source's error for our clock's drift in that time."""
    stepped_seconds: float = 0.0
    """How far our clock was stepped or steered in that time; the offsets are corrected for it."""

    @property
    def usable(self) -> tuple[SourceFacts, ...]:
        """The distinct servers that gave time."""
        return tuple(source for source in self.sources if source.usable)


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Requests with a symmetric key. The key itself is not stored."""

    key_id: int | None = None
    algorithm: str = ""
    """As key files name it: MD5, SHA1, SHA256, AES128 (AES-CMAC, RFC 8573) …"""
    outcome: KeyOutcome = ""
    authenticated: bool | None = None
    crypto_nak: bool = False
    """Whether the server rejected our MAC with a crypto-NAK (RFC 5905 §7.3)."""
    requests: int = 0
    mac_bytes: int = 0
    """Of the reply's key identifier and digest; 0: no MAC."""
    rtt_seconds: float | None = None
    detail: str = ""
