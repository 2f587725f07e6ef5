"""What the header of a reply says of the server's state: synchronised, and by what."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import Contradiction, NtpFacts
from seventh.protocols.ntp.facts.together import circles, upstreams
from seventh.protocols.ntp.rules import file
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.protocols.ntp.wire.packet import (
    UNKNOWN_LEAP,
    UNSYNCHRONISED,
    is_local_clock,
    refid_of,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

STALE_SECONDS = 3600.0
_LEAPS = ("none", "61", "59", "unknown")
"""The codes of the leap indicator's values: how many seconds the last minute of the month has."""
_NO_TIME = Skip("no reply with time was received")


def without_time(ntp: NtpFacts) -> Skip | None:
    """Return why rules on the time of a server cannot judge it; None where they can."""
    if ntp.stratum is None:
        return _NO_TIME
    if ntp.unsynchronised:
        return Skip("the server is unsynchronised: see NTP-UNSYNC")
    return None


@rule(
    "NTP-UNSYNC",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Server not synchronised",
    evidence="leap indicator {leap}, stratum {stratum}, reference ID {reference}",
    why="The server answers, but reports that its clock is not synchronised. Full NTP clients "
    "ignore it. Simple clients use whatever time its clock shows.",
    fix={
        "any": "Configure sources that the server can reach, and wait until it has selected one.",
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
    """Fail leap indicator 3, stratum 16 (0 on the wire), and the kiss codes INIT and STEP."""
    if ntp.stratum is None:
        waiting = tuple(code for code in ("INIT", "STEP") if code in ntp.kiss_codes)
        if not waiting:
            return _NO_TIME
        return Hit(leap=UNKNOWN_LEAP, stratum=UNSYNCHRONISED, reference=", ".join(waiting))
    if not ntp.unsynchronised:
        return None
    return Hit(leap=ntp.leap or 0, stratum=ntp.stratum, reference=ntp.reference_id or "none")


@rule(
    "NTP-HEADER",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Invalid NTP header",
    evidence="{what}",
    phrases={
        "what": {
            "reference-later": "the reference timestamp is later than the transmit timestamp "
            "(age {age:.3f} s)",
            "root-distance": "root delay / 2 + root dispersion is {distance:.3f} s (limit: 16 s)",
        }
    },
    why="RFC 5905 requires clients to discard such a packet as invalid, and ntpd does. Clients "
    "without this check synchronise to a clock that contradicts itself.",
    fix={
        "any": "Update or restart the time daemon. Typical causes are a clock that was set back "
        "while the daemon ran, and a hardware time source that reports wrong values.",
    },
    references=("RFC 5905 §A.5.1.1",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(contradictions=(Contradiction.REFERENCE_LATER,), reference_age_seconds=-600.0),
)
def header(ntp: NtpFacts) -> Verdict:
    """Fail a header of a synchronised server that contradicts itself."""
    if (skip := without_time(ntp)) is not None:
        return skip
    if not ntp.contradictions:
        return None
    return Hit(
        what=tuple(found.name.lower().replace("_", "-") for found in ntp.contradictions),
        age=ntp.reference_age_seconds or 0.0,
        distance=ntp.root_distance_seconds or 0.0,
    )


@rule(
    "NTP-STALE",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Server clock not updated for over an hour",
    evidence="reference timestamp {minutes:.0f} min old, poll interval {poll:.0f} s",
    why="The server still reports that it is synchronised, but has lost its sources and runs free: "
    "its clock drifts by about ten milliseconds an hour.",
    fix={
        "any": "Fix the path from the server to its sources, and configure at least four of them.",
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
    """Fail a reference timestamp more than an hour before the transmit timestamp."""
    if (skip := without_time(ntp)) is not None:
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
    title="Undisciplined local clock served as time source",
    evidence="{what}",
    phrases={
        "what": {
            "reply": "reference ID {reference} (local clock) at stratum {stratum}",
            "alone": "local clock served at stratum {stratum}; no source is configured",
            "fallback": "local clock served at stratum {stratum} when no source is reachable",
        }
    },
    why="The server serves its free-running clock as synchronised. Its clients agree with each "
    "other, but drift together from the correct time.",
    fix={
        "any": "Configure real sources, and the local clock only as a last resort at a high "
        "stratum.",
        "chrony": "# only together with real `server` or `pool` lines\nlocal stratum 10 orphan",
        "ntpd": "tos orphan 10   # instead of `server 127.127.1.0`, together with real sources",
    },
    references=("RFC 5905",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(reference_id="127.127.1.1", reference_id_hex="7f7f0101"),
    choice=("chrony", "ntpd", "ntpsec"),
    directives={
        "chrony": ("local",),
        "ntpd": ("server 127.127.1.0",),
        "ntpsec": ("server 127.127.1.0", "refclock local"),
    },
)
def local_clock(ntp: NtpFacts) -> Verdict:
    """Fail the reference IDs LOCL and 127.127.1.x, and a file that serves the local clock."""
    if ntp.config is not None:
        return file.local_clock(ntp.config)
    if (skip := without_time(ntp)) is not None:
        return skip
    if not is_local_clock(bytes.fromhex(ntp.reference_id_hex)):
        return None
    return Hit(what="reply", reference=ntp.reference_id, stratum=ntp.stratum or 0)


@rule(
    "NTP-LEAP",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Leap second announced or disputed",
    evidence="{what}",
    phrases={
        "what": {
            "announced": "leap indicator {leap}: the last minute of this month has {seconds} "
            "seconds",
            "none": "no leap second announced by {by_none}",
            "61": "61-second minute announced by {by_61}",
            "59": "59-second minute announced by {by_59}",
            "unknown": "unsynchronised: {by_unknown}",
        }
    },
    why="Clients will insert or delete a second at the end of the month. If no leap second is due, "
    "a false announcement makes all of them wrong by one second. Sources that disagree about it "
    "will be one second apart.",
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
    """Report leap indicators 1 and 2; fail sources that disagree, except those that smear."""
    usable = ntp.sources.usable if ntp.sources is not None else ()
    by_leap: dict[str, tuple[str, ...]] = {}
    for source in usable:
        # A smearing server announces no leap second, because it spreads the second over hours.
        if source.leap is not None and not source.smears:
            code = _LEAPS[source.leap]
            by_leap[code] = (*by_leap.get(code, ()), source.name)
    if len(by_leap) > 1:
        return Hit(what=tuple(by_leap), **{f"by_{code}": names for code, names in by_leap.items()})
    if ntp.stratum is None and sum(map(len, by_leap.values())) > 1:
        return None  # they agree; what they announce is in each one's own report
    if (skip := without_time(ntp)) is not None:
        return skip
    if ntp.leap not in {1, 2}:
        return None
    return Hit(Severity.INFO, what="announced", leap=ntp.leap, seconds=_LEAPS[ntp.leap])


@rule(
    "NTP-LOOP",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Timing loop",
    evidence="{what}",
    phrases={
        "what": {
            "ring": "servers synchronise to each other: {rings}",
            "itself": "reference ID {reference} is the server's own address {ip}, stratum "
            "{stratum}",
            "us": "reference ID {reference} is this machine's address {ip}, stratum {stratum}",
        }
    },
    why="A clock that synchronises to itself has no source. Two machines that synchronise to each "
    "other drift together while both report that they are synchronised.",
    fix={
        "any": "Remove the server's own address from its sources. Of two machines that synchronise "
        "to each other, configure one with outside sources only.",
        "chrony": "# an outside source instead of the looping one\nserver ntp.example.net iburst",
        "ntpd": "server ntp.example.net iburst   # an outside source instead of the looping one",
    },
    references=("RFC 5905 §7.3",),
    seed=("12.4.1",),
    good=GOOD,
    bad=GOOD.learn(reference_id="192.0.2.123", reference_id_hex="c000027b"),
)
def loop(ntp: NtpFacts) -> Verdict:
    """Fail a reference ID of the server's own address or of ours, and sources in a ring."""
    usable = ntp.sources.usable if ntp.sources is not None else ()
    rings = [ring for ring in circles(upstreams(usable)) if len(ring) > 1]
    if rings:
        return Hit(what="ring", rings=tuple(" → ".join((*ring, ring[0])) for ring in rings))
    if ntp.stratum is None and len(usable) > 1:
        return None
    if (skip := without_time(ntp)) is not None:
        return skip
    if ntp.stratum is None or ntp.stratum < 2:
        return None  # the reference ID of a primary server is a name, not an address
    for what, ip in (("itself", ntp.address), ("us", ntp.local_address)):
        if ip and refid_of(ip).hex() == ntp.reference_id_hex:
            return Hit(what=what, reference=ntp.reference_id, ip=ip, stratum=ntp.stratum)
    return None
