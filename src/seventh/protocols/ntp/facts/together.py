"""Several servers, judged together.

A server counts once, however many of its addresses were checked, and takes part only if it is
synchronised. All offsets are first converted to our clock at one instant, because it may have been
stepped or steered, or have drifted, between the measurements.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import (
    ClockReading,
    SourceFacts,
    SourcesFacts,
    Standing,
)
from seventh.protocols.ntp.wire.packet import CHRONY_SMOOTHED, refid_of
from seventh.protocols.ntp.wire.selection import Interval, select_sources
from seventh.protocols.ntp.wire.smearing import smearer_of

MAX_DISTANCE_SECONDS = 1.0
"""MAXDIST of RFC 5905 §7.2: a source with a larger root distance is not selected."""
MIN_DISPERSION_SECONDS = 0.005
"""MINDISP of RFC 5905 §7.2: the least that a root delay counts as."""
RAW_TOLERANCE = 500e-6
"""The maximum drift of an unsteered oscillator, in seconds per second: what the kernel's clock
discipline can correct at most."""
_SMEARING_REFIDS = {"474f4f47": "216.239.35.0"}
"""Reference IDs of primary servers (GOOG), and the address of one such server."""
_SMEARING_UPSTREAMS = {
    refid_of(ip).hex(): ip
    for ip in (
        "2001:4860:4806::", "2001:4860:4806:4::", "2001:4860:4806:8::", "2001:4860:4806:c::",
        "fd00:ec2::123",
    )
}  # fmt: skip
"""IPv6 addresses of known smearing services, by the reference ID derived from them."""
_NTPD_SMEARED = "fe"
"""254.x.x.x: ntpd during its ``leapsmearinterval``; the rest encodes the smear offset."""


def source_of(target: str, ntp: NtpFacts, *, port: int = 0, why: str = "") -> SourceFacts:
    """Convert one server's facts into those of one of several; ``why`` is the failure, if known.

    The error is the root distance of RFC 5905 appendix A.5.5.2, which includes the delay and
    dispersion of our path.
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
    if error is None:
        return why or "no reply with time"
    if ntp.unsynchronised:
        return "unsynchronised"
    if error > MAX_DISTANCE_SECONDS:
        return f"root distance {error:.1f} s"
    return ""


def _smearing(host: str, ntp: NtpFacts) -> tuple[str, str]:
    """Return the operator that smears and how, and how that is known; empty where it is not.

    Except near a leap second, smeared and true time are the same, so smearing cannot be measured.
    """
    for kind, value in (("name", host), ("address", ntp.address)):
        if value and (smears := smearer_of(value)):
            return smears, f"{kind} {value}"
    refid = ntp.reference_id_hex
    by = f"reference ID {ntp.reference_id}"
    if ntp.stratum == 1 and refid in _SMEARING_REFIDS:
        return smearer_of(_SMEARING_REFIDS[refid]), by
    if ntp.stratum is None or ntp.stratum < 2 or len(refid) != 8:
        return "", ""
    if refid == CHRONY_SMOOTHED.hex():
        return "chrony smoothtime", by
    if refid.startswith(_NTPD_SMEARED):
        return "ntpd leapsmearinterval", by
    upstream = _SMEARING_UPSTREAMS.get(refid) or str(ipaddress.IPv4Address(bytes.fromhex(refid)))
    smears = smearer_of(upstream)
    return smears, f"upstream {upstream}" if smears else ""


def compare_sources(sources: Sequence[SourceFacts], targets: int) -> SourcesFacts:
    """Select among the usable, distinct ones of ``sources``; earlier verdicts do not count."""
    listed = _distinct(sources)
    usable = [index for index, source in enumerate(listed) if source.usable]
    stepped = drift = span = 0.0
    readings = [m for index in usable if (m := listed[index].measured) is not None]
    if readings:
        now = max(readings, key=lambda reading: reading.raw_seconds)
        span = now.raw_seconds - min(reading.raw_seconds for reading in readings)
        for index in usable:
            listed[index], step, drifted = _aligned(listed[index], now)
            stepped, drift = max(stepped, abs(step)), max(drift, drifted)
    outcome = select_sources([_interval(listed[index]) for index in usable])
    for index, verdict in zip(usable, outcome.verdicts, strict=True):
        listed[index] = _with_verdict(listed[index], verdict)
    known = SourcesFacts(
        targets=targets,
        sources=tuple(listed),
        span_seconds=span,
        drift_seconds=drift,
        stepped_seconds=stepped,
    )
    if outcome.bound is None:
        return known
    return replace(
        known,
        low_seconds=outcome.bound.low,
        high_seconds=outcome.bound.high,
        own_offset_seconds=outcome.bound.middle,
        own_offset_error_seconds=outcome.bound.radius,
    )


def _distinct(sources: Sequence[SourceFacts]) -> list[SourceFacts]:
    """Mark sources that repeat one which has time, or which is listed earlier."""
    listed = [
        source
        if source.verdict == "unusable" or source.offset_seconds is None
        else _with_verdict(source, "undecided")
        for source in sources
    ]
    kept: list[SourceFacts] = []
    for index in sorted(range(len(listed)), key=lambda index: not listed[index].usable):
        source = listed[index]
        first = next((one for one in kept if _same(one, source)), None)
        if first is None:
            kept.append(source)
        else:
            listed[index] = _with_verdict(source, "repeated", f"same server as {first.name}")
    return listed


def _with_verdict(source: SourceFacts, verdict: Standing, detail: str = "") -> SourceFacts:
    return replace(source, verdict=verdict, detail=detail)


def _same(one: SourceFacts, other: SourceFacts) -> bool:
    """Return whether two entries are one server: one host, or a clock that was set at one instant.

    A reference timestamp of whole seconds proves nothing: receivers of time signals all set their
    clocks at the same second.
    """
    first, second = urlsplit(one.target), urlsplit(other.target)
    two_schemes = first.scheme != second.scheme
    if one.address == other.address and one.address and (two_schemes or one.port == other.port):
        return True
    if two_schemes and not (one.address and other.address) and first.hostname == second.hostname:
        return True  # ntp:// and nts:// of one host, at least one of which has no address
    stamp = one.reference_timestamp_hex
    return (
        stamp == other.reference_timestamp_hex
        and not stamp.endswith("00000000")
        and bool(stamp)
        and (one.reference_id_hex, one.stratum) == (other.reference_id_hex, other.stratum)
    )


def _aligned(source: SourceFacts, now: ClockReading) -> tuple[SourceFacts, float, float]:
    """Return the source relative to our clock at ``now``, our clock's step, and the added error."""
    taken = source.measured
    if taken is None:
        return source, 0.0, 0.0
    offset, error = _time_of(source)
    passed = now.raw_seconds - taken.raw_seconds
    step = (now.unix_seconds - taken.unix_seconds) - passed
    drift = RAW_TOLERANCE * abs(passed)
    aligned = replace(
        source,
        offset_seconds=offset - step,
        error_seconds=error + drift,
        measured=now,
    )
    return aligned, step, drift


def _interval(source: SourceFacts) -> Interval:
    offset, error = _time_of(source)
    return Interval(offset - error, offset + error)


def _time_of(source: SourceFacts) -> tuple[float, float]:
    """Return the offset and the error of a usable source."""
    assert source.offset_seconds is not None  # noqa: S101 - it is usable
    assert source.error_seconds is not None  # noqa: S101 - it has an offset
    return source.offset_seconds, source.error_seconds


def followed(sources: Sequence[SourceFacts]) -> dict[str, tuple[str, ...]]:
    """Return the names of the usable sources from stratum 2 on, by reference ID (hex).

    Such an ID stands for an address (RFC 5905 §7.3). Excluded are those of an undisciplined or
    smoothed clock and an empty one, which stand for no server.
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
    """Return the upstream of each source that synchronises to another one of them, by name."""
    there: dict[str, set[str]] = {}
    for source in sources:
        if source.address and source.verdict != "repeated":
            there.setdefault(refid_of(source.address).hex(), set()).add(source.name)
    follows: dict[str, str] = {}
    for refid, names in followed(sources).items():
        # A reference ID has no port: it may be any of several servers at one address.
        if len(there.get(refid, ())) == 1:
            follows |= dict.fromkeys(names, *there[refid])
    return follows


def circles(follows: dict[str, str]) -> list[tuple[str, ...]]:
    """Return the rings of sources that follow each other; one that follows itself counts."""
    found: list[tuple[str, ...]] = []
    for start in follows:
        ring = [start]
        while (upstream := follows.get(ring[-1])) is not None and upstream not in ring:
            ring.append(upstream)
        if upstream == start and not any(start in known for known in found):
            found.append(tuple(ring))
    return found
