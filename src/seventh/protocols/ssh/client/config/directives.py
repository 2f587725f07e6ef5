"""What is known of OpenSSH's directives and their defaults, by version: the tables' reader."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from seventh.lintkit.linted import Software

Side = Literal["server", "client"]
Version = tuple[int, ...]
PRODUCT = "openssh"


@functools.cache
def _table(name: str) -> dict[str, Any]:
    path = Path(__file__).with_name(name)
    return tomllib.loads(path.read_text(encoding="utf-8"))


def version_of(text: str) -> Version:
    """Return ``10.2`` as numbers that compare."""
    return tuple(int(part) for part in text.split("."))


def newest() -> Software:
    """Return the newest version that the tables know."""
    return Software(product=PRODUCT, version=version_of(_table("defaults.toml")["newest"]))


@functools.cache
def spelled(side: Side) -> Mapping[str, str]:
    """Return every directive of a side by its lower-case name, as the manual spells it."""
    table = _table("directives.toml")[side]
    names = [*table["everywhere"], *table.get("outside_match", ()), *table["distributions"]]
    names += [*table["aliases"], *table["idle"]]
    return {name.lower(): name for name in names}


@functools.cache
def aliases(side: Side) -> Mapping[str, str]:
    """Older names in lower case, and the lower-case name of what they mean."""
    table = _table("directives.toml")[side]["aliases"]
    return {old.lower(): new.lower() for old, new in table.items()}


@functools.cache
def cumulative(side: Side) -> frozenset[str]:
    """Return directives whose lines add up."""
    return frozenset(name.lower() for name in _table("directives.toml")[side]["cumulative"])


@functools.cache
def last_wins(version: Version) -> frozenset[str]:
    """Return directives of sshd_config whose last line holds in this version."""
    table = _table("directives.toml")["server"]["last_before"]
    return frozenset(
        name.lower() for name, until in table.items() if not until or version < version_of(until)
    )


@functools.cache
def in_match(version: Version) -> frozenset[str]:
    """Return directives that may stand in a Match block of sshd_config."""
    table = _table("directives.toml")["server"]
    since = table["in_match_since"]
    return frozenset(
        name.lower()
        for name in [
            *table["everywhere"],
            *table["aliases"],
            *table["idle"],
            *table["distributions"],
        ]
        if version >= version_of(since.get(name, "0"))
    )


@functools.cache
def idle(side: Side, name: str, version: Version) -> str | None:
    """Return why a directive no longer does anything in this version; None where it does."""
    for each, (since, why) in _table("directives.toml")[side]["idle"].items():
        if each.lower() == name and not since:
            return str(why)
        if each.lower() == name and version >= version_of(since):
            return f"{why} (since OpenSSH {since})"
    return None


@functools.cache
def since(side: Side, name: str) -> Version:
    """Return the first version that knows a directive; (0,) where it has long been there."""
    table = _table("directives.toml")[side]["since"]
    return next((version_of(text) for each, text in table.items() if each.lower() == name), (0,))


@functools.lru_cache(maxsize=64)
def defaults(side: Side, version: Version) -> Mapping[str, str]:
    """The defaults of a version by lower-case name, as ``sshd -T`` and ``ssh -G`` write them."""
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
    """The algorithms of a kind (kex, cipher, mac, key); with a version, those it still has."""
    rows = _table("defaults.toml")["known"][kind]
    return tuple(
        name for name, gone in rows.items()
        if version is None or not gone or version < version_of(gone)
    )  # fmt: skip


LISTS: Mapping[str, str] = {
    "kexalgorithms": "kex",
    "ciphers": "cipher",
    "macs": "mac",
    "hostkeyalgorithms": "key",
    "pubkeyacceptedalgorithms": "key",
}
"""Directives that hold a list of algorithms, and the kind of them."""
