"""OpenSSH's directives and their defaults by version, from the tables beside this file."""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

from seventh.lintkit.linted import Software
from seventh.wire.table import read_text

Side = Literal["server", "client"]
Version = tuple[int, ...]
PRODUCT = "openssh"


@functools.cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(read_text(__package__, name))


def version_of(text: str) -> Version:
    """Return a version such as ``10.2`` as numbers."""
    return tuple(int(part) for part in text.split("."))


def newest() -> Software:
    """Return the newest version in the tables."""
    return Software(product=PRODUCT, version=version_of(_table("defaults.toml")["newest"]))


@functools.cache
def spelled(side: Side) -> Mapping[str, str]:
    """Map each directive's lower-case name to its spelling in the manual."""
    table = _table("directives.toml")[side]
    names = [*table["everywhere"], *table.get("outside_match", ()), *table["distributions"]]
    names += [*table["aliases"], *table["idle"]]
    return {name.lower(): name for name in names}


@functools.cache
def aliases(side: Side) -> Mapping[str, str]:
    """Map older names to current ones, in lower case."""
    table = _table("directives.toml")[side]["aliases"]
    return {old.lower(): new.lower() for old, new in table.items()}


@functools.cache
def cumulative(side: Side) -> frozenset[str]:
    """Return the directives whose lines are cumulative."""
    return frozenset(name.lower() for name in _table("directives.toml")[side]["cumulative"])


@functools.cache
def single(side: Side) -> frozenset[str]:
    """Return the directives with exactly one argument."""
    return frozenset(name.lower() for name in _table("directives.toml")[side]["single"])


@functools.cache
def flags() -> frozenset[str]:
    """Return the directives of ssh_config whose value is yes or no."""
    return frozenset(name.lower() for name in _table("directives.toml")["client"]["flags"])


@functools.cache
def last_wins(version: Version) -> frozenset[str]:
    """Return the directives of sshd_config whose last line holds in this version."""
    table = _table("directives.toml")["server"]["last_before"]
    return frozenset(
        name.lower() for name, until in table.items() if not until or version < version_of(until)
    )


@functools.cache
def in_match(version: Version) -> frozenset[str]:
    """Return the directives that are allowed in a Match block of sshd_config."""
    table = _table("directives.toml")["server"]
    since = table["in_match_since"]
    return frozenset(
        name.lower()
        for kind in ("everywhere", "aliases", "idle", "distributions")
        for name in table[kind]
        if version >= version_of(since.get(name, "0"))
    )


@functools.cache
def idle(side: Side, name: str, version: Version) -> str | None:
    """Return why a directive has no effect in this version; None where it has one."""
    for each, (since, why) in _table("directives.toml")[side]["idle"].items():
        if each.lower() == name and not since:
            return str(why)
        if each.lower() == name and version >= version_of(since):
            return f"{why} (since OpenSSH {since})"
    return None


@functools.cache
def since(side: Side, name: str) -> Version:
    """Return the first version with a directive; (0,) for a very old one."""
    table = _table("directives.toml")[side]["since"]
    return next((version_of(text) for each, text in table.items() if each.lower() == name), (0,))


@functools.lru_cache(maxsize=64)
def defaults(side: Side, version: Version) -> Mapping[str, str]:
    """Map lower-case names to a version's defaults, as ``sshd -T`` and ``ssh -G`` print them."""
    table = _table("defaults.toml")[side]
    found = {name.lower(): value for name, value in table["plain"].items()}
    for name, by_version in table.items():
        if name == "plain":
            continue
        steps = sorted((version_of(text), value) for text, value in by_version.items())
        holding = [value for first, value in steps if first <= max(version, (7, 0))]
        if holding:
            found[name.lower()] = holding[-1]
    found["pubkeyacceptedalgorithms"] = found["hostkeyalgorithms"]
    return found


@functools.lru_cache(maxsize=64)
def known(kind: str, version: Version | None = None) -> tuple[str, ...]:
    """Return the algorithms of a kind (kex, cipher, mac, key), or those of one version."""
    rows = _table("defaults.toml")["known"][kind]
    return tuple(
        name for name, removed in rows.items()
        if version is None or not removed or version < version_of(removed)
    )  # fmt: skip


_LATER = frozenset(
    ["mlkem768nistp256-sha256", "sntrup4591761x25519-sha512@tinyssh.org", "ssh-xmss@openssh.com",
     "ssh-xmss-cert-v01@openssh.com", "ssh-mldsa44-ed25519@openssh.com",
     "ssh-mldsa44-ed25519-cert-v01@openssh.com"]
)  # fmt: skip
"""Algorithms that are in no default list and came after 7.0, or need an option of the build."""


def supported(kind: str, version: Version) -> frozenset[str]:
    """Return the algorithms of a kind that a version can surely be told to use.

    One that is in a default list is so from the first version that has it there.
    """
    table = _table("defaults.toml")
    first: dict[str, Version] = {}
    for side, name in itertools.product(("server", "client"), ("KexAlgorithms", "Ciphers", "MACs",
                                                               "HostKeyAlgorithms")):  # fmt: skip
        if LISTS[name.lower()] == kind:
            for text, value in table[side].get(name, {}).items():
                for each in value.split(","):
                    first[each] = min(first.get(each, (99,)), version_of(text))
    return frozenset(
        each for each in known(kind, version)
        if each not in _LATER and first.get(each, (7, 0)) <= max(version, (7, 0))
    )  # fmt: skip


LISTS: Mapping[str, str] = {
    "kexalgorithms": "kex",
    "ciphers": "cipher",
    "macs": "mac",
    "hostkeyalgorithms": "key",
    "pubkeyacceptedalgorithms": "key",
}
"""Directives that are lists of algorithms, and the kind of each."""
