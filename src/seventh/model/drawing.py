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
    typical: bool = True
    """Whether it belongs to those that set the scale; an outlier may lie beyond its ends."""


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Spans one below the other, in seconds."""

    title: str
    spans: tuple[Span, ...]

    @property
    def scale(self) -> tuple[float, float]:
        """From where to where is drawn: all typical spans and zero, with some room about them."""
        spans = [span for span in self.spans if span.typical] or list(self.spans)
        low = min([0.0, *(span.low for span in spans)])
        high = max([0.0, *(span.high for span in spans)])
        room = 0.1 * (high - low) or 1e-9
        return low - room, high + room
