"""Calls of Linux that Python 3.11 lacks: namespaces, TUN devices, mounts, scheduling."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import struct

NEW_USER, NEW_NET, NEW_MOUNTS = 0x10000000, 0x40000000, 0x00020000
TUN = "/dev/net/tun"
_SET_IFF, _TUN, _NO_PI, _VNET_HEADER = 0x400454CA, 0x0001, 0x1000, 0x4000
_SET_OFFLOAD, _CHECKSUM, _TSO4 = 0x400454D0, 0x01, 0x02
_DEATH_SIGNAL, _DUMPABLE, _TIMER_SLACK = 1, 4, 29
_BIND, _REC, _PRIVATE, _DETACH = 4096, 16384, 1 << 18, 2
_ETHTOOL = 0x8946
_OFFLOADS = (0x15, 0x17, 0x1F, 0x24, 0x2C)
"""ETHTOOL_SRXCSUM, STXCSUM, STSO, SGSO and SGRO of linux/ethtool.h."""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Enter new namespaces; raises OSError."""
    _checked(_libc().unshare(flags), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Enter the namespace of a descriptor; raises OSError."""
    _checked(_libc().setns(namespace, kind), "setns")


def die_with_parent(parent: int, by: int = signal.SIGKILL) -> None:
    """Have the kernel end this process with its parent, also if that has ended already."""
    _checked(_libc().prctl(_DEATH_SIGNAL, by, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os.kill(os.getpid(), by)


def dumpable() -> None:
    """Let this process see its own files in /proc, also after it changed its user."""
    _libc().prctl(_DUMPABLE, 1, 0, 0, 0)


def precise_timers() -> bool:
    """Ask for exact timers and for SCHED_FIFO; return whether the latter is permitted."""
    _libc().prctl(_TIMER_SLACK, 1, 0, 0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except PermissionError:
        return False
    return True


def show_file(target: str, content: bytes) -> None:
    """Show this process and its children ``content`` in the place of a file; raises OSError.

    The content is in a file system in memory, which ends with them.
    """
    unshare(NEW_MOUNTS)
    libc, covered = _libc(), b"/tmp"
    _checked(libc.mount(b"none", b"/", None, _REC | _PRIVATE, None), "mount")
    _checked(libc.mount(b"tmpfs", covered, b"tmpfs", 0, b"size=64k"), "mount")
    try:
        source = f"{covered.decode()}/content"
        file = os.open(source, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        os.fchmod(file, 0o644)
        os.write(file, content)
        os.close(file)
        _checked(libc.mount(source.encode(), target.encode(), None, _BIND, None), "mount")
    finally:
        libc.umount2(covered, _DETACH)


def open_tun(name: str) -> int:
    """Return the descriptor of a new TUN device in this namespace; it ends with the descriptor.

    Its packets have a header of ten bytes (struct virtio_net_hdr of linux/virtio_net.h).
    """
    tun = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        flags = _TUN | _NO_PI | _VNET_HEADER
        fcntl.ioctl(tun, _SET_IFF, struct.pack("16sH22x", name.encode(), flags))
    except OSError:
        os.close(tun)
        raise
    return tun


def offload(tun: int, *, on: bool) -> None:
    """Have a TUN device give segments of up to 64 kB without checksums, or packets as on a wire."""
    fcntl.ioctl(tun, _SET_OFFLOAD, _CHECKSUM | _TSO4 if on else 0)


def without_offloads(descriptor: int, name: str) -> None:
    """Have an interface send and receive packets as they are on a wire; raises OSError."""
    for command in _OFFLOADS:
        value = ctypes.create_string_buffer(struct.pack("=II", command, 0), 8)
        request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
        fcntl.ioctl(descriptor, _ETHTOOL, request)
