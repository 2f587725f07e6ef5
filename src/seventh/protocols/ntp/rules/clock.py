"""What can be wrong with the time that a server gives."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import Contradiction, NtpFacts
from seventh.protocols.ntp.facts.together import circles, upstreams
from seventh.protocols.ntp.rules import file
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.protocols.ntp.wire.packet import UNSYNCHRONISED, is_local_clock, refid_of
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

OFFSET_SECONDS = 0.1
OFFSET_HIGH_SECONDS = 1.0
OFFSET_CRITICAL_SECONDS = 128.0
JITTER_SECONDS = 0.025
JITTER_FLOOR_SECONDS = 0.005
"""Below this, jitter beside a still smaller delay is the two machines' scheduling, not the path."""
STRATUM_MAX = 4
ROOT_DISTANCE_SECONDS = 1.0
"""MAXDIST of RFC 5905 §7.2: a source farther than this is not selected."""
STALE_SECONDS = 3600.0
_LEAP = ("no leap second", "61 seconds announced", "59 seconds announced", "no time")


def _unsynchronised(ntp: NtpFacts) -> bool:
    return ntp.leap == 3 or ntp.stratum == UNSYNCHRONISED


def _no_header(ntp: NtpFacts) -> Skip | None:
    """Return why a rule on the server's own state cannot judge; None where it can."""
    if ntp.stratum is None:
        return Skip("no reply that carries time was received")
    if _unsynchronised(ntp):
        return Skip("the server says itself that it has no time, which NTP-UNSYNC judges")
    return None


@rule(
    "NTP-OFFSET",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The server's clock and ours differ",
    evidence="offset {offset:+.6f} s ± {error:.6f} s over a delay of {delay:.6f} s; this machine's "
    "own clock: {own}",
    why="One of the two clocks is wrong. Beyond 100 ms logs cannot be put in order, beyond a "
    "second tokens and tickets begin to fail, and beyond 1000 s ntpd refuses to follow at all.",
    fix={
        "any": "Compare with a second, independent server to learn which clock is wrong. If it is "
        "the server's, mend its sources; if it is this machine's, synchronise it.",
        "chrony": "makestep 1 3",
        "ntpd": "tinker panic 0   # or start ntpd with -g: the first correction may then be large",
    },
    references=("RFC 5905 §8",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(offset_seconds=0.5),
)
def offset(ntp: NtpFacts) -> Verdict:
    """Farther apart than 100 ms and what the path can falsify."""
    if ntp.offset_seconds is None or ntp.delay_seconds is None:
        return Skip("no reply that carries time was received")
    apart = abs(ntp.offset_seconds)
    if apart <= OFFSET_SECONDS + ntp.delay_seconds / 2:
        return None
    severity = Severity.MEDIUM
    if apart > OFFSET_HIGH_SECONDS:
        severity = Severity.HIGH
    if apart > OFFSET_CRITICAL_SECONDS:
        severity = Severity.CRITICAL
    return Hit(
        severity,
        offset=ntp.offset_seconds,
        error=ntp.offset_error_seconds or 0.0,
        delay=ntp.delay_seconds,
        own=_own_clock(ntp),
    )


def _own_clock(ntp: NtpFacts) -> str:
    """How far this machine's own clock is off, by several servers or else by its own daemon."""
    sources = ntp.sources
    if sources is not None and sources.own_offset_seconds is not None:
        count = len(sources.usable)
        error = sources.own_offset_error_seconds or 0.0
        if count > 2:
            own = f"{-sources.own_offset_seconds:+.6f} s ± {error:.6f} s off"
            return f"{own}, by the majority of {count} servers"
    own_error = ntp.own_clock_error_seconds
    return "error bound unknown" if own_error is None else f"at most {own_error:.6f} s off"


@rule(
    "NTP-JITTER",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Offsets scatter",
    evidence="jitter {jitter:.6f} s over {samples} samples, delay {delay:.6f} s",
    why="A client cannot steer its clock more finely than its samples agree. Queues on the path, a "
    "busy host or a virtual machine without a paravirtual clock make them scatter.",
    fix={
        "any": "Take a nearer server; give NTP a better queue; in a virtual machine use kvm-clock "
        "or a PTP hardware clock.",
        "chrony": "# where both sides are chrony\nserver {address} minpoll 4 maxpoll 6 xleave",
        "ntpd": "server {address} minpoll 4 maxpoll 6",
    },
    references=("RFC 5905 §10",),
    seed=("12.11.3",),
    good=GOOD,
    bad=GOOD.learn(jitter_seconds=0.06),
)
def jitter(ntp: NtpFacts) -> Verdict:
    """Return more than 25 ms, or more than half of the delay."""
    if ntp.jitter_seconds is None or ntp.delay_seconds is None:
        return Skip("fewer than two samples were taken")
    bound = min(JITTER_SECONDS, max(ntp.delay_seconds / 2, JITTER_FLOOR_SECONDS))
    if ntp.jitter_seconds <= bound:
        return None
    return Hit(
        jitter=ntp.jitter_seconds,
        samples=len(ntp.samples),
        delay=ntp.delay_seconds,
        address=ntp.address,
    )


@rule(
    "NTP-UNSYNC",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="The server has no time to give",
    evidence="leap indicator {leap}, stratum {stratum}, reference {reference}",
    why="The server answers and says that its own clock is not synchronised. Proper clients ignore "
    "it; simple ones take whatever its clock happens to show.",
    fix={
        "any": "Give the server sources that it can reach, and wait until it has selected one.",
        "chrony": "# then `chronyc sources -v`, `chronyc waitsync`\n"
        "pool pool.ntp.org iburst maxsources 4",
        "ntpd": "pool pool.ntp.org iburst   # then `ntpq -pn`: one line must begin with *",
    },
    references=("RFC 5905 §7.3",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(leap=3, stratum=16, reference_id="", reference_id_hex="00000000"),
)
def unsynchronised(ntp: NtpFacts) -> Verdict:
    """Leap indicator 3 or stratum 16, which the wire may write as 0; or the kiss INIT or STEP."""
    waiting = tuple(code for code in ("INIT", "STEP") if code in ntp.kiss_codes)
    if ntp.stratum is None:
        if waiting:
            return Hit(leap=3, stratum=UNSYNCHRONISED, reference=", ".join(waiting))
        return Skip("no reply that carries time was received")
    if not _unsynchronised(ntp):
        return None
    return Hit(leap=ntp.leap or 0, stratum=ntp.stratum, reference=ntp.reference_id or "none")


@rule(
    "NTP-STRATUM",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Far from a reference clock",
    evidence="stratum {stratum}, reference {reference}",
    why="Every server on the way to a reference clock adds its delay, its error and its outages.",
    fix={
        "any": "Let this server follow sources of stratum 1 or 2.",
        "chrony": "pool pool.ntp.org iburst maxsources 4",
        "ntpd": "pool pool.ntp.org iburst",
    },
    references=("RFC 5905",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(stratum=8),
)
def stratum(ntp: NtpFacts) -> Verdict:
    """Above 4 and not 16, which means unsynchronised."""
    if (skip := _no_header(ntp)) is not None:
        return skip
    if ntp.stratum is None or ntp.stratum <= STRATUM_MAX:
        return None
    return Hit(stratum=ntp.stratum, reference=ntp.reference_id)


@rule(
    "NTP-ROOTDIST",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The server's own error bound is large",
    evidence="root distance {distance:.3f} s = root delay {delay:.3f} s / 2 + root dispersion "
    "{dispersion:.3f} s",
    why="By its own account the server may be this far from true time. Clients refuse a source "
    "beyond their maximum distance: 1 s in RFC 5905, 1.5 s in ntpd, 3 s in chrony.",
    fix={
        "any": "Give the server nearer sources and see that it reaches them: its dispersion grows "
        "by 15 µs every second while it does not.",
        "chrony": "# on the clients, to refuse such sources\nmaxdistance 1.0",
        "ntpd": "tos maxdist 1.0   # on the clients, to refuse such sources",
    },
    references=("RFC 5905 §11.2",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(root_delay_seconds=1.0, root_dispersion_seconds=0.8, root_distance_seconds=1.3),
)
def root_distance(ntp: NtpFacts) -> Verdict:
    """Root delay/2 + root dispersion above MAXDIST."""
    if (skip := _no_header(ntp)) is not None:
        return skip
    distance = ntp.root_distance_seconds
    if distance is None or distance <= ROOT_DISTANCE_SECONDS:
        return None
    return Hit(
        distance=distance,
        delay=ntp.root_delay_seconds or 0.0,
        dispersion=ntp.root_dispersion_seconds or 0.0,
    )


@rule(
    "NTP-HEADER",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Header values that clients reject",
    evidence="{said}",
    why="RFC 5905 has a client drop such a packet as invalid, and ntpd does. Clients that do not "
    "check it follow a clock that contradicts itself.",
    fix={
        "any": "Update or restart the time daemon; a clock that was set back while it ran, or a "
        "hardware time source that reports wrong values, gives such headers.",
    },
    references=("RFC 5905 §A.5.1.1",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(contradictions=(Contradiction.REFERENCE_LATER,), reference_age_seconds=-600.0),
)
def header(ntp: NtpFacts) -> Verdict:
    """Return a header of a synchronised server that contradicts itself."""
    if (skip := _no_header(ntp)) is not None:
        return skip
    if not ntp.contradictions:
        return None
    said = tuple(_CONTRADICTIONS[found].format(ntp=ntp) for found in ntp.contradictions)
    return Hit(said=said)


_CONTRADICTIONS = {
    Contradiction.REFERENCE_LATER: "the reference timestamp is later than the transmit timestamp "
    "(age {ntp.reference_age_seconds:.3f} s)",
    Contradiction.ROOT_DISTANCE: "root delay / 2 + root dispersion is "
    "{ntp.root_distance_seconds:.3f} s, and 16 s is the limit",
}


@rule(
    "NTP-STALE",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The server's clock has not been set for over an hour",
    evidence="reference timestamp {minutes:.0f} min old, poll interval {poll:.0f} s",
    why="The server still calls itself synchronised, but has lost its sources and runs free: its "
    "clock drifts by some ten milliseconds every hour.",
    fix={
        "any": "Mend the server's way to its sources; have at least four of them.",
        "chrony": "# then `chronyc sources`: Reach must grow\n"
        "pool pool.ntp.org iburst maxsources 4",
        "ntpd": "pool pool.ntp.org iburst   # then `ntpq -pn`: reach must grow",
    },
    references=("RFC 5905 §7.3",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(reference_age_seconds=7200.0),
)
def stale(ntp: NtpFacts) -> Verdict:
    """Return the reference timestamp is more than an hour before the transmit timestamp."""
    if (skip := _no_header(ntp)) is not None:
        return skip
    age = ntp.reference_age_seconds
    if age is None:
        return Skip("the server sends no reference timestamp")
    if age <= STALE_SECONDS:
        return None
    return Hit(minutes=age / 60, poll=ntp.poll_seconds or 0.0)


@rule(
    "NTP-LOCALCLOCK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The server follows nothing but its own clock",
    evidence="reference {reference} at stratum {stratum}",
    why="The server passes its free-running clock off as synchronised. Its clients agree with each "
    "other and drift away from the rest of the world together.",
    fix={
        "any": "Give it real sources, and its own clock only as a last resort at a high stratum.",
        "chrony": "# beside real `server`/`pool` lines, never alone\nlocal stratum 10 orphan",
        "ntpd": "tos orphan 10   # instead of `server 127.127.1.0`, beside real sources",
    },
    references=("RFC 5905",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(reference_id="127.127.1.1", reference_id_hex="7f7f0101"),
    directives={
        "chrony": ("local",),
        "ntpd": ("server 127.127.1.0",),
        "ntpsec": ("server 127.127.1.0", "refclock local"),
    },
)
def local_clock(ntp: NtpFacts) -> Verdict:
    """The reference identifier is LOCL or 127.127.1.x, or a file passes the own clock off."""
    if ntp.config is not None and ntp.config.product:
        return file.local_clock(ntp.config)
    if (skip := _no_header(ntp)) is not None:
        return skip
    if not is_local_clock(bytes.fromhex(ntp.reference_id_hex)):
        return None
    return Hit(reference=ntp.reference_id, stratum=ntp.stratum or 0)


@rule(
    "NTP-LEAP",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Leap second announced or disputed",
    evidence="{said}",
    why="Clients will insert or delete a second at the end of the month. If no leap second is "
    "due, a false announcement makes all of them a second wrong; and sources that disagree about "
    "it will be a second apart.",
    fix={
        "any": "Compare with IERS Bulletin C. If none is due, find the upstream that announces it.",
        "chrony": "# chrony before 4.6: leapsectz right/UTC\n"
        "leapseclist /usr/share/zoneinfo/leap-seconds.list",
        "ntpd": "leapfile /usr/share/zoneinfo/leap-seconds.list",
    },
    references=("RFC 5905 §7.3", "RFC 8633"),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(leap=1),
)
def leap(ntp: NtpFacts) -> Verdict:
    """Leap indicator 1 or 2; worse where sources disagree about it, smearers left aside."""
    usable = ntp.sources.usable if ntp.sources is not None else ()
    # A smearing server announces nothing, because it has spread the second already.
    told = [source for source in usable if source.leap is not None and not source.smears]
    if len({source.leap for source in told}) > 1:
        said = "; ".join(f"{_LEAP[s.leap or 0]} by {s.name}" for s in told)
        return Hit(said=f"sources disagree: {said}")
    if ntp.stratum is None and len(told) > 1:
        return None  # they agree; what they announce is each one's own report's
    if (skip := _no_header(ntp)) is not None:
        return skip
    if ntp.leap not in {1, 2}:
        return None
    seconds = 61 if ntp.leap == 1 else 59
    return Hit(
        Severity.INFO,
        said=f"leap indicator {ntp.leap}: the last minute of this month has {seconds} seconds",
    )


@rule(
    "NTP-LOOP",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Servers follow themselves, each other or this machine",
    evidence="{said}",
    why="A clock that follows itself follows nothing. Where two machines follow each other, both "
    "drift and both look synchronised.",
    fix={
        "any": "Remove the server's own address from its sources; of two machines that follow each "
        "other, let one follow outside sources only.",
        "chrony": "# an outside source in place of the looping one\nserver ntp.example.net iburst",
        "ntpd": "server ntp.example.net iburst   # an outside source in place of the looping one",
    },
    references=("RFC 5905 §7.3",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(reference_id="192.0.2.123", reference_id_hex="c000027b"),
)
def loop(ntp: NtpFacts) -> Verdict:
    """The reference identifier is what the server's own address or ours gives, or a ring's."""
    usable = ntp.sources.usable if ntp.sources is not None else ()
    rings = [ring for ring in circles(upstreams(usable)) if len(ring) > 1]
    if rings:
        said = ", ".join(" → ".join((*ring, ring[0])) for ring in rings)
        return Hit(said=f"they follow each other: {said}")
    if ntp.stratum is None and len(usable) > 1:
        return None
    if (skip := _no_header(ntp)) is not None:
        return skip
    if ntp.stratum is None or ntp.stratum < 2:
        return None  # a primary server's identifier is a name, not an address
    for ip, whose in ((ntp.address, "the server's own address"), (ntp.local_address, "ours")):
        if ip and refid_of(ip).hex() == ntp.reference_id_hex:
            return Hit(
                said=f"reference {ntp.reference_id} is {whose} ({ip}), stratum {ntp.stratum}"
            )
    return None
