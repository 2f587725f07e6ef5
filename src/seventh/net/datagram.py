"""Datagrams: one socket to one address, with the kernel's receive timestamps and ICMP errors."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net import kernel, shortage
from seventh.net.address import Address
from seventh.net.budget import Budget, Meter
from seventh.net.stopwatch import now_ns
from seventh.net.stream import STRETCH_NS, Transcript, note
from seventh.net.wait import DeadlineError, readable

MAX_DATAGRAM = 65535
_MAX_ICMP = 64


class Arrived(msgspec.Struct, frozen=True):
    """A datagram, when it arrived, and who sent it."""

    data: bytes
    at: Mark
    ip: str
    port: int


class Datagram:
    """A UDP socket on a new random port, or on ``source_port``.

    It is not connected, so that a reply from a foreign address is seen and can be judged; ICMP
    errors still arrive (IP_RECVERR). :meth:`receive` tells where each datagram came from.
    """

    __slots__ = (
        "_budget",
        "_meter",
        "_overdue_ns",
        "_sock",
        "_transcript",
        "_waited_ns",
        "address",
    )

    def __init__(
        self,
        address: Address,
        budget: Budget,
        transcript: Transcript | None = None,
        source_port: int = 0,
    ) -> None:
        self.address = address
        self._budget = budget
        self._meter = Meter(budget.max_bytes)
        self._transcript = transcript
        self._waited_ns = now_ns()
        self._overdue_ns = 0
        """When a read last waited; from then on the loop has had no turn."""
        try:
            sock = socket.socket(address.socket_family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise shortage.short(error) from None
        kernel.ask_for_timestamps(sock)
        if kernel.LINUX:
            with contextlib.suppress(OSError):
                if address.family == "ipv4":
                    sock.setsockopt(socket.IPPROTO_IP, kernel.IP_RECVERR, 1)
                else:
                    sock.setsockopt(socket.IPPROTO_IPV6, kernel.IPV6_RECVERR, 1)
        self._sock = sock
        if source_port:
            self._bind(source_port)

    def _bind(self, port: int) -> None:
        """Bind to ``port`` of the local address on the route; raises Failed."""
        local = local_ip(self.address)
        if local is None:
            return  # sending will say that there is no route
        bound = Address(ip=local, port=port, scope=self.address.scope)
        try:
            self._sock.bind(bound.sockaddr)
        except OSError as error:
            self._sock.close()
            why = f"{error.strerror}"
            if error.errno == errno.EADDRINUSE:
                why = "another program uses it"
            elif error.errno in {errno.EACCES, errno.EPERM}:
                why = "run as root or with CAP_NET_BIND_SERVICE"
            raise Failed(
                Reason.LOCAL_RESOURCE, f"cannot use port {port} of {local}: {why}"
            ) from None

    def send(self, data: bytes) -> Mark:
        """Send one datagram, and return the instant just before."""
        if self._transcript is not None:
            note(self._transcript, ">", data)
        mark = Mark(now_ns(), "user")
        try:
            self._sock.sendto(data, self.address.sockaddr)
        except BlockingIOError:
            raise Failed(Reason.LOCAL_RESOURCE, "the send buffer is full") from None
        except OSError as error:
            self._forget_icmp()
            raise _refused(error) from None
        return mark

    async def receive(self, deadline_ns: int) -> Arrived | None:
        """Return the next datagram, from any source; None when the deadline passes.

        The loop gets its turn, and the deadline is looked at, also while datagrams come faster than
        they are read.

        Raises Failed with connect-refused or connect-unreachable when ICMP says so.
        """
        until = min(deadline_ns, self._budget.deadline_ns)
        if until <= self._overdue_ns:
            return None
        while (arrived := self.take()) is None:
            try:
                await readable(self._sock, until)
            except DeadlineError:
                # A loop that comes late may find both: the deadline, and what was here in time.
                return self.take()
            finally:
                self._waited_ns = now_ns()
        if now_ns() - self._waited_ns > STRETCH_NS:
            await asyncio.sleep(0)
            self._waited_ns = self._overdue_ns = now_ns()
        return arrived

    def take(self) -> Arrived | None:
        """Return a datagram that has already arrived, or None; raises as :meth:`receive`."""
        try:
            data, ancillary, _, source = self._sock.recvmsg(MAX_DATAGRAM, kernel.ANCILLARY_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            self._forget_icmp()
            raise _refused(error) from None
        if self._transcript is not None:
            note(self._transcript, "<", data)
        self._meter.charge(len(data))
        return Arrived(data, kernel.arrival(ancillary), source[0], source[1])

    @property
    def local_port(self) -> int:
        """Our port; 0 before the first datagram has been sent."""
        return int(self._sock.getsockname()[1])

    def _forget_icmp(self) -> None:
        """Empty the error queue: while anything is in it, the socket counts as readable."""
        if kernel.LINUX:
            with contextlib.suppress(OSError):
                for _ in range(_MAX_ICMP):
                    self._sock.recvmsg(0, 0, kernel.MSG_ERRQUEUE)

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def __enter__(self) -> Datagram:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def local_ip(address: Address) -> str | None:
    """Return the source address for datagrams to ``address``; None without a route."""
    try:
        with socket.socket(address.socket_family, socket.SOCK_DGRAM) as sock:
            sock.connect(address.sockaddr)  # of a datagram socket: chooses the route, sends nothing
            return str(sock.getsockname()[0])
    except OSError as error:
        if shortage.is_ours(error):
            raise shortage.short(error) from None
        return None
    except Failed:
        return None


def path_mtu(address: Address) -> int | None:
    """Return the path MTU that the kernel knows; None where it does not report it."""
    if not kernel.LINUX:
        return None
    level, option = (
        (socket.IPPROTO_IP, kernel.IP_MTU)
        if address.family == "ipv4"
        else (socket.IPPROTO_IPV6, kernel.IPV6_MTU)
    )
    with (
        contextlib.suppress(OSError),
        socket.socket(address.socket_family, socket.SOCK_DGRAM) as sock,
    ):
        sock.connect(address.sockaddr)  # of a datagram socket: chooses the route, sends nothing
        return sock.getsockopt(level, option)
    return None


def _refused(error: OSError) -> Failed:
    if shortage.is_ours(error):
        return shortage.short(error, "buffer")
    if error.errno == errno.ECONNREFUSED:
        return Failed(Reason.CONNECT_REFUSED, "refused: the port is closed (ICMP)")
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL}:
        return Failed(Reason.CONNECT_UNREACHABLE, f"{error.strerror}")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Failed(Reason.CONNECT_FORBIDDEN, "blocked by the firewall of this machine")
    if error.errno == errno.EMSGSIZE:
        return Failed(Reason.LOCAL_RESOURCE, "the datagram is too large for the path")
    return Failed(Reason.LOCAL_RESOURCE, f"socket error: {error.strerror or error}")
