"""What a check of an NTP server shows."""

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
from seventh.protocols.ntp.facts.local import NtpLocalFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.facts.sources import ClockReading, KeyFacts, SourcesFacts
from seventh.protocols.ntp.wire.packet import UNKNOWN_LEAP, UNSYNCHRONISED


class Contradiction(StrEnum):
    """A header value for which clients reject a packet (RFC 5905 appendix A.5.1.1)."""

    REFERENCE_LATER = "reference timestamp later than the transmit timestamp"
    ROOT_DISTANCE = "root delay / 2 + root dispersion of 16 s or more"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request (RFC 5905 §8 and §9.2)."""

    sequence: int
    """The number of the request, from 0."""
    at_seconds: float
    """When it was sent, counted from the first request."""
    offset_seconds: float
    """Theta: the server's clock minus ours."""
    delay_seconds: float
    """Delta: the round trip less the time that the server held the packet."""
    rtt_seconds: float
    """The round trip by our clock."""
    dispersion_seconds: float
    """Epsilon: the precision of both clocks, and their drift during the round trip."""
    error_seconds: float
    """The maximum error of the offset on any path: delay/2 + dispersion."""
    clock: Clock
    """What took the timestamp of the reply's arrival."""


class OtherAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one exchange with a further address of the same name."""

    address: str
    outcome: str
    stratum: int | None = None
    leap: int | None = None
    reference_id: str = ""
    offset_seconds: float | None = None
    delay_seconds: float | None = None


class NtpFacts(Facts, frozen=True, kw_only=True):
    """One server's time, how it was measured, and how the server behaves.

    An offset compares two clocks, the server's and this machine's. The error bound of the latter
    is ``own_clock_error_seconds``; None where it is unknown.
    """

    ROOM: ClassVar[str] = "ntp"

    address: str = ""
    """The address of the server that was checked, of those that its name has."""
    local_address: str = ""
    """This machine's address towards it."""
    # -- the exchange
    requests: int = 0
    replies: int = 0
    """Requests with a matching reply, including kiss codes and late replies."""
    loss_ratio: float | None = None
    reach: int | None = None
    """Our last 8 requests, the newest in the lowest bit; 1: a reply with time was received."""
    icmp: str = ""
    """The ICMP or local network error instead of a reply; empty for a timeout."""
    duplicates: int = 0
    spoofed: int = 0
    """Packets that match no request, or are not from the server's address and port."""
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
    """16 (unsynchronised) also where the wire has 0."""
    poll_seconds: float | None = None
    precision_seconds: float | None = None
    root_delay_seconds: float | None = None
    root_dispersion_seconds: float | None = None
    root_distance_seconds: float | None = None
    reference_id: str = ""
    reference_id_hex: str = ""
    reference_timestamp_hex: str = ""
    """When the server's clock was last set, as on the wire; empty if not sent."""
    reference_age_seconds: float | None = None
    """From its reference to its transmit timestamp; None if it sent no reference timestamp."""
    contradictions: tuple[Contradiction, ...] = ()
    """Header values for which clients reject the packet."""
    extension_fields: int = 0
    mac_bytes: int = 0
    # -- mode 6
    control_factor: float | None = None
    """Bytes received per byte sent; 0: READVAR not answered, None: not sent."""
    control_packets: int = 0
    control_bytes: int = 0
    control_error: int | None = None
    control_variables: tuple[str, ...] = ()
    control_version: str = ""
    control_system: str = ""
    measured: ClockReading | None = None
    """When the sample of the offset was taken."""
    # -- the name's other addresses
    others: tuple[OtherAddress, ...] = ()
    # -- the other parts of a check
    nts: NtsFacts | None = None
    """NTS: with ``nts://`` targets, and on port 123."""
    sources: SourcesFacts | None = None
    """Several servers, judged together."""
    key: KeyFacts | None = None
    """Requests with a symmetric key (tier 2)."""
    monlist: MonlistFacts | None = None
    """The response to monlist (tier 4)."""
    source_port: SourcePortFacts | None = None
    """Whether replies depend on the source port (tier 4)."""
    config: NtpConfigFacts | None = None
    """A configuration file; None where none was read."""
    local: NtpLocalFacts | None = None
    """What the machine itself shows; None where it was not looked at."""

    @property
    def product(self) -> str:
        """The software that mode 6 names, or that this machine runs."""
        if self.local is not None and self.local.state is not None:
            return self.local.state.product
        return product_of(self.control_version)

    @property
    def unsynchronised(self) -> bool:
        """Whether the server reports that it has no time (RFC 5905 §7.3)."""
        return self.leap == UNKNOWN_LEAP or self.stratum == UNSYNCHRONISED

    @property
    def majority_offset_seconds(self) -> float | None:
        """Our clock's error by the majority of several sources; positive: our clock is behind."""
        return self.sources.own_offset_seconds if self.sources is not None else None

    def drawings(self) -> tuple[Drawing, ...]:
        """Draw the interval of true time of each of several sources on one scale."""
        if self.sources is None or len(self.sources.usable) < 2:
            return ()
        spans = tuple(
            Span(
                label=source.name,
                low=source.offset_seconds - source.error_seconds,
                high=source.offset_seconds + source.error_seconds,
                value=f"{source.offset_seconds:+.6f} s ± {source.error_seconds:.6f} s, "
                f"{source.verdict}",
                typical=source.verdict == "truechimer",
            )
            for source in self.sources.usable
            if source.offset_seconds is not None and source.error_seconds is not None
        )
        return (
            Drawing(
                title="true time by each source, relative to this machine's clock", spans=spans
            ),
        )

    @property
    def falsetickers(self) -> int | None:
        """The number of sources that are wrong if any majority is right."""
        if self.sources is None:
            return None
        return sum(source.verdict == "falseticker" for source in self.sources.sources)
