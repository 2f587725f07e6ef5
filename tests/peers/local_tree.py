"""A tree that stands for a machine: the real /proc of chosen processes, and the rest as given."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_FILES = ("comm", "stat", "status", "cmdline", "cgroup")


def machine_tree(folder: Path, pids: Mapping[int, Mapping[str, str]] | None = None) -> Path:
    """Make a root whose /proc has process 1 and ``pids``, each with some files changed.

    ``age`` is the process' age in seconds.
    """
    proc = folder / "proc"
    proc.mkdir(parents=True)
    (proc / "uptime").write_text("90000.00 1.00\n")
    for pid, changes in {1: {}, **(pids or {})}.items():
        _copy(Path("/proc") / str(pid), proc / str(pid), changes)
    return folder


def _copy(source: Path, target: Path, changes: Mapping[str, str]) -> None:
    target.mkdir()
    with contextlib.suppress(PermissionError):  # another user's
        (target / "exe").symlink_to((source / "exe").readlink())
    for name in _FILES:
        text = changes.get(name, (source / name).read_text())
        if name == "stat":
            head, _, rest = text.rpartition(")")
            fields = rest.split()
            started = 90000 - float(changes.get("age", "86400"))
            fields[19] = str(int(started * os.sysconf("SC_CLK_TCK")))
            text = f"{head}) {' '.join(fields)}\n"
        (target / name).write_text(text)


def with_sockets(folder: Path, pids: Iterable[int]) -> None:
    """Add the descriptors of these processes to a tree, and the machine's listening sockets."""
    for pid in pids:
        target = folder / "proc" / str(pid) / "fd"
        target.mkdir()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                (target / link.name).symlink_to(link.readlink())
    (folder / "proc" / "net").mkdir()
    for name in ("tcp", "tcp6"):
        (folder / "proc" / "net" / name).write_text(Path(f"/proc/net/{name}").read_text())
