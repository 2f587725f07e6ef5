"""Where the files of a configuration stand, and which file a name in them means.

A configuration is linted where its program reads it, or as a copy: a backup, a container's image, a
checkout. In a copy, absolute names mean the copy: this machine's files say nothing of it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from seventh.lintkit.files import Files, has_wildcard, is_there
from seventh.model.source import Line

_STREAMS = frozenset({"", "-", "stdin"})


class Place(msgspec.Struct, frozen=True):
    """Where one configuration stands; see :func:`place_of`."""

    folder: Path
    """What relative names start from, named as the caller named it."""
    linked: Path
    """The folder that the file really lies in, where ``folder`` holds a link to it."""
    system: str
    """Where the program keeps these files, such as ``/etc/ssh``; empty for no such place."""
    root: Path | None
    """``TREE`` of a copy at ``TREE/etc/…``."""
    is_copy: bool
    """Whether the file is not one that this machine's program reads at ``system``."""

    def path(self, name: str) -> Path:
        """Return the file or pattern that ``name`` means here. ``~`` is left to the caller."""
        if not name.startswith("/"):
            return self.folder / name
        if not self.is_copy:
            return Path(name)
        beside = None
        if self.system and Path(name).is_relative_to(self.system):
            beside = self.folder / Path(name).relative_to(self.system)
        if self.root is None or Path(name).is_relative_to(self.root):
            return beside or Path(name)
        inside = self.root / name.lstrip("/")
        return beside if beside and not is_there(_fixed(inside)) else inside

    def included(self, name: str, files: Files, at: Line) -> list[Path]:
        """Return the files that an include line names, sorted; add a note where it matters.

        It is noted when nothing is there (a pattern may match nothing, but its folder must exist),
        and when a copy names a file that only this machine has. A name without a wildcard is given
        back even where there is no such file.
        """
        path = self.path(name)
        if not has_wildcard(name):
            path = self._beside_the_link(name, path)
            if not is_there(path):
                files.note(at.file, at.line, f"{name}: no such file ({path})")
            elif self._is_foreign(path):
                files.note(at.file, at.line, f"{path} was read from this machine")
            return [path]
        found = files.matching(str(path))
        if not found and self.linked != self.folder and not name.startswith("/"):
            found = files.matching(str(self.linked / name))
        if not found and not is_there(_fixed(path)):
            files.note(at.file, at.line, f"{name}: no such folder ({_fixed(path)})")
        elif found and self._is_foreign(found[0]):
            files.note(at.file, at.line, f"{name} was read from this machine")
        return found

    def _beside_the_link(self, name: str, path: Path) -> Path:
        if name.startswith("/") or self.linked == self.folder or is_there(path):
            return path
        other = self.linked / name
        return other if is_there(other) else path

    def _is_foreign(self, path: Path) -> bool:
        """Return whether a copy's include left the copy."""
        if not self.is_copy or not path.is_absolute():
            return False
        homes = [os.path.realpath(self.root or self.folder), os.path.realpath(self.linked)]
        real = Path(os.path.realpath(path))
        return not any(real.is_relative_to(home) for home in homes)


def place_of(name: str, system: str = "") -> Place:
    """Return the place of the file ``name``, whose program keeps its files in ``system``.

    What comes from a stream stands in the working folder, and its absolute names mean this machine.
    """
    if name in _STREAMS:
        return Place(Path(), Path(), system, None, is_copy=False)
    folder = Path(name).parent
    linked = Path(os.path.realpath(name)).parent
    if os.path.realpath(folder) == str(linked):
        linked = folder
    named = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are named
    at_home = any(
        there.is_relative_to(system or "/etc")
        for there in (named, Path(os.path.realpath(folder)), Path(os.path.realpath(linked)))
    )
    root = None if at_home else _root_of(folder)
    return Place(folder, linked, system, root, is_copy=root is not None or not at_home)


def is_drop_in(name: str) -> bool:
    """Return whether a file is in a drop-in folder of a main file (``sshd_config.d``)."""
    above = Path(os.path.abspath(name)).parents  # noqa: PTH100 - links stay as they are named
    return above[0].name.endswith(".d") or any(each.name.endswith("_config.d") for each in above)


def folder_name(name: str) -> str:
    """Return what the folder of a file is called, however the file is named."""
    return Path(os.path.abspath(name)).parent.name  # noqa: PTH100 - links stay as they are named


def _root_of(folder: Path) -> Path | None:
    """Return ``TREE`` of ``TREE/etc/…``; None for the machine's own ``/etc``."""
    parts = Path(os.path.abspath(folder)).parts  # noqa: PTH100 - links stay as they are named
    if "etc" not in parts[2:]:
        return None
    last = len(parts) - 1 - parts[::-1].index("etc")
    return Path(*parts[:last])


def _fixed(pattern: Path) -> Path:
    """Return the folder that a pattern begins with."""
    while has_wildcard(str(pattern)):
        pattern = pattern.parent
    return pattern
