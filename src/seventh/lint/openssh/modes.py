"""Owners and modes of files as SSH judges them before it trusts what they hold."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import msgspec

from seventh.lintkit.files import Files
from seventh.protocols.ssh.wire.patterns import Names

_OTHERS_WRITE = 0o022
_OTHERS_ANYTHING = 0o077
_OTHERS_BUT_READING_GROUP = 0o037
_ROOT = 0


class Modes(msgspec.Struct, frozen=True):
    """What is wrong with owners and modes, and the commands that mend it."""

    wrong: Names
    fixes: Names

    def __add__(self, other: Modes) -> Modes:
        """Both."""
        return Modes(self.wrong + other.wrong, self.fixes + other.fixes)


FINE = Modes((), ())


def strict_modes(files: Files, path: Path) -> Modes | None:
    """An authorized_keys file and its folders as StrictModes sees them; None where none is seen.

    Up to the home directory, which is what holds ``.ssh``; elsewhere the file alone is judged,
    because nothing says whose it is.
    """
    path = Path(os.path.realpath(path))
    mine = files.mode(path)
    if mine is None:
        return None
    if path.parent.name != ".ssh":
        return _writable(files, path, mine.uid)
    home = path.parent.parent
    owner = files.mode(home)
    uid = owner.uid if owner is not None else mine.uid
    return (
        _writable(files, path, uid)
        + _writable(files, path.parent, uid)
        + _writable(files, home, uid)
    )


def _writable(files: Files, path: Path, uid: int) -> Modes:
    mode = files.mode(path)
    if mode is None:
        return FINE
    name, quoted = str(path), shlex.quote(str(path))
    found = FINE
    if mode.uid not in {_ROOT, uid}:
        found += Modes((f"{name} belongs to user {mode.uid}",), (f"chown {uid} {quoted}",))
    if mode.bits & _OTHERS_WRITE:
        wanted = "700" if path.name == ".ssh" else "go-w" if mode.is_directory else "600"
        found += Modes((f"{name} is {mode.bits:04o}: others may write it",),
                       (f"chmod {wanted} {quoted}",))  # fmt: skip
    return found


def own_config(files: Files, path: Path) -> Modes | None:
    """Return a person's ssh_config: ssh stops where others may write it."""
    mode = files.mode(path)
    return None if mode is None else _writable(files, path, mode.uid)


def private_key(files: Files, path: Path, *, group_reads: bool = False) -> Modes | None:
    """A private key: ssh and sshd pass over one that others may read; None where there is none.

    ``group_reads``: a host key that a distribution keeps readable for ssh-keysign's group.
    """
    mode = files.mode(path)
    if mode is None or mode.is_directory:
        return None
    if not mode.bits & (_OTHERS_BUT_READING_GROUP if group_reads else _OTHERS_ANYTHING):
        return FINE
    return Modes((f"{path} is {mode.bits:04o}: others may use the private key",),
                 (f"chmod 600 {shlex.quote(str(path))}",))  # fmt: skip
