"""IP addresses as text: their reach, and to which of them a peer may refer."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from seventh.model.failure import Failed, Reason

Reach = Literal["public", "private", "loopback"]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DISTANCE: dict[Reach, int] = {"loopback": 0, "private": 1, "public": 2}
_NAT64 = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48")))
"""RFC 6052 and RFC 8215: the last 32 bits are the IPv4 address that a translator connects to."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""RFC 4291 §2.5.5.1: an IPv4 address in the last 32 bits, deprecated and still routed by some."""
_EVERY = re.compile(r"[0-9a-fA-F.:]+/0*[01]$")
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23",
            "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        ),
    )
)  # fmt: skip
"""Where Amazon, Google, Alibaba, Azure and Oracle tell a machine about itself, keys included."""


def is_literal(host: str) -> bool:
    """Return whether ``host`` is an IP address without a zone."""
    try:
        return not getattr(ipaddress.ip_address(host), "scope_id", None)
    except ValueError:
        return False


def covers_everyone(network: str) -> bool:
    """Return whether a network has every address, or half of them: ``0.0.0.0/0``, ``::/1``."""
    return _EVERY.match(network) is not None


def reach(ip: str) -> Reach:
    """Return the reach of an address. Link-local, reserved and multicast count as private.

    Connecting to the unspecified address reaches this machine.
    """
    return _reach(_parsed(ip))


def check_peer_named(peer: str, named: str) -> None:
    """Raise Failed (address-policy) when ``peer`` must not refer to ``named``.

    A peer may name addresses that reach at least as far as its own: a public server cannot steer
    Seventh to this machine or its private networks, nor by way of an IPv6 address that carries an
    IPv4 one of them. Only a link-local peer may name a link-local address; a cloud's metadata
    service may not be named at all.
    """
    meant = _meant(named)
    if any(each.is_link_local for each in meant) and not _parsed(peer).is_link_local:
        raise Failed(
            Reason.ADDRESS_POLICY,
            f"the peer {peer} refers to the link-local address {named}: not followed",
        )
    if peer != named and not _METADATA.isdisjoint(meant):
        raise Failed(
            Reason.ADDRESS_POLICY,
            f"the peer {peer} refers to {named}, a cloud metadata service: not followed",
        )
    nearest = min(map(_reach, meant), key=_DISTANCE.__getitem__)
    if _DISTANCE[nearest] < _DISTANCE[reach(peer)]:
        raise Failed(
            Reason.ADDRESS_POLICY,
            f"the {reach(peer)} peer {peer} refers to the {nearest} address {named}: not followed",
        )


def check_asked(named: str) -> None:
    """Raise Failed (address-policy) for an address that no one may have Seventh connect to.

    It is for targets that others name over the network: link-local addresses and clouds' metadata
    services, also by way of an IPv6 address that carries an IPv4 one.
    """
    meant = _meant(named)
    if any(each.is_link_local for each in meant):
        why = "link-local"
    elif not _METADATA.isdisjoint(meant):
        why = "a cloud metadata service"
    else:
        return
    raise Failed(Reason.ADDRESS_POLICY, f"{named} is {why}: not probed", phase="resolve")


def _parsed(ip: str) -> _Address:
    parsed = ipaddress.ip_address(ip)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _reach(parsed: _Address) -> Reach:
    if parsed.is_loopback or parsed.is_unspecified:
        return "loopback"
    site_local = isinstance(parsed, ipaddress.IPv6Address) and parsed.is_site_local
    return (
        "public" if parsed.is_global and not parsed.is_multicast and not site_local else "private"
    )


def _meant(ip: str) -> tuple[_Address, ...]:
    """Return the address and the IPv4 addresses embedded in it: NAT64, 6to4, Teredo, compatible."""
    parsed = _parsed(ip)
    if isinstance(parsed, ipaddress.IPv4Address) or parsed.is_loopback or parsed.is_unspecified:
        return (parsed,)
    carried: list[_Address] = list(parsed.teredo or ())
    if parsed.sixtofour is not None:
        carried.append(parsed.sixtofour)
    if any(parsed in network for network in (*_NAT64, _COMPATIBLE)):
        carried.append(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF))
    return (parsed, *carried)
