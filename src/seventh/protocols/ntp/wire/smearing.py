"""Who smears leap seconds instead of inserting them (RFC 8633 §3.7.1).

The knowledge stands in ``smearing.toml``; a smearer is known by its name or by its address.
"""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path


def smearer_of(host: str) -> str:
    """Who runs ``host``, a name or an address, and how they smear; empty where nothing is known."""
    names, networks = _known()
    name = host.strip().rstrip(".").lower()
    try:
        address = ip_address(name.split("%")[0])
    except ValueError:
        return next((said for shape, said in names if fnmatchcase(name, shape)), "")
    return _of_address(address, networks)


def _of_address(
    address: IPv4Address | IPv6Address, networks: tuple[tuple[IPv4Network | IPv6Network, str], ...]
) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return next((said for network, said in networks if address in network), "")


@functools.cache
def _known() -> tuple[
    tuple[tuple[str, str], ...], tuple[tuple[IPv4Network | IPv6Network, str], ...]
]:
    """Return the tables' rows: shapes of names, and networks; read when first asked for."""
    import tomllib

    text = Path(__file__).with_name("smearing.toml").read_text(encoding="utf-8")
    rows: dict[str, dict[str, str]] = tomllib.loads(text)["smear"]
    return (
        tuple(rows["names"].items()),
        tuple((ip_network(network), said) for network, said in rows["networks"].items()),
    )
