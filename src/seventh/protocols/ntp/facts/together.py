"""Several servers, judged together. Pure: facts in, facts out.

A source counts once, however many of its addresses were asked, and takes part only if it claims to
have time. All offsets are first brought to our clock at one instant, because it may have been
stepped, steered or drifting between the measurements.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import (
    ClockReading,
    SourceFacts,
    SourcesFacts,
    Standing,
)
from seventh.protocols.ntp.wire.packet import CHRONY_SMOOTHED, UNSYNCHRONISED, refid_of
from seventh.protocols.ntp.wire.selection import Interval, select_sources
from seventh.protocols.ntp.wire.smearing import smearer_of

MAX_DISTANCE_SECONDS = 1.0
"""MAXDIST of RFC 5905 §7.2: a source farther than this is not selected."""
MIN_DISPERSION_SECONDS = 0.005
"""MINDISP of RFC 5905 §7.2: no root delay counts as less, whatever the two ends claim."""
RAW_TOLERANCE = 500e-6
"""How far an oscillator that nobody steers may run off, in seconds per second: the most that the
kernel's own clock discipline is made to correct."""
_SMEARING_REFIDS = {"474f4f47": "216.239.35.0"}
"""Identifiers of primary servers (GOOG), and a server that they stand for."""
_SMEARING_UPSTREAMS = {
    refid_of(ip).hex(): ip
    for ip in (
        "2001:4860:4806::", "2001:4860:4806:4::", "2001:4860:4806:8::", "2001:4860:4806:c::",
        "fd00:ec2::123",
    )
}  # fmt: skip
"""What an identifier is that was made of the IPv6 address of a known smearer."""
_NTPD_SMEARED = "fe"
"""254.x.x.x: ntpd while its ``leapsmearinterval`` runs; the rest is how far it is off."""


def source_of(target: str, ntp: NtpFacts, *, port: int = 0, why: str = "") -> SourceFacts:
    """What one server's own facts make it as one of several; ``why`` it gave no time, if known.

    The error is the root distance of RFC 5905 appendix A.5.5.2, with our path's delay and
    dispersion in it.
    """
    host = urlsplit(target).hostname or ""
    error: float | None = None
    if ntp.offset_seconds is not None:
        half = (ntp.root_delay_seconds or 0.0) / 2 + (ntp.offset_error_seconds or 0.0)
        error = max(MIN_DISPERSION_SECONDS / 2, half)
        error += (ntp.root_dispersion_seconds or 0.0) + (ntp.jitter_seconds or 0.0)
    smears, by = _smearing(host, ntp)
    unusable = _unusable(ntp, error, why)
    return SourceFacts(
        target=target,
        address=ntp.address,
        port=port or _port(target),
        stratum=ntp.stratum,
        leap=ntp.leap,
        reference_id=ntp.reference_id,
        reference_id_hex=ntp.reference_id_hex,
        reference_timestamp_hex=ntp.reference_timestamp_hex,
        offset_seconds=ntp.offset_seconds,
        error_seconds=error,
        measured=ntp.measured,
        smears=smears,
        smears_by=by,
        verdict="unusable" if unusable else "undecided",
        detail=unusable,
    )


def _port(target: str) -> int:
    try:
        return urlsplit(target).port or 0
    except ValueError:
        return 0


def _unusable(ntp: NtpFacts, error: float | None, why: str) -> str:
    if ntp.offset_seconds is None or error is None:
        return why or "no reply that carries time"
    if ntp.leap == 3 or ntp.stratum == UNSYNCHRONISED:
        return "says itself that it is unsynchronised"
    if error > MAX_DISTANCE_SECONDS:
        return f"root distance {error:.1f} s"
    return ""


def _smearing(host: str, ntp: NtpFacts) -> tuple[str, str]:
    """Who smears there and how, and what told so; two empty words where nothing is known.

    Away from a leap second smeared and true time are the same, so nothing can be measured.
    """
    for asked, by in ((host, f"the name {host}"), (ntp.address, f"the address {ntp.address}")):
        if asked and (said := smearer_of(asked)):
            return said, by
    refid = ntp.reference_id_hex
    by = f"reference identifier {ntp.reference_id}"
    if ntp.stratum == 1 and refid in _SMEARING_REFIDS:
        return smearer_of(_SMEARING_REFIDS[refid]), by
    if ntp.stratum is None or ntp.stratum < 2 or len(refid) != 8:
        return "", ""
    if refid == CHRONY_SMOOTHED.hex():
        return "chrony's own smoothtime", by
    if refid.startswith(_NTPD_SMEARED):
        return "ntpd's own leapsmearinterval", by
    upstream = _SMEARING_UPSTREAMS.get(refid) or str(ipaddress.IPv4Address(bytes.fromhex(refid)))
    if said := smearer_of(upstream):
        return said, f"its source {upstream}"
    return "", ""


def judged(sources: Sequence[SourceFacts], targets: int) -> SourcesFacts:
    """Vote over the usable, distinct ones of ``sources``; earlier verdicts are forgotten."""
    listed = _distinct(sources)
    usable = [index for index, source in enumerate(listed) if source.usable]
    moved = drift = 0.0
    readings = [m for index in usable if (m := listed[index].measured) is not None]
    if readings:
        now = max(readings, key=lambda reading: reading.raw_seconds)
        for index in usable:
            listed[index], steps, drifts = _aligned(listed[index], now)
            moved, drift = max(moved, abs(steps)), max(drift, drifts)
    outcome = select_sources([_interval(listed[index]) for index in usable])
    for index, verdict in zip(usable, outcome.verdicts, strict=True):
        listed[index] = _ruled(listed[index], verdict)
    known = SourcesFacts(
        targets=targets,
        sources=tuple(listed),
        span_seconds=_span(readings),
        drift_seconds=drift,
        stepped_seconds=moved,
    )
    if outcome.bound is None:
        return known
    return msgspec.structs.replace(
        known,
        low_seconds=outcome.bound.low,
        high_seconds=outcome.bound.high,
        own_offset_seconds=outcome.bound.middle,
        own_offset_error_seconds=outcome.bound.radius,
    )


def _distinct(sources: Sequence[SourceFacts]) -> list[SourceFacts]:
    """The sources in their order; those that repeat one which has time, or came first, say so."""
    listed = [
        source if source.verdict == "unusable" else _ruled(source, "undecided")
        for source in sources
    ]
    kept: list[SourceFacts] = []
    for index in sorted(range(len(listed)), key=lambda index: not listed[index].usable):
        source = listed[index]
        first = next((one for one in kept if _same(one, source)), None)
        if first is None:
            kept.append(source)
        else:
            listed[index] = _ruled(source, "repeated", f"the same server as {first.name}")
    return listed


def _ruled(source: SourceFacts, verdict: Standing, detail: str = "") -> SourceFacts:
    return msgspec.structs.replace(source, verdict=verdict, detail=detail)


def _same(one: SourceFacts, other: SourceFacts) -> bool:
    """Return whether two entries are one server: one host, or a clock that was set at one instant.

    A reference timestamp of whole seconds proves nothing: receivers of time signals set their
    clocks at every second, all of them at the same one.
    """
    asked = [urlsplit(source.target) for source in (one, other)]
    two_ways = asked[0].scheme != asked[1].scheme
    if one.address == other.address and one.address and (two_ways or one.port == other.port):
        return True
    if two_ways and not (one.address and other.address) and asked[0].hostname == asked[1].hostname:
        return True  # ntp:// and nts:// of one host, at least one of which leads nowhere
    stamp = one.reference_timestamp_hex
    return (
        stamp == other.reference_timestamp_hex
        and not stamp.endswith("00000000")
        and bool(stamp)
        and (one.reference_id_hex, one.stratum) == (other.reference_id_hex, other.stratum)
    )


def _aligned(source: SourceFacts, now: ClockReading) -> tuple[SourceFacts, float, float]:
    """The source as measured from our clock at ``now``; how far that moved it, and widened it."""
    taken = source.measured
    if taken is None or source.offset_seconds is None or source.error_seconds is None:
        return source, 0.0, 0.0
    passed = now.raw_seconds - taken.raw_seconds
    steps = (now.unix_seconds - taken.unix_seconds) - passed
    drift = RAW_TOLERANCE * abs(passed)
    aligned = msgspec.structs.replace(
        source,
        offset_seconds=source.offset_seconds - steps,
        error_seconds=source.error_seconds + drift,
        measured=now,
    )
    return aligned, steps, drift


def _interval(source: SourceFacts) -> Interval:
    offset, error = source.offset_seconds or 0.0, source.error_seconds or 0.0
    return Interval(offset - error, offset + error)


def _span(readings: Sequence[ClockReading]) -> float:
    raw = [reading.raw_seconds for reading in readings]
    return max(raw) - min(raw) if raw else 0.0


def followed(sources: Sequence[SourceFacts]) -> dict[str, tuple[str, ...]]:
    """Return which usable sources have which reference identifier (hex), from stratum 2 on.

    An identifier there stands for an address (RFC 5905 §7.3); that of an undisciplined or smoothed
    clock, and none at all, stand for nobody.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for source in sources:
        refid = source.reference_id_hex
        if not source.usable or source.stratum is None or source.stratum < 2:
            continue
        if refid in {"", "00000000"} or refid.startswith(("7f7f01", _NTPD_SMEARED)):
            continue
        groups[refid] = (*groups.get(refid, ()), source.name)
    return groups


def upstreams(sources: Sequence[SourceFacts]) -> dict[str, str]:
    """Return which source follows which other one of them, by name."""
    there: dict[str, set[str]] = {}
    for source in sources:
        if source.address and source.verdict != "repeated":
            there.setdefault(refid_of(source.address).hex(), set()).add(source.name)
    follows: dict[str, str] = {}
    for refid, names in followed(sources).items():
        # An identifier names no port: of several servers at one address it may be any.
        if len(there.get(refid, ())) == 1:
            follows |= dict.fromkeys(names, *there[refid])
    return follows


def circles(follows: dict[str, str]) -> list[tuple[str, ...]]:
    """The rings of sources that follow each other; one that follows itself is a ring of one."""
    found: list[tuple[str, ...]] = []
    for start in follows:
        ring = [start]
        while (upstream := follows.get(ring[-1])) is not None and upstream not in ring:
            ring.append(upstream)
        if upstream == start and not any(start in known for known in found):
            found.append(tuple(ring))
    return found
