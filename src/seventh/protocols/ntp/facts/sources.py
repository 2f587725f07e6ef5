"""What several servers together, or a symmetric key, showed."""

from __future__ import annotations

from typing import Literal

import msgspec

Standing = Literal[
    "truechimer", "falseticker", "outvoted", "undecided", "alone", "unusable", "repeated", ""
]
"""What the vote makes of a source.

truechimer: it agrees with the majority. falseticker: it is wrong if any majority is right.
outvoted: clients drop it, though it could still be right. undecided: there is no majority.
alone: nobody to compare it with. unusable: it has no time to give. repeated: a server that stands
in the list already, under another address.
"""
KeyOutcome = Literal["", "authenticated", "nak", "plain", "forged", "silence", "refused"]
"""authenticated: the reply's MAC is made with our key. nak: a crypto-NAK. plain: a reply without
MAC. forged: a reply whose MAC our key did not make. refused: ICMP or a kiss."""


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """Two of this machine's clocks, read at one instant.

    Offsets count from the wall clock, which may be stepped or steered between two measurements; the
    raw clock is neither, so the two together tell how far.
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
    """When its clock was last set, as on the wire: it tells one server of two addresses."""
    offset_seconds: float | None = None
    """Its clock minus ours. Where several are judged, all count from our clock at one instant."""
    error_seconds: float | None = None
    """The most that the offset can be off from true time if the server tells the truth: its root
    distance (RFC 5905 appendix A.5.5.2), with our path to it."""
    measured: ClockReading | None = None
    """When the offset was measured; None where that was not noted."""
    smears: str = ""
    """Who is known to smear leap seconds there, and how; empty where nothing is known."""
    smears_by: str = ""
    """What told so: its name, address, own or upstream's reference identifier."""
    verdict: Standing = ""
    detail: str = ""
    """Why it is unusable, or which source it repeats."""

    @property
    def usable(self) -> bool:
        """Whether it took part in the vote."""
        return self.verdict not in {"unusable", "repeated", ""}

    @property
    def name(self) -> str:
        """How a person tells it from the others."""
        where = self.address or self.target
        return f"{where} port {self.port}" if self.port not in {0, 123, 4460} else where


class SourcesFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What several servers, judged together, showed.

    The bounds hold if a majority of the usable sources tells the truth.
    """

    own_offset_seconds: float | None = None
    """Our own clock's error by the majority: what it lacks to true time; positive is behind."""
    own_offset_error_seconds: float | None = None
    """The most that ``own_offset_seconds`` can be off."""
    targets: int = 0
    """How many targets they came from; 1 is a name of several addresses."""
    sources: tuple[SourceFacts, ...] = ()
    low_seconds: float | None = None
    """True time minus our clock is at least this …"""
    high_seconds: float | None = None
    """… and at most this; None where no majority agrees."""
    span_seconds: float = 0.0
    """Between the first and the last measurement."""
    drift_seconds: float = 0.0
    """What each source's error was widened by, at most, for our clock's drift in that time."""
    stepped_seconds: float = 0.0
    """How far our clock was stepped or steered in that time, which was made up for."""

    @property
    def usable(self) -> tuple[SourceFacts, ...]:
        """The distinct servers that gave time."""
        return tuple(source for source in self.sources if source.usable)


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What asking with a symmetric key showed. The key itself is nowhere."""

    key_id: int | None = None
    algorithm: str = ""
    """As key files name it: MD5, SHA1, SHA256, AES128 (AES-CMAC, RFC 8573) …"""
    outcome: KeyOutcome = ""
    authenticated: bool | None = None
    crypto_nak: bool = False
    """Whether the server said that it does not believe our MAC (RFC 5905 §7.3)."""
    requests: int = 0
    mac_bytes: int = 0
    """Of the reply's key identifier and digest; 0 without."""
    rtt_seconds: float | None = None
    detail: str = ""
