"""What only the machine itself shows of its time: who sets the clock, how well, and by what."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from seventh.model.localfacts import Unread


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """The system clock, as the daemon that disciplines it sees it."""

    SHOWN: ClassVar[tuple[str, ...]] = ("product", "synchronised", "stratum", "reference")

    product: str
    """``chrony``, ``ntpd`` or ``ntpsec``."""
    synchronised: bool
    stratum: int
    reference: str = ""
    """The address or the reference ID of the selected source."""
    correction_seconds: float | None = None
    """What is still to be added to the clock; positive: it is behind."""
    jitter_seconds: float | None = None
    """Long-term average of the offsets of the updates."""
    frequency_ppm: float | None = None
    """The correction of the clock's frequency."""
    skew_ppm: float | None = None
    """The error bound of that correction."""
    root_delay_seconds: float = 0.0
    root_dispersion_seconds: float = 0.0

    @property
    def error_seconds(self) -> float:
        """The maximum error of the clock: root distance plus what is not corrected yet."""
        distance = self.root_delay_seconds / 2 + self.root_dispersion_seconds
        return distance + abs(self.correction_seconds or 0.0)


class SourceState(StrEnum):
    """How the daemon uses a source."""

    SELECTED = "selected"
    COMBINED = "combined"
    NOT_COMBINED = "not-combined"
    FALSETICKER = "falseticker"
    VARIABLE = "too-variable"
    UNUSABLE = "unusable"


class Selection(StrEnum):
    """Why chronyd has not selected a source (``chronyc selectdata``)."""

    NO_SELECT = "noselect"
    NOT_SYNCHRONISED = "not-synchronised"
    FEW_MEASUREMENTS = "too-few-measurements"
    DISTANCE = "root-distance-too-large"
    JITTER = "jitter-too-large"
    WAITS_FOR_OTHERS = "waits-for-other-sources"
    STALE = "measurements-too-old"
    ORPHAN = "orphan-stratum"
    NOT_TRUSTED = "disagrees-with-trusted-sources"
    FALSETICKER = "disagrees-with-the-majority"
    TOO_FEW_SOURCES = "too-few-selectable-sources"
    NOT_PREFERRED = "another-source-is-preferred"
    WAITS_FOR_UPDATE = "waits-for-a-measurement"
    NOT_COMBINED = "root-distance-too-large-to-combine"


class LocalSource(msgspec.Struct, frozen=True, kw_only=True):
    """One time source of this machine's daemon."""

    name: str
    state: SourceState
    stratum: int
    reach: int
    """The last 8 requests, the newest in the lowest bit; 1: a valid reply."""
    is_reference_clock: bool = False
    poll_seconds: float = 0.0
    offset_seconds: float | None = None
    error_seconds: float | None = None
    selection: Selection | None = None
    """Why it is not selected; None if it is, and where that is unknown."""
    receive_timestamps: str = ""
    """Who stamps the replies: ``Daemon``, ``Kernel`` or ``Hardware``."""


class Setter(StrEnum):
    """A program that sets the system clock."""

    CHRONYD = "chronyd"
    NTPD = "ntpd"
    OPENNTPD = "openntpd"
    NTPD_RS = "ntpd-rs"
    TIMESYNCD = "systemd-timesyncd"
    PTPD = "ptpd"
    PTP4L = "ptp4l"
    PHC2SYS = "phc2sys"
    VMWARE = "vmware-tools"
    VIRTUALBOX = "VBoxService"


class ClockSetter(msgspec.Struct, frozen=True, kw_only=True):
    """A running program of a kind that sets the clock."""

    SHOWN: ClassVar[tuple[str, ...]] = ("kind",)

    kind: Setter
    pid: int
    sets: bool | None
    """Whether this one sets it; None if its arguments and its rights do not decide that."""
    unit: str = ""
    """Its systemd service; empty if it is not known."""
    age_seconds: float | None = None


class Stamping(msgspec.Struct, frozen=True, kw_only=True):
    """What a network interface can stamp, by ETHTOOL_GET_TS_INFO."""

    name: str
    hardware: bool
    """Whether it stamps sent and received packets and has a clock of its own."""
    clock_index: int | None = None
    """The number N of its clock /dev/ptpN."""


class PtpFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine has of PTP (IEEE 1588)."""

    clocks: tuple[str, ...] = ()
    """The devices /dev/ptp*, each with its name."""
    interfaces: tuple[Stamping, ...] | None = None
    """None if no interface could be asked."""
    ptp4l: bool | None = None
    """Whether it runs."""
    phc2sys: bool | None = None
    port_states: tuple[str, ...] = ()
    """By port of ptp4l, such as ``SLAVE`` or ``LISTENING``; empty if it was not asked."""
    steps_removed: int | None = None
    """Boundary clocks to the grandmaster, and one more."""
    offset_seconds: float | None = None
    """From the master, by ptp4l; None without a master."""


class NtpLocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The time of this machine, learnt on it."""

    SHOWN: ClassVar[tuple[str, ...]] = (
        "state", "setters", "clock_source", "virtual_machine", "guest_tools",
    )  # fmt: skip

    state: ClockState | None = None
    sources: tuple[LocalSource, ...] | None = None
    setters: tuple[ClockSetter, ...] | None = None
    """None if the processes are not visible."""
    served_packets: int | None = None
    """Requests of clients that chronyd has received."""
    dropped_packets: int | None = None
    """Those of them that it has dropped, by its rate limit or its access rules."""
    system_synchronised: bool | None = None
    """What the kernel's status says, by timedatectl."""
    kernel_error_seconds: float | None = None
    """The maximum error by the kernel; None if it is not synchronised, or unknown."""
    rtc_in_local_time: bool | None = None
    clock_source: str = ""
    clock_sources: tuple[str, ...] = ()
    """Those that the kernel could use instead, its own order."""
    virtual_machine: str | None = None
    """The hypervisor, such as ``kvm``; empty on real hardware, None if unknown."""
    container: str = ""
    guest_tools: tuple[str, ...] = ()
    """Programs and drivers of the hypervisor that may set the clock."""
    ptp: PtpFacts | None = None
    accuracy_seconds: float | None = None
    """The accuracy that this machine needs (``--accuracy``)."""
    unread: tuple[Unread, ...] = ()

    @property
    def correction_seconds(self) -> float | None:
        """What is still to be added to the clock."""
        return self.state.correction_seconds if self.state is not None else None

    @property
    def error_seconds(self) -> float | None:
        """The maximum error of the clock; None where it is not synchronised."""
        return self.state.error_seconds if self.state and self.state.synchronised else None

    @property
    def frequency_ppm(self) -> float | None:
        """The correction of the clock's frequency."""
        return self.state.frequency_ppm if self.state is not None else None

    @property
    def stratum(self) -> int | None:
        """The stratum of this machine."""
        return self.state.stratum if self.state is not None else None
