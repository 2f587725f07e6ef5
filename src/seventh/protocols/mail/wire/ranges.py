"""Sets of addresses of both families, as ranges."""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]
"""From, to (exclusive), in order and apart. IPv4 addresses follow the last of IPv6."""
_IPV4 = 1 << 128
EVERYTHING: Ranges = ((0, _IPV4 + (1 << 32)),)


def of(networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> Ranges:
    """Return the addresses of ``networks``."""
    return union(map(_range_of, networks))


def _range_of(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[int, int]:
    first = int(network.network_address) + (_IPV4 if network.version == 4 else 0)
    return first, first + (1 << (network.max_prefixlen - network.prefixlen))


def network(ip: str, prefix: int | None = None) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network of an address."""
    return ipaddress.ip_network(ip if prefix is None else f"{ip}/{prefix}", strict=False)


def union(*sets: Iterable[tuple[int, int]]) -> Ranges:
    """Return what any of ``sets`` has; their ranges need not be in order."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(piece for each in sets for piece in each):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def minus(ranges: Ranges, without: Ranges) -> Ranges:
    """Return what ``ranges`` has and ``without`` has not."""
    left: list[tuple[int, int]] = []
    at = 0
    for low, high in ranges:
        while at < len(without) and without[at][1] <= low:
            at += 1
        ahead = at
        while ahead < len(without) and without[ahead][0] < high:
            if without[ahead][0] > low:
                left.append((low, without[ahead][0]))
            low = max(low, without[ahead][1])
            ahead += 1
        if low < high:
            left.append((low, high))
    return tuple(left)


def both(one: Ranges, other: Ranges) -> Ranges:
    """Return what both have."""
    return minus(one, minus(one, other))


def count_ipv4(ranges: Ranges) -> int:
    """Return how many IPv4 addresses there are."""
    return sum(high - max(low, _IPV4) for low, high in ranges if high > _IPV4)


def has_ipv6(ranges: Ranges) -> bool:
    """Return whether there is an IPv6 address."""
    return bool(ranges) and ranges[0][0] < _IPV4


class Growing:
    """A set that addresses are added to, in a time that hardly depends on how many it has."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    @property
    def ranges(self) -> Ranges:
        """What was added."""
        return tuple(self._ranges)

    @property
    def is_everything(self) -> bool:
        """Whether all addresses were added."""
        return len(self._ranges) == 1 and self._ranges[0] == EVERYTHING[0]

    def add(self, ranges: Ranges) -> Ranges:
        """Add ``ranges``, and return what of them is new."""
        return tuple(gap for low, high in ranges for gap in self._add(low, high))

    def _add(self, low: int, high: int) -> list[tuple[int, int]]:
        ranges = self._ranges
        first = bisect.bisect_left(ranges, (low, low))
        if first and ranges[first - 1][1] >= low:
            first -= 1
        gaps, at, last = [], low, first
        while last < len(ranges) and ranges[last][0] <= high:
            if at < ranges[last][0]:
                gaps.append((at, ranges[last][0]))
            at = max(at, ranges[last][1])
            last += 1
        if at < high:
            gaps.append((at, high))
        if last > first:
            low = min(low, ranges[first][0])
        ranges[first:last] = [(low, max(at, high))]
        return gaps
