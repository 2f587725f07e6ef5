"""The kernel's limits and counters of connections, from /proc."""

from __future__ import annotations

from typing import Any

from seventh.localkit.area import File
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Seen, Text

_NETSTAT, _SOCKSTAT = "/proc/net/netstat", "/proc/net/sockstat"
_SOCKSTAT_6 = "/proc/net/sockstat6"
_FILE = File(path="", reads="")
_FILES_OPEN = "/proc/sys/fs/file-nr"
_PORTS = "/proc/sys/net/ipv4/ip_local_port_range"
_NUMBERS = {
    "file_limit": "/proc/sys/fs/file-max",
    "process_file_limit": "/proc/sys/fs/nr_open",
    "tracked": "/proc/sys/net/netfilter/nf_conntrack_count",
    "conntrack_limit": "/proc/sys/net/netfilter/nf_conntrack_max",
    "listen_backlog": "/proc/sys/net/core/somaxconn",
    "syn_backlog": "/proc/sys/net/ipv4/tcp_max_syn_backlog",
}
FILES = (
    File(path=_NUMBERS["file_limit"], reads="open files that the whole machine may have"),
    File(path=_FILES_OPEN, reads="open files that it has"),
    File(path=_NUMBERS["process_file_limit"], reads="the highest limit of one process"),
    File(path=_NUMBERS["tracked"], reads="connections that the firewall tracks"),
    File(path=_NUMBERS["conntrack_limit"], reads="how many it can track"),
    File(path=_PORTS, reads="the ports of outgoing connections"),
    File(path=_NUMBERS["listen_backlog"], reads="the longest queue of a socket that listens"),
    File(path=_NUMBERS["syn_backlog"], reads="the longest queue of unfinished handshakes"),
    File(path=_NETSTAT, reads="connections that were dropped because that queue was full"),
    File(path=_SOCKSTAT, reads="TCP sockets in use"),
)


def limits(seen: Seen) -> dict[str, int | None]:
    """Return every number by the name of its fact; None for what could not be read."""
    found = {fact: _numbers(seen, path, 1)[0] for fact, path in _NUMBERS.items()}
    found["files"], unused, _ = _numbers(seen, _FILES_OPEN, 3)
    if found["files"] is not None and unused:
        found["files"] -= unused
    found["first_port"], found["last_port"] = _numbers(seen, _PORTS, 2)
    counters = _counters(seen)
    found["listen_overflows"] = counters.get("ListenOverflows")
    found["listen_drops"] = counters.get("ListenDrops")
    found["tcp_sockets"] = _in_use(seen.file(_SOCKSTAT), "TCP:")
    return found


def _numbers(seen: Seen, path: str, count: int) -> list[int | None]:
    """Read a file of ``count`` numbers."""
    text = seen.file(path)
    words = text.split() if isinstance(text, str) else []
    if len(words) != count or not all(word.isdecimal() for word in words):
        return [None] * count
    return [int(word) for word in words]


def _counters(seen: Seen) -> dict[str, int]:
    """Read TCP's further counters: a line of names, and one of numbers."""
    text: Any = seen.file(_NETSTAT)
    lines = [line.split()[1:] for line in str(text).splitlines() if line.startswith("TcpExt:")]
    if len(lines) != 2 or len(lines[0]) != len(lines[1]):
        return {}
    return {name: int(word) for name, word in zip(*lines, strict=True) if word.isdecimal()}


def tcp_sockets(machine: Machine) -> int | None:
    """Return how many TCP sockets are in use now, of IPv4 and IPv6."""
    four = _in_use(read_file(_SOCKSTAT, _FILE, machine), "TCP:")
    return None if four is None else four + (
        _in_use(read_file(_SOCKSTAT_6, _FILE, machine), "TCP6:") or 0
    )  # fmt: skip


def _in_use(text: Text, name: str) -> int | None:
    for line in text.splitlines() if isinstance(text, str) else ():
        words = line.split()
        if words[:2] == [name, "inuse"] and len(words) > 2 and words[2].isdecimal():
            return int(words[2])
    return None
