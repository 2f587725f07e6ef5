"""The processes of a machine, as far as /proc shows them to this user."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator

from seventh.localkit.area import File
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process
from seventh.model.localfacts import Cause, Unread

NAME = "/proc/*/{comm,stat,status,cmdline,cgroup}"
"""What is read of each process, as it is listed."""
PROGRAM = "/proc/*/exe"
"""The link to the file of its program; it is not opened."""
UPTIME = "/proc/uptime"
_TICKS = os.sysconf("SC_CLK_TCK")
_FILE = File(path="", reads="", max_bytes=16 * 1024)


def running(names: Collection[str], machine: Machine) -> tuple[Process, ...] | Unread:
    """Return the processes with one of ``names``.

    With the mount option ``hidepid`` a user sees only its own processes: the list is then unread,
    since a daemon that is missing from it may well run.
    """
    try:
        pids = sorted(int(name) for name in os.listdir(machine.at("/proc")) if name.isdigit())  # noqa: PTH208
    except OSError as error:
        return Unread(name=NAME, cause=Cause.FAILED, detail=error.strerror or "")
    if not pids or not _text(machine, pids[0], "comm") or pids[0] != 1:
        return Unread(name=NAME, cause=Cause.NOT_PERMITTED, detail="process 1 is not visible")
    return tuple(described(pids, machine, names))


def described(
    pids: Iterable[int], machine: Machine, names: Collection[str] | None = None
) -> Iterator[Process]:
    """Yield those of ``pids`` that run and have one of ``names``, if there are names."""
    up = read_file(UPTIME, _FILE, machine)
    up_seconds = float(up.split()[0]) if isinstance(up, str) and up else None
    for pid in pids:
        name = _text(machine, pid, "comm").rstrip("\n")
        if names is not None and name not in names:
            continue
        _, _, rest = _text(machine, pid, "stat").rpartition(")")
        fields = rest.split()
        if len(fields) < 20 or fields[0] in "ZX":
            continue  # it has ended
        status = _text(machine, pid, "status")
        caps = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
        user = re.search(r"^Uid:\s*\d+\s+(\d+)", status, re.MULTILINE)
        unit = re.search(r"/([^/\n]+\.service)(?:/|$)", _text(machine, pid, "cgroup"), re.MULTILINE)
        yield Process(
            name=name, pid=pid, parent=int(fields[1]),
            arguments=tuple(_text(machine, pid, "cmdline").rstrip("\0").split("\0")),
            user_id=int(user[1]) if user else None,
            program=_program(machine, pid),
            capabilities=int(caps[1], 16) if caps else None,
            unit=unit[1] if unit else "",
            age_seconds=up_seconds - int(fields[19]) / _TICKS if up_seconds is not None else None,
        )  # fmt: skip


def _program(machine: Machine, pid: int) -> str:
    try:
        return os.readlink(machine.at(f"/proc/{pid}/exe"))  # noqa: PTH115 - a str
    except OSError:
        return ""


def _text(machine: Machine, pid: int, file: str) -> str:
    """Return a file of a process; empty where it has ended, or may not be read."""
    text = read_file(f"/proc/{pid}/{file}", _FILE, machine)
    return text if isinstance(text, str) else ""
