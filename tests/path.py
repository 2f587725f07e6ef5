"""A path with faults of its own, in a network namespace: for tests that run as root.

A TUN device returns every packet with its source and destination exchanged, which leaves all
checksums valid. A client that connects to FAR so reaches a server at NEAR, which sees FAR; what
happens to the packets meanwhile is a :class:`Path`'s choice.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import pathlib
import struct
import subprocess
import threading
import time
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

import pytest

from seventh.labkit.serve import find_program

T = TypeVar("T")
NEAR, FAR = "10.203.77.1", "10.203.77.2"
_TUN = pathlib.Path("/dev/net/tun")
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_TCP, _UDP = 6, 17


def _why_not() -> str:
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    if find_program("ip") is None:
        return "needs the program ip (iproute2)"
    return "" if _TUN.exists() else "needs /dev/net/tun"


NEEDED = pytest.mark.skipif(bool(_why_not()), reason=_why_not())


class Path:
    """A NAT with an idle timer, and a hop with a small MTU that sends no ICMP.

    ``idle_seconds``: flows without a packet for so long are forgotten. Their packets are dropped
    (``silent``), answered with a reset (``reset``), or, for UDP, get another port (``rebind``).
    ``mtu``: longer packets are dropped, of the client's or the server's ``only``.
    """

    def __init__(
        self,
        *,
        idle_seconds: float | None = None,
        how: Literal["silent", "reset", "rebind"] = "silent",
        mtu: int | None = None,
        only: Literal["sent", "received", ""] = "",
    ) -> None:
        self.idle_seconds, self.how, self.mtu = idle_seconds, how, mtu
        self.only = only
        self.forgotten = 0
        self.too_long = 0
        self._seen: dict[frozenset[int], float] = {}
        self._dead: set[frozenset[int]] = set()
        self._new_ports: dict[int, int] = {}
        """Of UDP flows that got another port: the client's own by the new one."""

    def forward(self, packet: bytes) -> bytes | None:
        """Return what comes out at the other end; None if nothing."""
        if packet[0] >> 4 != 4:
            return None
        # A server's port is below those that clients get.
        direction = "sent" if packet[22:24] < packet[20:22] else "received"
        if self.mtu is not None and len(packet) > self.mtu and self.only in {"", direction}:
            self.too_long += 1
            return None
        start = (packet[0] & 15) * 4
        source, target = packet[12:16], packet[16:20]
        ports = struct.unpack_from("!HH", packet, start)
        flow = frozenset(ports)
        swapped = packet[:12] + target + source + packet[20:]
        if self.idle_seconds is None or packet[9] not in {_TCP, _UDP}:
            return swapped
        if ports[1] in self._new_ports:
            return _with_ports(swapped, start, ports[0], self._new_ports[ports[1]])
        now = time.monotonic()
        begins = packet[9] == _TCP and packet[start + 13] & 2
        if begins:
            self._dead.discard(flow)
        elif now - self._seen.get(flow, now) > self.idle_seconds:
            self._dead.add(flow)
            self.forgotten += 1
        self._seen[flow] = now
        if flow not in self._dead:
            return swapped
        if self.how == "rebind" and packet[9] == _UDP:
            new = ports[0] ^ 1
            self._new_ports[new] = ports[0]
            return _with_ports(swapped, start, new, ports[1])
        return _reset(packet, start) if self.how == "reset" and packet[9] == _TCP else None


def _with_ports(packet: bytes, start: int, here: int, there: int) -> bytes:
    """Return a UDP packet with other ports, without a checksum."""
    udp = struct.pack("!HHHH", here, there, len(packet) - start, 0)
    return packet[:start] + udp + packet[start + 8 :]


def _reset(packet: bytes, start: int) -> bytes | None:
    """Return the reset that answers a TCP packet."""
    source, target = packet[12:16], packet[16:20]
    here, there, sequence, ack = struct.unpack_from("!HHII", packet, start)
    if packet[start + 13] & 4:
        return None
    tcp = struct.pack("!HHIIBBHHH", there, here, ack, sequence, 5 << 4, 4, 0, 0, 0)
    pseudo = target + source + struct.pack("!BBH", 0, _TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", _sum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, _TCP, 0, target, source)
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + tcp


def _sum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def inside(path: Path, work: Coroutine[Any, Any, T], *, mtu: int = 1500) -> T:
    """Run ``work`` in a namespace of its own, whose way from NEAR to FAR is ``path``."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(_in_namespace(path, work, mtu)))
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _set_up(mtu: int) -> None:
    device = f"addr add {NEAR}/30 dev path0"
    for words in ("link set lo up", device, f"link set path0 mtu {mtu} up"):
        subprocess.run([find_program("ip") or "ip", *words.split()], check=True)


async def _in_namespace(path: Path, work: Coroutine[Any, Any, T], mtu: int) -> T:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        work.close()
        pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
    loop = asyncio.get_running_loop()
    try:
        fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH", b"path0", _IFF_TUN | _IFF_NO_PI))
        _set_up(mtu)

        def forward() -> None:
            with contextlib.suppress(BlockingIOError):
                for _ in range(64):  # a busy sender must not keep the loop
                    out = path.forward(os.read(tun, 65536))
                    if out is not None:
                        os.write(tun, out)

        loop.add_reader(tun, forward)
        try:
            return await work
        finally:
            loop.remove_reader(tun)
    finally:
        os.close(tun)
