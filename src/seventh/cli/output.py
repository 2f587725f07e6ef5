"""Writing reports to a file, which is replaced as a whole."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
from pathlib import Path

from seventh.model.failure import UsageError, system_error


class ClosedOutput(io.TextIOBase):
    """Standard output of a command that was started without one: writing fails."""

    def write(self, text: str) -> int:
        """Raise OSError."""
        del text
        raise OSError("standard output is closed")


def need_writable(name: str | None) -> None:
    """Raise UsageError, before any check, if the file ``name`` cannot be written."""
    if name is None:
        return
    path = Path(name)
    try:
        if path.is_dir():
            raise IsADirectoryError("is a directory")
        if _is_special(path):
            return
        if path.is_file() or not os.access(path.parent, os.W_OK | os.X_OK):
            path.open("ab").close()  # a file made read-only is kept; a folder may be another's
    except (OSError, ValueError) as error:
        raise UsageError(f"--output {name}: cannot be written: {system_error(error)}") from None


def write(name: str, text: str) -> None:
    """Write ``text`` to the file ``name``: all of it, or the file stays as it was.

    When that fails, the text goes to standard output and a UsageError is raised. A symbolic link is
    replaced, not followed.
    """
    path = Path(name)
    try:
        if _is_special(path) or not os.access(path.parent, os.W_OK | os.X_OK):
            path.write_bytes(_bytes(text))
        else:
            replace_file(path, _bytes(text))
    except (OSError, ValueError) as error:
        sys.stdout.write(text)
        sys.stdout.flush()
        raise UsageError(
            f"--output {name}: cannot be written: {system_error(error)}; "
            "the report is on standard output"
        ) from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_special(path: Path) -> bool:
    """Return whether it is a device, a pipe or a socket, which is written to and not replaced.

    ``/dev/stdout`` is, even where it leads to a regular file.
    """
    link = str(path.readlink()) if path.is_symlink() else ""
    if f"{path.parent.resolve()}/".startswith("/proc/") or link.startswith("/proc/"):
        return True
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode)


def replace_file(path: Path, data: bytes, *, like: Path | None = None) -> None:
    """Write a temporary file and rename it to ``path``; an error leaves no file behind.

    The new file has the owner, mode and attributes of ``like``; without it, the mode of ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.ExitStack() as undo:
        descriptor = os.open(temporary, flags, 0o666)  # the umask applies
        undo.callback(temporary.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            if like is None:
                _keep_mode(path, descriptor)
            else:
                _keep_all(like, temporary)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)


def _keep_all(like: Path, path: Path) -> None:
    """Copy owner, mode and extended attributes (access lists, labels), with the time of now."""
    old = like.stat()
    new = path.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.chown(path, old.st_uid, old.st_gid)
    shutil.copystat(like, path)
    os.utime(path)


def _keep_mode(path: Path, descriptor: int) -> None:
    """Copy the mode of ``path``, if it is a regular file, to the new file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        os.fchmod(descriptor, stat.S_IMODE(mode))
