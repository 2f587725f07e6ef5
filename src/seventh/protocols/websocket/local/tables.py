"""The kernel's tables of TCP sockets: what listens, and where this machine has connected to."""

from __future__ import annotations

import errno
import ipaddress
import os
import sys
from collections import Counter
from collections.abc import Iterator

import msgspec

from seventh.localkit.machine import Machine
from seventh.protocols.websocket.facts.local import Destination

NAME = "read /proc/net/{tcp,tcp6}"
_PATHS = ("/proc/net/tcp", "/proc/net/tcp6")
_MAX_ROWS = 200_000
"""Of one table."""
_MAX_LINE_BYTES = 512
_ESTABLISHED, _TIME_WAIT, _LISTEN = "01", "06", "0A"
_MOST = 5


class Row(msgspec.Struct, frozen=True):
    """A socket; addresses as the kernel prints them, which :func:`address` reads."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str
    inode: str

    @property
    def listens(self) -> bool:
        """Whether it accepts connections."""
        return self.state == _LISTEN

    @property
    def established(self) -> bool:
        """Whether it is a connection of which neither end has closed."""
        return self.state == _ESTABLISHED


def rows(machine: Machine) -> Iterator[Row]:
    """Yield every TCP socket; those that listen come first in each table.

    Raises OSError where there is no table, or one has too much.
    """
    found = False
    for path in _PATHS:
        try:
            yield from _rows(path, machine)
        except FileNotFoundError:
            continue  # a kernel without IPv6 has no second table
        found = True
    if not found:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _rows(path: str, machine: Machine) -> Iterator[Row]:
    with open(machine.at(path), "rb") as table:  # noqa: PTH123 - line by line: it may be long
        table.readline(_MAX_LINE_BYTES)
        for _ in range(_MAX_ROWS):
            line = table.readline(_MAX_LINE_BYTES)
            if not line:
                return
            if not line.endswith(b"\n"):
                break
            if (row := _row(line.decode("ascii", "replace"))) is not None:
                yield row
    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def _row(line: str) -> Row | None:
    fields = line.split()
    if len(fields) < 10:
        return None
    local, _, local_port = fields[1].partition(":")
    remote, _, remote_port = fields[2].partition(":")
    try:
        return Row(local, int(local_port, 16), remote, int(remote_port, 16), fields[3], fields[9])
    except ValueError:
        return None


def destinations(machine: Machine) -> tuple[Destination, ...]:
    """Return where the most connections go that this machine has opened; raises OSError."""
    # What came to a port that listens was opened by the other end.
    listening = {row.local_port for row in rows(machine) if row.listens}
    counted = Counter(
        (row.remote, row.remote_port)
        for row in rows(machine)
        if row.state not in {_LISTEN, _TIME_WAIT} and row.local_port not in listening
    )
    made = ((address(text), port, count) for (text, port), count in counted.most_common(_MOST))
    return tuple(
        Destination(address=ip, port=port, connections=count) for ip, port, count in made if ip
    )


def address(text: str) -> str:
    """Read an address: words of 32 bits in the machine's own order; empty if it is none."""
    try:
        data = bytes.fromhex(text)
        if sys.byteorder == "little":
            data = b"".join(data[start : start + 4][::-1] for start in range(0, len(data), 4))
        parsed = ipaddress.ip_address(data)
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
