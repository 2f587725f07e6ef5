"""Owners and modes of files, which SSH checks before it uses them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from seventh.lintkit.files import Files
from seventh.lintkit.linted import Setting
from seventh.model.source import Line

_OTHERS_WRITE = 0o022
_OTHERS_ANYTHING = 0o077
_OTHERS_BUT_READING_GROUP = 0o037
_ROOT = 0


class WrongMode(msgspec.Struct, frozen=True):
    """A file or folder that SSH refuses."""

    text: str
    """Its path with its mode or owner."""
    fix: str
    """The command that fixes it."""


WrongModes = tuple[WrongMode, ...]


def settings(wrong: WrongModes, file: str) -> tuple[Setting, ...]:
    """Return wrong modes as what a finding on ``file`` points at."""
    return tuple(
        Setting(value=each.text, at=Line(file=file, line=None, text=each.text)) for each in wrong
    )


def facts(wrong: WrongModes | None) -> dict[str, Any]:
    """Return wrong modes as fields of SshConfigFacts; None where no file was seen."""
    return {
        "modes": None if wrong is None else tuple(each.text for each in wrong),
        "mode_fixes": tuple(each.fix for each in wrong or ()),
    }


def strict_modes(
    files: Files, path: Path, uid: int | None = None, shown: Callable[[Path], str] = str
) -> WrongModes | None:
    """Check an authorized_keys file and its folders as StrictModes does; None if there is no file.

    Up to the home directory, which is the folder that holds ``.ssh``. Elsewhere only the file is
    checked, because its owner is not known. ``uid`` is the user, by default the owner of the home
    directory; ``shown`` names a path in texts and fixes.
    """
    path = Path(os.path.realpath(path))
    mine = files.mode(path)
    if mine is None:
        return None
    if path.parent.name != ".ssh":
        return _writable(files, path, mine.uid if uid is None else uid, shown)
    home = path.parent.parent
    owner = files.mode(home)
    if uid is None:
        uid = owner.uid if owner is not None else mine.uid
    checked = (path, path.parent, home)
    return tuple(each for at in checked for each in _writable(files, at, uid, shown))


def _writable(files: Files, path: Path, uid: int, shown: Callable[[Path], str] = str) -> WrongModes:
    mode = files.mode(path)
    if mode is None:
        return ()
    found: list[WrongMode] = []
    if mode.uid not in {_ROOT, uid}:
        found.append(
            WrongMode(f"{shown(path)}: owner {mode.uid}", f"chown {uid} {shlex.quote(shown(path))}")
        )
    if mode.bits & _OTHERS_WRITE:
        wanted = "700" if path.name == ".ssh" else "go-w" if mode.is_directory else "600"
        found.append(_with_mode(shown(path), mode.bits, wanted))
    return tuple(found)


def _with_mode(path: str, bits: int, wanted: str) -> WrongMode:
    return WrongMode(f"{path}: mode {bits:04o}", f"chmod {wanted} {shlex.quote(path)}")


def own_config(files: Files, path: Path) -> WrongModes | None:
    """Check a user's ssh_config: ssh refuses it if other users can write it."""
    mode = files.mode(path)
    return None if mode is None else _writable(files, path, mode.uid)


def private_key(files: Files, path: Path, *, group_reads: bool = False) -> WrongModes | None:
    """Check a private key: SSH ignores it if other users can read it; None if there is none.

    ``group_reads``: a host key that a distribution keeps readable for ssh-keysign's group.
    """
    mode = files.mode(path)
    if mode is None or mode.is_directory:
        return None
    if not mode.bits & (_OTHERS_BUT_READING_GROUP if group_reads else _OTHERS_ANYTHING):
        return ()
    return (_with_mode(str(path), mode.bits, "600"),)
