"""The descriptors of servers: how many each process has open, and how many it may."""

from __future__ import annotations

import os
import re

import msgspec

from seventh.localkit.area import File
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.model.localfacts import Unread

NAME = "read /proc/*/limits, list /proc/*/fd"
SERVERS = (
    "nginx", "caddy", "haproxy", "envoy", "traefik", "apache2", "httpd", "lighttpd", "node", "deno",
    "bun", "beam.smp", "java", "dotnet", "daphne", "uvicorn", "gunicorn", "centrifugo",
    "nats-server", "mosquitto",
)  # fmt: skip
"""Processes that may serve HTTP or WebSocket, as ``/proc/PID/comm`` names them."""
_MAX_READ = 20_000
"""Descriptors of a process that are looked at; further ones are only counted."""
_MAX_PROCESSES = 512
_FILE = File(path="", reads="", max_bytes=16 * 1024)


class Descriptors(msgspec.Struct, frozen=True, kw_only=True):
    """One process."""

    pid: int
    limit: int | None = None
    """The soft limit; None if it could not be read."""
    hard_limit: int | None = None
    open: int | None = None
    """None if they may not be listed."""
    others: int = 0
    """Those that are no sockets."""


def descriptors(machine: Machine) -> dict[int, Descriptors] | Unread:
    """Read every process of a server; raises OSError where /proc cannot be listed."""
    found: dict[int, Descriptors] = {}
    for name in os.listdir(machine.at("/proc")):  # noqa: PTH208 - names are all that is needed
        if not name.isdigit() or len(found) >= _MAX_PROCESSES:
            continue
        comm = read_file(f"/proc/{name}/comm", _FILE, machine)
        if isinstance(comm, Unread) or comm.strip() not in SERVERS:
            continue
        found[int(name)] = of_process(int(name), machine)
    return found


def of_process(pid: int, machine: Machine) -> Descriptors:
    """Read one process."""
    text = read_file(f"/proc/{pid}/limits", _FILE, machine)
    line = re.search(
        r"^Max open files +(\d+) +(\d+) ", text if isinstance(text, str) else "", re.MULTILINE
    )
    limit, hard_limit = (int(line[1]), int(line[2])) if line else (None, None)
    count = others = 0
    try:
        with os.scandir(machine.at(f"/proc/{pid}/fd")) as entries:
            for entry in entries:
                count += 1
                if count <= _MAX_READ:
                    others += not _is_socket(entry.path)
    except OSError:
        return Descriptors(pid=pid, limit=limit, hard_limit=hard_limit)
    return Descriptors(
        pid=pid, limit=limit, hard_limit=hard_limit, open=count, others=others
    )  # fmt: skip


def _is_socket(link: str) -> bool:
    try:
        return os.readlink(link).startswith("socket:")  # noqa: PTH115 - thousands of them
    except FileNotFoundError:
        return True  # it was closed just now, as connections are
