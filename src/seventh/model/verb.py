"""A protocol's own verb, such as ``seventh mqtt pub``: what it takes, permits and returns."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.model.option import RoomOptions


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """One word after the target."""

    name: str
    help: str
    many: bool = False
    """Whether any number of words, none too, may stand here; only the last argument may say so."""


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """One verb of a protocol: ``seventh ROOM NAME TARGET ARGUMENT…``.

    The room's module ``work`` has a coroutine function of the verb's name, which is given a
    :class:`seventh.net.work.Work` and returns an exit code, or None for 0.
    """

    name: str
    help: str
    tier: int
    """The highest tier of its steps. Typing the verb is the permission for exactly these; tier 4
    asks for ``--i-own-this`` as everywhere."""
    arguments: tuple[Argument, ...] = ()
    options: type[RoomOptions] | None = None
    """Options that only this verb has, besides the protocol's."""
    formats: tuple[str, ...] = ()
    """Further values of ``--format`` beside text and json; for each, ``work`` has a function
    ``as_FORMAT`` that makes a result's text."""
    endless: bool = False
    """Whether it goes on until it is interrupted, so that no deadline holds."""
    exit_codes: Mapping[int, str] = {}
    """Codes of its own and what they mean; every verb has 0 done, 2 failed, 3 usage or
    interrupted."""
