"""What a look has read, by the names of its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from seventh.model.localfacts import Cause, Unread

Text = str | Unread


class Cut(str):
    """What a command had printed when its deadline or its cap ended it: whole lines, not all."""

    __slots__ = ()


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A running process, as /proc describes it."""

    name: str
    pid: int
    parent: int = 0
    user_id: int | None = None
    """The effective user."""
    program: str = ""
    """The path of its file, followed by ``(deleted)`` if the file was replaced; empty where that
    may not be read."""
    arguments: tuple[str, ...] = ()
    capabilities: int | None = None
    """The effective capabilities, one bit each; None where that may not be read."""
    unit: str = ""
    """The systemd service that it is part of; empty without one."""
    age_seconds: float | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a further reading has found; a subclass adds fields."""

    unread: tuple[Unread, ...] = ()


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of one area."""

    outputs: Mapping[str, Text] = {}
    """By command."""
    files: Mapping[str, Mapping[str, Text] | Unread] = {}
    """By the table's path: what each file contains that matches it; listed files are empty."""
    processes: tuple[Process, ...] | Unread = ()
    calls: Mapping[str, Any] = {}
    """By system call or further reading."""
    container: str = ""

    def output(self, name: str) -> Text:
        """Return what a command printed."""
        return self.outputs.get(name, Unread(name=name, cause=Cause.NOT_INSTALLED))

    def file(self, path: str) -> Text:
        """Return the contents of a file whose path has no ``*``."""
        found = self.files.get(path, Unread(name=path, cause=Cause.NOT_FOUND))
        return found if isinstance(found, Unread) else found[path]

    def matching(self, path: str) -> Mapping[str, Text]:
        """Return the files that match a path with ``*``; none where it could not be listed."""
        found = self.files.get(path, {})
        return {} if isinstance(found, Unread) else found

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Everything that gave nothing."""
        return tuple(each for each in self._each() if isinstance(each, Unread))

    def _each(self) -> Iterable[Any]:
        yield from self.outputs.values()
        for found in self.files.values():
            yield from (found,) if isinstance(found, Unread) else found.values()
        yield self.processes
        for found in self.calls.values():
            yield from found.unread if isinstance(found, Reading) else (found,)
