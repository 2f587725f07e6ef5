"""Where reports are written: standard output, or a file that is replaced as a whole."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from pathlib import Path

from seventh.model.failure import UsageError


class ClosedOutput(io.TextIOBase):
    """What standard output is where the command was started without one: writing fails."""

    def write(self, text: str) -> int:
        """Raise OSError."""
        del text
        raise OSError("standard output is closed")


def need_writable(name: str | None) -> None:
    """Find out before the work whether ``name`` can be written; UsageError when it cannot."""
    if name is None:
        return
    path = Path(name)
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a directory")
        if _is_special(path):
            return
        if path.is_file() or not os.access(path.parent, os.W_OK | os.X_OK):
            path.open("ab").close()  # a file made read-only is kept; a folder may be another's
    except (OSError, ValueError) as error:
        raise UsageError(f"--output {name}: cannot be written: {_said(error)}") from None


def write(name: str, text: str) -> None:
    """Write ``text`` to the file ``name``: all of it, or the file stays as it was.

    Raises UsageError when that fails; the text then goes to standard output, for what was measured
    is not lost. A symbolic link is replaced and not followed.
    """
    path = Path(name)
    try:
        if _is_special(path) or not os.access(path.parent, os.W_OK | os.X_OK):
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path, text.encode())
    except (OSError, ValueError) as error:
        sys.stdout.write(text)
        sys.stdout.flush()
        raise UsageError(
            f"--output {name}: cannot be written: {_said(error)}; the report is on standard output"
        ) from None


def _is_special(path: Path) -> bool:
    """Return whether it is a device, a pipe or a socket, which is written to and not replaced.

    So is what ``/dev/stdout`` stands for, even a regular file: the name is the system's.
    """
    link = str(path.readlink()) if path.is_symlink() else ""
    if f"{path.parent.resolve()}/".startswith("/proc/") or link.startswith("/proc/"):
        return True
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode)


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside and put it in the place of ``path``; what fails leaves nothing behind."""
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.ExitStack() as undo:
        descriptor = os.open(beside, flags, 0o666)  # the umask applies
        undo.callback(beside.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            _keep_mode(path, descriptor)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)


def _keep_mode(path: Path, descriptor: int) -> None:
    """Give the new file the old one's mode, where there is an old one that is no link."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        os.fchmod(descriptor, stat.S_IMODE(mode))


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
