"""The folder of a store: where it is, and that only one process on one machine uses it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from seventh.model.failure import UsageError, system_error

_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs"})
"""Types of file systems that are shared by machines: locks and shared memory do not work there."""
_MOUNTS = Path("/proc/self/mountinfo")


def default_folder() -> Path:
    """Return ``seventh`` in the user's state folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if state.startswith("/") else Path.home() / ".local/state") / "seventh"


def lock(folder: Path) -> int:
    """Make the folder and lock it until the returned descriptor is closed, or the process ends.

    Raises UsageError if it cannot be used, or another process uses it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_local(folder)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written: {system_error(error)}; choose another with --state"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UsageError(
            f"{folder}: another Seventh process uses it; stop that, or choose another with --state"
        ) from None
    return descriptor


def _check_local(folder: Path) -> None:
    kind = file_system(folder, _mounts())
    if kind in _REMOTE:
        raise UsageError(
            f"{folder}: is on {kind}, where a database is damaged sooner or later; choose a local "
            "folder with --state"
        )


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux
        return ""


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system of ``folder``, by the text of /proc/self/mountinfo."""
    path, best, kind = folder.resolve(), -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(_unescaped(fields[4]))
        # Of mounts on the same point the last one is seen.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind


def _unescaped(text: str) -> str:
    for octal, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(octal, character)
    return text
