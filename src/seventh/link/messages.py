"""What the emulator's process and its parent send each other, with descriptors beside."""

from __future__ import annotations

import enum
import socket

import msgspec

from seventh.link.lateness import Late
from seventh.link.profile import Profile
from seventh.link.way import Counts

_MOST_BYTES = 200_000
_MOST_DESCRIPTORS = 8


class Verdict(enum.StrEnum):
    """What became of a connection to the world."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The link is up; descriptors: namespaces of the client, the world (and user), and sockets."""

    carrier: str
    realtime: bool
    """Whether the emulator has SCHED_FIFO."""
    congestion: str = ""
    """The congestion control of TCP at both ends."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The link cannot be made."""

    why: str


class Use(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Start a profile; the answer is the statistics of the one before."""

    profile: Profile
    seed: int
    relay: bool = False
    """Whether connections are asked for with :class:`Connect`."""


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Send the statistics."""


class Connect(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The question whether a client may open a TCP connection."""

    source: str
    source_port: int
    target: str
    target_port: int


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The verdict on a connection."""

    asked: Connect
    verdict: Verdict


class Listening(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A socket of the world for one port; its descriptor is beside."""

    tcp: bool
    port: int


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a link did."""

    seconds: float
    up: Counts
    down: Counts
    late: Late
    missed: int = 0
    """Packets that were dropped before the link, as the emulator was not fast enough."""
    refused: int = 0
    """Packets that the kernel did not take at their end."""
    rebinds: int = 0
    wakes: int = 0


class Told(msgspec.Struct, frozen=True, tag=True):
    """The answer to :class:`Use` and :class:`Ask`."""

    statistics: Statistics


ToEmulator = Use | Ask | Answer
ToParent = Ready | Failed | Connect | Listening | Told


def send(channel: socket.socket, message: ToEmulator | ToParent, *descriptors: int) -> None:
    """Send a message; raises OSError."""
    socket.send_fds(channel, [msgspec.msgpack.encode(message)], list(descriptors))


def from_emulator(channel: socket.socket) -> tuple[ToParent, list[int]]:
    """Return the next message and its descriptors; raises EOFError, BlockingIOError."""
    data, descriptors, _, _ = socket.recv_fds(channel, _MOST_BYTES, _MOST_DESCRIPTORS)
    if not data:
        raise EOFError
    message: ToParent = msgspec.msgpack.decode(data, type=ToParent)
    return message, descriptors


def from_parent(channel: socket.socket) -> ToEmulator:
    """Return the next message; raises EOFError, BlockingIOError."""
    data = channel.recv(_MOST_BYTES)
    if not data:
        raise EOFError
    message: ToEmulator = msgspec.msgpack.decode(data, type=ToEmulator)
    return message
