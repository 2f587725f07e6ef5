"""Asking network interfaces what they can stamp: SIOCETHTOOL with ETHTOOL_GET_TS_INFO."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from array import array

from seventh.localkit.machine import Machine
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.facts.local import Stamping

NAME = "ioctl SIOCETHTOOL ETHTOOL_GET_TS_INFO"
_INTERFACES = "/sys/class/net"
_SIOCETHTOOL = 0x8946
_GET_TS_INFO = 0x41
_TX_HARDWARE, _RX_HARDWARE, _RAW_HARDWARE = 1 << 0, 1 << 2, 1 << 6
"""Bits of SOF_TIMESTAMPING_…"""
_HARDWARE = _TX_HARDWARE | _RX_HARDWARE | _RAW_HARDWARE
_MAX_INTERFACES = 64
_INFO = struct.Struct("=IIi32x")
"""``struct ethtool_ts_info``: the command, the bits, the clock's number, and filters."""


def stamping(machine: Machine) -> tuple[Stamping | Unread, ...]:
    """Ask each physical interface, one that has a device; raises OSError without their list."""
    folder = machine.at(_INTERFACES)
    names = [
        name
        for name in sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
        if os.path.exists(f"{folder}/{name}/device")  # noqa: PTH110
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        return tuple(_asked(sock, name) for name in names[:_MAX_INTERFACES])


def _asked(sock: socket.socket, name: str) -> Stamping | Unread:
    info = array("B", _INFO.pack(_GET_TS_INFO, 0, -1))
    address, _ = info.buffer_info()
    request = struct.pack("@16sP16x", name.encode()[:15], address)
    try:
        fcntl.ioctl(sock, _SIOCETHTOOL, request)
    except OSError as error:
        return Unread(name=f"{NAME} {name}", cause=Cause.FAILED, detail=error.strerror or "")
    return read_info(name, info.tobytes())


def read_info(name: str, info: bytes) -> Stamping:
    """Read the kernel's answer."""
    _, bits, index = _INFO.unpack(info)
    hardware = bits & _HARDWARE == _HARDWARE and index >= 0
    return Stamping(name=name, hardware=hardware, clock_index=index if index >= 0 else None)
