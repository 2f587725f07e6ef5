"""What listens: the kernel's tables of sockets, and the process that has each of them open."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Literal

import msgspec

from seventh.localkit.area import File
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.model.listenfacts import Listener
from seventh.model.localfacts import Cause, Unread

NAME = "read /proc/net/{tcp,tcp6,udp,udp6}, readlink /proc/*/fd/*"
_LISTENING, _UNCONNECTED = "0A", "07"
_MAX_BYTES = 256 * 1024
"""Of one table: 1,700 sockets. Those that listen come first in TCP's."""
_MAX_DESCRIPTORS = 100_000
"""Of all processes; a proxy with more connections has opened what listens before them."""
_MAX_LISTENERS = 512
_COMM = File(path="", reads="", max_bytes=64)


class Sockets(msgspec.Struct, frozen=True, kw_only=True):
    """What listens, and whether that is all."""

    listeners: tuple[Listener, ...]
    complete: bool = True


class _Row(msgspec.Struct, frozen=True):
    transport: Literal["tcp", "udp"]
    address: str
    port: int
    inode: str


def sockets(machine: Machine) -> Sockets | Unread:
    """Read the tables, then look for the processes; raises OSError where a table is unreadable."""
    rows: dict[str, _Row] = {}
    complete, found = True, False
    transports: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")
    for transport in transports:
        for suffix in ("", "6"):
            text, whole = _head(f"/proc/net/{transport}{suffix}", machine)
            if text is None:
                continue  # a kernel without IPv6
            found = True
            lines = text.splitlines()[1:]
            if not whole:
                lines = lines[:-1]
                states = {line.split()[3] for line in lines}
                complete = complete and transport == "tcp" and states != {_LISTENING}
            rows.update((row.inode, row) for line in lines if (row := _row(transport, line)))
    if not found:
        return Unread(name=NAME, cause=Cause.NOT_FOUND)
    first = dict(list(rows.items())[:_MAX_LISTENERS])
    owners = _owners(set(first), machine)
    return Sockets(
        listeners=tuple(sorted(
            (_listener(row, owners.get(inode)) for inode, row in first.items()),
            key=lambda each: (each.transport, each.port, each.address),
        )),
        complete=complete and len(first) == len(rows),
    )  # fmt: skip


def _head(path: str, machine: Machine) -> tuple[str | None, bool]:
    """Return the beginning of a table, and whether that is all of it; None if it is not there."""
    try:
        with open(machine.at(path), "rb", buffering=0) as file:  # noqa: PTH123 - read in pieces
            data = bytearray()
            while len(data) < _MAX_BYTES:
                piece = file.read(_MAX_BYTES - len(data))
                if not piece:
                    return data.decode("ascii", "replace"), True
                data += piece
    except FileNotFoundError:
        return None, True
    return data.decode("ascii", "replace"), False


def _row(transport: Literal["tcp", "udp"], line: str) -> _Row | None:
    """Read a line; None for a socket that does not listen, and for another form."""
    fields = line.split()
    state = _LISTENING if transport == "tcp" else _UNCONNECTED
    if len(fields) < 10 or fields[3] != state:
        return None
    address, _, port = fields[1].rpartition(":")
    try:
        return _Row(transport, _address(address), int(port, 16), fields[9])
    except ValueError:
        return None


def _address(text: str) -> str:
    """Read an address: words of 32 bits in the machine's own order; raises ValueError."""
    data = bytes.fromhex(text)
    if sys.byteorder == "little":
        data = b"".join(data[start : start + 4][::-1] for start in range(0, len(data), 4))
    parsed = ipaddress.ip_address(data)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _listener(row: _Row, owner: tuple[int, str] | None) -> Listener:
    pid, program = owner or (None, "")
    return Listener(
        transport=row.transport, address=row.address, port=row.port, program=program, pid=pid
    )


def _owners(inodes: set[str], machine: Machine) -> dict[str, tuple[int, str]]:
    """Return the first process of each socket, as far as this user may see them."""
    owners: dict[str, tuple[int, str]] = {}
    left = _MAX_DESCRIPTORS
    for pid in sorted(int(name) for name in _names(machine.at("/proc")) if name.isdigit()):
        if len(owners) == len(inodes):
            break
        folder = machine.at(f"/proc/{pid}/fd")
        try:
            for name in _names(folder):
                left -= 1
                if left < 0:
                    return owners
                inode = _inode(f"{folder}/{name}")
                if inode in inodes and inode not in owners:
                    comm = read_file(f"/proc/{pid}/comm", _COMM, machine)
                    owners[inode] = (pid, comm.strip() if isinstance(comm, str) else "")
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue  # another user's, or it has ended
    return owners


def _names(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name


def _inode(link: str) -> str:
    try:
        target = os.readlink(link)  # noqa: PTH115 - thousands of them
    except FileNotFoundError:
        return ""
    return target[8:-1] if target.startswith("socket:[") else ""
