"""The table of an area: every command and file that a look reads, and nothing else.

A protocol's folder has a module ``local`` with ``AREAS``. ``seventh explain local`` and
docs/local.md are made from the same table that is run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process, Reading, Seen
from seventh.model.facts import Facts
from seventh.model.option import RoomOptions
from seventh.rules.rule import AnyRule, Source


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One external command: fixed words, no shell, read-only."""

    name: str
    """As it is listed, such as ``chronyc tracking``."""
    words: tuple[str, ...]
    """The program, which is looked for in :attr:`Machine.path`, and its arguments."""
    reads: str
    """What it is read for."""
    of: tuple[str, ...] = ()
    """The processes one of which must run, as ``/proc/PID/comm`` names them; empty for any."""
    more: Callable[[tuple[Process, ...]], tuple[str, ...]] | None = None
    """Further arguments: those of the running daemon, such as ``-f FILE``; see ``reads``."""
    seconds: float = 1.0
    max_bytes: int = 256 * 1024
    exit_codes: tuple[int, ...] = (0,)
    """Those with which it ends when it worked."""
    partial: bool = False
    """Whether the first lines are of use where there is no time or no room for all: a :class:`Cut`
    is returned then."""
    on_stderr: bool = False
    """Whether it prints on standard error what it is run for."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a pattern of names, that is read."""

    path: str
    """Absolute; ``*`` stands for a name in a folder."""
    reads: str
    max_bytes: int = 64 * 1024
    from_end: bool = False
    """Whether the last ``max_bytes`` are read, of a log; else a larger file is not read."""
    names_only: bool = False
    """Whether it is listed, not read."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A system call that reads what no file has."""

    name: str
    reads: str
    run: Callable[[Machine], Any]
    """It runs in a thread, must not block, and returns an :class:`Unread` instead of raising."""


class Further(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of what earlier ones name, such as the files that a configuration names."""

    name: str
    reads: str
    run: Callable[[Machine, Seen, Any], Awaitable[Reading]]
    """It runs with the area's options once everything else of the table has been read, those of an
    area in their order; at the deadline it is cancelled."""
    seconds: float = 0.0
    """How long it may take in any case: only for one that does nothing unless an option asks."""


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """An effective configuration that a program has printed, for the linter of its product."""

    name: str
    """As findings name it: the command."""
    text: str
    product: str
    """The linter's folder, such as ``openssh``."""
    kind: str
    """Such as ``sshd-T``."""
    folder: str = "/"
    """Where the files are that it names."""
    version: tuple[int, ...] = ()
    """Of the program; empty if it is not known."""


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a look: what it reads, and how that becomes facts of its protocol."""

    name: str
    """As it is typed: ``seventh local time``."""
    title: str
    facts: type[Facts]
    """Those of its protocol."""
    learn: Callable[[Any, Seen, Any], Facts]
    """Add what was seen to the protocol's facts, with the area's options; pure, so that it can be
    tested with outputs of any version."""
    commands: tuple[Command, ...] = ()
    files: tuple[File, ...] = ()
    processes: tuple[str, ...] = ()
    """Names of processes to look for, as ``/proc/PID/comm`` has them: at most 15 characters."""
    calls: tuple[Call, ...] = ()
    further: tuple[Further, ...] = ()
    options: type[RoomOptions] | None = None
    prints: Callable[[Seen], tuple[Printed, ...]] | None = None
    """Return the configurations that the rules judge as a linter does; pure."""
    linters: tuple[str, ...] = ()
    """Their products."""
    judges: frozenset[Source] = frozenset({Source.LOCAL})
    """The sources of the rules that these facts decide."""
    rules: frozenset[str] = frozenset()
    """Rules of other sources that these facts decide as well."""

    def decides(self, rule: AnyRule) -> bool:
        """Return whether a rule of the protocol is run on these facts."""
        return rule.source in self.judges or rule.id in self.rules
