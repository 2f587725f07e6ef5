"""The area ``time``: who sets this machine's clock, how well, and what could set it better."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seventh.localkit.area import Area, Call, Command, File
from seventh.localkit.seen import Seen
from seventh.model.option import Option, RoomOptions
from seventh.net.clock import clock_error_seconds
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.local import NtpLocalFacts
from seventh.protocols.ntp.local import chronyc, machine, ntpq, ptp, setters, stamping

_LOOPBACK = "127.0.0.1"
"""``localhost`` may be ::1, where ntpd need not listen: ntpq would wait in vain."""
_ADJTIMEX = "adjtimex"
_CHRONYD, _NTPD, _PTP4L = ("chronyd",), ("ntpd",), ("ptp4l",)


class TimeOptions(RoomOptions, frozen=True, kw_only=True):
    """What the machine's clock is needed for."""

    accuracy_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=3600)] | None,
        Option(
            flag="accuracy", metavar="SECONDS",
            help="accuracy that this machine's clock needs, in seconds, such as 0.00005",
        ),
    ] = None  # fmt: skip


def learn(facts: NtpFacts, seen: Seen, options: TimeOptions) -> NtpFacts:
    """Add the state of this machine's time."""
    unread = list(seen.unread)
    state = chronyc.state(seen, unread) or ntpq.state(seen, unread)
    received, dropped = chronyc.served(seen, unread)
    clock = machine.clock_source(seen)
    error = seen.calls.get(_ADJTIMEX)
    synchronised, rtc_in_local_time = machine.timedatectl(seen)
    return facts.learn(
        local=NtpLocalFacts(
            state=state,
            sources=chronyc.sources(seen, unread) or ntpq.sources(seen, unread),
            setters=setters.setters(seen),
            served_packets=received,
            dropped_packets=dropped,
            system_synchronised=synchronised,
            kernel_error_seconds=error if isinstance(error, float) else None,
            rtc_in_local_time=rtc_in_local_time,
            clock_source=clock[0],
            clock_sources=clock[1:],
            virtual_machine=machine.hypervisor(seen),
            container=seen.container or machine.container(seen),
            guest_tools=machine.guest_tools(seen),
            ptp=ptp.ptp(seen, unread),
            accuracy_seconds=options.accuracy_seconds,
            unread=tuple(dict.fromkeys(unread)),
        )
    )


def _chronyc(name: str, reads: str) -> Command:
    """Return a query of chronyd; -n, because names would be looked up."""
    return Command(
        name=f"chronyc {name}", words=("chronyc", "-c", "-n", name), reads=reads, of=_CHRONYD
    )


AREAS = (
    Area(
        name="time",
        title="who sets the clock, how well, and what could set it better",
        facts=NtpFacts,
        learn=learn,
        options=TimeOptions,
        commands=(
            _chronyc("tracking", "the clock's offset, frequency and error bound"),
            _chronyc("sources", "which sources it has, uses and reaches"),
            _chronyc("selectdata", "why a source is not selected (chrony 4.1 or later)"),
            _chronyc("serverstats", "the requests of clients, and how many were dropped"),
            _chronyc("ntpdata", "who stamps the packets of each source"),
            Command(
                name="ntpq rv", words=("ntpq", "-n", "-c", "rv", _LOOPBACK), of=_NTPD,
                reads="the clock's offset, frequency and error bound",
            ),
            Command(
                name="ntpq peers", words=("ntpq", "-n", "-c", "peers", _LOOPBACK), of=_NTPD,
                reads="which sources it has, uses and reaches",
            ),
            Command(
                name="timedatectl", words=("timedatectl", "show"),
                reads="whether the kernel's clock is synchronised; the hardware clock's zone",
            ),
            Command(
                name="systemd-detect-virt --vm", words=("systemd-detect-virt", "--vm"),
                reads="the hypervisor", exit_codes=(0, 1),
            ),
            Command(
                name="systemd-detect-virt --container",
                words=("systemd-detect-virt", "--container"), reads="the kind of container",
                exit_codes=(0, 1),
            ),
            Command(
                name="vmware-toolbox-cmd timesync status",
                words=("vmware-toolbox-cmd", "timesync", "status"), of=("vmtoolsd",),
                reads="whether VMware's tools set the clock", exit_codes=(0, 1),
            ),
            Command(
                name="pmc", of=_PTP4L,
                words=("pmc", "-u", "-b", "0", "GET CURRENT_DATA_SET", "GET PORT_DATA_SET"),
                reads="the state of ptp4l's ports, and the offset from the master",
            ),
        ),
        files=(
            File(path=machine.CURRENT, reads="the kernel's clock source"),
            File(path=machine.AVAILABLE, reads="the clock sources that it could use"),
            File(path=machine.VENDOR, reads="the hypervisor, without systemd-detect-virt"),
            File(path=machine.PRODUCT, reads="the hypervisor, without systemd-detect-virt"),
            File(
                path=machine.HYPER_V, names_only=True,
                reads="the driver of Hyper-V that may set the clock",
            ),
            File(path=ptp.DEVICES, reads="hardware clocks that programs can read", names_only=True),
            File(path=ptp.NAMES, reads="what these clocks belong to"),
        ),
        processes=(*setters.NAMES, "qemu-ga"),
        calls=(
            Call(
                name=_ADJTIMEX, run=lambda here: clock_error_seconds(),
                reads="the maximum error of the clock by the kernel; it sets nothing",
            ),
            Call(
                name=stamping.NAME, run=stamping.stamping,
                reads="whether each physical network interface stamps packets in hardware",
            ),
        ),
    ),
)  # fmt: skip
