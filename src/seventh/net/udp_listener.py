"""A UDP socket that listens: datagrams in pieces, with their arrival and what the kernel dropped.

Answers leave from the address that was asked, also on a machine with several.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys

import msgspec

from seventh.model.failure import UsageError, system_error
from seventh.model.phase import Mark
from seventh.net import kernel

MAX_DATAGRAM = 65535
RECEIVE_BUFFER = 32 * 1024 * 1024
_ANCILLARY_BYTES = 256
_SO_RXQ_OVFL, _SO_RCVBUFFORCE = 40, 33
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_IN_PKTINFO = struct.Struct("@i4s4s")
_MAPPED, _ANY = "::ffff:", "0.0.0.0"  # noqa: S104 - a receiver is for others
Ancillary = list[tuple[int, int, bytes]]


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a datagram came from, and our address that it was sent to."""

    ip: str
    port: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]
    info: tuple[int, int, bytes] | None = None


class Received(msgspec.Struct, frozen=True, gc=False):
    """A datagram."""

    data: bytes
    at: Mark
    origin: Origin


class UdpListener:
    """A socket on ``host`` and ``port``; without a host on all addresses of both families."""

    def __init__(self, host: str, port: int) -> None:
        """Bind; raises OSError, or UsageError for a host that is no address."""
        self.dropped = 0
        """Datagrams that the kernel had no place for."""
        self._sock = _bound(host, port)
        self._sock.setblocking(False)
        kernel.ask_for_timestamps(self._sock)
        if kernel.LINUX:
            _enlarge(self._sock)

    def fileno(self) -> int:
        """Return the descriptor, for the event loop."""
        return self._sock.fileno()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._sock.getsockname()[1])

    def receive(self, most: int) -> list[Received]:
        """Return up to ``most`` datagrams that have arrived."""
        found: list[Received] = []
        while len(found) < most:
            try:
                data, ancillary, _, source = self._sock.recvmsg(MAX_DATAGRAM, _ANCILLARY_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:  # an ICMP error of an answer is the other side's matter
                if error.errno not in {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH}:
                    raise
                continue
            found.append(Received(data, kernel.arrival(ancillary), self._origin(source, ancillary)))
        return found

    def _origin(self, source: tuple[str, int], ancillary: Ancillary) -> Origin:
        info = None
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL:
                self.dropped = int.from_bytes(data[:4], sys.byteorder)
            elif level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                _, local, _ = _IN_PKTINFO.unpack_from(data)
                info = (level, kind, _IN_PKTINFO.pack(0, local, bytes(4)))
            elif level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO:
                info = (level, kind, data)
        return Origin(source[0].removeprefix(_MAPPED), source[1], source, info)

    def send(self, data: bytes, to: Origin) -> bool:
        """Answer a datagram; False if it could not be sent, as the sender will ask again."""
        try:
            self._sock.sendmsg([data], [to.info] if to.info else [], 0, to.sockaddr)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def _bound(host: str, port: int) -> socket.socket:
    if host:
        try:
            found = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )
        except OSError:
            raise UsageError(f"--host {host}: not an IP address of this machine") from None
        family, _, _, _, address = found[0]
        sock = socket.socket(family, socket.SOCK_DGRAM)
    else:
        try:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            address = ("::", port)
        except OSError:  # without IPv6
            sock, address = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (_ANY, port)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        if not host and error.errno == errno.EADDRNOTAVAIL:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((_ANY, port))
            return sock
        raise
    return sock


def listener(host: str, port: int) -> UdpListener:
    """Listen; raises UsageError that says what to type instead."""
    try:
        return UdpListener(host, port)
    except OSError as error:
        where = f"{host or 'all addresses'} port {port}"
        if error.errno in {errno.EACCES, errno.EPERM}:
            raise UsageError(
                f"cannot listen on {where}: permission denied; choose another with --port 1162, or "
                "run as root or with CAP_NET_BIND_SERVICE"
            ) from None
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"cannot listen on {where}: another program uses it; choose another with --port"
            ) from None
        raise UsageError(f"cannot listen on {where}: {system_error(error)}") from None


def _enlarge(sock: socket.socket) -> None:
    """Ask for what the kernel reports of each datagram, and for room for a burst of them."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    with contextlib.suppress(OSError):  # beyond the system's limit, which needs CAP_NET_ADMIN
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
