"""Requests, what answers them, and the best of the answers (RFC 5905 §8, §9.2, §10). Sans-IO.

A request carries a random transmit timestamp: the server returns it as origin timestamp, so an
attacker off the path cannot forge a reply, and our clock's reading stays at home. When it was
really sent is kept here as a :class:`Mark`.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ntp.facts import Contradiction, Sample
from seventh.protocols.ntp.wire.packet import (
    UNKNOWN_LEAP,
    UNSYNCHRONISED,
    ExtensionField,
    Mode,
    Packet,
    parse,
    refid_text,
    to_unix_ns,
)

FILTER_STAGES = 8
PHI = 15e-6
"""The frequency tolerance: how far a clock may drift, in seconds per second (RFC 5905 §7.2)."""
LOCAL_PRECISION_SECONDS = 2.0**-19
"""How finely this side reads its clock, the move between wall and monotonic clock included."""
DENIED = frozenset(["DENY", "RSTR"])
STOP = DENIED | {"RATE"}
"""Kiss codes after which a client sends nothing more (RFC 5905 §7.4)."""
MAX_SOURCES = 8
CLOCK_STEP_SECONDS = 0.001
"""A server that steps its clock by less than this between two timestamps contradicts nothing."""
MAX_DISTANCE_SECONDS = 16.0
"""MAXDISP of RFC 5905 §7.2: a packet with more is invalid."""


class Verdict(StrEnum):
    """What a datagram is to us."""

    REPLY = "reply"
    KISS = "kiss"
    DUPLICATE = "duplicate"
    SPOOFED = "spoofed"
    FOREIGN = "foreign"
    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A judged datagram."""

    verdict: Verdict
    sequence: int | None = None
    """The request that it answers; None where it answers none."""
    packet: Packet | None = None
    sample: Sample | None = None
    detail: str = ""

    @property
    def answers(self) -> bool:
        """Whether the server itself said this, in answer to a request that was open."""
        return self.verdict in {Verdict.REPLY, Verdict.KISS}


class _Request(msgspec.Struct):
    sequence: int
    nonce: int
    data: bytes
    sent: Mark | None = None
    answered: bool = False
    timed: bool = False


class Tally(msgspec.Struct):
    """How many datagrams of each kind came."""

    replies: int = 0
    kisses: int = 0
    duplicates: int = 0
    spoofed: int = 0
    spoofed_kisses: int = 0
    misdirected: int = 0
    """Of the spoofed, those from the server's own address and port."""
    foreign: int = 0
    malformed: int = 0
    unauthenticated: int = 0
    """Well-formed, and not believed by a user that authenticates."""

    @property
    def heard(self) -> bool:
        """Whether the server's host sent something that is no reply, so that it is not silent."""
        return bool(self.malformed or self.misdirected or self.foreign or self.unauthenticated)

    @property
    def stray(self) -> int:
        """Datagrams that answered nothing."""
        return self.duplicates + self.spoofed + self.foreign + self.malformed + self.unauthenticated


class Sampler:
    """One server's requests and answers.

    ``request`` gives a datagram, ``sent`` notes when it went, ``receive`` judges what came. A user
    that authenticates packets hands extension fields to ``request``, parses and verifies what comes
    by itself, and calls ``match`` with the packets it believes.
    """

    __slots__ = (
        "_ip", "_port", "_requests", "foreign_sources", "kiss_codes", "latest", "malformed",
        "samples", "tally",
    )  # fmt: skip

    def __init__(self, ip: str, port: int) -> None:
        self._ip = ip
        self._port = port
        self._requests: list[_Request] = []
        self.tally = Tally()
        self.samples: list[Sample] = []
        self.latest: Packet | None = None
        """The newest reply that carried time."""
        self.kiss_codes: list[str] = []
        self.foreign_sources: list[str] = []
        self.malformed: list[tuple[str, bytes]] = []
        """The first malformed datagram from the server's own address, and what is wrong with it."""

    def request(self, nonce: int, extensions: Sequence[ExtensionField] = ()) -> bytes:
        """Return the next request. ``nonce`` is 64 random bits, not 0 and never used before here.

        Everything but version, mode and nonce is zero: a client owes nobody its own state.
        """
        if not 0 < nonce < 1 << 64 or any(r.nonce == nonce for r in self._requests):
            raise ValueError("a nonce is 64 fresh random bits, not all of them zero")
        data = Packet(transmit=nonce, extensions=tuple(extensions)).encode()
        self._requests.append(_Request(len(self._requests), nonce, data))
        return data

    def sent(self, at: Mark) -> None:
        """Note that the latest request left at ``at``."""
        self._requests[-1].sent = at

    @property
    def sent_count(self) -> int:
        """Requests that left."""
        return sum(r.sent is not None for r in self._requests)

    @property
    def answered_count(self) -> int:
        """Requests that were answered, by time or by a kiss."""
        return sum(r.answered for r in self._requests)

    @property
    def reach(self) -> int:
        """The reach register of RFC 5905 §9.2 over our requests: 1 where time came back."""
        register = 0
        for request in self._requests:
            if request.sent is not None:
                register = (register << 1 | request.timed) & 0xFF
        return register

    def last_answered(self) -> bool:
        """Return whether the latest request has its answer."""
        return bool(self._requests) and self._requests[-1].answered

    def first_request(self) -> bytes:
        """Return the first datagram that was made."""
        return self._requests[0].data

    def receive(self, data: bytes, at: Mark, ip: str, port: int, distance_ns: int) -> Received:
        """Judge a datagram from ``ip``:``port`` that arrived at ``at``. Never raises.

        ``distance_ns``, from the monotonic to the wall clock, places both ends of the exchange.
        """
        try:
            packet = parse(data)
        except ProtocolViolation as violation:
            if not self.is_from_server(ip, port):
                return self._foreign(None, ip, port)
            return self._malformed(violation.detail, data)
        return self.match(packet, data, at, ip, port, distance_ns)

    def match(
        self,
        packet: Packet,
        data: bytes,
        at: Mark,
        ip: str,
        port: int,
        distance_ns: int,
    ) -> Received:
        """Judge a parsed packet; ``data`` is its datagram."""
        request = next(
            (r for r in self._requests if r.nonce == packet.origin and r.sent is not None), None
        )
        if not self.is_from_server(ip, port):
            return self._foreign(packet, ip, port, spoofed=request is None)
        if packet.mode != Mode.SERVER:
            return self._malformed(f"mode {packet.mode} in answer to a client's mode 3", data)
        if request is None or request.sent is None:
            self.tally.spoofed += 1
            self.tally.misdirected += 1
            self.tally.spoofed_kisses += packet.kiss_code is not None
            return Received(
                verdict=Verdict.SPOOFED,
                packet=packet,
                detail="its origin timestamp is none of ours",
            )
        if request.answered:
            self.tally.duplicates += 1
            return Received(verdict=Verdict.DUPLICATE, sequence=request.sequence, packet=packet)
        if packet.kiss_code is not None:
            request.answered = True
            self.tally.kisses += 1
            self.kiss_codes.append(packet.kiss_code)
            return Received(verdict=Verdict.KISS, sequence=request.sequence, packet=packet)
        if not packet.transmit or not packet.receive:
            return self._malformed("a reply without receive or transmit timestamp", data)
        return self._reply(request, request.sent, packet, at, distance_ns)

    def _reply(
        self, request: _Request, sent: Mark, packet: Packet, at: Mark, distance_ns: int
    ) -> Received:
        request.answered = request.timed = True
        self.tally.replies += 1
        self.latest = packet
        first = self._requests[0].sent or sent
        sample = measure(packet, sent, at, distance_ns, request.sequence, sent.since(first))
        self.samples.append(sample)
        return Received(
            verdict=Verdict.REPLY, sequence=request.sequence, packet=packet, sample=sample
        )

    def disbelieve(self, packet: Packet, detail: str) -> Received:
        """Count a packet that did not authenticate; it changes nothing else."""
        self.tally.unauthenticated += 1
        return Received(verdict=Verdict.UNAUTHENTICATED, packet=packet, detail=detail)

    def _malformed(self, detail: str, data: bytes) -> Received:
        self.tally.malformed += 1
        if not self.malformed:
            self.malformed.append((detail, data[:512]))
        return Received(verdict=Verdict.MALFORMED, detail=detail)

    def _foreign(
        self, packet: Packet | None, ip: str, port: int, *, spoofed: bool = True
    ) -> Received:
        """From elsewhere: a forgery, unless it knows our nonce; either way not believed."""
        source = f"port {port} of {ip}" if port != self._port else ip
        if source not in self.foreign_sources and len(self.foreign_sources) < MAX_SOURCES:
            self.foreign_sources.append(source)
        if spoofed:
            self.tally.spoofed += 1
            return Received(
                verdict=Verdict.SPOOFED, packet=packet, detail=f"from {source}, which was not asked"
            )
        self.tally.foreign += 1
        return Received(
            verdict=Verdict.FOREIGN, packet=packet, detail=f"our origin timestamp, from {source}"
        )

    def is_from_server(self, ip: str, port: int) -> bool:
        """Return whether that is the address and port that was asked, however it is spelt."""
        if port != self._port:
            return False
        return ip == self._ip or ipaddress.ip_address(ip) == ipaddress.ip_address(self._ip)


def measure(
    packet: Packet, sent: Mark, at: Mark, distance_ns: int, sequence: int = 0, at_seconds: float = 0
) -> Sample:
    """Offset and delay from the four timestamps (RFC 5905 §8), with their bounds (§9.2).

    A server that claims to have held the packet for less than nothing, or for longer than the whole
    round trip, contradicts itself; then nothing better than the round trip bounds the offset.
    """
    t1, t4 = sent.ns + distance_ns, at.ns + distance_ns
    t2, t3 = to_unix_ns(packet.receive, t1), to_unix_ns(packet.transmit, t4)
    rtt = (t4 - t1) / 1e9
    delay = (t4 - t1 - (t3 - t2)) / 1e9
    precision = packet.precision_seconds + LOCAL_PRECISION_SECONDS
    dispersion = precision + PHI * rtt
    held_plausibly = -precision <= (t3 - t2) / 1e9 <= rtt + precision
    half = max(delay, 0.0) / 2 if held_plausibly else max(rtt, abs(delay)) / 2
    return Sample(
        sequence=sequence,
        at_seconds=at_seconds,
        # Summed as whole nanoseconds first: a float keeps too few digits of a date.
        offset_seconds=((t2 - t1) + (t3 - t4)) / 2e9,
        delay_seconds=max(delay, 0.0) if held_plausibly else rtt,
        rtt_seconds=rtt,
        dispersion_seconds=dispersion,
        error_seconds=half + dispersion,
        clock=at.clock,
    )


class Filtered(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock filter makes of the samples."""

    best: Sample
    """The sample of least delay."""
    dispersion_seconds: float
    jitter_seconds: float | None
    """Against the best sample; None when it is alone."""


def clock_filter(samples: Sequence[Sample]) -> Filtered | None:
    """RFC 5905 §10 over the newest eight samples; None when there are none.

    Two differences, because this is a look and no daemon that warms up: empty stages count nothing
    instead of 16 s each, and the jitter is not held up to the clock's precision. The jitter is the
    root of the mean of the squares, as the text's words and appendix A.5.2 have it.
    """
    stages = sorted(samples[-FILTER_STAGES:], key=lambda sample: sample.delay_seconds)
    if not stages:
        return None
    best = stages[0]
    now = max(sample.at_seconds for sample in stages)
    dispersion = sum(
        (sample.dispersion_seconds + PHI * (now - sample.at_seconds)) / 2 ** (index + 1)
        for index, sample in enumerate(stages)
    )
    jitter: float | None = None
    if len(stages) > 1:
        squares = sum((best.offset_seconds - other.offset_seconds) ** 2 for other in stages[1:])
        jitter = math.sqrt(squares / (len(stages) - 1))
    return Filtered(best=best, dispersion_seconds=dispersion, jitter_seconds=jitter)


def contradictions(packet: Packet, age: float | None) -> tuple[Contradiction, ...]:
    """What clients reject in a header of a server that calls itself synchronised (A.5.1.1)."""
    if packet.leap == UNKNOWN_LEAP or packet.effective_stratum >= UNSYNCHRONISED:
        return ()  # then nothing in it counts
    found: list[Contradiction] = []
    if age is not None and age < -CLOCK_STEP_SECONDS:
        found.append(Contradiction.REFERENCE_LATER)
    if packet.root_delay_seconds / 2 + packet.root_dispersion_seconds >= MAX_DISTANCE_SECONDS:
        found.append(Contradiction.ROOT_DISTANCE)
    return tuple(found)


def header_facts(packet: Packet) -> dict[str, object]:
    """Return what a reply's header tells of the server's clock, as fields of NtpFacts."""
    age: float | None = None
    if packet.reference:
        # Both by the server's own clock, so our own does not matter here.
        transmit = to_unix_ns(packet.transmit, 0)
        age = (transmit - to_unix_ns(packet.reference, transmit)) / 1e9
    return {
        "version": packet.version,
        "leap": packet.leap,
        "stratum": packet.effective_stratum,
        "poll_seconds": 2.0**packet.poll,
        "precision_seconds": packet.precision_seconds,
        "root_delay_seconds": packet.root_delay_seconds,
        "root_dispersion_seconds": packet.root_dispersion_seconds,
        "root_distance_seconds": packet.root_delay_seconds / 2 + packet.root_dispersion_seconds,
        "reference_id": refid_text(packet.refid, packet.stratum),
        "reference_id_hex": packet.refid.hex(),
        "reference_timestamp_hex": f"{packet.reference:016x}" if packet.reference else "",
        "reference_age_seconds": age,
        "contradictions": contradictions(packet, age),
        "extension_fields": len(packet.extensions),
        "mac_bytes": len(packet.mac),
    }
