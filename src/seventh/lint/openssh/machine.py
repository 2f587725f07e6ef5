"""The machine that an sshd_config belongs to: its host keys, their modes, and its moduli.

A copy elsewhere is checked with the files next to the copy: the keys in /etc/ssh of this machine
prove nothing about the other.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from seventh.lint.openssh import offers
from seventh.lint.openssh.public_keys import key_line
from seventh.lint.openssh.sshd_config import Effective
from seventh.lintkit.files import Files, Text, holds
from seventh.lintkit.place import is_drop_in
from seventh.protocols.ssh.client.config import modes
from seventh.protocols.ssh.client.config.modes import WrongMode
from seventh.protocols.ssh.facts import HostKey, Proposal, Topic
from seventh.protocols.ssh.wire.patterns import GrammarError, Names

_LEAST_GEX_BITS = 2048
"""sshd gives no smaller group of its moduli file."""
_DEFAULT_KEYS = ("ssh_host_rsa_key", "ssh_host_ecdsa_key", "ssh_host_ed25519_key")
_TYPE_BY_NAME = (
    ("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp"), ("rsa", "ssh-rsa"),
    ("dsa", "ssh-dss"), ("dss", "ssh-dss"),
)  # fmt: skip


MAX_KEYS = 256
"""Host keys of a configuration that are read."""


class Machine:
    """The files next to a configuration, as far as they can be read."""

    def __init__(self, text: Text, files: Files, effective: Effective) -> None:
        self.name = text.name
        self.is_fragment = is_drop_in(text.name)
        """Whether it is a drop-in file, which a main file includes."""
        self._files = files
        self._folder = files.base
        self.unknown: dict[Topic, str] = {}
        self._keys(effective)
        self.gex_bits = self._moduli(effective)
        if self.gex_bits is None:
            self.unknown[Topic.SMALLEST_GROUP] = "no moduli file next to the configuration"

    def _path(self, name: str) -> Path:
        """Return the path of a file that the configuration names; next to it, in a copy."""
        path = Path(name)
        at_home = os.path.realpath(path.parent) == os.path.realpath(self._folder)
        return path if at_home else self._folder / path.name

    def _keys(self, effective: Effective) -> None:
        named = [line.values[0] for line in effective.lines("hostkey")] or list(_DEFAULT_KEYS)
        if len(named) > MAX_KEYS:
            self._files.unreadable(
                self.name, None, f"{len(named)} HostKey lines: only the first {MAX_KEYS} checked"
            )
            named = named[:MAX_KEYS]
        found: list[HostKey] = []
        types: list[str] = []
        wrong: list[WrongMode] = []
        seen = False
        for name in named:
            path = self._path(name)
            key = self._public(path)
            kind = key.type if key is not None else _type_by_name(path.name)
            if key is not None:
                found.append(key)
            if kind:
                types.append(kind)
            if kind == "ssh-rsa" and key is None:
                self.unknown[Topic.RSA_KEY] = f"{path}.pub not found, so its length is unknown"
            found_wrong = modes.private_key(self._files, path, group_reads=True)
            if found_wrong is not None:
                seen = True
                wrong += found_wrong
        self.host_keys = tuple(found)
        self.types: Names | None = tuple(types) if len(types) == len(named) else None
        self.wrong_modes = tuple(wrong) if seen else None

    def _public(self, path: Path) -> HostKey | None:
        if not path.name:
            return None  # ``HostKey /`` names no file
        public = path.with_name(path.name + ".pub")
        if not holds(Path.is_file, public):
            return None
        text = self._files.read(public)
        try:
            entry = key_line(text.lines[0]) if text is not None and text.lines else None
        except GrammarError as error:
            self._files.problem(str(public), 1, str(error))
            return None
        return entry.key.facts("", None) if entry is not None and entry.key is not None else None

    def _moduli(self, effective: Effective) -> int | None:
        """Return the bits of the smallest group that sshd gives; None without a moduli file."""
        path = self._path(effective.value("modulifile") or "moduli")
        if not holds(Path.is_file, path):
            return None
        text = self._files.read(path)
        sizes: set[int] = set()
        for line in text.lines if text is not None else ():
            parts = line.split(None, 6)
            if len(parts) == 7 and parts[4].isascii() and parts[4].isdigit():
                sizes.add(int(parts[4][:6]) + 1)
        return min((size for size in sizes if size >= _LEAST_GEX_BITS), default=None)

    def offered(self, effective: Effective) -> Proposal:
        """Return the offer, with only the host key algorithms that the host keys support."""
        offer = offers.offer(effective, "server")
        supported = offers.supported_by(
            self.types,
            offer.server_host_key_algorithms,
            certificates=bool(effective.lines("hostcertificate")),
        )
        return msgspec.structs.replace(offer, server_host_key_algorithms=supported)


def _type_by_name(name: str) -> str:
    return next((kind for word, kind in _TYPE_BY_NAME if word in name.lower()), "")
