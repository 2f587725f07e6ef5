"""Look-ups of algorithm names in ``tables.toml``, for offers on the wire and in files alike."""

from __future__ import annotations

import fnmatch
import functools
import re
import tomllib
from collections.abc import Iterable
from typing import Any

from seventh.protocols.ssh.wire.ciphers import is_aead
from seventh.wire.table import read_text


@functools.cache
def _tables() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(read_text(__package__, "tables.toml"))


@functools.cache
def _table(kind: str, quality: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the rows of a table: pattern and remark; KeyError where there is no such table."""
    rows = _tables()[kind][quality]
    return tuple((re.compile(fnmatch.translate(name)), remark) for name, remark in rows.items())


@functools.cache
def remark(kind: str, quality: str, name: str) -> str | None:
    """Return the remark of the first row that matches ``name``; None where none does."""
    return next((text for pattern, text in _table(kind, quality) if pattern.match(name)), None)


def obsolete_directives() -> dict[str, str]:
    """Return what to know of each directive without effect, by its name."""
    reasons = _tables()["directive"]["obsolete"].items()
    return {name: f"{name}: {why}" for why, directives in reasons for name in directives}


def having(kind: str, quality: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``names`` that a table has, in their order."""
    return tuple(name for name in names if remark(kind, quality, name) is not None)


def explained(kind: str, quality: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those that a table has with their remarks: ``3des-cbc (64-bit blocks, CBC)``."""
    marked = ((name, remark(kind, quality, name)) for name in names)
    return tuple(f"{name} ({text})" for name, text in marked if text is not None)


def encrypt_and_macs(macs: Iterable[str]) -> tuple[str, ...]:
    """Return the MACs over the plaintext that are not weak otherwise."""
    return tuple(
        name
        for name in macs
        if remark("mac", "encrypt-then-mac", name) is None and remark("mac", "weak", name) is None
    )


def all_aead(ciphers: tuple[str, ...]) -> bool:
    """Return whether every cipher authenticates by itself, so that no MAC is used."""
    return bool(ciphers) and all(map(is_aead, ciphers))


def terrapin_exposed(ciphers: tuple[str, ...], macs: Iterable[str]) -> tuple[str, ...]:
    """Return the ciphers that CVE-2023-48795 attacks where key exchange is not strict.

    ChaCha20-Poly1305, and CBC ciphers if an encrypt-then-MAC is offered.
    """
    chacha = tuple(name for name in ciphers if name.startswith("chacha20-poly1305"))
    cbc = tuple(name for name in ciphers if re.search(r"-cbc(@|$)", name))
    return chacha + (cbc if having("mac", "encrypt-then-mac", macs) else ())


_OPENSSH = re.compile(r"OpenSSH_(\d+)\.(\d+)")


def lists_its_build(software: str) -> bool:
    """Return whether server-sig-algs is the list of the build, not of PubkeyAcceptedAlgorithms.

    So it is in OpenSSH before 9.6.
    """
    match = _OPENSSH.match(software)
    return match is not None and (int(match[1]), int(match[2])) < (9, 6)


_PATCH_LEVEL = re.compile(
    r"(Debian|Ubuntu|Raspbian|FreeBSD|NetBSD|DragonFly)[-_ ]?[\w.+~:-]*\d|\bdeb\d+u\d+|\bel\d+_\d+"
)


def patch_level(ident: str) -> str | None:
    """Return the distribution's patch level in an identification string; None where it has none."""
    match = _PATCH_LEVEL.search(ident)
    return match.group() if match else None
