"""What sets this machine's clock, and what could set it better."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.local import (
    ClockSetter,
    NtpLocalFacts,
    PtpFacts,
    Setter,
    Stamping,
)
from seventh.protocols.ntp.rules.local import AREA
from seventh.protocols.ntp.rules.local_examples import GOOD_LOCAL, with_local
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_looked, not_read

PTP_SECONDS = 100e-6
"""What NTP cannot promise, even in a local network."""
_SLOW = frozenset({"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies"})
_BETTER = ("kvm-clock", "tsc", "hyperv_clocksource_tsc_page", "xen", "arch_sys_counter")
_LISTENING = "LISTENING"
_CURRENT = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
_PREFERRED = (Setter.CHRONYD, Setter.NTPD, Setter.NTPD_RS, Setter.OPENNTPD)
"""Which daemon is kept, the best first."""


@rule(
    "NTP-DUAL-DAEMON",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="Two programs set the clock",
    evidence="the clock is set by {names}",
    why="Each corrects what the other has just changed. The clock oscillates or jumps, and both "
    "report errors of their sources that do not exist.",
    fix={"any": "# keep {kept}\n{commands}"},
    references=("Manual page chronyd(8)",),
    seed=("12.11.3",),
    good=GOOD_LOCAL,
    bad=with_local(
        setters=(
            ClockSetter(kind=Setter.CHRONYD, pid=612, sets=True, unit="chrony.service"),
            ClockSetter(
                kind=Setter.TIMESYNCD, pid=411, sets=True, unit="systemd-timesyncd.service"
            ),
        )
    ),
)  # fmt: skip
def dual_daemon(ntp: NtpFacts) -> Verdict:
    """Fail two programs that set the clock; one that only serves or measures does not count."""
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    if local.setters is None:
        return not_read(local.unread, "/proc/*/{comm,stat,status,cmdline,cgroup}")
    setting = [each for each in local.setters if each.sets]
    unknown = [each for each in local.setters if each.sets is None]
    if len(setting) < 2:
        if len(setting) + len(unknown) < 2:
            return None
        names = ", ".join(each.kind.value for each in unknown)
        return Skip(f"whether the clock is set by {names} is unknown (run it as root)")
    kept = min(setting, key=lambda each: (*_PREFERRED, each.kind).index(each.kind))
    others = [each for each in setting if each is not kept]
    return Hit(
        names=tuple(f"{each.kind.value} (PID {each.pid})" for each in setting),
        kept=f"{kept.kind.value} (PID {kept.pid})",
        commands=tuple(_stop(each) for each in others),
    )


def _stop(setter: ClockSetter) -> str:
    match setter.kind:
        case Setter.VMWARE:
            return "vmware-toolbox-cmd timesync disable"
        case Setter.VIRTUALBOX:
            return "VBoxService --disable-timesync   # instead of VBoxService alone"
    return f"systemctl disable --now {setter.unit}" if setter.unit else f"kill {setter.pid}"


@rule(
    "NTP-CLOCK-SOURCE",
    Severity.LOW,
    tier=0,
    source=Source.LOCAL,
    title="Slow clock source of the kernel",
    evidence="{what}",
    phrases={
        "what": {
            "better": "clock source {current} in use; {better} is available",
            "only": "clock source {current} in use; no better one is available ({available})",
        }
    },
    why="Reading such a clock takes a microsecond or more and leaves the processor each time, so "
    "that every timestamp is late and uneven. The kernel also falls back to it when it has found "
    "the processor's counter unstable, as in some virtual machines.",
    fix={
        "any": "In a virtual machine, give the guest the hypervisor's own clock or an invariant "
        "time stamp counter. On other hardware, `dmesg | grep -i tsc` shows why the kernel does "
        "not use the processor's counter.",
    },
    references=("Linux kernel documentation: clocksource",),
    seed=("12.4.4",),
    good=GOOD_LOCAL,
    bad=with_local(clock_source="hpet"),
)
def clock_source(ntp: NtpFacts) -> Verdict:
    """Fail a clock source that is a device; a processor's counter and paravirtual clocks pass."""
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    if not local.clock_source:
        return not_read(local.unread, _CURRENT)
    if local.clock_source not in _SLOW:
        return None
    better = next((name for name in _BETTER if name in local.clock_sources), "")
    hit = Hit(
        what="better" if better else "only", current=local.clock_source, better=better,
        available=local.clock_sources,
    )  # fmt: skip
    if not better:
        return hit
    return hit.fixed_by(
        "any",
        f"echo {better} > {_CURRENT}",
        f"# and for the next start, the kernel parameter clocksource={better}",
    )


@rule(
    "NTP-PTP-HINT",
    Severity.INFO,
    tier=0,
    source=Source.LOCAL,
    title="The required accuracy needs PTP",
    evidence="accuracy of {accuracy:.9f} s required. Network interface: {nic}. Network: {switch}. "
    "Daemon: {daemon}",
    phrases={
        "nic": {
            "present": "{interface} stamps packets in hardware",
            "missing": "none stamps packets in hardware",
            "unknown": "unknown whether one stamps packets in hardware",
        },
        "switch": {
            "master": "a master is heard, {steps} step(s) from the grandmaster; the offset from it "
            "is {offset:.9f} s",
            "silent": "no messages of a master arrive (ports: {ports})",
            "unknown": "unknown whether its switches forward PTP or correct for their delay",
        },
        "daemon": {
            "running": "ptp4l and what takes the system clock from it are running",
            "no-ptp4l": "ptp4l is not running",
            "no-phc2sys": "ptp4l is running, phc2sys is not",
            "unknown": "unknown whether ptp4l is running",
        },
    },
    why="NTP is stamped by software and delayed by every queue: tens of microseconds in a local "
    "network, milliseconds beyond. PTP reaches less than one microsecond where the interface, "
    "every switch and the daemon support it; one that does not sets the limit.",
    fix={
        "any": "# requires an interface with hardware timestamps, and switches that are boundary "
        "or transparent clocks\nptp4l -i {interface}\nphc2sys -a -r",
    },
    references=("IEEE 1588-2019", "Manual pages ptp4l(8), phc2sys(8)"),
    seed=("12.4.3",),
    good=GOOD_LOCAL,
    bad=with_local(
        ptp=PtpFacts(
            interfaces=(Stamping(name="eth0", hardware=False),), ptp4l=False, phc2sys=False
        )
    ),
)
def ptp_hint(ntp: NtpFacts) -> Verdict:
    """Fail a required accuracy below 100 µs without a working chain of interface, network, daemon.

    Each of the three is named as present, missing or unknown.
    """
    local = ntp.local
    if local is None:
        return not_looked(AREA)
    wanted = local.accuracy_seconds
    if wanted is None:
        return Skip("no accuracy was required: --accuracy SECONDS")
    if wanted >= PTP_SECONDS:
        return not_applicable("NTP can keep an accuracy of 100 microseconds or more")
    ptp = local.ptp or PtpFacts()
    nic, switch, daemon = _nic(ptp), _network(ptp), _daemon(local, ptp)
    offset = abs(ptp.offset_seconds) if ptp.offset_seconds is not None else 0.0
    if (nic, switch, daemon) == ("present", "master", "running") and offset <= wanted:
        return None
    capable = [each.name for each in ptp.interfaces or () if each.hardware]
    every = [each.name for each in ptp.interfaces or ()]
    return Hit(
        accuracy=wanted, nic=nic, switch=switch, daemon=daemon, offset=offset,
        interface=next(iter([*capable, *every]), "eth0"), steps=ptp.steps_removed or 0,
        ports=ptp.port_states,
    )  # fmt: skip


def _nic(ptp: PtpFacts) -> str:
    if ptp.interfaces is None:
        return "unknown"
    return "present" if any(each.hardware for each in ptp.interfaces) else "missing"


def _network(ptp: PtpFacts) -> str:
    if ptp.offset_seconds is not None:
        return "master"
    return "silent" if _LISTENING in ptp.port_states else "unknown"


def _daemon(local: NtpLocalFacts, ptp: PtpFacts) -> str:
    """Return what runs; chronyd can read the hardware clock itself, as a reference clock."""
    if ptp.ptp4l is None:
        return "unknown"
    if not ptp.ptp4l:
        return "no-ptp4l"
    reads_clock = any(each.is_reference_clock for each in local.sources or ())
    return "running" if ptp.phc2sys or reads_clock else "no-phc2sys"
