"""Facts about a look at the machine itself: what was read, and what could not be."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from seventh.model.facts import Facts


class Cause(StrEnum):
    """Why a command, a file or a process gave nothing. Programs match on the values."""

    NOT_INSTALLED = "not-installed"
    NOT_RUNNING = "not-running"
    """The daemon that the command asks is not among the processes."""
    NOT_FOUND = "not-found"
    """There is no such file."""
    NOT_PERMITTED = "not-permitted"
    TIMED_OUT = "timed-out"
    TOO_LARGE = "too-large"
    FAILED = "failed"
    """The command ended with another exit code than it should; the detail has its last line."""
    UNEXPECTED = "unexpected-output"


ABSENT = frozenset({Cause.NOT_INSTALLED, Cause.NOT_RUNNING, Cause.NOT_FOUND})
"""Causes that say something of the machine, and nothing of the look."""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A command, a file or a list that gave nothing, and why."""

    SHOWN: ClassVar[tuple[str, ...]] = ("name", "cause", "detail")

    name: str
    """As :command:`seventh explain local` lists it."""
    cause: Cause
    detail: str = ""


class LocalFacts(Facts, frozen=True, kw_only=True):
    """The areas that were looked at, by which user, and what could not be read."""

    ROOM: ClassVar[str] = "local"

    areas: tuple[str, ...] = ()
    user_id: int | None = None
    """The effective user; 0 is root, who may read everything."""
    container: str = ""
    """The kind of container, such as ``docker``; empty outside of one, and where it is unknown."""
    unread: tuple[Unread, ...] = ()
    """What is there and could not be read; rules that need it are skipped."""
    absent: tuple[Unread, ...] = ()
    """What is not there: programs that are not installed, daemons that are not running, files."""
