"""The one reader of files: bounded, and never waiting for a pipe or a device."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from seventh.localkit.area import File
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Text
from seventh.model.localfacts import Cause, Unread

MAX_NAMES = 4096
"""Of one pattern; no machine has so many interfaces or clocks."""
_BLOCK = 64 * 1024


def read_files(file: File, machine: Machine) -> Mapping[str, Text] | Unread:
    """Return the contents of what matches the table's path, by path; listed files are empty."""
    try:
        paths = sorted(_matching(file.path, machine)) if "*" in file.path else [file.path]
    except OSError as error:
        return _unread(file.path, error)
    if file.names_only:
        return {path: "" for path in paths if os.path.lexists(machine.at(path))}
    return {path: read_file(path, file, machine) for path in paths}


def _matching(path: str, machine: Machine) -> Iterator[str]:
    """Yield the paths that match; raises OSError where a first folder cannot be listed."""
    head, _, tail = path.partition("*")
    folder, _, prefix = head.rpartition("/")
    name, slash, below = tail.partition("/")
    with os.scandir(machine.at(folder or "/")) as entries:
        for number, entry in enumerate(entries):
            if number >= MAX_NAMES:
                return
            if not fnmatchcase(entry.name, f"{prefix}*{name}"):
                continue
            found = f"{folder}/{entry.name}{slash}{below}"
            if "*" not in found:
                if os.path.lexists(machine.at(found)):
                    yield found
                continue
            try:
                yield from _matching(found, machine)
            except OSError:
                continue  # a folder of one name that is gone, or that the user may not list


def read_file(path: str, file: File, machine: Machine) -> Text:
    """Return one file's text: all of it, or with ``from_end`` its last bytes."""
    try:
        descriptor = os.open(machine.at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        return _unread(path, error)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Unread(name=path, cause=Cause.UNEXPECTED, detail="not a regular file")
        if file.from_end:
            size = os.fstat(descriptor).st_size
            os.lseek(descriptor, max(0, size - file.max_bytes), os.SEEK_SET)
        data = _bounded(descriptor, file.max_bytes + (not file.from_end))
    except OSError as error:
        return _unread(path, error)
    finally:
        os.close(descriptor)
    if len(data) > file.max_bytes:
        detail = f"more than {file.max_bytes} bytes"
        return Unread(name=path, cause=Cause.TOO_LARGE, detail=detail)
    return data.decode("utf-8", "replace")


def _bounded(descriptor: int, most: int) -> bytes:
    """Read at most ``most`` bytes; files of /proc and /sys have no size to go by."""
    data = bytearray()
    while len(data) < most and (piece := os.read(descriptor, min(_BLOCK, most - len(data)))):
        data += piece
    return bytes(data)


def _unread(path: str, error: OSError) -> Unread:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unread(name=path, cause=Cause.NOT_FOUND)
    if isinstance(error, PermissionError):
        return Unread(name=path, cause=Cause.NOT_PERMITTED)
    return Unread(name=path, cause=Cause.FAILED, detail=error.strerror or "")
