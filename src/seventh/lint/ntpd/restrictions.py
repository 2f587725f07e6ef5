"""Access control of ntpd: the ``restrict`` lines, evaluated as ntpd does.

Only the most specific line that matches an address applies. Lines with the same address and mask
are combined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise

import msgspec

from seventh.lint.clocks.grammar import Version
from seventh.lint.clocks.lines import Directive, shown
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights

Network = IPv4Network | IPv6Network
_ANY: dict[str, Network] = {
    "-4": IPv4Network("0.0.0.0/0"), "-6": IPv6Network("::/0")
}  # fmt: skip
_BOTH_SINCE = (4, 2, 6)
"""The first version in which ``restrict default`` includes IPv6 (bug 320, 4.2.5p178)."""
_SEC_GUARDED_SINCE = (1, 1, 9)
"""The first version of ntpsec whose default is noquery and limited."""


class Restriction(msgspec.Struct, frozen=True):
    """The effect of one or more ``restrict`` lines on one network."""

    network: Network
    flags: frozenset[str]
    setting: str = ""
    """The key of the last such line; empty for the program's default."""


def key_of(directive: Directive) -> str:
    """Return the key of a ``restrict`` line in a view's settings: ``restrict -6 default``."""
    words = 2 if directive.words[:1] in {("-4",), ("-6",)} else 1
    return shown([directive.name, *directive.words[:words]]).lower()


def restrictions(
    lines: Iterable[Directive], product: str, version: Version
) -> dict[Network, Restriction]:
    """Return the restrictions on clients with any source port.

    Lines with ``ntpport`` apply to port 123 only. Lines with host names are left out: only the
    running daemon knows their addresses.
    """
    guarded = product == "ntpsec" and version >= _SEC_GUARDED_SINCE
    own = frozenset({"noquery", "limited"}) if guarded else frozenset[str]()
    found = {network: Restriction(network, own) for network in _ANY.values()}
    for line in lines:
        if line.name not in {"restrict", "unrestrict"}:
            continue
        flags = _flags(line)
        if "ntpport" in flags:
            continue
        for network in _networks(line, product, version):
            before = found.get(network, Restriction(network, frozenset()))
            if line.name == "restrict":
                after = before.flags | flags
            elif flags:
                after = before.flags - flags
            elif network.prefixlen:
                found.pop(network, None)
                continue
            else:
                after = before.flags
            found[network] = Restriction(network, after, key_of(line))
    return found


def default_rights(known: dict[Network, Restriction]) -> tuple[DefaultRights, ...]:
    """Return the rights of hosts without a more specific line."""
    return tuple(
        DefaultRights(
            family="IPv4" if network.version == 4 else "IPv6",
            flags=tuple(sorted(known[network].flags)),
            setting=known[network].setting,
        )
        for network in _ANY.values()
    )


def denied(
    sources: Iterable[ConfiguredSource],
    lines: Sequence[Directive],
    known: dict[Network, Restriction],
) -> tuple[str, ...]:
    """Return the keys of sources whose replies are certainly ignored.

    ``restrict source`` admits every source. A host name may have any address, so that it is judged
    only where nothing but this machine is excepted.
    """
    admitted = {
        _parts(line)[1][0].lower()
        for line in lines
        if line.name == "restrict" and "ignore" not in line.words
    }
    if "source" in admitted:
        return ()
    excepted = any(not network.is_loopback for network in known.keys() - _ANY.values())
    closed = not excepted and all("ignore" in known[network].flags for network in _ANY.values())
    found = []
    for source in sources:
        try:
            address = ip_address(source.name)
        except ValueError:
            ignored = closed and source.name.lower() not in admitted
        else:
            around = [network for network in known if address in network]
            ignored = "ignore" in known[max(around, key=lambda one: one.prefixlen)].flags
        if ignored:
            found.append(source.setting)
    return tuple(dict.fromkeys(found))


def _parts(line: Directive) -> tuple[str, tuple[str, ...]]:
    """Return the address family of a line, if it names one, and its other words."""
    return (line.words[0], line.words[1:]) if line.words[0] in _ANY else ("", line.words)


def _flags(line: Directive) -> frozenset[str]:
    _, words = _parts(line)
    values = {"mask", "ippeerlimit", "serverresponse"}
    return frozenset(
        word for before, word in pairwise(words) if word not in values and before not in values
    )


def _networks(line: Directive, product: str, version: Version) -> list[Network]:
    """Return the networks of a line; none for a name, or a mask with gaps."""
    family, (name, *options) = _parts(line)
    if name == "default":
        if family:
            return [_ANY[family]]
        if product == "ntpd" and version < _BOTH_SINCE:
            return [_ANY["-4"]]
        return list(_ANY.values())
    try:
        network: Network = ip_network(name, strict=False)
        if options[:1] != ["mask"]:
            return [network]
        bits = int(ip_address(options[1]))
        network = network.supernet(new_prefix=bits.bit_count())
    except ValueError:
        return []
    return [network] if int(network.netmask) == bits else []
