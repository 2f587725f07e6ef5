"""A protocol's own verb, such as ``seventh mqtt pub``."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.model.option import RoomOptions


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """One argument after the target."""

    name: str
    help: str
    optional: bool = False
    """Whether it may be left out."""
    many: bool = False
    """Whether it may be given any number of times, or not at all; for the last argument only."""


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """One verb of a protocol: ``seventh ROOM NAME TARGET ARGUMENT…``.

    The room's module ``work`` has a coroutine function of the verb's name, which is given a
    :class:`seventh.net.work.Work` and returns an exit code, or None for 0.
    """

    name: str
    help: str
    tier: int
    """The highest tier of its steps, which typing the verb permits; tier 4 also needs
    ``--i-own-this``."""
    under: str = ""
    """The room whose name is typed, if another: ``mail`` for a verb of SMTP."""
    has_target: bool = True
    """Whether it takes a target; else the room's ``work`` has ``target_of``, which returns it for
    the options, or raises UsageError."""
    arguments: tuple[Argument, ...] = ()
    options: type[RoomOptions] | None = None
    """Options of this verb only, besides the protocol's."""
    formats: tuple[str, ...] = ()
    """Values of ``--format`` besides text and json; for each, ``work`` has a function
    ``as_FORMAT`` that returns a result's text; a hyphen is an underscore there."""
    endless: bool = False
    """Whether it runs until it is interrupted, without a deadline."""
    exit_codes: Mapping[int, str] = {}
    """Its own exit codes and their meanings, besides 0 done, 2 failed, 3 usage or interrupted."""
