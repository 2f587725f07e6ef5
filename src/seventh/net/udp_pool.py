"""A few UDP sockets for requests to thousands of peers; replies are handed to whom they are for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from seventh.model.failure import Failed, Reason
from seventh.net import kernel, shortage
from seventh.net.address import Address
from seventh.net.datagram import MAX_DATAGRAM, Arrived
from seventh.net.stopwatch import now_ns

SOCKETS = 4
"""For each family: each has a receive buffer of its own."""
_BUFFER = 8 * 1024 * 1024
_AT_ONCE = 64
Take = Callable[[Arrived], None]


class UdpPool:
    """The sockets, opened when they are first needed, in the running loop."""

    def __init__(self, take: Take) -> None:
        """Hand what arrives to ``take``."""
        self._take = take
        self._sockets: dict[tuple[str, int], socket.socket] = {}

    def send(self, data: bytes, to: Address) -> int:
        """Send a datagram; return the instant before. Raises Failed."""
        sock = self._socket(to)
        at_ns = now_ns()
        try:
            sock.sendto(data, to.sockaddr)
        except BlockingIOError:
            raise Failed(Reason.LOCAL_RESOURCE, "the send buffer is full") from None
        except OSError as error:
            if shortage.is_ours(error):
                raise shortage.short(error) from None
            raise Failed(Reason.CONNECT_UNREACHABLE, f"{to.ip}: {error.strerror}") from None
        return at_ns

    def _socket(self, to: Address) -> socket.socket:
        key = to.family, hash(to.ip) % SOCKETS
        found = self._sockets.get(key)
        if found is None:
            try:
                found = socket.socket(to.socket_family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                raise shortage.short(error) from None
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            kernel.ask_for_timestamps(found)
            found.bind(("", 0))
            self._sockets[key] = found
            asyncio.get_running_loop().add_reader(found.fileno(), self._read, found)
        return found

    def _read(self, sock: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, _, source = sock.recvmsg(MAX_DATAGRAM, kernel.ANCILLARY_BYTES)
            except OSError:  # nothing more; an ICMP error is the peer's silence
                return
            self._take(Arrived(data, kernel.arrival(ancillary), source[0], source[1]))

    def close(self) -> None:
        """Close the sockets."""
        for sock in self._sockets.values():
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
