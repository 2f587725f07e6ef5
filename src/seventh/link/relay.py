"""The world behind a link: connections and datagrams go on to the real network from this process.

It needs no rights: TCP ends at the world's end of the link, and its bytes go on over a connection
of this machine's own network. The gateway's address is this machine's loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Coroutine
from pathlib import Path
from typing import NamedTuple

from seventh.link import messages
from seventh.link.carrier import RESOLV_CONF, Carrier
from seventh.link.ends import GATEWAY
from seventh.link.gate import IP_PKTINFO
from seventh.link.messages import Answer, Connect, Listening, Verdict

_DNS = 53
_CONNECT_SECONDS = 120.0
_IDLE_SECONDS = 300.0
_PIECE = 65_536
_ABORT = struct.pack("ii", 1, 0)
_MOST_FLOWS = 4096
Address = tuple[str, int]
Ends = tuple[Address, Address]


class _Datagrams(NamedTuple):
    """A UDP flow's socket on the real network, and the timer that ends it."""

    real: socket.socket
    timer: asyncio.TimerHandle


class Relay:
    """Forwards what comes out of a link; ``seventh.link.gate`` is its counterpart."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self._connected: dict[Ends, socket.socket] = {}
        """Connections whose client has not come out of the link yet."""
        self._flows: dict[Ends, _Datagrams] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        self._servers = nameservers()
        self.ended = asyncio.Event()
        """Set when the emulator has gone."""
        carrier.channel.setblocking(False)
        self._loop.add_reader(carrier.channel, self._receive)

    async def aclose(self) -> None:
        """End all connections; the carrier may then be asked for its statistics."""
        self._loop.remove_reader(self._carrier.channel)
        self._carrier.channel.settimeout(30.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        for each in self._connected.values():
            each.close()
        for ends in [*self._flows]:
            self._forget(ends)

    def _receive(self) -> None:
        try:
            for message, descriptors in self._carrier.received():
                if isinstance(message, Connect):
                    self._start(self._connect(message))
                elif isinstance(message, Listening):
                    self._listen(message, socket.socket(fileno=descriptors[0]))
        except (EOFError, OSError):
            self._loop.remove_reader(self._carrier.channel)
            self.ended.set()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _real(self, host: str, port: int) -> Address:
        """Return where an address of the link leads to."""
        if host != GATEWAY:
            return host, port
        if port == _DNS and self._servers:
            return self._servers[0], port
        return "127.0.0.1", port

    async def _connect(self, asked: Connect) -> None:
        host, port = self._real(asked.target, asked.target_port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        real = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        verdict = Verdict.SILENT
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._loop.sock_connect(real, (host, port))
            verdict = Verdict.OPEN
        except ConnectionError:
            verdict = Verdict.REFUSED
        except OSError:  # unreachable, or no answer
            pass
        if verdict is Verdict.OPEN:
            source = (asked.source, asked.source_port)
            ends = (source, (asked.target, asked.target_port))
            if (old := self._connected.pop(ends, None)) is not None:
                old.close()
            self._connected[ends] = real
        else:
            real.close()
        with contextlib.suppress(OSError):
            messages.send(self._carrier.channel, Answer(asked=asked, verdict=verdict))

    def _listen(self, message: Listening, listening: socket.socket) -> None:
        listening.setblocking(False)
        self._sockets.append(listening)
        act = self._accept if message.tcp else self._read
        self._loop.add_reader(listening, act, listening)

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client, source = listening.accept()
            client.setblocking(False)
            real = self._connected.pop((source, client.getsockname()), None)
            if real is None:
                _abort(client)
            else:
                self._start(_join(client, real))

    def _read(self, inner: socket.socket) -> None:
        """Send a datagram of the client to the real network."""
        with contextlib.suppress(OSError):
            data, control, _, source = inner.recvmsg(_PIECE, 256)
            host = _target(control)
            port: int = inner.getsockname()[1]
            ends = (source, (host, port))
            real = self._flow(ends, inner)
            real.send(data)

    def _flow(self, ends: Ends, inner: socket.socket) -> socket.socket:
        flow = self._flows.get(ends)
        if flow is not None:
            flow.timer.cancel()
            real = flow.real
        else:
            if len(self._flows) >= _MOST_FLOWS:
                self._forget(next(iter(self._flows)))
            host, port = self._real(*ends[1])
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            real = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            try:
                real.connect((host, port))
            except OSError:
                real.close()
                raise
            self._loop.add_reader(real, self._answer, ends, inner, real)
        timer = self._loop.call_later(_IDLE_SECONDS, self._forget, ends)
        self._flows[ends] = _Datagrams(real, timer)
        return real

    @staticmethod
    def _answer(ends: Ends, inner: socket.socket, real: socket.socket) -> None:
        """Send a datagram of the real network to the client."""
        with contextlib.suppress(OSError):
            data = real.recv(_PIECE)
            client, (host, _) = ends
            # The reply's source is the address that the client has sent to.
            info = struct.pack("=i4s4s", 0, socket.inet_aton(host), b"\0" * 4)
            inner.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, client)

    def _forget(self, ends: Ends) -> None:
        flow = self._flows.pop(ends, None)
        if flow is not None:
            flow.timer.cancel()
            self._loop.remove_reader(flow.real)
            flow.real.close()


def nameservers(path: str = RESOLV_CONF) -> list[str]:
    """Return the name servers of this machine."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return re.findall(r"^nameserver[ \t]+([0-9a-fA-F.:]+)", text, re.MULTILINE)


def _target(control: list[tuple[int, int, bytes]]) -> str:
    for level, kind, data in control:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            return socket.inet_ntoa(data[8:12])
    return GATEWAY


def _abort(connection: socket.socket) -> None:
    """Reset a connection."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    connection.close()


async def _join(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until both have ended; a reset of one resets the other."""
    for side in (one, other):
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    broken = True
    pumps = [asyncio.ensure_future(_pump(one, other)), asyncio.ensure_future(_pump(other, one))]
    try:
        done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
        broken = any(each.exception() is not None for each in done)
    finally:
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for side in (one, other):
            _abort(side) if broken else side.close()


async def _pump(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _PIECE):
        await loop.sock_sendall(target, data)
    target.shutdown(socket.SHUT_WR)
