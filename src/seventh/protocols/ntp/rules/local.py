"""The clock of this machine, as the daemon that disciplines it sees it."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.local import (
    ClockSetter,
    LocalSource,
    NtpLocalFacts,
    SourceState,
)
from seventh.protocols.ntp.rules.clock import (
    OFFSET_CRITICAL_SECONDS,
    OFFSET_HIGH_SECONDS,
    OFFSET_SECONDS,
)
from seventh.protocols.ntp.rules.lines import POOL, shown
from seventh.protocols.ntp.rules.local_examples import (
    CLOCK,
    GOOD_LOCAL,
    UNUSABLE,
    with_local,
    with_state,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_looked, not_read

AREA = "time"
DRIFT_PPM = 200.0
"""Crystals are off by less than 100 ppm; twice that is a fault of the hardware or of the guest."""
DRIFT_MEDIUM_PPM = 450.0
"""Near the limit of 500 ppm above which ntpd cannot correct a clock."""
REACHED = 6
"""Of the last 8 requests."""
STARTING_SECONDS = 120.0
"""A daemon that has run for less has not polled its sources often enough to be judged."""
NTPD_STEP_SECONDS = 0.128
"""What ntpd corrects without a step (RFC 5905 §11.3)."""
RECENT_SECONDS = 1.0
"""The kernel lets the error grow by 500 ppm: below this, a daemon has set the clock within the last
half hour, be it one that is not known here."""
_STATE = ("chronyc tracking", "ntpq rv", "timedatectl")


@rule(
    "NTP-CLOCK-UNSYNC",
    Severity.HIGH,
    tier=0,
    source=Source.LOCAL,
    title="Clock of this machine not synchronised",
    evidence="{what}",
    phrases={
        "what": {
            "daemon": "{daemon} runs, but has no source that it can use: {sources}",
            "sourceless": "{daemon} runs, but has no source",
            "unlisted": "{daemon} runs, but is not synchronised",
            "system": "{daemon} runs, but has not set the clock (timedatectl: NTPSynchronized=no)",
            "no-daemon": "no program that sets the clock is running",
        }
    },
    why="The clock drifts by seconds a day. Certificates, tokens and Kerberos tickets begin to "
    "fail, and log entries of several machines cannot be put in order.",
    fix={
        "any": "Run one time daemon, such as chronyd, with at least four sources, and permit "
        "outgoing packets to UDP port 123.",
        "chrony": "# then `chronyc -n sources`: one line must begin with ^*\n" + POOL["chrony"],
        "ntpd": POOL["ntpd"] + "   # then `ntpq -pn`: one line must begin with *",
        "ntpsec": POOL["ntpsec"] + "   # then `ntpq -pn`: one line must begin with *",
    },
    references=("RFC 5905 §7.3",),
    seed=("12.4.1",),
    good=GOOD_LOCAL,
    bad=with_state(synchronised=False, stratum=0, sources=UNUSABLE),
)
def clock_unsync(ntp: NtpFacts) -> Verdict:
    """Fail a daemon without a usable source, and a machine without a daemon."""
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    if local.state is not None:
        if local.state.synchronised:
            return None
        if _is_starting(local):
            return Skip("the daemon has started less than two minutes ago")
        if not local.sources:
            what = "unlisted" if local.sources is None else "sourceless"
            return Hit(what=what, daemon=local.state.product)
        sources = shown(
            f"{each.name} ({(each.selection or each.state).value})" for each in local.sources
        )
        return Hit(what="daemon", daemon=local.state.product, sources=sources)
    if local.setters is None:
        return not_read(local.unread, *_PROCESSES)
    setting = [each for each in local.setters if each.sets is not False]
    error = local.kernel_error_seconds
    if error is not None and (setting or error < RECENT_SECONDS):
        return None  # in a container it is the host's daemon that has told the kernel
    if setting and local.system_synchronised is False and not _is_starting(local):
        return Hit(what="system", daemon=setting[0].kind.value)
    if setting:
        return None if local.system_synchronised else not_read(local.unread, *_STATE)
    if local.container:
        return not_applicable("a container has the clock of its host")
    return Hit(what="no-daemon")


_PROCESSES = ("/proc/*/{comm,stat,status,cmdline,cgroup}",)


def _is_starting(local: NtpLocalFacts) -> bool:
    setting: tuple[ClockSetter, ...] = local.setters or ()
    ages = [each.age_seconds for each in setting if each.age_seconds is not None]
    return bool(ages) and min(ages) < STARTING_SECONDS


@rule(
    "NTP-CLOCK-OFFSET",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="Large offset of this machine's clock",
    evidence="the clock is {direction} by {offset:.3f} s; {how}",
    phrases={
        "direction": {"behind": "behind", "ahead": "ahead"},
        "how": {
            "slewed": "{daemon} corrects it without a step, which takes at least {minutes:.0f} min",
            "stepped": "{daemon} steps it after 5 min, unless it runs with -x",
            "never": "{daemon} does not correct it: it runs with -x or may not set the clock",
        },
    },
    why="The clock is wrong until the offset is slewed: chronyd corrects at most one second in "
    "twelve, ntpd one in two thousand. Above one second, tokens and tickets begin to fail.",
    fix={
        "any": "Step the clock once, with the programs that do not tolerate a step stopped. A "
        "daemon in a container leaves that to the host's.",
        "chrony": "chronyc makestep",
        "ntpd": "ntpd -gq   # with the daemon stopped; then start it again",
        "ntpsec": "ntpd -gq   # with the daemon stopped; then start it again",
    },
    references=("RFC 5905 §8",),
    seed=("12.4.1", "12.4.2"),
    good=GOOD_LOCAL,
    bad=with_state(correction_seconds=37.0),
)
def clock_offset(ntp: NtpFacts) -> Verdict:
    """Fail a remaining correction above 100 ms, with the severities of NTP-OFFSET."""
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    if local.state is None or local.state.correction_seconds is None:
        return not_read(local.unread, *_STATE[:2])
    if not local.state.synchronised:
        return Skip("the clock is not synchronised, so that its offset is unknown")
    size = abs(local.state.correction_seconds)
    if size <= OFFSET_SECONDS:
        return None
    severity = Severity.MEDIUM
    if size > OFFSET_HIGH_SECONDS:
        severity = Severity.HIGH
    if size > OFFSET_CRITICAL_SECONDS:
        severity = Severity.CRITICAL
    slowness = 12.0 if local.state.product == "chrony" else 2000.0
    slews = local.state.product == "chrony" or size <= NTPD_STEP_SECONDS
    how = "slewed" if slews else "stepped"
    return Hit(
        severity,
        offset=size,
        direction="behind" if local.state.correction_seconds > 0 else "ahead",
        how=how if _is_set(local) else "never",
        daemon=local.state.product,
        minutes=size * slowness / 60,
    )


def _is_set(local: NtpLocalFacts) -> bool:
    """Return whether a program may set the clock, or that is unknown."""
    return local.setters is None or any(each.sets is not False for each in local.setters)


@rule(
    "NTP-CLOCK-DRIFT",
    Severity.LOW,
    tier=0,
    source=Source.LOCAL,
    title="Clock frequency far off",
    evidence="{daemon} corrects the frequency by {ppm:.1f} ppm: {day:.1f} s a day",
    why="Without its daemon, the clock drifts that fast. ntpd cannot correct more than 500 ppm. "
    "The cause is a defective crystal, a clock source that the hypervisor does not keep steady, or "
    "a wrong frequency in the drift file.",
    fix={
        "any": "Stop the daemon, remove its drift file, and start it again. If the frequency comes "
        "back, use the hypervisor's own clock source in a virtual machine, or another machine.",
    },
    references=("Manual page chronyc(1): tracking",),
    seed=("12.4.2", "12.4.4"),
    good=GOOD_LOCAL,
    bad=with_state(frequency_ppm=-480.0),
)
def clock_drift(ntp: NtpFacts) -> Verdict:
    """Fail a correction of the frequency above 200 ppm; medium above 450 ppm."""
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    if local.state is None or local.state.frequency_ppm is None:
        return not_read(local.unread, *_STATE[:2])
    ppm = abs(local.state.frequency_ppm)
    if ppm <= DRIFT_PPM:
        return None
    severity = Severity.MEDIUM if ppm > DRIFT_MEDIUM_PPM else None
    return Hit(severity, daemon=local.state.product, ppm=ppm, day=ppm * 0.0864)


@rule(
    "NTP-REACH",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="A time source answers intermittently",
    evidence="{count} of {all} sources missed more than 2 of the last 8 requests: {names}",
    why="The daemon drops a source that it cannot reach and loses the majority that outvotes a "
    "wrong one. The causes are packet loss, a rate limit of the server, or a firewall.",
    fix={
        "any": "Check the path to these servers: `seventh check ntp://SERVER` from this machine. "
        "Replace a server that does not answer.",
    },
    references=("RFC 5905 §13",),
    seed=("12.4.4",),
    good=GOOD_LOCAL,
    bad=with_local(
        sources=(
            LocalSource(
                name="192.0.2.5", state=SourceState.UNUSABLE, stratum=2, reach=0b00010001,
                poll_seconds=64.0,
            ),
            *CLOCK,
        )
    ),
)  # fmt: skip
def reach(ntp: NtpFacts) -> Verdict:
    """Fail a source that missed more than 2 of its last 8 requests.

    The register of a source that was added a short time ago has not been filled yet: only misses
    after the first reply count.
    """
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    if local.sources is None:
        return not_read(local.unread, "chronyc sources", "ntpq peers")
    polled = [each for each in local.sources if not each.is_reference_clock]
    if not polled:
        return Skip("the daemon has no source that it polls")
    if _is_starting(local):
        return Skip("the daemon has started less than two minutes ago")
    lossy = [each for each in polled if _missed(each.reach) > 8 - REACHED]
    if not lossy:
        return None
    names = shown(f"{each.name} ({each.reach:08b})" for each in lossy)
    return Hit(count=len(lossy), all=len(polled), names=names)


def _missed(register: int) -> int:
    """Return the missed requests after the oldest reply in the register; all 8 without one."""
    return register.bit_length() - register.bit_count() if register else 8
