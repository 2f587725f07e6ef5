"""The two ends of a link: where its packets are read and written.

A TUN device needs access to /dev/net/tun; a veth pair is read by AF_PACKET and needs none.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Protocol

from seventh.link import kernel, netlink

CLIENT, GATEWAY, PREFIX = "198.18.0.2", "198.18.0.1", 24
"""Addresses of RFC 2544's range for benchmarks: no host of the internet has them."""
MTU = 1500
QUEUE = 10_000
"""Packets that may wait for the emulator itself."""
_ALL = 3
_OUTGOING = 4
_PACKET = 263
_STATISTICS = 6
_BUFFER = 16_000_000
_SAME = bytes.fromhex("02000000c612")
"""The hardware address of all interfaces: without ARP, a frame goes to the sender's own address."""
_HEADER = _SAME + _SAME + b"\x08\0"
_PLAIN = b"\0" * 10
"""A struct virtio_net_hdr that says nothing."""
_NAMES = {CLIENT: "link0", GATEWAY: "world0"}


class End(Protocol):
    """One end."""

    name: str
    header: int
    """The bytes before each packet in :meth:`read_raw` and :meth:`write_raw`."""

    def fileno(self) -> int:
        """Return what a packet makes readable."""

    def read(self) -> bytes:
        """Return the next packet; raises BlockingIOError if there is none."""

    def write(self, packet: bytes) -> None:
        """Deliver a packet; raises OSError."""

    def read_raw(self) -> bytes:
        """Return the next packet or large segment with its header; raises BlockingIOError."""

    def write_raw(self, packet: bytes) -> None:
        """Deliver what the other end's :meth:`read_raw` gave; raises OSError."""

    def coalesce(self, *, on: bool) -> None:
        """Let several packets of a flow come as one segment, or each as on a wire."""


class TunEnd:
    """A TUN device."""

    header = 10

    def __init__(self, name: str) -> None:
        self.name = name
        self._tun = kernel.open_tun(name)

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._tun

    def read(self) -> bytes:
        """Return the next packet; raises BlockingIOError."""
        return os.read(self._tun, MTU + 100)[10:]

    def write(self, packet: bytes) -> None:
        """Deliver a packet; raises OSError."""
        os.write(self._tun, _PLAIN + packet)

    def read_raw(self) -> bytes:
        """Return the next packet or segment; raises BlockingIOError."""
        return os.read(self._tun, 66_000)

    def write_raw(self, packet: bytes) -> None:
        """Deliver it; raises OSError."""
        os.write(self._tun, packet)

    def coalesce(self, *, on: bool) -> None:
        """Choose segments or packets."""
        kernel.offload(self._tun, on=on)


class VethEnd:
    """The emulator's half of a veth pair."""

    header = 14

    def __init__(self, name: str) -> None:
        self.name = name
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_PACKET, kind, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with contextlib.suppress(PermissionError):  # beyond the limit of the system
            self._socket.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
        with contextlib.suppress(OSError):  # PACKET_IGNORE_OUTGOING, Linux 4.20
            self._socket.setsockopt(_PACKET, 23, 1)
        self._socket.bind((name, 0x0800))

    def fileno(self) -> int:
        """Return the descriptor of its socket."""
        return self._socket.fileno()

    def read(self) -> bytes:
        """Return the next packet; raises BlockingIOError."""
        return self._socket.recv(MTU + 100)[14:]

    def write(self, packet: bytes) -> None:
        """Deliver a packet; raises OSError."""
        self._socket.send(_HEADER + packet)

    def read_raw(self) -> bytes:
        """Return the next frame; raises BlockingIOError."""
        return self._socket.recv(MTU + 100)

    def write_raw(self, packet: bytes) -> None:
        """Deliver a frame; raises OSError."""
        self._socket.send(packet)

    def coalesce(self, *, on: bool) -> None:
        """Do nothing: frames stay as on a wire."""

    def missed(self) -> int:
        """Return how many packets were dropped since the last call, as nothing read them."""
        return int.from_bytes(self._socket.getsockopt(_PACKET, _STATISTICS, 8)[4:], "little")


def tun_end(host: str) -> End:
    """Make a TUN device in this namespace, with the address ``host``."""
    name = _NAMES[host]
    end = TunEnd(name)
    index = socket.if_nametoindex(name)
    netlink.request(netlink.link_up(index, mtu=MTU, queue=QUEUE))
    _configure(index, host)
    return end


def veth_end(host: str, middle: int, enter: Callable[[int], None], here: int) -> End:
    """Make a veth pair from this namespace (descriptor ``here``) to ``middle``."""
    name, other = _NAMES[host], f"to-{_NAMES[host]}"
    netlink.request(netlink.veth_pair(name, other, middle))
    index = socket.if_nametoindex(name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        kernel.without_offloads(any_socket.fileno(), name)
    netlink.request(netlink.link_up(index, mtu=MTU, queue=QUEUE, address=_SAME))
    _configure(index, host)
    enter(middle)
    netlink.request(netlink.link_up(socket.if_nametoindex(other), mtu=MTU, address=_SAME))
    end = VethEnd(other)
    enter(here)
    return end


def _configure(index: int, host: str) -> None:
    loopback = socket.if_nametoindex("lo")
    netlink.request(netlink.link_up(loopback), netlink.address(index, host, PREFIX))
    if host == CLIENT:
        netlink.request(netlink.default_route(index, GATEWAY))
    else:
        netlink.request(netlink.default_route(loopback, ""))
