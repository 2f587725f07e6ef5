"""Where a look finds the machine: one place, so that a made tree can stand for it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

_PATH = (
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
)  # fmt: skip


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """This machine, or a tree that stands for it."""

    root: Path = Path("/")
    """Before every path that is read: /proc, /sys, /dev, /run."""
    path: tuple[str, ...] = _PATH
    """Where programs are looked for, whatever the user's PATH says."""
    arguments: Mapping[str, tuple[str, ...]] = {}
    """By program, arguments that come first: where a client finds its daemon."""

    def at(self, path: str) -> str:
        """Return where an absolute path is."""
        return str(self.root / path.lstrip("/"))

    def shown(self, path: str) -> str:
        """Return the absolute path of what is at ``path``."""
        return "/" + os.path.relpath(path, self.root)

    def program(self, name: str) -> str | None:
        """Return the path of a program; None if it is not installed."""
        for folder in self.path:
            path = f"{folder}/{name}"
            try:
                mode = os.stat(path).st_mode  # noqa: PTH116 - a str, once per folder
            except OSError:
                continue
            if stat.S_ISREG(mode) and mode & 0o111:
                return path
        return None
