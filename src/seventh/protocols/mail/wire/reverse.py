"""Reverse names that an access network has made out of the address."""

from __future__ import annotations

import ipaddress
import re

_NUMBER = re.compile(r"[0-9]+")
_WORD = re.compile(
    r"(^|[.-])(dyn|dynamic|dhcp|dial(up|in)?|ppp(oe)?|dsl|adsl|cable|pool|customer|cust|broadband)"
    r"[0-9]*([.-]|$)"
)


def is_generic(name: str, ip: str) -> bool:
    """Return whether an access network has made the name out of the address.

    It has the whole address in it, forwards, backwards or in hexadecimal, or the last two numbers
    beside a word such as ``dynamic``. Receivers take such a name for that of a client.
    """
    address = ipaddress.ip_address(ip)
    name = name.lower()
    if isinstance(address, ipaddress.IPv6Address):
        digits = address.exploded.replace(":", "")
        plain = re.sub(r"[^0-9a-f]", "", name)
        return digits in plain or digits[::-1] in plain
    octets = [str(octet) for octet in address.packed]
    if address.packed.hex() in name:
        return True
    found = [number.lstrip("0") or "0" for number in _NUMBER.findall(name)]
    if _has(found, octets) or "".join(f"{int(octet):03}" for octet in octets) in name:
        return True
    return _WORD.search(name) is not None and _has(found, octets[2:])


def _has(found: list[str], octets: list[str]) -> bool:
    """Return whether ``octets`` are among the numbers side by side, forwards or backwards."""
    size = len(octets)
    runs = (found[at : at + size] for at in range(len(found) - size + 1))
    return any(run in (octets, octets[::-1]) for run in runs)
