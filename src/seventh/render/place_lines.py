"""The places of ``--from`` and where their reports differ, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from seventh.render.document import comparison_entries, place_entry
from seventh.render.entries import ComparisonEntry, PlaceEntry
from seventh.render.summary import duration
from seventh.render.view import Document


def places(document: Document) -> Iterator[str]:
    """Yield a line for each place."""
    for place in map(place_entry, document.places):
        yield f"{place.name}: {_state(place)}"


def _state(place: PlaceEntry) -> str:
    parts = [f"{place.vantage}, {duration(place.seconds)}" if place.vantage else ""]
    if place.python:
        parts.append(f"Python {place.python}")
    if place.missing:
        plural = "" if place.missing == 1 else "s"
        parts.append(f"no report of {place.missing} target{plural}: {place.failure}")
    return ", ".join(filter(None, parts))


def targets(document: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each target whose reports differ, with a line for each difference."""
    for each in comparison_entries(document):
        yield each.target, tuple(_lines(each))


def _lines(entry: ComparisonEntry) -> Iterator[str]:
    for difference in entry.differences:
        values = (
            f"{name} {', '.join(values) or 'none'}" for name, values in difference.values.items()
        )
        yield f"{difference.aspect}: {'; '.join(values)}"
    if entry.filtered_near:
        yield (
            f"filtered near {', '.join(entry.filtered_near)}: the port is open from elsewhere, so "
            "a firewall between them, or a rule for the source address, drops the packets"
        )
