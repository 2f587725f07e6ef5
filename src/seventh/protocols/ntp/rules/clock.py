"""How far the server's clock is from this machine's, and how far from a reference clock."""

from __future__ import annotations

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.protocols.ntp.rules.header import without_time
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

OFFSET_SECONDS = 0.1
OFFSET_HIGH_SECONDS = 1.0
OFFSET_CRITICAL_SECONDS = 128.0
JITTER_SECONDS = 0.025
JITTER_FLOOR_SECONDS = 0.005
"""Jitter below this with a smaller delay comes from scheduling on the two hosts, not the path."""
STRATUM_MAX = 4
ROOT_DISTANCE_SECONDS = 1.0
"""MAXDIST of RFC 5905 §7.2: a source with a larger root distance is not selected."""


@rule(
    "NTP-OFFSET",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Clock offset too large",
    evidence="offset {offset:+.6f} s ± {error:.6f} s with a delay of {delay:.6f} s; this machine's "
    "clock: {own}",
    phrases={
        "own": {
            "unknown": "error bound unknown",
            "bounded": "at most {own_error:.6f} s off",
            "majority": "{own_offset:+.6f} s ± {own_error:.6f} s off, by the majority of {count} "
            "servers",
        }
    },
    why="One of the two clocks is wrong. Above 100 ms, log entries cannot be put in order. Above "
    "one second, tokens and tickets begin to fail. Above 1000 s, ntpd refuses to synchronise.",
    fix={
        "any": "Compare with a second, independent server to find out which clock is wrong. If it "
        "is the server's, fix its sources; if it is this machine's, synchronise it.",
        "chrony": "makestep 1 3",
        "ntpd": "tinker panic 0   # or start ntpd with -g: allows a large first correction",
    },
    references=("RFC 5905 §8",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(offset_seconds=0.5),
)
def offset(ntp: NtpFacts) -> Verdict:
    """Fail an offset above 100 ms plus the half of the delay that an asymmetric path can cause."""
    if ntp.offset_seconds is None or ntp.delay_seconds is None:
        return Skip("no reply with time was received")
    size = abs(ntp.offset_seconds)
    if size <= OFFSET_SECONDS + ntp.delay_seconds / 2:
        return None
    severity = Severity.MEDIUM
    if size > OFFSET_HIGH_SECONDS:
        severity = Severity.HIGH
    if size > OFFSET_CRITICAL_SECONDS:
        severity = Severity.CRITICAL
    return Hit(
        severity,
        offset=ntp.offset_seconds,
        error=ntp.offset_error_seconds or 0.0,
        delay=ntp.delay_seconds,
        **_own_clock(ntp),
    )


def _own_clock(ntp: NtpFacts) -> dict[str, Param]:
    """Return this machine's clock error, by three or more servers or else by its own daemon."""
    sources = ntp.sources
    if sources is not None and sources.own_offset_seconds is not None and len(sources.usable) > 2:
        return {
            "own": "majority",
            "own_offset": -sources.own_offset_seconds,
            "own_error": sources.own_offset_error_seconds or 0.0,
            "count": len(sources.usable),
        }
    if ntp.own_clock_error_seconds is None:
        return {"own": "unknown"}
    return {"own": "bounded", "own_error": ntp.own_clock_error_seconds}


@rule(
    "NTP-JITTER",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Jitter too high",
    evidence="jitter {jitter:.6f} s over {samples} samples, delay {delay:.6f} s",
    why="A client cannot steer its clock more precisely than its samples agree. Causes are queues "
    "on the path, a busy host, or a virtual machine without a paravirtual clock.",
    fix={
        "any": "Use a nearer server, give NTP packets priority, and in a virtual machine use "
        "kvm-clock or a PTP hardware clock.",
        "chrony": "# if both sides run chrony\nserver {address} minpoll 4 maxpoll 6 xleave",
        "ntpd": "server {address} minpoll 4 maxpoll 6",
    },
    references=("RFC 5905 §10",),
    seed=("12.11.3",),
    good=GOOD,
    bad=GOOD.learn(jitter_seconds=0.06),
)
def jitter(ntp: NtpFacts) -> Verdict:
    """Fail a jitter above 25 ms or above half of the delay."""
    if ntp.jitter_seconds is None or ntp.delay_seconds is None:
        return Skip("fewer than two samples were taken")
    if ntp.jitter_seconds <= jitter_bound(ntp.delay_seconds):
        return None
    return Hit(
        jitter=ntp.jitter_seconds,
        samples=len(ntp.samples),
        delay=ntp.delay_seconds,
        address=ntp.address,
    )


def jitter_bound(delay_seconds: float) -> float:
    """Return the largest jitter in seconds that passes with this delay."""
    return min(JITTER_SECONDS, max(delay_seconds / 2, JITTER_FLOOR_SECONDS))


@rule(
    "NTP-STRATUM",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Stratum too high",
    evidence="stratum {stratum}, reference ID {reference}",
    why="Every server between this one and a reference clock adds its delay, its error and its "
    "outages.",
    fix={
        "any": "Configure sources of stratum 1 or 2 on this server.",
        "chrony": "pool pool.ntp.org iburst maxsources 4",
        "ntpd": "pool pool.ntp.org iburst",
    },
    references=("RFC 5905",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(stratum=8),
)
def stratum(ntp: NtpFacts) -> Verdict:
    """Fail a stratum above 4; 16 means unsynchronised and is NTP-UNSYNC's."""
    if (skip := without_time(ntp)) is not None:
        return skip
    if ntp.stratum is None or ntp.stratum <= STRATUM_MAX:
        return None
    return Hit(stratum=ntp.stratum, reference=ntp.reference_id)


@rule(
    "NTP-ROOTDIST",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Root distance too large",
    evidence="root distance {distance:.3f} s = root delay {delay:.3f} s / 2 + root dispersion "
    "{dispersion:.3f} s",
    why="The root distance is the server's own bound of its error. Clients reject a source above "
    "their maximum distance: 1 s in RFC 5905, 1.5 s in ntpd, 3 s in chrony.",
    fix={
        "any": "Configure nearer sources on the server and check that it reaches them: without "
        "them its dispersion grows by 15 µs every second.",
        "chrony": "# on the clients, to reject such sources\nmaxdistance 1.0",
        "ntpd": "tos maxdist 1.0   # on the clients, to reject such sources",
    },
    references=("RFC 5905 §11.2",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(root_delay_seconds=1.0, root_dispersion_seconds=0.8, root_distance_seconds=1.3),
)
def root_distance(ntp: NtpFacts) -> Verdict:
    """Fail a root distance above MAXDIST."""
    if (skip := without_time(ntp)) is not None:
        return skip
    distance = ntp.root_distance_seconds
    if distance is None or distance <= ROOT_DISTANCE_SECONDS:
        return None
    return Hit(
        distance=distance,
        delay=ntp.root_delay_seconds or 0.0,
        dispersion=ntp.root_dispersion_seconds or 0.0,
    )
