"""IP addresses as text: how far one reaches, and which of them a peer may name."""

from __future__ import annotations

import ipaddress
from typing import Literal

from seventh.model.failure import Failed, Reason


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
