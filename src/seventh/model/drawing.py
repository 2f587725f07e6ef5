"""Facts shown as bars: spans on one scale."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From ``low`` to ``high`` on the drawing's scale."""

    label: str
    low: float
    high: float
    value: str
    """The value as text, beside the bar."""
    steps: tuple[tuple[str, float], ...] = ()
    """Its parts from ``low``, each with name and length; empty where it has no parts."""
    empty: bool = False
    """Whether it has a text and no bar."""
    typical: bool = True
    """Whether it counts for the scale; an outlier may exceed it."""


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Spans one below the other, in seconds."""

    title: str
    spans: tuple[Span, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of all steps, each once, in order."""
        return tuple(dict.fromkeys(name for span in self.spans for name, _ in span.steps))

    @property
    def scale(self) -> tuple[float, float]:
        """The ends of the scale: all typical spans and zero, with a margin of a tenth."""
        drawn = [span for span in self.spans if not span.empty]
        spans = [span for span in drawn if span.typical] or drawn
        low = min([0.0, *(span.low for span in spans)])
        high = max([0.0, *(span.high for span in spans)])
        margin = 0.1 * (high - low) or 1e-9
        return low - margin, high + margin
