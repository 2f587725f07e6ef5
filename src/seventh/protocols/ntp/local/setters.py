"""Which of the running programs set the system clock."""

from __future__ import annotations

from collections.abc import Callable

from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Unread
from seventh.protocols.ntp.facts.local import ClockSetter, Setter

_CAP_SYS_TIME = 25
_KINDS = {
    "chronyd": Setter.CHRONYD, "ntpd": Setter.NTPD, "openntpd": Setter.OPENNTPD,
    "ntp-daemon": Setter.NTPD_RS, "systemd-timesyn": Setter.TIMESYNCD, "ptpd": Setter.PTPD,
    "ptpd2": Setter.PTPD, "ptp4l": Setter.PTP4L, "phc2sys": Setter.PHC2SYS,
    "vmtoolsd": Setter.VMWARE, "VBoxService": Setter.VIRTUALBOX,
}  # fmt: skip
"""By name of a process, which the kernel cuts at 15 characters."""
NAMES = tuple(_KINDS)
_ENGINE = "ntp engine"
"""How OpenNTPD, whose program is also called ntpd, names one of its processes."""


def setters(seen: Seen) -> tuple[ClockSetter, ...] | None:
    """Return the programs, each once, however many processes it has; None if they are not visible.

    A process whose parent has the same name is a part of it.
    """
    if isinstance(seen.processes, Unread):
        return None
    running = [process for process in seen.processes if process.name in _KINDS]
    open_ntpd = {
        pid
        for process in running
        if process.name == "ntpd" and any(_ENGINE in word for word in process.arguments)
        for pid in (process.pid, process.parent)
    }
    names = {process.pid: process.name for process in running}
    found: list[ClockSetter] = []
    for process in running:
        if names.get(process.parent) == process.name:
            continue
        kind = _KINDS[process.name]
        if process.pid in open_ntpd:
            kind = Setter.OPENNTPD
        found.append(
            ClockSetter(
                kind=kind, pid=process.pid, sets=_sets(kind, process, seen), unit=process.unit,
                age_seconds=process.age_seconds,
            )
        )  # fmt: skip
    return tuple(found)


def _sets(kind: Setter, process: Process, seen: Seen) -> bool | None:
    """Return whether a process sets the clock, by its arguments and its capabilities."""
    if kind is Setter.VMWARE:
        said = seen.output("vmware-toolbox-cmd timesync status")
        return {"enabled": True, "disabled": False}.get("" if isinstance(said, Unread) else
                                                        said.strip().lower())  # fmt: skip
    decide = _BY_ARGUMENTS.get(kind)
    by_arguments = decide(process.arguments[1:]) if decide is not None else True
    if by_arguments is False:
        return False
    if process.capabilities is None:
        return None
    return by_arguments if process.capabilities >> _CAP_SYS_TIME & 1 else False


def _chronyd(words: tuple[str, ...]) -> bool:
    return not {"-x", "-Q", "-p"}.intersection(words)


def _ptp4l(words: tuple[str, ...]) -> bool | None:
    """Return whether ptp4l steers the system clock; with a file, or software stamps, it may."""
    return None if "-S" in words or "-f" in words else False


def _phc2sys(words: tuple[str, ...]) -> bool:
    """Return whether phc2sys sets the system clock: not another, and not through a daemon."""
    if "ntpshm" in words or "-Entpshm" in words:
        return False
    flags = [word for word in words if word.startswith("-") and not word.startswith("--")]
    if any("a" in flag for flag in flags):
        return any("r" in flag for flag in flags)
    if "-c" in words:
        return words[words.index("-c") + 1 :][:1] == ("CLOCK_REALTIME",)
    return True


_BY_ARGUMENTS: dict[Setter, Callable[[tuple[str, ...]], bool | None]] = {
    Setter.CHRONYD: _chronyd,
    Setter.PTP4L: _ptp4l,
    Setter.PHC2SYS: _phc2sys,
    Setter.VIRTUALBOX: lambda words: "--disable-timesync" not in words,
}
