"""Services that smear leap seconds instead of inserting them (RFC 8633 §3.7.1).

They are listed by name and by network in ``smearing.toml``.
"""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from seventh.wire.table import read_text


def smearer_of(host: str) -> str:
    """Return who smears at ``host``, a name or address, and how; empty if unknown."""
    names, networks = _known()
    name = host.strip().rstrip(".").lower()
    try:
        address = ip_address(name.split("%")[0])
    except ValueError:
        return next((way for pattern, way in names.items() if fnmatchcase(name, pattern)), "")
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return next((way for network, way in networks.items() if address in network), "")


@functools.cache
def _known() -> tuple[dict[str, str], dict[IPv4Network | IPv6Network, str]]:
    """Return operators and ways, by pattern of names and by network."""
    import tomllib

    rows: dict[str, dict[str, str]]
    rows = tomllib.loads(read_text(__package__, "smearing.toml"))["smear"]
    return rows["names"], {ip_network(n): way for n, way in rows["networks"].items()}
