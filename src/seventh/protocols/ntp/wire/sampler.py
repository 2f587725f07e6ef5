"""Requests, their replies, and the best sample of them (RFC 5905 §8, §9.2, §10).

A request has a random transmit timestamp, which the server returns as origin timestamp: an attacker
off the path cannot forge a reply, and our clock is not exposed. When it was really sent is stored
here as a :class:`Mark`.
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
"""The frequency tolerance of a clock in seconds per second (RFC 5905 §7.2)."""
LOCAL_PRECISION_SECONDS = 2.0**-19
"""Our precision, including the conversion between wall and monotonic clock."""
DENIED = frozenset(["DENY", "RSTR"])
STOP = DENIED | {"RATE"}
"""Kiss codes after which a client must stop sending (RFC 5905 §7.4)."""
MAX_SOURCES = 8
CLOCK_STEP_SECONDS = 0.001
"""The tolerance for a server that steps its clock between two timestamps."""
MAX_DISTANCE_SECONDS = 16.0
"""MAXDISP of RFC 5905 §7.2: a packet with a larger root distance is invalid."""


class Verdict(StrEnum):
    """The judgement of a datagram."""

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
    """The request that it answers; None if it answers none."""
    packet: Packet | None = None
    sample: Sample | None = None
    detail: str = ""

    @property
    def answers(self) -> bool:
        """Whether it is the server's answer to a pending request."""
        return self.verdict in {Verdict.REPLY, Verdict.KISS}


class _Request(msgspec.Struct):
    sequence: int
    nonce: int
    data: bytes
    sent: Mark | None = None
    answered: bool = False
    timed: bool = False


class Tally(msgspec.Struct):
    """The number of datagrams of each kind."""

    replies: int = 0
    kisses: int = 0
    duplicates: int = 0
    spoofed: int = 0
    spoofed_kisses: int = 0
    misdirected: int = 0
    """Those of the spoofed ones that are from the server's own address and port."""
    foreign: int = 0
    malformed: int = 0
    unauthenticated: int = 0
    """Well-formed replies that failed authentication."""

    @property
    def responsive(self) -> bool:
        """Whether the server's host sent packets that are not valid replies."""
        return bool(self.malformed or self.misdirected or self.foreign or self.unauthenticated)

    @property
    def stray(self) -> int:
        """Datagrams that answered no request."""
        return self.duplicates + self.spoofed + self.foreign + self.malformed + self.unauthenticated


class Sampler:
    """The requests to one server and their replies.

    ``request`` returns a datagram, ``sent`` stores when it was sent, ``receive`` judges a received
    one. A caller that authenticates passes extension fields to ``request``, parses and verifies
    replies itself, and calls ``match`` with the authentic ones.
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
        """The newest reply with time."""
        self.kiss_codes: list[str] = []
        self.foreign_sources: list[str] = []
        self.malformed: list[tuple[str, bytes]] = []
        """The first malformed datagram from the server's address, after what is wrong with it."""

    def request(self, nonce: int, extensions: Sequence[ExtensionField] = ()) -> bytes:
        """Return the next request; ``nonce`` is 64 random bits, not 0 and not used before.

        All fields but version, mode and nonce are zero, so that no state of the client is exposed.
        """
        if not 0 < nonce < 1 << 64 or any(r.nonce == nonce for r in self._requests):
            raise ValueError("the nonce must be 64 new random bits, not all of them zero")
        data = Packet(transmit=nonce, extensions=tuple(extensions)).encode()
        self._requests.append(_Request(len(self._requests), nonce, data))
        return data

    def sent(self, at: Mark) -> None:
        """Store when the latest request was sent."""
        self._requests[-1].sent = at

    @property
    def sent_count(self) -> int:
        """The number of requests sent."""
        return sum(r.sent is not None for r in self._requests)

    @property
    def answered_count(self) -> int:
        """The number of requests answered, with time or with a kiss code."""
        return sum(r.answered for r in self._requests)

    @property
    def reach(self) -> int:
        """The reach register of RFC 5905 §9.2 over our requests; 1: answered with time."""
        register = 0
        for request in self._requests:
            if request.sent is not None:
                register = (register << 1 | request.timed) & 0xFF
        return register

    def last_answered(self) -> bool:
        """Return whether the latest request was answered."""
        return bool(self._requests) and self._requests[-1].answered

    def first_request(self) -> bytes:
        """Return the first request."""
        return self._requests[0].data

    def receive(self, data: bytes, at: Mark, ip: str, port: int, distance_ns: int) -> Received:
        """Judge a datagram from ``ip``:``port`` that arrived at ``at``; never raises.

        ``distance_ns`` is the difference between the wall and the monotonic clock.
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
            return self._malformed(f"mode {packet.mode} in reply to mode 3", data)
        if request is None or request.sent is None:
            self.tally.spoofed += 1
            self.tally.misdirected += 1
            self.tally.spoofed_kisses += packet.kiss_code is not None
            return Received(
                verdict=Verdict.SPOOFED,
                packet=packet,
                detail="wrong origin timestamp",
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
            return self._malformed("no receive or no transmit timestamp", data)
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

    def reject(self, packet: Packet, detail: str) -> Received:
        """Count a reply that failed authentication, without any other effect."""
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
        """Count a packet from another source: spoofed, unless it contains one of our nonces."""
        source = f"port {port} of {ip}" if port != self._port else ip
        if source not in self.foreign_sources and len(self.foreign_sources) < MAX_SOURCES:
            self.foreign_sources.append(source)
        if spoofed:
            self.tally.spoofed += 1
            return Received(
                verdict=Verdict.SPOOFED, packet=packet, detail=f"from {source}, to no request"
            )
        self.tally.foreign += 1
        return Received(
            verdict=Verdict.FOREIGN, packet=packet, detail=f"reply to a request, from {source}"
        )

    def is_from_server(self, ip: str, port: int) -> bool:
        """Return whether that is the server's address, in any spelling, and port."""
        return port == self._port and (
            ip == self._ip or ipaddress.ip_address(ip) == ipaddress.ip_address(self._ip)
        )


def measure(
    packet: Packet, sent: Mark, at: Mark, distance_ns: int, sequence: int = 0, at_seconds: float = 0
) -> Sample:
    """Return offset and delay by the four timestamps (RFC 5905 §8), with their bounds (§9.2).

    A processing time of the server below zero or above the round trip is impossible. The offset is
    then bounded by the round trip only.
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
    """The result of the clock filter."""

    best: Sample
    """The sample of least delay."""
    dispersion_seconds: float
    jitter_seconds: float | None
    """Relative to the best sample; None if it is the only one."""


def clock_filter(samples: Sequence[Sample]) -> Filtered | None:
    """Apply RFC 5905 §10 to the newest eight samples; return None without one.

    Two differences, because a check has no time to fill the filter: empty stages do not count as
    16 s each, and the jitter is not raised to the clock's precision. The jitter is the root mean
    square, as in the text of the RFC and its appendix A.5.2.
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
    """Return what clients reject in the header of a synchronised server (A.5.1.1)."""
    if packet.leap == UNKNOWN_LEAP or packet.effective_stratum >= UNSYNCHRONISED:
        return ()  # clients do not use it at all
    found: list[Contradiction] = []
    if age is not None and age < -CLOCK_STEP_SECONDS:
        found.append(Contradiction.REFERENCE_LATER)
    if packet.root_delay_seconds / 2 + packet.root_dispersion_seconds >= MAX_DISTANCE_SECONDS:
        found.append(Contradiction.ROOT_DISTANCE)
    return tuple(found)


def header_facts(packet: Packet) -> dict[str, object]:
    """Return the contents of a reply's header, as fields of NtpFacts."""
    age: float | None = None
    if packet.reference:
        # Both timestamps are of the server's clock, so ours does not matter.
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
