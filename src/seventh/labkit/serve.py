"""The contract of a room's reference server.

A room's ``lab.py`` has ``FAULTS``, a tuple of :class:`Fault`, and

    @asynccontextmanager
    async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]

which runs a correct server, or one with the fault switched on, until the block ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, cast

import msgspec

from seventh.labkit.ca import Authority
from seventh.labkit.mailbox import Mailbox
from seventh.model.failure import UsageError

Need = Literal["root", "ip", "ipv6"]


class NotInstalledError(UsageError):
    """A library of the extra ``lab`` is missing."""

    def __init__(self, library: str) -> None:
        super().__init__(f"this reference server needs {library}: python3 -m pip install {library}")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that a reference server can have; a room whose faults need data subclasses it."""

    name: str
    meaning: str
    triggers: tuple[str, ...]
    """The rules that must fire on it."""
    reason: str | None = None
    """The failure that a check of it must end with, if any."""
    needs: tuple[Need, ...] = ()
    """What this machine or user must have to run it."""

    def lacks(self) -> str | None:
        """Return why this user cannot run it on this machine, or None."""
        for need in self.needs:
            present, lacking = _NEEDS[need]
            if not present():
                return lacking
        return None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A running reference server: what to check, and the options that the check needs."""

    target: str
    options: Mapping[str, str | float | int | tuple[str, ...]] = {}
    """Options to set, by their field's name, such as ``ca_file``."""


class Kit:
    """What every lab server may use; one throw-away authority serves a whole run."""

    def __init__(
        self, folder: Path, mailboxes: Mailboxes | None = None, correct: Correct | None = None
    ) -> None:
        self.folder = folder
        self._mailboxes = mailboxes
        self._correct = correct
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """The throw-away CA, made when it is first needed."""
        if self._authority is None:
            self._authority = Authority(self.folder)
        return self._authority

    def serve_mailbox(self, box: Mailbox) -> AbstractAsyncContextManager[Served]:
        """Serve ``box`` by the lab of another protocol, which a lab itself cannot import."""
        assert self._mailboxes is not None  # noqa: S101 - only tests make a kit without
        return self._mailboxes(box, self)

    def serve_correct(self, room: str) -> AbstractAsyncContextManager[Served]:
        """Run the correct reference server of another protocol."""
        assert self._correct is not None  # noqa: S101 - only tests make a kit without
        return self._correct(room, self)


Correct = Callable[[str, Kit], AbstractAsyncContextManager["Served"]]
"""Runs the correct reference server of a protocol."""
Mailboxes = Callable[[Mailbox, Kit], AbstractAsyncContextManager["Served"]]
"""Serves a mailbox by the lab of another protocol, under an address."""
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tcp_server(
    handler: Handler, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve ``handler`` on a free port, which is the value; connections end with the block.

    Lost connections of a handler are ignored.
    """
    writers: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writers.discard(writer)
            if task is not None:
                tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(guarded, host, port, backlog=512)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        for writer in list(writers):
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=1)


class UdpHandler(asyncio.DatagramProtocol):
    """A server of datagrams: a function of (self, data, source) that may call ``send``."""

    def __init__(self, answer: Callable[[UdpHandler, bytes, tuple[str, int]], None]) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Neither loop's transport is a subclass of DatagramTransport, though it is one.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand the datagram to the answering function."""
        self._answer(self, data, addr)

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send a datagram from the server's address."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)


@contextlib.asynccontextmanager
async def udp_server(
    answer: Callable[[UdpHandler, bytes, tuple[str, int]], None],
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[int]:
    """Answer datagrams on ``port``, or a free one; gives the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: UdpHandler(answer), local_addr=(host, port)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    """Return a port that was free just now, for servers that do not accept port 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def find_program(name: str) -> str | None:
    """Return a program's path, from PATH or from the ``sbin`` next to each ``bin`` of PATH.

    PATH of users other than root has no ``sbin``, though they may run many of its programs.
    """
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    beside = [folder.with_name("sbin") for folder in folders if folder.name == "bin"]
    return shutil.which(name, path=os.pathsep.join(map(str, [*folders, *beside])))


def _has_iproute2() -> bool:
    program = find_program("ip")
    if program is None:
        return False
    # BusyBox's ip does not support what is needed.
    ran = subprocess.run([program, "-V"], capture_output=True, text=True, check=False)
    return "iproute2" in ran.stdout


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def has_ipv6() -> bool:
    """Return whether this machine has the loopback address ::1."""
    try:
        free_port(host="::1")
    except OSError:
        return False
    return True


_NEEDS: dict[Need, tuple[Callable[[], bool], str]] = {
    "root": (_is_root, "needs root"),
    "ip": (_has_iproute2, "needs the program ip (iproute2)"),
    "ipv6": (has_ipv6, "needs the address ::1"),
}
