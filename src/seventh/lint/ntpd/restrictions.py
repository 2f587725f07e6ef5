"""What ntpd lets whom do: the ``restrict`` lines, evaluated as ntpd evaluates them.

The most specific line that matches an address alone decides. Lines with the same address and mask
add their flags up.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from seventh.lint.clocks.grammar import Version
from seventh.lint.clocks.lines import Directive, shown
from seventh.protocols.ntp.facts.config import DefaultRights

Network = IPv4Network | IPv6Network
_EVERYBODY: dict[str, Network] = {
    "-4": IPv4Network("0.0.0.0/0"), "-6": IPv6Network("::/0")
}  # fmt: skip
_BOTH_SINCE = (4, 2, 6)
"""From here on ``restrict default`` is meant for IPv6, too (bug 320, in development 4.2.5p178)."""
_SEC_GUARDED_SINCE = (1, 1, 9)
"""From here on ntpsec's own default has noquery and limited."""


class Restriction(msgspec.Struct, frozen=True):
    """What one or more ``restrict`` lines say of one network."""

    network: Network
    flags: frozenset[str]
    setting: str = ""
    """The key of the last line that says so; empty for the program's own default."""


def key_of(directive: Directive) -> str:
    """Under which key a view's settings hold a ``restrict`` line: ``restrict -6 default``."""
    words = 2 if directive.words[:1] in {("-4",), ("-6",)} else 1
    return shown([directive.name, *directive.words[:words]]).lower()


def restrictions(
    lines: Iterable[Directive], product: str, version: Version
) -> dict[Network, Restriction]:
    """Return the list of restrictions, for clients that ask from a port of their choice.

    Lines with ``ntpport`` hold for port 123 alone, and names are left out: which addresses they
    become only the running daemon knows.
    """
    guarded = product == "ntpsec" and version >= _SEC_GUARDED_SINCE
    own = frozenset({"noquery", "limited"}) if guarded else frozenset[str]()
    found = {network: Restriction(network, own) for network in _EVERYBODY.values()}
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


def flags_for(address: str, known: dict[Network, Restriction]) -> frozenset[str]:
    """Return the flags that hold for a client at ``address``."""
    ip = ip_address(address)
    matching = [r for r in known.values() if r.network.version == ip.version and ip in r.network]
    return max(matching, key=lambda r: r.network.prefixlen).flags


def strangers(known: dict[Network, Restriction]) -> tuple[DefaultRights, ...]:
    """Return what somebody may do whom no narrower line names."""
    return tuple(
        DefaultRights(
            family="IPv4" if network.version == 4 else "IPv6",
            flags=tuple(sorted(known[network].flags)),
            setting=known[network].setting,
        )
        for network in _EVERYBODY.values()
    )


def _flags(line: Directive) -> frozenset[str]:
    words = list(line.words)
    if words and words[0] in _EVERYBODY:
        words.pop(0)
    del words[:1]
    flags: set[str] = set()
    values = {"mask", "ippeerlimit", "serverresponse"}
    for before, word in zip(["", *words], words, strict=False):
        if word not in values and before not in values:
            flags.add(word)
    return frozenset(flags)


def _networks(line: Directive, product: str, version: Version) -> list[Network]:
    """Return the networks that a line means; none for a name, and for what is no network."""
    words = list(line.words)
    family = words.pop(0) if words and words[0] in _EVERYBODY else ""
    if not words or words[0] == "source":
        return []
    if words[0] == "default":
        if family:
            return [_EVERYBODY[family]]
        if product == "ntpd" and version < _BOTH_SINCE:
            return [_EVERYBODY["-4"]]
        return list(_EVERYBODY.values())
    mask = words[2] if len(words) > 2 and words[1] == "mask" else ""
    try:
        address = ip_address(words[0]) if "/" not in words[0] else None
        if address is None:
            return [ip_network(words[0], strict=False)]
        if address.version == 4 or not mask:
            return [ip_network(f"{address}/{mask}" if mask else str(address), strict=False)]
        bits = int(IPv6Address(mask))
        length = bits.bit_count()
        if bits != int(IPv6Network((0, length)).netmask):
            return []  # a mask with gaps
        return [IPv6Network((int(address) & bits, length))]
    except ValueError:
        return []
