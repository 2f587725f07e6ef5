"""What a series takes of each pulse and each check of a target."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.model.facts import Facts


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One pulse, or one full check."""

    host: str
    """The target's host."""
    at_ns: int
    """When it began, by the wall clock."""
    steady_ns: int
    """The wall clock's distance from a clock that is never set: it changes if ours is set."""
    every_seconds: float
    """The time between two pulses."""
    facts: Mapping[str, Facts]
    """By protocol."""
