"""The authorized_keys files of all users who may log in: their modes, as StrictModes sees them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from seventh.lintkit.files import Files
from seventh.localkit.area import File
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.model.localfacts import Unread
from seventh.protocols.ssh.client.config.modes import WrongModes, strict_modes

PASSWD = File(path="/etc/passwd", reads="users, their home directories and their shells",
              max_bytes=1024 * 1024)  # fmt: skip
MOUNTS = File(path="/proc/self/mounts", reads="home directories on network file systems, which are "
              "not looked at because they may hang", max_bytes=1024 * 1024)  # fmt: skip
NAME = "stat ~/.ssh/authorized_keys"
NAMES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
"""What AuthorizedKeysFile names by default, below the home directory."""
_NO_LOGIN = frozenset({"nologin", "false", "sync", "halt", "shutdown"})
_REMOTE = re.compile(r"nfs4?|cifs|smb3|autofs|afs|ceph|lustre|gfs2?|ocfs2|9p|fuse\..*")
_MAX_USERS = 1000


class KeyFile(msgspec.Struct, frozen=True):
    """An authorized_keys file of a user."""

    user: str
    name: str
    """One of :data:`NAMES`."""
    wrong: WrongModes


class KeyFiles(msgspec.Struct, frozen=True):
    """Those of all users."""

    found: tuple[KeyFile, ...]
    not_seen: tuple[str, ...]
    """Users whose folders may not be read, or are on a network file system."""


def look(machine: Machine) -> KeyFiles | Unread:
    """Check the files of every user with a shell; no content is read."""
    passwd, mounts = (read_file(file.path, file, machine) for file in (PASSWD, MOUNTS))
    if isinstance(passwd, Unread):
        return passwd
    remote = tuple(_remote("" if isinstance(mounts, Unread) else mounts))
    found: list[KeyFile] = []
    not_seen: list[str] = []
    for user, uid, home in _users(passwd):
        if _is_remote(home, remote):
            not_seen.append(user)
            continue
        try:
            found += _of(user, uid, home, machine)
        except OSError:
            not_seen.append(user)
    return KeyFiles(tuple(found), tuple(not_seen))


def _users(passwd: str) -> Iterator[tuple[str, int, str]]:
    """Yield name, number and home directory of the users who may log in, each home once."""
    homes: set[str] = set()
    for line in passwd.splitlines():
        name, *fields = line.split(":")
        if len(fields) != 6 or not fields[1].isdecimal() or not fields[4].startswith("/"):
            continue
        home, shell = fields[4], fields[5]
        if os.path.basename(shell) in _NO_LOGIN or home in homes:  # noqa: PTH119 - a str
            continue
        if len(homes) >= _MAX_USERS:
            return
        homes.add(home)
        yield name, int(fields[1]), home


def _of(user: str, uid: int, home: str, machine: Machine) -> Iterator[KeyFile]:
    """Yield the user's files; raises OSError where the folders may not be read."""
    files = Files()
    for name in NAMES:
        path = machine.at(f"{home}/{name}")
        try:
            os.stat(path)  # noqa: PTH116 - follows links, as sshd does
        except (FileNotFoundError, NotADirectoryError):
            continue
        wrong = strict_modes(files, Path(path), uid, lambda at: machine.shown(str(at)))
        if wrong is not None:
            yield KeyFile(user, name, wrong)


def _remote(mounts: str) -> Iterator[tuple[str, bool]]:
    """Yield every mount point, and whether it is a network file system; the later one counts."""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
            yield point, _REMOTE.fullmatch(fields[2]) is not None


def _is_remote(path: str, mounts: Iterable[tuple[str, bool]]) -> bool:
    longest, remote = -1, False
    for point, is_remote in mounts:
        below = point == "/" or path == point or path.startswith(f"{point}/")
        if below and len(point) >= longest:
            longest, remote = len(point), is_remote
    return remote
