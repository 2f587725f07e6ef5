"""What listens on a machine, learnt on it, and whether its firewall lets the network in."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from seventh.model.localfacts import Unread


class Reach(StrEnum):
    """What the machine's own firewall does with a connection from an address without a rule."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """It may not be read, or has a rule that is not understood."""


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """A TCP socket that listens, or a UDP socket that receives from any address."""

    SHOWN: ClassVar[tuple[str, ...]] = ("address", "port", "transport", "program")

    transport: Literal["tcp", "udp"]
    address: str
    port: int
    program: str = ""
    """As ``/proc/PID/comm`` names it, at most 15 characters; empty if it is not visible."""
    pid: int | None = None
    service: str = ""
    """The well-known service of that port; what listens may be another."""
    firewall: Reach = Reach.UNKNOWN

    @property
    def on_all(self) -> bool:
        """Whether it listens on every address of the machine."""
        return self.address in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    @property
    def on_loopback(self) -> bool:
        """Whether only programs on the same machine reach it."""
        return ipaddress.ip_address(self.address).is_loopback


class TrapReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """The running snmptrapd of net-snmp."""

    version: str = ""
    """Of the installed program; empty if it did not print one."""
    package_names_fix: bool | None = None
    """Whether the package's changelog names CVE-2025-68615; None if it could not be read."""


class ListenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that listens on this machine."""

    SHOWN: ClassVar[tuple[str, ...]] = ("listeners", "trap_receiver")

    listeners: tuple[Listener, ...] | None = None
    """None if the kernel's tables could not be read."""
    complete: bool = True
    """Whether these are all; a table can be too long."""
    trap_receiver: TrapReceiver | None = None
    """None if it does not run, or the processes are not visible."""
    processes_visible: bool = True
    """Whether all processes are listed; what each has open may still be another user's."""
    container: str = ""
    """The kind of container, whose ports its host publishes; empty outside of one."""
    unread: tuple[Unread, ...] = ()

    @property
    def on_all(self) -> tuple[Listener, ...]:
        """Those that listen on every address."""
        return tuple(each for each in self.listeners or () if each.on_all)
