"""What the kernel measures: when bytes arrived, and the state of the path.

Linux only; elsewhere the marks are the user clock's and there is no TCP_INFO.
"""

from __future__ import annotations

import functools
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Literal

import msgspec

from seventh.model.phase import Mark
from seventh.net.clock import wall_minus_monotonic_ns
from seventh.net.stopwatch import now_ns

BlackHole = Literal["sent", "received"]
"""Whose full-size segments are lost again and again while smaller ones arrive: ours, the peer's."""
LINUX = sys.platform == "linux"
SO_TIMESTAMPNS = 35
"""Asks for a receive timestamp with each recvmsg; the same number names the control message."""
IP_MTU, IPV6_MTU = 14, 24
"""Of a connected socket: the path MTU that is known."""
IP_RECVERR = 11
IPV6_RECVERR = 25
MSG_ERRQUEUE = 0x2000
ANCILLARY_BYTES = 64
STUCK_TIMEOUTS = 3
"""After as many timeouts in a row a lost segment is no chance: with 5 % loss, once in 160,000."""
KEEPALIVE_SECONDS = 4.0
"""How long keepalives may remain without an acknowledgement."""
_TIMESPEC = struct.Struct("@ll")
_IPPROTO_TCP = socket.IPPROTO_TCP
_TCP_INFO = 11
_TCP_INFO_FIELDS = struct.Struct("@2xB13xI4xII12xI4xIII4xII24xI32xI8xI72xI")
"""Of struct tcp_info (include/uapi/linux/tcp.h) the fields that :class:`TcpInfo` has."""
_RETRANSMITS = slice(100, 104)
"""Where tcpi_total_retrans stands in it."""


@functools.cache
def _timestamps_kept_on() -> int | None:
    """Return the descriptor of a socket with timestamps, open until the process ends.

    The kernel patches its own code when the first socket of the machine asks for timestamps and
    again when the last one goes. Without this one, each short connection pays for both (50 µs).
    """
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return None
    return sock.detach()


def ask_for_timestamps(sock: socket.socket) -> bool:
    """Turn on receive timestamps; False where the kernel has none."""
    if not LINUX or _timestamps_kept_on() is None:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def arrival(ancillary: Sequence[tuple[int, int, bytes]]) -> Mark:
    """Return when the bytes of a recvmsg reached this machine.

    The kernel stamps with the wall clock; the stamp is moved to the monotonic clock by the distance
    of the two clocks now, so that a step of the wall clock cannot reach a measured interval unless
    it falls between arrival and this call.
    """
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            at = seconds * 1_000_000_000 + nanoseconds - wall_minus_monotonic_ns()
            if 0 <= now_ns() - at < 3_600_000_000_000:
                return Mark(at, "kernel")
    return Mark(now_ns(), "user")


class TcpInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of Linux's struct tcp_info that reports use."""

    rtt_seconds: float
    rtt_variance_seconds: float
    min_rtt_seconds: float | None
    path_mtu_bytes: int
    mss_bytes: int
    retransmits: int
    """Segments sent again, a SYN among them."""
    segments_sent: int | None
    """All that were sent, those without data among them; None before Linux 4.2."""
    quiet_seconds: float = 0.0
    """How long no data was sent, and nothing received."""
    heard_seconds: float = 0.0
    """How long ago the peer last acknowledged anything."""
    stuck: bool = False
    """Whether a segment of ours is lost again and again, while a later one has arrived."""
    out_of_order: int = 0
    """Segments that arrived before an earlier one; 0 before Linux 5.4."""


def keep_alive(sock: socket.socket) -> bool:
    """Send keepalives at once, one a second; False where the system cannot."""
    if not LINUX:
        return False
    sock.setsockopt(_IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(_IPPROTO_TCP, socket.TCP_KEEPCNT, int(KEEPALIVE_SECONDS) - 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(_IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    return True


def read_tcp_info(sock: socket.socket) -> bytes:
    """Read TCP_INFO as bytes; empty if there is none or the socket is closed."""
    if not LINUX:
        return b""
    try:
        return sock.getsockopt(_IPPROTO_TCP, _TCP_INFO, _TCP_INFO_FIELDS.size)
    except OSError:
        return b""


def retransmits(raw: bytes) -> int:
    """Return the retransmitted segments, from the bytes of :func:`read_tcp_info`."""
    return int.from_bytes(raw[_RETRANSMITS], sys.byteorder)


def tcp_info(raw: bytes) -> TcpInfo | None:
    """Return the fields of the bytes of :func:`read_tcp_info`; None if empty."""
    if len(raw) < _TCP_INFO_FIELDS.size:  # a kernel older than 4.6
        if len(raw) < _RETRANSMITS.stop:
            return None
        raw = raw.ljust(_TCP_INFO_FIELDS.size, b"\0")
    timeouts, mss, unacked, sacked, *ages, path_mtu, rtt, rtt_variance = _TCP_INFO_FIELDS.unpack(
        raw
    )[:10]
    retransmits, segments, min_rtt, out_of_order = _TCP_INFO_FIELDS.unpack(raw)[10:]
    return TcpInfo(
        rtt_seconds=rtt / 1e6,
        rtt_variance_seconds=rtt_variance / 1e6,
        min_rtt_seconds=min_rtt / 1e6 if min_rtt else None,
        path_mtu_bytes=path_mtu,
        mss_bytes=mss,
        retransmits=retransmits,
        segments_sent=segments or None,
        quiet_seconds=min(ages) / 1e3,
        heard_seconds=ages[-1] / 1e3,
        stuck=sacked > 0 and unacked > sacked and timeouts >= STUCK_TIMEOUTS,
        out_of_order=out_of_order,
    )
