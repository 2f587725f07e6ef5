"""Times in which a target had one condition, from its changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from seventh.watch.verdict import Condition

Change = tuple[int, Condition]
"""Since when, in nanoseconds, and what."""
Window = tuple[int, int]
"""From when until when, in nanoseconds."""


class Span(msgspec.Struct, frozen=True):
    """A time in which a target had one condition."""

    begin_ns: int
    end_ns: int
    condition: Condition


def spans(changes: Iterable[Change], begin_ns: int, end_ns: int) -> list[Span]:
    """Return what a target was between two instants, without gaps; unknown before the first."""
    found: list[Span] = []
    at_ns, condition = begin_ns, Condition.UNKNOWN
    for change_ns, new in changes:
        if change_ns >= end_ns:
            break
        if change_ns > at_ns:
            found.append(Span(at_ns, change_ns, condition))
            at_ns = change_ns
        condition = new
    if at_ns < end_ns:
        found.append(Span(at_ns, end_ns, condition))
    return found


def without(parts: Iterable[Span], windows: Iterable[Window]) -> Iterator[Span]:
    """Yield the spans without what is in a window; windows are in order, and may overlap."""
    ordered = [*windows]
    for part in parts:
        begin_ns = part.begin_ns
        for first_ns, last_ns in ordered:
            if last_ns <= begin_ns or first_ns >= part.end_ns:
                continue
            if first_ns > begin_ns:
                yield Span(begin_ns, first_ns, part.condition)
            begin_ns = max(begin_ns, last_ns)
        if begin_ns < part.end_ns:
            yield Span(begin_ns, part.end_ns, part.condition)
