"""The memory that processes, the kernel and a control group have and may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import msgspec

from seventh.localkit.area import File
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine

_FILE = File(path="", reads="", max_bytes=64 * 1024)
_UNLIMITED = 1 << 60
"""Version 1 of control groups has no word for it, but a number near 2^63."""


class _Version(msgspec.Struct, frozen=True):
    """The names of the files of one version of control groups."""

    line: re.Pattern[str]
    """In /proc/PID/cgroup: the group's path."""
    root: str
    limit: str
    used: str
    files: str
    """In memory.stat: files that can be dropped."""


_VERSIONS = (
    _Version(re.compile(r"^0::(/.*)$", re.MULTILINE), "/sys/fs/cgroup", "memory.max",
             "memory.current", "inactive_file"),
    _Version(re.compile(r"^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(/.*)$", re.MULTILINE),
             "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
             "total_inactive_file"),
)  # fmt: skip


class Room(msgspec.Struct, frozen=True):
    """A control group's limit, and what is left of it."""

    limit: int
    left: int


def anonymous(pids: Iterable[int], machine: Machine) -> int | None:
    """Return the memory of processes that is no file's, in bytes; None if one has ended."""
    total = 0
    for pid in pids:
        text = read_file(f"/proc/{pid}/status", _FILE, machine)
        kib = _number(r"^RssAnon:\s+(\d+) kB$", text)
        if kib is None:
            return None
        total += kib * 1024
    return total


def meminfo(name: str, machine: Machine) -> int | None:
    """Return a line of /proc/meminfo in bytes."""
    kib = _number(rf"^{name}:\s+(\d+) kB$", read_file("/proc/meminfo", _FILE, machine))
    return None if kib is None else kib * 1024


def group_room(pid: int, machine: Machine) -> Room | None:
    """Return the limit with the least left, of a process' group and those above; None without."""
    groups = read_file(f"/proc/{pid}/cgroup", _FILE, machine)
    if not isinstance(groups, str):
        return None
    found = [
        room
        for version in _VERSIONS
        if (match := version.line.search(groups)) is not None
        for room in _rooms(version, match[1], machine)
    ]
    return min(found, key=lambda room: room.left, default=None)


def _rooms(version: _Version, path: str, machine: Machine) -> Iterator[Room]:
    for folder in (PurePosixPath(path), *PurePosixPath(path).parents):
        at = f"{version.root}{folder}".rstrip("/")
        limit = _number(r"^(\d+)$", read_file(f"{at}/{version.limit}", _FILE, machine))
        used = _number(r"^(\d+)$", read_file(f"{at}/{version.used}", _FILE, machine))
        stat = read_file(f"{at}/memory.stat", _FILE, machine)
        if limit is not None and used is not None and limit < _UNLIMITED:
            yield Room(limit, limit - used + (_number(rf"^{version.files} (\d+)$", stat) or 0))


def _number(pattern: str, text: object) -> int | None:
    match = re.search(pattern, text, re.MULTILINE) if isinstance(text, str) else None
    return int(match[1]) if match else None
