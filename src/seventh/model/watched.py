"""The metrics of a protocol that a monitoring system graphs, and their thresholds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """Ranges of good values, in the syntax of the Monitoring Plugins guidelines.

    ``10`` is 0 to 10, ``10:`` is 10 and more, ``-1:1`` is between; empty is no threshold.
    """

    warning: str = ""
    critical: str = ""


NO_BOUNDS = Bounds()


class Watched(msgspec.Struct, frozen=True):
    """One metric to graph, by its name in the room's spec."""

    metric: str
    bounds: Callable[[Any], Bounds] | None = None
    """Returns the thresholds from the room's facts; the room's rules use the same."""


def number(value: float) -> str:
    """Format without an exponent, which the guidelines do not allow."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
