"""What of a room's facts is better seen than read: spans on one scale."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From ``low`` to ``high`` on the drawing's scale."""

    label: str
    low: float
    high: float
    said: str
    """Beside the bar: the value in words."""
    steps: tuple[tuple[str, float], ...] = ()
    """What it consists of, each step's name and length, in turn from ``low``; empty where it is of
    one piece."""
    empty: bool = False
    """Whether there is nothing to draw and only something to say."""
    typical: bool = True
    """Whether it belongs to those that set the scale; an outlier may lie beyond its ends."""


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Spans one below the other, in seconds."""

    title: str
    spans: tuple[Span, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of all steps, in the order in which they come."""
        named = (name for span in self.spans for name, _ in span.steps)
        return tuple(dict.fromkeys(named))

    @property
    def scale(self) -> tuple[float, float]:
        """From where to where is drawn: all typical spans and zero, with some room about them."""
        drawn = [span for span in self.spans if not span.empty]
        spans = [span for span in drawn if span.typical] or drawn
        low = min([0.0, *(span.low for span in spans)])
        high = max([0.0, *(span.high for span in spans)])
        room = 0.1 * (high - low) or 1e-9
        return low - room, high + room
