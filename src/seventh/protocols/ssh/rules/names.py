"""Judgement of algorithm names on name-lists alone: the same for a wire and for a file.

The knowledge stands in ``tables.toml``; these functions only look names up.
"""

from __future__ import annotations

import fnmatch
import functools
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from seventh.protocols.ssh.wire.ciphers import is_aead


@functools.cache
def table(kind: str, quality: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The rows of one table of tables.toml: pattern and remark. KeyError where there is none."""
    rows: dict[str, str] = _tables()[kind][quality]
    return tuple((re.compile(fnmatch.translate(name)), remark) for name, remark in rows.items())


@functools.cache
def _tables() -> dict[str, dict[str, dict[str, str]]]:
    path = Path(__file__).with_name("tables.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@functools.cache
def remark(kind: str, quality: str, name: str) -> str | None:
    """Return what the first matching row of the table says of ``name``; None when there is none."""
    return next((text for pattern, text in table(kind, quality) if pattern.match(name)), None)


def having(kind: str, quality: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``names`` that stand in a table, in their order."""
    return tuple(name for name in names if remark(kind, quality, name) is not None)


def explained(kind: str, quality: str, names: Iterable[str]) -> tuple[str, ...]:
    """Like :func:`having`, each with its remark: ``3des-cbc (64-bit blocks, CBC)``."""
    marked = ((name, remark(kind, quality, name)) for name in names)
    return tuple(f"{name} ({text})" for name, text in marked if text is not None)


def weak_macs(macs: Iterable[str], ciphers: Iterable[str]) -> tuple[str, ...]:
    """Weak MACs, explained; none where every cipher authenticates by itself: no MAC is used."""
    return () if _all_aead(ciphers) else explained("mac", "weak", macs)


def encrypt_and_macs(macs: Iterable[str], ciphers: Iterable[str]) -> tuple[str, ...]:
    """MACs over the plaintext that are not weak otherwise; none where no MAC is ever used."""
    if _all_aead(ciphers):
        return ()
    return tuple(
        name
        for name in macs
        if remark("mac", "encrypt-then-mac", name) is None and remark("mac", "weak", name) is None
    )


def _all_aead(ciphers: Iterable[str]) -> bool:
    ciphers = tuple(ciphers)
    return bool(ciphers) and all(is_aead(cipher) for cipher in ciphers)


def terrapin_exposed(ciphers: Iterable[str], macs: Iterable[str]) -> tuple[str, ...]:
    """Return what lets a prefix be cut off when key exchange is not strict (CVE-2023-48795).

    ChaCha20-Poly1305, and CBC ciphers where an encrypt-then-MAC is offered, too.
    """
    ciphers = tuple(ciphers)
    chacha = tuple(name for name in ciphers if name.startswith("chacha20-poly1305"))
    cbc = tuple(name for name in ciphers if re.search(r"-cbc(@|$)", name))
    return chacha + (cbc if having("mac", "encrypt-then-mac", macs) else ())


_OPENSSH = re.compile(r"OpenSSH_(\d+)\.(\d+)")


def lists_its_build(software: str) -> bool:
    """Return whether this server's server-sig-algs is what it was built with, not what it accepts.

    Before 9.6 OpenSSH sends the same list whatever PubkeyAcceptedAlgorithms says.
    """
    match = _OPENSSH.match(software)
    return match is not None and (int(match[1]), int(match[2])) < (9, 6)


_PATCH_LEVEL = re.compile(
    r"(Debian|Ubuntu|Raspbian|FreeBSD|NetBSD|DragonFly)[-_ ]?[\w.+~:-]*\d|\bdeb\d+u\d+|\bel\d+_\d+"
)


def patch_level(ident: str) -> str | None:
    """The distribution's patch level in an identification string; None where it tells none."""
    match = _PATCH_LEVEL.search(ident)
    return match.group() if match else None
