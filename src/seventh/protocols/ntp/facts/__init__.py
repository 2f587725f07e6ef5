"""What a look at an NTP server teaches."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from seventh.model.drawing import Drawing, Span
from seventh.model.facts import Facts
from seventh.model.phase import Clock
from seventh.model.product import product_of
from seventh.protocols.ntp.facts.config import NtpConfigFacts
from seventh.protocols.ntp.facts.intrusive import MonlistFacts, SourcePortFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.facts.sources import ClockReading, KeyFacts, SourcesFacts


class Contradiction(StrEnum):
    """A header value for which clients reject a packet (RFC 5905 appendix A.5.1.1)."""

    REFERENCE_LATER = "reference timestamp later than the transmit timestamp"
    ROOT_DISTANCE = "root delay / 2 + root dispersion of 16 s or more"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request (RFC 5905 §8 and §9.2)."""

    sequence: int
    """Which of our requests, from 0."""
    at_seconds: float
    """When it was sent, counted from the first request."""
    offset_seconds: float
    """Theta: the server's clock minus ours."""
    delay_seconds: float
    """Delta: the round trip less the time that the server held the packet."""
    rtt_seconds: float
    """The whole round trip, by our clock."""
    dispersion_seconds: float
    """Epsilon: how finely the two clocks are read, and their drift during the round trip."""
    error_seconds: float
    """The most that the offset can be off, whatever the path did: delay/2 + dispersion."""
    clock: Clock
    """Who stamped the reply's arrival."""


class OtherAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange with a further address of the same name gave."""

    address: str
    outcome: str
    stratum: int | None = None
    leap: int | None = None
    reference_id: str = ""
    offset_seconds: float | None = None
    delay_seconds: float | None = None


class NtpFacts(Facts, frozen=True, kw_only=True):
    """One server's time, how it was measured, and how the server behaves.

    An offset compares two clocks, the server's and this machine's. How far this machine's own may
    be off is ``own_clock_error_seconds``; None means that nobody knows.
    """

    ROOM: ClassVar[str] = "ntp"

    address: str = ""
    """Which of the name's addresses the conversation was with."""
    local_address: str = ""
    """Which of this machine's addresses it came from."""
    # -- the exchange
    requests: int = 0
    replies: int = 0
    """Requests that got a matching answer, kisses included; late ones count."""
    loss_ratio: float | None = None
    reach: int | None = None
    """Our last 8 requests, the newest in the lowest bit; 1 means that time came back."""
    icmp: str = ""
    """What ICMP or this machine's network layer said instead of a reply; empty for silence."""
    duplicates: int = 0
    spoofed: int = 0
    """Packets whose origin timestamp is none of ours, or not from the server's address and port."""
    spoofed_kisses: int = 0
    foreign: int = 0
    """Of those, packets with our origin timestamp from another address."""
    foreign_sources: tuple[str, ...] = ()
    malformed: int = 0
    malformed_detail: str = ""
    kiss_codes: tuple[str, ...] = ()
    # -- the clock
    samples: tuple[Sample, ...] = ()
    offset_seconds: float | None = None
    offset_error_seconds: float | None = None
    delay_seconds: float | None = None
    rtt_seconds: float | None = None
    dispersion_seconds: float | None = None
    jitter_seconds: float | None = None
    """None with fewer than two samples."""
    own_clock_error_seconds: float | None = None
    # -- the header of the latest reply
    version: int | None = None
    leap: int | None = None
    stratum: int | None = None
    """16 where the wire says 0, which means the same."""
    poll_seconds: float | None = None
    precision_seconds: float | None = None
    root_delay_seconds: float | None = None
    root_dispersion_seconds: float | None = None
    root_distance_seconds: float | None = None
    reference_id: str = ""
    reference_id_hex: str = ""
    reference_timestamp_hex: str = ""
    """When the server's clock was last set, as on the wire; empty where it sent no such time."""
    reference_age_seconds: float | None = None
    """From its reference to its transmit timestamp; None where it sent no reference time."""
    contradictions: tuple[Contradiction, ...] = ()
    """What clients reject in the header."""
    extension_fields: int = 0
    mac_bytes: int = 0
    # -- mode 6
    control_factor: float | None = None
    """Bytes received per byte sent; 0 when READVAR was not answered, None when not asked."""
    control_packets: int = 0
    control_bytes: int = 0
    control_error: int | None = None
    control_variables: tuple[str, ...] = ()
    control_version: str = ""
    control_system: str = ""
    measured: ClockReading | None = None
    """When the sample was taken that gave the offset."""
    # -- the name's other addresses
    others: tuple[OtherAddress, ...] = ()
    # -- what other modules of this room learn
    nts: NtsFacts | None = None
    """What NTS showed (targets ``nts://``)."""
    sources: SourcesFacts | None = None
    """What several servers, judged together, showed."""
    key: KeyFacts | None = None
    """What asking with a symmetric key showed."""
    monlist: MonlistFacts | None = None
    """What monlist gave (tier 4)."""
    source_port: SourcePortFacts | None = None
    """Whether answers depend on the port that we ask from (tier 4)."""
    config: NtpConfigFacts | None = None
    """What a configuration file decides and the wire does not show."""

    @property
    def product(self) -> str:
        """The software that mode 6 names."""
        return product_of(self.control_version)

    @property
    def majority_offset_seconds(self) -> float | None:
        """Our own clock's error by the majority of several sources; positive is behind."""
        return self.sources.own_offset_seconds if self.sources is not None else None

    def drawings(self) -> tuple[Drawing, ...]:
        """Return each of several sources on one scale: where it says that true time is."""
        if self.sources is None or len(self.sources.usable) < 2:
            return ()
        spans = tuple(
            Span(
                label=source.name,
                low=source.offset_seconds - source.error_seconds,
                high=source.offset_seconds + source.error_seconds,
                said=f"{source.offset_seconds:+.6f} s ± {source.error_seconds:.6f} s, "
                f"{source.verdict}",
                typical=source.verdict == "truechimer",
            )
            for source in self.sources.usable
            if source.offset_seconds is not None and source.error_seconds is not None
        )
        return (Drawing(title="where each source has true time, from this clock", spans=spans),)

    @property
    def falsetickers(self) -> int | None:
        """How many of several sources are wrong if any majority is right."""
        if self.sources is None:
            return None
        return sum(source.verdict == "falseticker" for source in self.sources.sources)
