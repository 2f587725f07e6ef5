"""Addresses, and which of them a peer may name."""

from __future__ import annotations

import ipaddress
import socket
from typing import Literal

import msgspec

from seventh.model.failure import Failed, Reason


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One IP address and port to talk to."""

    ip: str
    """Or, where a jump host connects for us, the name that it resolves."""
    port: int
    scope: str = ""
    """The zone of a link-local IPv6 address."""

    @property
    def family(self) -> Literal["ipv4", "ipv6"]:
        """Which kind of address it is."""
        return "ipv6" if ":" in self.ip else "ipv4"

    @property
    def socket_family(self) -> socket.AddressFamily:
        """The kernel's number for the family."""
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    @property
    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """What the socket calls want."""
        if self.family == "ipv4":
            return (self.ip, self.port)
        scope = 0
        if self.scope:
            try:
                scope = (
                    int(self.scope) if self.scope.isdigit() else socket.if_nametoindex(self.scope)
                )
            except OSError:
                raise Failed(
                    Reason.CONNECT_UNREACHABLE, f"this machine has no interface {self.scope!r}"
                ) from None
        return (self.ip, self.port, 0, scope)

    def __str__(self) -> str:
        return self.ip


def is_literal(host: str) -> bool:
    """Whether ``host`` is an IP address, without a zone, and no name."""
    try:
        return not getattr(ipaddress.ip_address(host), "scope_id", None)
    except ValueError:
        return False


def reach(ip: str) -> Literal["public", "private", "loopback"]:
    """How far an address reaches. Link-local, reserved and multicast count as private."""
    parsed = _parsed(ip)
    if parsed.is_loopback:
        return "loopback"
    return "public" if parsed.is_global and not parsed.is_multicast else "private"


def _parsed(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(ip)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


_DISTANCE = {"loopback": 0, "private": 1, "public": 2}


def check_peer_named(asked: str, named: str) -> None:
    """Let through an address that the peer ``asked`` has named; Failed with address-policy else.

    A peer may name addresses that reach at least as far as its own: a public server cannot steer
    Seventh to this machine or its private networks. Nobody but a link-local peer may name a
    link-local address: a cloud keeps there what it tells a machine about itself, keys included.
    """
    if _parsed(named).is_link_local and not _parsed(asked).is_link_local:
        raise Failed(
            Reason.ADDRESS_POLICY,
            f"the peer {asked} names the link-local address {named}: not followed",
        )
    if _DISTANCE[reach(named)] < _DISTANCE[reach(asked)]:
        raise Failed(
            Reason.ADDRESS_POLICY,
            f"the {reach(asked)} peer {asked} names the {reach(named)} address {named}: "
            "not followed",
        )
