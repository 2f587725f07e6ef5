"""The machine that an sshd_config is of: its host keys, their modes, and its moduli.

A copy elsewhere is judged with what stands beside the copy: this machine's keys in /etc/ssh say
nothing of the machine that it comes from.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from seventh.lint.openssh import offers
from seventh.lint.openssh.modes import FINE, private_key
from seventh.lint.openssh.public_keys import key_line
from seventh.lint.openssh.sshd_config import Effective
from seventh.lintkit.files import Files, Text, holds
from seventh.lintkit.linted import Setting
from seventh.lintkit.place import is_drop_in
from seventh.model.source import Line
from seventh.protocols.ssh.facts import HostKey, Proposal, Topic
from seventh.protocols.ssh.wire.patterns import GrammarError, Names

_LEAST_GEX_BITS = 2048
"""sshd gives no smaller group, whatever its moduli file holds."""
_DEFAULT_KEYS = ("ssh_host_rsa_key", "ssh_host_ecdsa_key", "ssh_host_ed25519_key")
_TYPE_BY_NAME = (
    ("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp"), ("rsa", "ssh-rsa"),
    ("dsa", "ssh-dss"), ("dss", "ssh-dss"),
)  # fmt: skip


MAX_KEYS = 256
"""Host keys that are looked for beside a configuration."""


class Machine:
    """What stands beside a configuration, as far as it can be seen."""

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
            self.unknown[Topic.SMALLEST_GROUP] = "no moduli file stands beside the configuration"

    def _beside(self, name: str) -> Path:
        """Return a file that the configuration names, on the machine that it is of."""
        path = Path(name)
        at_home = os.path.realpath(path.parent) == os.path.realpath(self._folder)
        return path if at_home else self._folder / path.name

    def _keys(self, effective: Effective) -> None:
        named = [line.values[0] for line in effective.lines("hostkey")] or list(_DEFAULT_KEYS)
        if len(named) > MAX_KEYS:
            self._files.unreadable(
                self.name, None, f"{len(named)} HostKey lines: the first {MAX_KEYS} are judged"
            )
            named = named[:MAX_KEYS]
        found: list[HostKey] = []
        types: list[str] = []
        modes = FINE
        seen = False
        for name in named:
            path = self._beside(name)
            key = self._public(path)
            kind = key.type if key is not None else _type_by_name(path.name)
            if key is not None:
                found.append(key)
            if kind:
                types.append(kind)
            if kind == "ssh-rsa" and key is None:
                self.unknown[Topic.RSA_KEY] = f"{path}.pub is not there to be measured"
            judgement = private_key(self._files, path, group_reads=True)
            if judgement is not None:
                seen = True
                modes += judgement
        self.host_keys = tuple(found)
        self.types: Names | None = tuple(types) if len(types) == len(named) else None
        self.modes = modes.wrong if seen else None
        self.mode_fixes = modes.fixes
        self.mode_settings = tuple(
            Setting(value=wrong, at=Line(file=self.name, line=None, text=wrong))
            for wrong in modes.wrong
        )

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
        """Return the smallest group that sshd would give from its moduli file."""
        path = self._beside(effective.value("modulifile") or "moduli")
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
        """Return the offer, with the host key algorithms that the host keys can serve."""
        offer = offers.offer(effective, "server")
        shown = offers.shown_by(
            self.types,
            offer.server_host_key_algorithms,
            certificates=bool(effective.lines("hostcertificate")),
        )
        return msgspec.structs.replace(offer, server_host_key_algorithms=shown)


def _type_by_name(name: str) -> str:
    return next((kind for word, kind in _TYPE_BY_NAME if word in name.lower()), "")
