"""What a monitoring system draws of a protocol: a few metrics, and where their rules begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """Ranges in which a value is not reported, as the Monitoring Plugins' guidelines write them.

    ``10`` is 0 to 10, ``10:`` is 10 and more, ``-1:1`` is between; empty is no bound.
    """

    warning: str = ""
    critical: str = ""


NO_BOUNDS = Bounds()


class Watched(msgspec.Struct, frozen=True):
    """One metric worth drawing, by its name in the room's spec."""

    metric: str
    bounds: Callable[[Any], Bounds] | None = None
    """What gives the bounds from the room's facts; the room's rules use the same."""


def number(value: float) -> str:
    """Digits, a point and a sign only: the guidelines know no exponent."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
