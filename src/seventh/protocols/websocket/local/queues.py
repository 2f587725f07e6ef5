"""The queues of listening sockets, as ``ss`` prints them: /proc/net/tcp has no backlog."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seventh.localkit.area import Command
from seventh.localkit.seen import Seen
from seventh.protocols.websocket.facts.local import ListenQueue

COMMAND = Command(
    name="ss -Htlnp", words=("ss", "-H", "-t", "-l", "-n", "-p"),
    reads="how many connections wait to be accepted, and how many may",
)  # fmt: skip
_LINE = re.compile(r"LISTEN\s+(\d+)\s+(\d+)\s+(\S+)\s+\S+\s+users:\((.*)\)")
_PID = re.compile(r",pid=(\d+),")


def queues(seen: Seen, names: Mapping[int, str]) -> tuple[ListenQueue, ...] | None:
    """Return the queues of these processes, given by number and name."""
    text = seen.output(COMMAND.name)
    return tuple(_queues(text, names)) or None if isinstance(text, str) else None


def _queues(text: str, names: Mapping[int, str]) -> Iterator[ListenQueue]:
    for line in text.splitlines():
        match = _LINE.match(line)
        pids = map(int, _PID.findall(match[4])) if match else ()
        name = next((names[pid] for pid in pids if pid in names), None)
        if match is not None and name is not None:
            yield ListenQueue(
                name=name, address=match[3], waiting=int(match[1]), backlog=int(match[2])
            )
